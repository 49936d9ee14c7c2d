//! What is wrong with a document, in the words of Go's `encoding/json`.

use std::fmt;

use super::fields::{Mismatch, Value};

/// What is wrong with a document. The texts are Go's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JsonError {
    /// It ends too early.
    UnexpectedEnd,
    /// A byte that is not allowed there.
    Character {
        /// The byte.
        byte: u8,
        /// Where it is, in Go's words.
        context: &'static str,
    },
    /// A value of the wrong type.
    Type {
        /// The value's type.
        found: String,
        /// The field or type that cannot take it, in Go's words.
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

/// Writes a byte as Go's error texts quote it.
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

/// The error for a value that a field of type `type_name` cannot take.
pub(super) fn type_error(type_name: &str, mismatch: Mismatch, value: Value<'_>) -> JsonError {
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

/// The error for a value that a map cannot take. `field` and `go_type` are as in [`Mismatch`].
pub fn wrong_type(type_name: &str, field: &str, go_type: &str, value: Value<'_>) -> JsonError {
    JsonError::Type {
        found: value.kind().to_owned(),
        wanted: format!("struct field {type_name}.{field} of type {go_type}"),
    }
}
