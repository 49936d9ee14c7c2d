//! Reads numbers, strings and booleans from a slice.

use super::catalogue::{FieldKind, FieldSpec};
use super::fault::{BatchFault, FaultKind};

/// The longest string that readers accept, in bytes; OpenReplay's readers have the same limit.
pub const STRING_BYTES_MAX: u64 = 10_000_000;

/// A field's value, borrowed from the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// An unsigned number.
    Uint(u64),
    /// A signed number.
    Int(i64),
    /// Bytes, normally UTF-8.
    Str(&'a [u8]),
    /// A boolean.
    Bool(bool),
}

/// Adds a byte to a LEB128 number whose lowest `shift` bits are known. Returns true if it was the last byte.
///
/// # Errors
///
/// `UintOverflow` if the number exceeds 64 bits: its tenth byte is above 1.
pub(super) fn add_uint_byte(value: &mut u64, shift: &mut u32, byte: u8) -> Result<bool, FaultKind> {
    if *shift == 63 && byte > 1 {
        return Err(FaultKind::UintOverflow);
    }
    *value |= u64::from(byte & 0x7f) << *shift;
    *shift += 7;
    Ok(byte & 0x80 == 0)
}

/// Decodes a zigzag code: 0, -1, 1, -2, ...
pub(super) fn zigzag(code: u64) -> i64 {
    (code >> 1).cast_signed() ^ -(code & 1).cast_signed()
}

/// Reads a batch from front to back. After an error, the position is at the faulty item.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    pub(super) fn offset(&self) -> usize {
        self.at
    }

    pub(super) fn go_to(&mut self, offset: usize) {
        self.at = offset;
    }

    pub(super) fn at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The next `count` bytes; `None` if there are fewer.
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let taken = self.rest().get(..count)?;
        self.at += count;
        Some(taken)
    }

    pub(super) fn uint(&mut self) -> Result<u64, BatchFault> {
        // Most have one byte.
        if let Some(&byte) = self.bytes.get(self.at)
            && byte < 0x80
        {
            self.at += 1;
            return Ok(u64::from(byte));
        }
        let (mut value, mut shift) = (0, 0);
        for (index, &byte) in self.rest().iter().enumerate() {
            if add_uint_byte(&mut value, &mut shift, byte).map_err(|kind| kind.at(self.at))? {
                self.at += index + 1;
                return Ok(value);
            }
        }
        Err(FaultKind::Truncated.at(self.at))
    }

    /// The three-byte size of a message; `None` if the batch ends inside it.
    pub(super) fn size(&mut self) -> Option<u32> {
        let &[low, middle, high] = self.take(3)?.first_chunk()?;
        Some(u32::from_le_bytes([low, middle, high, 0]))
    }

    fn string(&mut self) -> Result<&'a [u8], BatchFault> {
        let start = self.at;
        let bytes = self.uint()?;
        if bytes > STRING_BYTES_MAX {
            self.at = start;
            return Err(FaultKind::StringTooLong { bytes }.at(start));
        }
        // At most the limit above, so the conversion keeps the value.
        self.take(bytes as usize).ok_or_else(|| {
            self.at = start;
            FaultKind::Truncated.at(start)
        })
    }

    pub(super) fn value(&mut self, kind: FieldKind) -> Result<Value<'a>, BatchFault> {
        Ok(match kind {
            FieldKind::Uint => Value::Uint(self.uint()?),
            FieldKind::Int => Value::Int(zigzag(self.uint()?)),
            FieldKind::Str => Value::Str(self.string()?),
            FieldKind::Bool => match self.take(1) {
                Some(byte) => Value::Bool(byte == [1]),
                None => return Err(FaultKind::Truncated.at(self.at)),
            },
        })
    }

    /// Skips all of these fields.
    pub(super) fn skip_fields(&mut self, fields: &[FieldSpec]) -> Result<(), BatchFault> {
        for field in fields {
            self.value(field.kind)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
