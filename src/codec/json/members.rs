//! Reads objects whose keys are data (maps) member by member, and arrays element by element.

use super::document::JsonScratch;
use super::error::JsonError;
use super::fields::{KEY_BYTES_MAX, Value, fold};
use super::reader::Reader;

/// Calls `visit` for each member of the object in `input`, in order, with the unescaped key, the value, and the value's own JSON text, from
/// which its content can be read. Does nothing if `input` is not an object. What follows the object is ignored.
///
/// # Errors
///
/// The first syntax error, or the first error of `visit`.
pub fn members<'a, E: From<JsonError>>(
    input: &'a [u8],
    scratch: &mut JsonScratch,
    mut visit: impl FnMut(&str, Value<'_>, &'a [u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut reader = Reader::new(input);
    let mut key = String::new();
    let mut more = reader.enters_object();
    while more {
        key.clear();
        key.push_str(reader.key(&mut scratch.reader)?);
        reader.blanks();
        let from = reader.at();
        let value = reader.value(&mut scratch.reader)?;
        visit(&key, value, &input[from..reader.at()])?;
        more = reader.passes_comma()?;
    }
    Ok(())
}

/// Calls `visit` for each element of the array in `input`, in order, with the value and its own JSON text. Does nothing if `input` is not an
/// array. What follows the array is ignored.
///
/// # Errors
///
/// The first syntax error, or the first error of `visit`.
pub fn elements<'a, E: From<JsonError>>(
    input: &'a [u8],
    scratch: &mut JsonScratch,
    mut visit: impl FnMut(Value<'_>, &'a [u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut reader = Reader::new(input);
    let mut more = reader.enters_array();
    while more {
        reader.blanks();
        let from = reader.at();
        let value = reader.value(&mut scratch.reader)?;
        visit(value, &input[from..reader.at()])?;
        more = reader.passes_array_comma()?;
    }
    Ok(())
}

/// Whether a key equals `lower`, ignoring case.
pub fn is_key(key: &str, lower: &str) -> bool {
    fold(key, &mut [0; KEY_BYTES_MAX]) == Some(lower)
}

#[cfg(test)]
mod tests;
