//! The reader of batches: an iterator over messages, which borrow everything from the batch.

use super::catalogue::{Era, FieldKind, FieldSpec, UNKNOWN, message_spec};
use super::fault::{BatchFault, FaultKind};
use super::id_set::IdSet;
use super::ids;
use super::primitive::{Cursor, Value};

mod outline;

pub use outline::{Outline, Place};

/// The versions of `BatchMetadata` with which messages have sizes. Old services accepted only 1, but the trackers of that time sent no other.
pub(super) const SIZED_VERSIONS: std::ops::RangeInclusive<u64> = 1..=5;

/// The fields that every message of a mobile batch begins with, known or not. The second is the length of the rest.
pub(super) const MOBILE_PREFIX: [FieldSpec; 2] =
    [FieldSpec { name: "Timestamp", kind: FieldKind::Uint }, FieldSpec { name: "Length", kind: FieldKind::Uint }];

/// Whether messages with this id have no size even in a batch whose messages have sizes.
pub(super) fn stands_unsized(id: u64, era: Era) -> bool {
    match id {
        ids::BATCH_METADATA => true,
        ids::BATCH_META | ids::PARTITIONED => era == Era::Seed,
        _ => false,
    }
}

/// The index of a metadata message. It wraps, as in OpenReplay, because both numbers come from the client.
pub(super) fn batch_index(page: u64, first: u64) -> u64 {
    (page << 32).wrapping_add(first)
}

/// What a batch says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meta<'a> {
    /// 1 to 5, or 0 if no message has a size.
    pub version: u64,
    /// The number of the page within the session; 0 for mobile batches.
    pub page: u64,
    /// The number of the first message within the page, or within the session for mobile batches.
    pub first_index: u64,
    /// Client time in Unix ms.
    pub timestamp_ms: i64,
    /// The page's address; empty for mobile and old batches.
    pub location: &'a [u8],
}

/// How a message's bytes match the fields in the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// They match exactly.
    Whole,
    /// More bytes follow the known fields, as newer trackers send them.
    Longer {
        /// Bytes after the last known field.
        extra: usize,
    },
    /// They end before the fields do, or a field is invalid. The fields before the fault can be read.
    Broken(BatchFault),
    /// The catalogue does not have the id.
    Unknown,
}

/// One message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// The position in the session's stream: `page << 32 | number`.
    pub index: u64,
    /// Client time in Unix ms; 0 if the batch does not say.
    pub timestamp_ms: i64,
    /// The id on the wire.
    pub id: u64,
    /// The catalogue's name, or `Unknown`.
    pub name: &'static str,
    /// Where the message begins, in bytes from the start of the batch.
    pub offset: usize,
    /// The bytes after id and size.
    pub bytes: &'a [u8],
    /// How these bytes match the catalogue.
    pub body: Body,
    layout: &'static [FieldSpec],
}

impl<'a> Message<'a> {
    /// The names and values of the fields, in wire order, up to where the bytes end.
    pub fn fields(&self) -> Fields<'a> {
        Fields { cursor: Cursor::new(self.bytes, 0), layout: self.layout }
    }

    /// The fields that it is read with: those of the catalogue, which are the same for each message of its id and layout.
    pub fn layout(&self) -> &'static [FieldSpec] {
        self.layout
    }

    fn field(&self, name: &str) -> Option<Value<'a>> {
        self.fields().find(|(field, _)| *field == name).map(|(_, value)| value)
    }

    fn uint(&self, name: &str) -> u64 {
        match self.field(name) {
            Some(Value::Uint(value)) => value,
            _ => 0,
        }
    }

    /// A time field, in either of the encodings that the catalogue uses for times.
    fn time(&self, name: &str) -> Option<i64> {
        match self.field(name)? {
            Value::Uint(value) => Some(i64::try_from(value).unwrap_or(i64::MAX)),
            Value::Int(value) => Some(value),
            Value::Str(_) | Value::Bool(_) => None,
        }
    }

    fn text(&self, name: &str) -> Option<&'a [u8]> {
        match self.field(name) {
            Some(Value::Str(bytes)) => Some(bytes),
            _ => None,
        }
    }
}

/// Iterator over a message's fields. It ends early if the bytes do.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    cursor: Cursor<'a>,
    layout: &'static [FieldSpec],
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'static str, Value<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (field, rest) = self.layout.split_first()?;
        self.layout = rest;
        match self.cursor.value(field.kind) {
            Ok(value) => Some((field.name, value)),
            Err(_) => {
                self.layout = &[];
                None
            }
        }
    }
}

/// Reads one uncompressed batch, or one record without metadata.
pub fn read_batch(bytes: &[u8], era: Era) -> BatchReader<'_> {
    BatchReader {
        cursor: Cursor::new(bytes, 0),
        bytes,
        era,
        framing: Framing::Unsized,
        next_index: 0,
        timestamp_ms: 0,
        meta: None,
        location: &[],
        state: State::Start,
        looked_at: IdSet::ALL,
        are_fitted: true,
    }
}

