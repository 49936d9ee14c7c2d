//! Objects whose keys are data of the client's: maps, which are read member by member.

use super::reader::Reader;
use super::{JsonError, JsonScratch, KEY_BYTES_MAX, Value, fold};

/// Calls `visit` for each member of the object that `input` is, in order: the key as it is written, unescaped; the value; and the text of
/// the value, for what lies in it. Does nothing if `input` is no object. What follows the object is not looked at.
///
/// # Errors
///
/// The first fault of grammar, or the first error of `visit`.
pub fn members<'a>(
    input: &'a [u8],
    scratch: &mut JsonScratch,
    mut visit: impl FnMut(&str, Value<'_>, &'a [u8]) -> Result<(), JsonError>,
) -> Result<(), JsonError> {
    let mut reader = Reader::new(input);
    let mut key = String::new();
    let mut more = reader.enters_object();
    while more {
        key.clear();
        key.push_str(reader.key(scratch)?);
        reader.blanks();
        let from = reader.at();
        let value = reader.value(scratch)?;
        visit(&key, value, &input[from..reader.at()])?;
        more = reader.passes_comma()?;
    }
    Ok(())
}

/// Whether a key is `lower`, without regard to case.
pub fn is_key(key: &str, lower: &str) -> bool {
    fold(key, &mut [0; KEY_BYTES_MAX]) == Some(lower)
}

/// The error for a value that a map's type does not take. `field` and `go_type` as in [`Mismatch`](super::Mismatch).
pub fn wrong_type(type_name: &str, field: &str, go_type: &str, value: Value<'_>) -> JsonError {
    JsonError::Type {
        found: value.kind().to_owned(),
        wanted: format!("struct field {type_name}.{field} of type {go_type}"),
    }
}

#[cfg(test)]
mod tests;
