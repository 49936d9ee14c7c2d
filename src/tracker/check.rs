//! The structural check of a body: whether it is a batch whose sizes are right. It makes one pass over pieces of any length and keeps none of
//! them, so a compressed body can be checked while it is being inflated.

use super::batch::{MOBILE_PREFIX, SIZED_VERSIONS, stands_unsized};
use super::catalogue::{Era, FieldKind, FieldSpec, message_spec};
use super::fault::{BatchFault, FaultKind};
use super::ids;
use super::primitive::{STRING_BYTES_MAX, add_uint_byte, zigzag};

/// What a body that passed the check contains. For a `visual` body, the metadata is that of the first batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BatchFacts {
    /// 1 to 5, or 0 if no message has a size.
    pub version: u64,
    /// The number of the page within the session; 0 for mobile batches.
    pub page: u64,
    /// The number of the first message.
    pub first_index: u64,
    /// Client time in Unix ms.
    pub timestamp_ms: i64,
    /// Messages in the body, metadata included.
    pub messages: u64,
    /// The body's length in bytes, inflated.
    pub bytes: u64,
}

/// Checks an uncompressed body. `split` is the announced length of the first batch of a `visual` body.
///
/// A message with a size is skipped; its fields are not read.
///
/// # Errors
///
/// The first fault, with its offset.
pub fn check(bytes: &[u8], split: Option<usize>, era: Era) -> Result<BatchFacts, BatchFault> {
    let mut checker = Checker::new(split, era);
    checker.push(bytes)?;
    checker.finish()
}

/// The check as a state machine that takes a body in pieces.
#[derive(Debug, Clone)]
pub struct Checker {
    era: Era,
    split: Option<u64>,
    /// The second batch of a `visual` body has begun.
    second: bool,
    with_sizes: bool,
    mobile: bool,
    /// No message of the current batch has been read yet.
    fresh: bool,
    state: State,
    /// The number that is being read, and how many of its bits are known.
    value: u64,
    shift: u32,
    /// Where the current field and the current message began.
    item_at: u64,
    message_at: u64,
    id: u64,
    /// The first numbers of the current message; room for those of a metadata message.
    numbers: [u64; 4],
    offset: u64,
    facts: BatchFacts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Id,
    Size {
        size: u32,
        bytes: u32,
    },
    Sized {
        size: u32,
        left: u64,
    },
    Field {
        fields: &'static [FieldSpec],
        index: usize,
    },
    Text {
        fields: &'static [FieldSpec],
        index: usize,
        left: u64,
    },
    /// The bytes after the two known fields of an unknown mobile message.
    MobileRest {
        left: u64,
    },
}

impl Checker {
    /// Begins a check; the parameters are those of [`check`].
    pub fn new(split: Option<usize>, era: Era) -> Self {
        Self {
            era,
            split: split.map(|split| split as u64),
            second: false,
            with_sizes: false,
            mobile: false,
            fresh: true,
            state: State::Id,
            value: 0,
            shift: 0,
            item_at: 0,
            message_at: 0,
            id: 0,
            numbers: [0; 4],
            offset: 0,
            facts: BatchFacts::default(),
        }
    }

    /// Takes the body's next bytes.
    ///
    /// # Errors
    ///
    /// The first fault. The check must not be given more pieces after it.
    pub fn push(&mut self, mut piece: &[u8]) -> Result<(), BatchFault> {
        while let Some(&byte) = piece.first() {
            let used = match self.state {
                State::Id => self.id_byte(byte)?,
                State::Size { size, bytes } => self.size_byte(size, bytes, byte),
                State::Sized { size, left } => {
                    let used = take(left, piece);
                    self.state = State::Sized { size, left: left - used };
                    if left == used {
                        self.end_message();
                    }
                    used
                }
                State::Field { fields, index } => self.field_byte(fields, index, byte)?,
                State::Text { fields, index, left } => {
                    let used = take(left, piece);
                    self.state = State::Text { fields, index, left: left - used };
                    if left == used {
                        self.next_field(fields, index, used);
                    }
                    used
                }
                State::MobileRest { left } => {
                    let used = take(left, piece);
                    self.state = State::MobileRest { left: left - used };
                    if left == used {
                        self.end_message();
                    }
                    used
                }
            };
            self.offset += used;
            // At most the length of the piece, so the conversion keeps its value.
            piece = &piece[used as usize..];
        }
        Ok(())
    }

    /// Ends the body.
    ///
    /// # Errors
    ///
    /// The body ended inside a message, or before its split.
    pub fn finish(mut self) -> Result<BatchFacts, BatchFault> {
        if self.offset == 0 {
            return Err(fault(FaultKind::Empty, 0));
        }
        match self.state {
            State::Id if self.shift == 0 => {}
            State::Size { .. } => return Err(fault(FaultKind::Truncated, self.message_at)),
            State::Sized { size, .. } => {
                return Err(fault(FaultKind::SizeOverrun { size }, self.message_at));
            }
            _ => return Err(fault(FaultKind::Truncated, self.item_at)),
        }
        if let Some(split) = self.split
            && !self.second
        {
            return Err(fault(FaultKind::Split { split }, self.offset));
        }
        self.facts.bytes = self.offset;
        Ok(self.facts)
    }

