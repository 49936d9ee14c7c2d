//! Numbers, strings and booleans of the wire, read from a slice.

use super::catalogue::{FieldKind, FieldSpec};
use super::fault::{BatchFault, FaultKind};

/// The longest string that readers take, in bytes; OpenReplay's readers have the same limit.
pub const STRING_BYTES_MAX: u64 = 10_000_000;

/// A field's value, borrowed from the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// An unsigned number.
    Uint(u64),
    /// A signed number.
    Int(i64),
    /// Bytes that an honest client fills with UTF-8.
    Str(&'a [u8]),
    /// A truth value.
    Bool(bool),
}

/// Adds one byte to a LEB128 number of which `shift` bits are known; true when it was the last one.
///
/// # Errors
///
/// `UintOverflow` when the number leaves 64 bits: a tenth byte above 1, or an eleventh.
pub(super) fn add_uint_byte(value: &mut u64, shift: &mut u32, byte: u8) -> Result<bool, FaultKind> {
    if *shift == 63 && byte > 1 {
        return Err(FaultKind::UintOverflow);
    }
    *value |= u64::from(byte & 0x7f) << *shift;
    *shift += 7;
    Ok(byte & 0x80 == 0)
}

/// The number behind a zigzag code: 0, -1, 1, -2, ...
pub(super) fn zigzag(code: u64) -> i64 {
    (code >> 1).cast_signed() ^ -(code & 1).cast_signed()
}

/// A position in a batch. An error leaves the position at the item at fault.
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

    pub(super) fn at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The next `count` bytes; `None` when there are fewer.
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let taken = self.rest().get(..count)?;
        self.at += count;
        Some(taken)
    }

    pub(super) fn uint(&mut self) -> Result<u64, BatchFault> {
        let (mut value, mut shift) = (0, 0);
        for (index, &byte) in self.rest().iter().enumerate() {
            if add_uint_byte(&mut value, &mut shift, byte).map_err(|kind| kind.at(self.at))? {
                self.at += index + 1;
                return Ok(value);
            }
        }
        Err(FaultKind::Truncated.at(self.at))
    }

    /// The three-byte size of a message; `None` when the batch ends before it does.
    pub(super) fn size(&mut self) -> Option<u32> {
        let bytes = self.take(3)?;
        Some(bytes.iter().rev().fold(0, |size, &byte| size << 8 | u32::from(byte)))
    }

    fn string(&mut self) -> Result<&'a [u8], BatchFault> {
        let start = self.at;
        let bytes = self.uint()?;
        if bytes > STRING_BYTES_MAX {
            self.at = start;
            return Err(FaultKind::StringTooLong { bytes }.at(start));
        }
        // Within the limit above, so that the conversion keeps the value.
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

    /// Steps over all of these fields.
    pub(super) fn skip_fields(&mut self, fields: &[FieldSpec]) -> Result<(), BatchFault> {
        for field in fields {
            self.value(field.kind)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uint(bytes: &[u8]) -> Result<u64, FaultKind> {
        let mut cursor = Cursor::new(bytes, 0);
        let value = cursor.uint().map_err(|fault| fault.kind)?;
        assert!(cursor.at_end());
        Ok(value)
    }

    #[test]
    fn numbers_match_the_known_encodings() {
        let max = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        for (bytes, value) in [
            (&[0x00][..], 0),
            (&[0x7f], 127),
            (&[0x80, 0x01], 128),
            (&[0xac, 0x02], 300),
            (&[0xff, 0x7f], 16_383),
            (&[0x80, 0x80, 0x01], 16_384),
            (&[0xd0, 0xae, 0xb5, 0xe6, 0xe3, 0x31], 1_710_417_074_000),
            (&max, u64::MAX),
        ] {
            assert_eq!(uint(bytes), Ok(value));
        }
        for (bytes, value) in [
            (&[0x00][..], 0),
            (&[0x01], -1),
            (&[0x02], 1),
            (&[0x7e], 63),
            (&[0x7f], -64),
            (&[0x80, 0x01], 64),
            (&[0xa0, 0xdd, 0xea, 0xcc, 0xc7, 0x63], 1_710_417_074_000),
            (&max, i64::MIN),
            (&[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], i64::MAX),
        ] {
            assert_eq!(uint(bytes).map(zigzag), Ok(value));
        }
    }

    #[test]
    fn numbers_beyond_64_bits_are_refused() {
        let tenth = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02];
        assert_eq!(uint(&tenth), Err(FaultKind::UintOverflow));
        assert_eq!(uint(&[0x80; 11]), Err(FaultKind::UintOverflow));
        assert_eq!(uint(&[0x80; 9]), Err(FaultKind::Truncated));
        assert_eq!(uint(&[]), Err(FaultKind::Truncated));
    }

    #[test]
    fn a_claimed_length_allocates_nothing_and_is_refused() {
        // 10,000,001 in LEB128, and a length that fits the limit but not the batch.
        let mut long = Cursor::new(&[0x81, 0xad, 0xe2, 0x04], 0);
        assert_eq!(long.value(FieldKind::Str), Err(FaultKind::StringTooLong { bytes: 10_000_001 }.at(0)));
        let mut short = Cursor::new(&[0x05, b'a'], 0);
        assert_eq!(short.value(FieldKind::Str), Err(FaultKind::Truncated.at(0)));
    }

    #[test]
    fn only_one_is_true() {
        for (byte, truth) in [(0, false), (1, true), (2, false), (255, false)] {
            let bytes = [byte];
            assert_eq!(Cursor::new(&bytes, 0).value(FieldKind::Bool), Ok(Value::Bool(truth)));
        }
    }
}
