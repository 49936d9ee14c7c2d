//! A record's events.

use crate::codec::json::JsonError;
use crate::log::format::record::{Kind, Record};
use crate::tracker::{BatchFault, Era, Outline, check, split_parts};

use super::batch::{BatchRead, Buffers, READ, visit_events};
use super::event::Event;
use super::sdk;

/// Why the rest of a record has no events.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeFault {
    /// The batch is malformed.
    #[error(transparent)]
    Batch(#[from] BatchFault),
    /// The body of the analytics SDK is not JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
}

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decoded {
    /// How many events it had.
    pub events: u64,
    /// The client's first and last time in a batch, in µs: of its header and of its messages. `None` if it has no possible one.
    pub client_us: Option<(i64, i64)>,
    /// Where it broke off: the events are those before. Of two batches in one body, each is read up to its own fault; this is the first.
    pub fault: Option<DecodeFault>,
}

/// Reads records. Its buffers are reused.
#[derive(Debug, Default)]
pub struct EventDecoder {
    messages: Buffers,
    outlines: [Outline; 2],
    sdk: sdk::Buffers,
}

impl EventDecoder {
    /// Calls `visit` for each event of a record, in order. `body` is the record's payload, inflated. Records that are not batches have no events.
    ///
    /// The tracker's generation is told by the body alone: the record does not say it. It matters only to message 48 in batches without sizes,
    /// and to messages 80 and 82, which are no events, in batches with sizes. A body that is whole in both generations is read as one of the second.
    ///
    /// # Errors
    /// The first error of `visit`; nothing is read behind it.
    pub fn decode<E>(
        &mut self,
        record: &Record<'_>,
        body: &[u8],
        mut visit: impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<Decoded, E> {
        let mut events = 0;
        let mut visit = |event: &Event<'_>| {
            events += 1;
            visit(event)
        };
        let (mut fault, mut client_us) = (None, None);
        match record.kind {
            Kind::Batch => {
                let read = self.messages(record, body, &mut visit)?;
                (fault, client_us) = (read.fault.map(DecodeFault::Batch), read.client_us);
            }
            Kind::Sdk => fault = sdk::visit_events(record, body, &mut self.sdk, &mut visit)?.map(DecodeFault::Json),
            Kind::Start | Kind::Image | Kind::Row | Kind::Recording | Kind::Pad | Kind::Tombstone => {}
        }
        Ok(Decoded { events, client_us, fault })
    }

    fn messages<E>(
        &mut self,
        record: &Record<'_>,
        body: &[u8],
        visit: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<BatchRead, E> {
        let split = (record.split > 0).then_some(record.split as usize);
        self.messages.begin(record);
        let (parts, fault) = match split_parts(body, split) {
            Ok((first, second)) => ([Some(first), second], None),
            Err(fault) => ([Some(body), None], Some(fault)),
        };
        let mut are_outlined = fault.is_none();
        for (part, outline) in parts.iter().zip(&mut self.outlines) {
            are_outlined = are_outlined && part.is_none_or(|part| outline.read(part, READ));
        }
        let era = if are_outlined { Era::Main } else { era_of(body, split) };
        let mut all = BatchRead { fault, client_us: None };
        for (part, outline) in parts.into_iter().zip(&self.outlines) {
            let (Some(part), outline) = (part, are_outlined.then_some(outline)) else { continue };
            let read = visit_events(record, (part, outline), era, &mut self.messages, visit)?;
            all.fault = all.fault.or(read.fault);
            all.client_us = match (all.client_us, read.client_us) {
                (Some(known), Some(more)) => Some((known.0.min(more.0), known.1.max(more.1))),
                (known, more) => known.or(more),
            };
        }
        Ok(all)
    }
}

/// The generation in which a body is whole.
fn era_of(body: &[u8], split: Option<usize>) -> Era {
    match check(body, split, Era::Main) {
        Err(_) if check(body, split, Era::Seed).is_ok() => Era::Seed,
        _ => Era::Main,
    }
}

#[cfg(test)]
mod tests;
