//! The events of one batch of messages.

use std::borrow::Cow;
use std::fmt::Write;

use crate::archive::known_text::{KnownText, TextId};
use crate::log::format::record::Record;
use crate::tracker::ids::TAB_DATA;
use crate::tracker::{BatchFault, Era, FaultKind, IdSet, Message, Outline, Value, read_batch};

use super::client_time::client_time_us;
use super::details;
use super::event::Event;
use super::layout::{Field, fields_of};
use super::mapping::{Mapping, To};
use super::messages::{MESSAGES, mapping_of};
use super::text::text;

/// What the batches of one record share.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// The record's id as text, the same for all its events.
    record: String,
    record_id: TextId,
    /// The details of an event.
    details: String,
    /// The place of the next message in the record's body.
    next_index: u64,
}

impl Buffers {
    /// Begins with a record's first message.
    pub(super) fn begin(&mut self, record: &Record<'_>) {
        self.record.clear();
        // Writing to a string does not fail.
        let _ = write!(self.record, "{}", record.id);
        self.record_id = TextId::new();
        self.next_index = 0;
    }
}

/// What became of a batch.
#[derive(Debug, Default)]
pub(super) struct BatchRead {
    /// Why it was not read to its end.
    pub(super) fault: Option<BatchFault>,
    /// The smallest and the largest possible time of its messages, in µs.
    pub(super) client_us: Option<(i64, i64)>,
}

/// Calls `visit` for each event of a batch, given with its outline of [`READ`] if it has one, up to its first fault.
///
/// # Errors
/// The first error of `visit`.
pub(super) fn visit_events<E>(
    record: &Record<'_>,
    (bytes, outline): (&[u8], Option<&Outline>),
    era: Era,
    buffers: &mut Buffers,
    visit: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
) -> Result<BatchRead, E> {
    let mut reader = read_batch(bytes, era).bodies_of(READ).unfitted();
    let (mut page_url, mut tab) = (Remembered::default(), Remembered::default());
    let mut read = BatchRead::default();
    let mut details = Vec::new();
    let mut places = outline.map(|outline| outline.places().iter());
    loop {
        let next = match places.as_mut().map(Iterator::next) {
            None => reader.next(),
            Some(None) => None,
            Some(Some(place)) => {
                buffers.next_index += place.passed_over;
                reader.next_at(*place)
            }
        };
        let Some(next) = next else { break };
        let index = buffers.next_index;
        buffers.next_index += 1;
        let message = match next {
            Ok(message) => message,
            Err(fault) => return Ok(BatchRead { fault: Some(fault), ..read }),
        };
        // Without metadata any bytes could pass for messages.
        if reader.meta().is_none() {
            let fault = BatchFault { kind: FaultKind::NoMetadata { id: message.id }, offset: 0 };
            return Ok(BatchRead { fault: Some(fault), ..read });
        }
        let happened_us = client_time_us(message.timestamp_ms);
        if let Some(us) = happened_us {
            let (first, last) = read.client_us.get_or_insert((us, us));
            (*first, *last) = (us.min(*first), us.max(*last));
        }
        page_url.note(reader.location());
        if message.id == TAB_DATA
            && let Some((_, Value::Str(id))) = message.fields().next()
        {
            tab.note(id);
        }
        let Some(mapping) = mapping_of(message.id) else { continue };
        let record_text = KnownText { text: &buffers.record, id: buffers.record_id };
        let mut event = Event::of(record, record_text, index, mapping.kind, mapping.name);
        event.stream_index = Some(message.index);
        event.happened_us = happened_us;
        event.tab = tab.get();
        event.page_url = page_url.get();
        details.clear();
        let fields = fields_of(mapping, message.layout());
        if !fill(&mut event, &message, mapping, fields, &mut details) {
            continue;
        }
        event.cut |= details::write(&details, &mut buffers.details) | tab.cut | page_url.cut;
        event.details = (!details.is_empty()).then_some(buffers.details.as_str());
        visit(&event)?;
    }
    buffers.next_index += outline.map_or(0, Outline::rest);
    Ok(read)
}

/// The ids of the messages whose fields are looked at.
pub(super) static READ: IdSet = {
    let (mut ids, mut line) = (IdSet::NONE.with(TAB_DATA), 0);
    while line < MESSAGES.len() {
        ids = ids.with(MESSAGES[line].id as u64);
        line += 1;
    }
    ids
};

/// A text that many events share, so that it is checked once.
#[derive(Default)]
struct Remembered<'a> {
    bytes: &'a [u8],
    text: Cow<'a, str>,
    id: TextId,
    cut: bool,
}

impl<'a> Remembered<'a> {
    #[inline]
    fn note(&mut self, bytes: &'a [u8]) {
        if !std::ptr::eq(bytes, self.bytes) {
            (self.bytes, self.id) = (bytes, TextId::new());
            (self.text, self.cut) = text(bytes);
        }
    }

    fn get(&self) -> Option<KnownText<'_>> {
        (!self.text.is_empty()).then_some(KnownText { text: &self.text, id: self.id })
    }
}

/// Puts the message's fields into their columns, and those that have none into `details`. `false`: the message says that nothing happened.
fn fill<'e, 'a: 'e>(
    event: &mut Event<'e>,
    message: &Message<'a>,
    mapping: &Mapping,
    fields: &'static [Field],
    details: &mut Vec<(&'static str, Value<'a>)>,
) -> bool {
    if let Some((to, text)) = mapping.fixed {
        put(event, to, Value::Str(text.as_bytes()));
    }
    let (mut start, mut end) = (None, None);
    for ((_, value), &Field { to, ref key }) in message.fields().zip(fields) {
        if to.is_in_details() {
            details.push((key, value));
        }
        match (to, value) {
            (To::Visible, Value::Bool(false)) => return false,
            (To::Masked, Value::Bool(true)) => event.value = None,
            (To::Start, value) => start = number(value),
            (To::End, value) => end = number(value),
            (to, value) => put(event, to, value),
        }
    }
    if let (Some(start), Some(end)) = (start, end) {
        event.duration_ms = Some(end.saturating_sub(start));
    }
    true
}

fn put<'a>(event: &mut Event<'a>, to: To, value: Value<'a>) {
    let column = match to {
        To::Url => &mut event.url,
        To::Label => &mut event.label,
        To::Selector => &mut event.selector,
        To::Name => &mut event.name,
        To::Value => &mut event.value,
        To::Message => &mut event.message,
        To::Method => &mut event.method,
        To::Level => &mut event.level,
        To::Status => return event.status = number(value),
        To::Duration => return event.duration_ms = number(value),
        To::Hesitation => return event.hesitation_ms = number(value),
        To::Bytes => return event.bytes = number(value),
        To::Details | To::Nowhere | To::Masked | To::Visible | To::Start | To::End => return,
    };
    let (text, cut) = match value {
        Value::Str(bytes) => text(bytes),
        Value::Uint(number) => (number.to_string().into(), false),
        Value::Int(number) => (number.to_string().into(), false),
        Value::Bool(truth) => (truth.to_string().into(), false),
    };
    event.cut |= cut;
    *column = Some(text).filter(|text| !text.is_empty());
}

fn number(value: Value<'_>) -> Option<i64> {
    match value {
        Value::Uint(value) => Some(i64::try_from(value).unwrap_or(i64::MAX)),
        Value::Int(value) => Some(value),
        Value::Str(_) | Value::Bool(_) => None,
    }
}
