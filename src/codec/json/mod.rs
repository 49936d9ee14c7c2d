//! JSON as Go's `encoding/json` reads and writes it, because that is what the clients are used to.
//!
//! Reading: keys are matched without regard to case, the last one wins; `null` changes nothing in
//! a plain field; lone surrogates and bytes that are not UTF-8 become U+FFFD; an integer must be
//! written as one. A fault of grammar anywhere is reported before a fault of type, and of those
//! the first. One pass, no recursion, no allocation but the growth of reused buffers.
//!
//! A plain document goes a short way (`fast`): simd-json parses a copy in place, and its tape is walked by the same
//! rules. The reader (`reader`) stands behind it and is the judge: whatever is not plain it reads again from the
//! start, alone. The tests hold the two together to what the reader alone would have said.
//!
//! What that is worth, measured in a release build on two virtual cores of an AMD EPYC with AVX2: a start's body of
//! 591 bytes is read about 1.5 times as fast as by the reader alone, and half of the time left is simd-json's. A
//! document that is not plain is read twice: about 1.3 times as long where simd-json refuses it, 1.6 times where its
//! tape is put aside.

mod fast;
mod members;
mod object;
mod reader;
mod write;

use std::fmt;
use std::str::FromStr;

use fast::Fast;
pub use members::{is_key, members, wrong_type};
pub use object::ObjectWriter;
use reader::{Depth, Reader};
pub use write::{write_integer, write_string};

/// Deepest nesting that is read (Go's limit).
pub const DEPTH_MAX: usize = 10_000;
/// No key of ours is longer; a longer one need not be compared.
const KEY_BYTES_MAX: usize = 32;

/// One value of a request, as far as its type matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as it is written.
    Number(&'a str),
    /// A number that was written as an integer, other than `-0`, which an unsigned field refuses.
    Integer(i128),
    /// A string, unescaped.
    String(&'a str),
    /// `{…}`, its content not looked at.
    Object,
    /// `[…]`, its content not looked at.
    Array,
}

impl Value<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Number(_) | Self::Integer(_) => "number",
            Self::String(_) => "string",
            Self::Object => "object",
            Self::Array => "array",
        }
    }
}

/// A value that its field cannot take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mismatch {
    /// The field's name as the error text has it.
    pub field: &'static str,
    /// The field's type in Go's words.
    pub go_type: &'static str,
}

/// Something a JSON object can be read into.
pub trait Fields {
    /// The package of the type in error texts.
    const PACKAGE: &'static str = "web";
    /// The name of the type in error texts.
    const TYPE: &'static str;

    /// Forgets every member, as before the first [`Fields::set`].
    fn clear(&mut self);

    /// Takes one member. `key` is in lower case. Unknown keys are to be ignored.
    fn set(&mut self, key: &str, value: Value<'_>) -> Result<(), Mismatch>;

    /// Whether the members of the object under `key`, one of the outermost, are taken as if they stood beside it.
    fn enters(&self, _key: &str) -> bool {
        false
    }
}

/// Sets a text unless `value` is null.
pub fn set_text(slot: &mut String, value: Value<'_>, field: &'static str) -> Result<(), Mismatch> {
    match value {
        Value::Null => Ok(()),
        Value::String(text) => {
            slot.clear();
            slot.push_str(text);
            Ok(())
        }
        _ => Err(Mismatch { field, go_type: "string" }),
    }
}

/// Sets a truth value unless `value` is null.
pub fn set_bool(slot: &mut bool, value: Value<'_>, field: &'static str) -> Result<(), Mismatch> {
    match value {
        Value::Null => Ok(()),
        Value::Bool(truth) => {
            *slot = truth;
            Ok(())
        }
        _ => Err(Mismatch { field, go_type: "bool" }),
    }
}

/// Sets an integer unless `value` is null. `go_type` is its type in error texts.
pub fn set_integer<N: FromStr + TryFrom<i128>>(
    slot: &mut N,
    value: Value<'_>,
    field: &'static str,
    go_type: &'static str,
) -> Result<(), Mismatch> {
    let number = match value {
        Value::Null => return Ok(()),
        Value::Number(text) => text.parse().ok(),
        Value::Integer(number) => number.try_into().ok(),
        _ => None,
    };
    *slot = number.ok_or(Mismatch { field, go_type })?;
    Ok(())
}

/// Sets an integer unless `value` is null; a fraction is rounded, and what is beyond 64 bits becomes the nearest number.
pub fn set_rounded(
    slot: &mut i64,
    value: Value<'_>,
    field: &'static str,
    go_type: &'static str,
) -> Result<(), Mismatch> {
    let number = match value {
        Value::Null => return Ok(()),
        Value::Integer(number) => Some(number.clamp(i64::MIN.into(), i64::MAX.into()) as i64),
        // The grammar of JSON's numbers is part of Rust's. The conversion stops at the ends of the type.
        Value::Number(text) => text.parse::<f64>().ok().map(|number| number.round() as i64),
        _ => None,
    };
    *slot = number.ok_or(Mismatch { field, go_type })?;
    Ok(())
}

/// What is wrong with a document. The texts are Go's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JsonError {
    /// It ends too early.
    UnexpectedEnd,
    /// A byte that has no place there.
    Character {
        /// The byte.
        byte: u8,
        /// Where it was met.
        context: &'static str,
    },
    /// A value of the wrong type.
    Type {
        /// What it is.
        found: String,
        /// Where it should have gone, in Go's words.
        wanted: String,
    },
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnexpectedEnd => f.write_str("unexpected end of JSON input"),
            Self::Character { byte, context } => {
                f.write_str("invalid character ")?;
                write_character(f, *byte)?;
                write!(f, " {context}")
            }
            Self::Type { found, wanted } => {
                write!(f, "json: cannot unmarshal {found} into Go {wanted}")
            }
        }
    }
}

