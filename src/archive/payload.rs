//! A record's payload as the archive has it: inflated, or as received with the reason.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::codec::inflate::Inflater;
use crate::log::format::record::{Flags, Kind, Record};
use crate::records::coding_of;
use crate::tracker::{Era, read_batch, split_parts};

use super::tables::batches::KeptAsReceived;

/// A payload.
#[derive(Debug, Clone, Copy)]
pub struct Payload<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Why these are the bytes as received; `None` if they are inflated, or were not compressed.
    pub kept: Option<KeptAsReceived>,
    /// The client's time at the beginning and at the end of the batch, in ms since the Unix epoch.
    pub client_ms: Option<(i64, i64)>,
}

/// Inflates payloads. Its buffers are used again.
#[derive(Debug, Default)]
pub struct PayloadReader {
    inflater: Inflater,
    inflated: Vec<u8>,
}

impl PayloadReader {
    /// The payload of a record, of at most `limit` inflated bytes.
    pub fn read<'a>(&'a mut self, record: &Record<'a>, limit: usize) -> Payload<'a> {
        let as_received = |kept| Payload { bytes: record.payload, kept: Some(kept), client_ms: None };
        if record.flags.contains(Flags::UNUSABLE) {
            return as_received(KeptAsReceived::Unusable);
        }
        let bytes = match coding_of(record.encoding) {
            None => record.payload,
            Some(coding) => {
                // A body on which a decoder panics must not end the compactor, now and again after every restart.
                let inflate = || self.inflater.inflate(coding, record.payload, limit, &mut self.inflated);
                match catch_unwind(AssertUnwindSafe(inflate)) {
                    Ok(Ok(())) => &self.inflated,
                    Ok(Err(error)) if error.is_too_large() => return as_received(KeptAsReceived::TooLarge),
                    Ok(Err(_)) => return as_received(KeptAsReceived::DoesNotInflate),
                    Err(_) => {
                        self.inflater = Inflater::default();
                        return as_received(KeptAsReceived::DoesNotInflate);
                    }
                }
            }
        };
        let client_ms = if record.kind == Kind::Batch { client_ms(bytes, record.split) } else { None };
        Payload { bytes, kept: None, client_ms }
    }

    /// Gives back a buffer that an unusual payload has made large.
    pub fn shrink(&mut self, bytes: usize) {
        self.inflated.clear();
        self.inflated.shrink_to(bytes);
    }
}

/// The client's time in the batch's header, and at its last message; `None` if it has no header that can be read.
fn client_ms(body: &[u8], split: u32) -> Option<(i64, i64)> {
    let (first, second) = split_parts(body, (split > 0).then_some(split as usize)).unwrap_or((body, None));
    let first = times(first)?;
    let second = second.and_then(times).unwrap_or(first);
    Some((first.0.min(second.0), first.1.max(second.1)))
}

fn times(batch: &[u8]) -> Option<(i64, i64)> {
    let mut reader = read_batch(batch, Era::Main);
    let mut last_ms = 0;
    while let Some(Ok(message)) = reader.next() {
        last_ms = message.timestamp_ms.max(last_ms);
    }
    let begin_ms = reader.meta()?.timestamp_ms;
    Some((begin_ms, last_ms.max(begin_ms)))
}
