//! Values, the trait of types that an object is read into, and how keys are compared.

use std::str::FromStr;

/// No key that we read is longer.
pub(super) const KEY_BYTES_MAX: usize = 32;

/// Which object is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// The document itself.
    Outermost,
    /// An object inside it whose members are read too. Objects inside that one are skipped.
    Entered,
}

/// A value, without the content of objects and arrays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as written.
    Number(&'a str),
    /// A number that was written as an integer, except `-0`, which unsigned fields refuse.
    Integer(i128),
    /// A string, unescaped.
    String(&'a str),
    /// `{…}`.
    Object,
    /// `[…]`.
    Array,
}

impl Value<'_> {
    pub(super) fn kind(&self) -> &'static str {
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
    /// The field's name in the error text.
    pub field: &'static str,
    /// The field's type in Go's words.
    pub go_type: &'static str,
}

/// A type that a JSON object can be read into.
pub trait Fields {
    /// The type's Go package in error texts.
    const PACKAGE: &'static str = "web";
    /// The type's name in error texts.
    const TYPE: &'static str;

    /// Resets every field.
    fn clear(&mut self);

    /// Takes one member. `key` is in lower case. Unknown keys must be ignored.
    fn set(&mut self, key: &str, value: Value<'_>) -> Result<(), Mismatch>;

    /// Whether the object under the top-level `key` is read as if its members stood at the top level.
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

/// Sets an integer unless `value` is null. Fractions are rounded; numbers beyond 64 bits are clamped.
pub fn set_rounded(
    slot: &mut i64,
    value: Value<'_>,
    field: &'static str,
    go_type: &'static str,
) -> Result<(), Mismatch> {
    let number = match value {
        Value::Null => return Ok(()),
        Value::Integer(number) => Some(number.clamp(i64::MIN.into(), i64::MAX.into()) as i64),
        // Rust parses every number that JSON's grammar allows. The conversion saturates.
        Value::Number(text) => text.parse::<f64>().ok().map(|number| number.round() as i64),
        _ => None,
    };
    *slot = number.ok_or(Mismatch { field, go_type })?;
    Ok(())
}

/// A key in lower case by Unicode's simple case folding; `None` if it cannot be one that we read.
pub(super) fn fold<'b>(key: &str, buffer: &'b mut [u8; KEY_BYTES_MAX]) -> Option<&'b str> {
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