    /// Takes a number's next byte. Returns true if it was the last.
    fn number_byte(&mut self, byte: u8) -> Result<bool, BatchFault> {
        if self.shift == 0 {
            self.value = 0;
            self.item_at = self.offset;
        }
        let whole = add_uint_byte(&mut self.value, &mut self.shift, byte).map_err(|kind| fault(kind, self.item_at))?;
        if whole {
            self.shift = 0;
        }
        Ok(whole)
    }

    fn id_byte(&mut self, byte: u8) -> Result<u64, BatchFault> {
        if self.shift == 0 {
            self.message_at = self.offset;
            self.at_boundary(byte)?;
        }
        if self.number_byte(byte)? {
            self.id = self.value;
            self.begin_message()?;
        }
        Ok(1)
    }

    /// Called between two messages: checks whether the second batch begins here, or should have begun before.
    fn at_boundary(&mut self, byte: u8) -> Result<(), BatchFault> {
        let Some(split) = self.split else {
            return Ok(());
        };
        if self.second || self.offset < split {
            return Ok(());
        }
        if self.offset > split || split == 0 || u64::from(byte) != ids::BATCH_METADATA {
            return Err(fault(FaultKind::Split { split }, split));
        }
        self.second = true;
        self.fresh = true;
        self.with_sizes = false;
        self.mobile = false;
        Ok(())
    }

    fn begin_message(&mut self) -> Result<(), BatchFault> {
        let id = self.id;
        if self.fresh {
            if !ids::METADATA.contains(&id) {
                return Err(fault(FaultKind::NoMetadata { id }, self.message_at));
            }
        } else if id == ids::BATCH_METADATA {
            return Err(fault(FaultKind::MetadataMisplaced, self.message_at));
        }
        if self.with_sizes && !stands_unsized(id, self.era) {
            self.state = State::Size { size: 0, bytes: 0 };
            return Ok(());
        }
        let fields = match message_spec(id) {
            Some(spec) => spec.fields(self.era),
            None if self.mobile => &MOBILE_PREFIX,
            None => return Err(fault(FaultKind::UnknownUnsized { id }, self.message_at)),
        };
        self.numbers = [0; 4];
        self.state = State::Field { fields, index: 0 };
        if fields.is_empty() {
            self.end_message();
        }
        Ok(())
    }

    fn size_byte(&mut self, size: u32, bytes: u32, byte: u8) -> u64 {
        let size = size | u32::from(byte) << (8 * bytes);
        self.state = State::Size { size, bytes: bytes + 1 };
        if bytes + 1 == 3 {
            self.state = State::Sized { size, left: u64::from(size) };
            if size == 0 {
                self.end_message();
            }
        }
        1
    }

    fn field_byte(&mut self, fields: &'static [FieldSpec], index: usize, byte: u8) -> Result<u64, BatchFault> {
        match fields[index].kind {
            FieldKind::Bool => self.next_field(fields, index, 1),
            FieldKind::Uint | FieldKind::Int => {
                if self.number_byte(byte)? {
                    if let Some(number) = self.numbers.get_mut(index) {
                        *number = self.value;
                    }
                    self.next_field(fields, index, 1);
                }
            }
            FieldKind::Str => {
                if self.number_byte(byte)? {
                    let bytes = self.value;
                    if bytes > STRING_BYTES_MAX {
                        return Err(fault(FaultKind::StringTooLong { bytes }, self.item_at));
                    }
                    if bytes == 0 {
                        self.next_field(fields, index, 1);
                    } else {
                        self.state = State::Text { fields, index, left: bytes };
                    }
                }
            }
        }
        Ok(1)
    }

    /// Ends the current field, `used` bytes from here.
    fn next_field(&mut self, fields: &'static [FieldSpec], index: usize, used: u64) {
        self.item_at = self.offset + used;
        if index + 1 < fields.len() {
            self.state = State::Field { fields, index: index + 1 };
        } else if message_spec(self.id).is_none() && self.numbers[1] > 0 {
            self.state = State::MobileRest { left: self.numbers[1] };
        } else {
            self.end_message();
        }
    }

    fn end_message(&mut self) {
        let had_size = matches!(self.state, State::Sized { .. });
        self.state = State::Id;
        self.facts.messages += 1;
        let first = self.fresh;
        self.fresh = false;
        if had_size {
            return;
        }
        let numbers = self.numbers;
        let (version, page, first_index, timestamp_ms) = match self.id {
            ids::BATCH_METADATA => {
                self.with_sizes = SIZED_VERSIONS.contains(&numbers[0]);
                let version = if self.with_sizes { numbers[0] } else { 0 };
                (version, numbers[1], numbers[2], zigzag(numbers[3]))
            }
            ids::BATCH_META => (0, numbers[0], numbers[1], zigzag(numbers[2])),
            ids::MOBILE_BATCH_META => {
                self.mobile = true;
                (0, 0, numbers[2], i64::try_from(numbers[0]).unwrap_or(i64::MAX))
            }
            _ => return,
        };
        if first && !self.second {
            self.facts = BatchFacts { version, page, first_index, timestamp_ms, ..self.facts };
        }
    }
}

fn take(left: u64, piece: &[u8]) -> u64 {
    left.min(piece.len() as u64)
}

fn fault(kind: FaultKind, offset: u64) -> BatchFault {
    BatchFault { kind, offset }
}

#[cfg(test)]
mod tests;