/// Where the reading of a batch has got to: to read on later, without keeping a reader that borrows the batch.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    at: usize,
    framing: Framing,
    next_index: u64,
    timestamp_ms: i64,
    meta: Option<Meta<'static>>,
    state: State,
}

/// Reads on in the batch that the mark is of. What the metadata says of the page's address is forgotten.
pub fn read_on(bytes: &[u8], era: Era, mark: Mark) -> BatchReader<'_> {
    let Mark { at, framing, next_index, timestamp_ms, meta, state } = mark;
    let cursor = Cursor::new(bytes, at);
    BatchReader { cursor, framing, next_index, timestamp_ms, meta, state, ..read_batch(bytes, era) }
}

/// Cuts a body into its batches: one, or the two of a `visual` upload.
///
/// # Errors
///
/// `Split` if the split is not inside the body, or no batch begins there.
pub fn split_parts(bytes: &[u8], split: Option<usize>) -> Result<(&[u8], Option<&[u8]>), BatchFault> {
    let Some(split) = split else {
        return Ok((bytes, None));
    };
    match bytes.split_at_checked(split) {
        Some((first, second))
            if !first.is_empty() && second.first().map(|&id| u64::from(id)) == Some(ids::BATCH_METADATA) =>
        {
            Ok((first, Some(second)))
        }
        _ => Err(FaultKind::Split { split: split as u64 }.at(split.min(bytes.len()))),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Sized,
    Unsized,
    Mobile,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Running,
    Ended,
}

/// Iterator over the messages of a batch. It ends after a fault.
#[derive(Debug, Clone)]
pub struct BatchReader<'a> {
    bytes: &'a [u8],
    cursor: Cursor<'a>,
    era: Era,
    framing: Framing,
    next_index: u64,
    timestamp_ms: i64,
    meta: Option<Meta<'a>>,
    location: &'a [u8],
    state: State,
    /// Whose bodies are looked at.
    looked_at: IdSet,
    /// Whether bodies are compared with the catalogue.
    are_fitted: bool,
}

impl<'a> BatchReader<'a> {
    /// Looks only at the bodies of messages with these ids. Others that have a size are passed over: they come out as if the catalogue did not
    /// have them. Those that say something about the messages after them are looked at all the same.
    #[must_use]
    pub fn bodies_of(mut self, ids: IdSet) -> Self {
        self.looked_at = ids;
        self
    }

    /// Does not say how bodies with a size match the catalogue: they come out as if they did. A field that is invalid is noticed when it is read.
    #[must_use]
    pub fn unfitted(mut self) -> Self {
        self.are_fitted = false;
        self
    }

    /// How many bytes have been read.
    pub fn offset(&self) -> usize {
        self.cursor.offset()
    }

    /// Where it has got to.
    pub fn mark(&self) -> Mark {
        let (at, state) = (self.cursor.offset(), self.state);
        let meta = self.meta.map(|Meta { version, page, first_index, timestamp_ms, .. }| Meta {
            version,
            page,
            first_index,
            timestamp_ms,
            location: &[],
        });
        Mark { at, framing: self.framing, next_index: self.next_index, timestamp_ms: self.timestamp_ms, meta, state }
    }