impl std::error::Error for JsonError {}

/// A byte the way Go's error texts quote it.
fn write_character(f: &mut fmt::Formatter<'_>, byte: u8) -> fmt::Result {
    match byte {
        b'\'' => f.write_str(r"'\''"),
        b'"' => f.write_str("'\"'"),
        b'\\' => f.write_str(r"'\\'"),
        7 => f.write_str(r"'\a'"),
        8 => f.write_str(r"'\b'"),
        9 => f.write_str(r"'\t'"),
        10 => f.write_str(r"'\n'"),
        11 => f.write_str(r"'\v'"),
        12 => f.write_str(r"'\f'"),
        13 => f.write_str(r"'\r'"),
        0..0x20 | 0x7f => write!(f, r"'\x{byte:02x}'"),
        0x80..=0xa0 | 0xad => write!(f, r"'\u{byte:04x}'"),
        _ => write!(f, "'{}'", char::from(byte)),
    }
}

/// Buffers of a reader, reused from document to document.
#[derive(Debug, Default)]
pub struct JsonScratch {
    /// The string that was read last, unescaped.
    text: Vec<u8>,
    /// The containers that are open: `{` or `[`.
    open: Vec<u8>,
    fast: Fast,
}

/// Replaces what `fields` hold by what a whole document says. After an error they hold what could be read.
pub fn read<F: Fields>(input: &[u8], fields: &mut F, scratch: &mut JsonScratch) -> Result<(), JsonError> {
    fields.clear();
    if scratch.fast.read(input, fields) {
        return Ok(());
    }
    fields.clear();
    read_plainly(input, fields, scratch)
}

/// Replaces what `fields` hold by what the first value of `input` says: what follows it is not looked at.
pub fn read_first<F: Fields>(input: &[u8], fields: &mut F, scratch: &mut JsonScratch) -> Result<(), JsonError> {
    fields.clear();
    if scratch.fast.read(input, fields) {
        return Ok(());
    }
    fields.clear();
    read_value(&mut Reader::new(input), fields, scratch)?.map_or(Ok(()), Err)
}

/// Reads a whole document into cleared `fields` with the reader alone.
fn read_plainly<F: Fields>(input: &[u8], fields: &mut F, scratch: &mut JsonScratch) -> Result<(), JsonError> {
    let mut reader = Reader::new(input);
    let fault = read_value(&mut reader, fields, scratch)?;
    reader.blanks();
    if let Some(byte) = reader.peek() {
        let context = "after top-level value";
        return Err(JsonError::Character { byte, context });
    }
    fault.map_or(Ok(()), Err)
}

/// Reads one value into cleared `fields`. An error is a fault of grammar; of the faults of type the first is returned.
fn read_value<F: Fields>(
    reader: &mut Reader<'_>,
    fields: &mut F,
    scratch: &mut JsonScratch,
) -> Result<Option<JsonError>, JsonError> {
    let mut fault = None;
    reader.blanks();
    if reader.peek() == Some(b'{') {
        reader.object(fields, scratch, &mut fault, Depth::Outermost)?;
    } else {
        let value = reader.value(scratch)?;
        if value != Value::Null {
            fault = Some(JsonError::Type {
                found: value.kind().to_owned(),
                wanted: format!("value of type {}.{}", F::PACKAGE, F::TYPE),
            });
        }
    }
    Ok(fault)
}

fn type_error(type_name: &str, mismatch: Mismatch, value: Value<'_>) -> JsonError {
    let Mismatch { field, go_type } = mismatch;
    let numeric = go_type.starts_with("int") || go_type.starts_with("uint");
    let found = match value {
        Value::Number(text) if numeric => {
            format!("number {}", text.get(..64).unwrap_or(text))
        }
        other => other.kind().to_owned(),
    };
    JsonError::Type { found, wanted: format!("struct field {type_name}.{field} of type {go_type}") }
}

/// A key in lower case by Unicode's simple folding, as far as it can meet one of ours.
fn fold<'b>(key: &str, buffer: &'b mut [u8; KEY_BYTES_MAX]) -> Option<&'b str> {
    if key.is_ascii() {
        let folded = buffer.get_mut(..key.len())?;
        folded.copy_from_slice(key.as_bytes());
        folded.make_ascii_lowercase();
        return str::from_utf8(folded).ok();
    }
    let mut length = 0;
    for character in key.chars() {
        *buffer.get_mut(length)? = match character {
            'ſ' => b's',
            '\u{212a}' => b'k',
            other if other.is_ascii() => u8::try_from(other).ok()?.to_ascii_lowercase(),
            _ => return None,
        };
        length += 1;
    }
    str::from_utf8(&buffer[..length]).ok()
}

#[cfg(test)]
mod tests;