    /// The batch's metadata, once its message has been read.
    pub fn meta(&self) -> Option<&Meta<'a>> {
        self.meta.as_ref()
    }

    /// The page's address as of the last message read.
    pub fn location(&self) -> &'a [u8] {
        self.location
    }

    fn read(&mut self) -> Result<Message<'a>, BatchFault> {
        let offset = self.cursor.offset();
        let id = self.cursor.uint()?;
        if id == ids::BATCH_METADATA && self.state != State::Start {
            return Err(FaultKind::MetadataMisplaced.at(offset));
        }
        let with_size = self.framing == Framing::Sized && !stands_unsized(id, self.era);
        let mut message = if with_size { self.read_sized(offset, id)? } else { self.read_unsized(offset, id)? };
        message.index = self.next_index;
        self.note(&mut message, with_size);
        self.next_index = message.index.wrapping_add(1);
        message.timestamp_ms = self.timestamp_ms;
        Ok(message)
    }

    fn read_sized(&mut self, offset: usize, id: u64) -> Result<Message<'a>, BatchFault> {
        let size = self.cursor.size().ok_or(FaultKind::Truncated.at(offset))?;
        let start = self.cursor.offset();
        // The size has three bytes, so the conversion keeps its value.
        let bytes = self.cursor.take(size as usize).ok_or(FaultKind::SizeOverrun { size }.at(offset))?;
        let mut message = self.message(offset, id, bytes);
        let is_passed_over = !is_noted(id) && !self.looked_at.has(id);
        let Some(spec) = message_spec(id).filter(|_| !is_passed_over) else {
            message.body = Body::Unknown;
            return Ok(message);
        };
        message.name = spec.name(self.era);
        message.layout = spec.fields(self.era);
        if !self.are_fitted && spec.other_fields(self.era).is_none() {
            message.body = Body::Whole;
            return Ok(message);
        }
        message.body = fit(bytes, start, message.layout);
        // The era may be a guess. If the message has two layouts, the one that matches the size exactly is right.
        if message.body != Body::Whole
            && let Some(other) = spec.other_fields(self.era)
            && fit(bytes, start, other) == Body::Whole
        {
            message.layout = other;
            message.body = Body::Whole;
        }
        Ok(message)
    }

    fn read_unsized(&mut self, offset: usize, id: u64) -> Result<Message<'a>, BatchFault> {
        let start = self.cursor.offset();
        let Some(spec) = message_spec(id) else {
            return self.read_unknown(offset, id);
        };
        let layout = spec.fields(self.era);
        self.cursor.skip_fields(layout)?;
        let mut message = self.message(offset, id, &self.bytes[start..self.cursor.offset()]);
        message.name = spec.name(self.era);
        message.layout = layout;
        message.body = Body::Whole;
        Ok(message)
    }

    /// Reads a message with an unknown id and no size. This is possible only for mobile trackers, whose messages hold their own length.
    fn read_unknown(&mut self, offset: usize, id: u64) -> Result<Message<'a>, BatchFault> {
        if self.framing != Framing::Mobile {
            return Err(FaultKind::UnknownUnsized { id }.at(offset));
        }
        let start = self.cursor.offset();
        self.cursor.uint()?;
        let length = self.cursor.uint()?;
        usize::try_from(length)
            .ok()
            .and_then(|length| self.cursor.take(length))
            .ok_or(FaultKind::Truncated.at(self.cursor.offset()))?;
        let mut message = self.message(offset, id, &self.bytes[start..self.cursor.offset()]);
        message.layout = &MOBILE_PREFIX;
        Ok(message)
    }

    fn message(&self, offset: usize, id: u64, bytes: &'a [u8]) -> Message<'a> {
        Message { index: 0, timestamp_ms: 0, id, name: UNKNOWN, offset, bytes, body: Body::Unknown, layout: &[] }
    }

    /// Remembers what a message says about the messages after it.
    fn note(&mut self, message: &mut Message<'a>, with_size: bool) {
        match message.id {
            ids::BATCH_METADATA => {
                let version = message.uint("Version");
                let sized = SIZED_VERSIONS.contains(&version);
                self.framing = if sized { Framing::Sized } else { Framing::Unsized };
                self.begin(message, if sized { version } else { 0 }, message.uint("PageNo"));
            }
            ids::BATCH_META if !with_size => self.begin(message, 0, message.uint("PageNo")),
            ids::MOBILE_BATCH_META if !with_size => {
                self.framing = Framing::Mobile;
                self.begin(message, 0, 0);
            }
            ids::TIMESTAMP => self.timestamp_ms = message.time("Timestamp").unwrap_or_default(),
            ids::SET_PAGE_LOCATION | ids::SET_PAGE_LOCATION_OLD => {
                self.location = message.text("URL").unwrap_or(self.location);
            }
            // Mobile messages, and those that the server writes, hold their own time.
            _ if self.framing == Framing::Mobile || self.meta.is_none() => {
                self.timestamp_ms = message.time("Timestamp").unwrap_or(self.timestamp_ms);
            }
            _ => {}
        }
    }

    fn begin(&mut self, message: &mut Message<'a>, version: u64, page: u64) {
        let meta = Meta {
            version,
            page,
            first_index: message.uint("FirstIndex"),
            timestamp_ms: message.time("Timestamp").unwrap_or_default(),
            location: message.text("Location").unwrap_or_default(),
        };
        message.index = batch_index(page, meta.first_index);
        self.timestamp_ms = meta.timestamp_ms;
        self.location = meta.location;
        self.meta = Some(meta);
    }
}

impl<'a> Iterator for BatchReader<'a> {
    type Item = Result<Message<'a>, BatchFault>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.state {
            State::Ended => return None,
            State::Start if self.cursor.at_end() => {
                self.state = State::Ended;
                return Some(Err(FaultKind::Empty.at(0)));
            }
            State::Running if self.cursor.at_end() => {
                self.state = State::Ended;
                return None;
            }
            State::Start | State::Running => {}
        }
        let item = self.read();
        self.state = if item.is_ok() { State::Running } else { State::Ended };
        Some(item)
    }
}

/// Whether a message with this id and a size says something about the messages after it.
fn is_noted(id: u64) -> bool {
    matches!(id, ids::TIMESTAMP | ids::SET_PAGE_LOCATION | ids::SET_PAGE_LOCATION_OLD)
}

/// How `bytes`, which begin at `start` in the batch, match a layout.
fn fit(bytes: &[u8], start: usize, layout: &[FieldSpec]) -> Body {
    let mut cursor = Cursor::new(bytes, 0);
    match cursor.skip_fields(layout) {
        Ok(()) if cursor.at_end() => Body::Whole,
        Ok(()) => Body::Longer { extra: bytes.len() - cursor.offset() },
        Err(fault) => Body::Broken(BatchFault { kind: fault.kind, offset: fault.offset + start as u64 }),
    }
}

#[cfg(test)]
mod tests;
