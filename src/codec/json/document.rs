//! Reads a document into the fields of a type: by the fast path, or by the full reader if that does not apply.

use super::error::JsonError;
use super::fast::Fast;
use super::fields::{Depth, Fields, Value};
use super::reader::{Reader, ReaderBuffers};

/// The buffers for reading, reused from document to document.
#[derive(Debug, Default)]
pub struct JsonScratch {
    pub(super) reader: ReaderBuffers,
    fast: Fast,
}

/// Replaces the content of `fields` with that of a whole document. After an error they hold what was read before it.
pub fn read<F: Fields>(input: &[u8], fields: &mut F, scratch: &mut JsonScratch) -> Result<(), JsonError> {
    fields.clear();
    if scratch.fast.read(input, fields) {
        return Ok(());
    }
    fields.clear();
    read_plainly(input, fields, scratch)
}

/// Replaces the content of `fields` with that of the first value in `input`; what follows it is ignored.
pub fn read_first<F: Fields>(input: &[u8], fields: &mut F, scratch: &mut JsonScratch) -> Result<(), JsonError> {
    fields.clear();
    if scratch.fast.read(input, fields) {
        return Ok(());
    }
    fields.clear();
    read_value(&mut Reader::new(input), fields, scratch)?.map_or(Ok(()), Err)
}

/// Reads a whole document into cleared `fields` with the full reader alone.
pub(super) fn read_plainly<F: Fields>(
    input: &[u8],
    fields: &mut F,
    scratch: &mut JsonScratch,
) -> Result<(), JsonError> {
    let mut reader = Reader::new(input);
    let fault = read_value(&mut reader, fields, scratch)?;
    reader.blanks();
    if let Some(byte) = reader.peek() {
        let context = "after top-level value";
        return Err(JsonError::Character { byte, context });
    }
    fault.map_or(Ok(()), Err)
}

/// Reads one value into cleared `fields`. `Err` is a syntax error; `Ok` has the error for the first value of a wrong type, if any.
fn read_value<F: Fields>(
    reader: &mut Reader<'_>,
    fields: &mut F,
    scratch: &mut JsonScratch,
) -> Result<Option<JsonError>, JsonError> {
    let mut fault = None;
    reader.blanks();
    if reader.peek() == Some(b'{') {
        reader.object(fields, &mut scratch.reader, &mut fault, Depth::Outermost)?;
    } else {
        let value = reader.value(&mut scratch.reader)?;
        if value != Value::Null {
            fault = Some(JsonError::Type {
                found: value.kind().to_owned(),
                wanted: format!("value of type {}.{}", F::PACKAGE, F::TYPE),
            });
        }
    }
    Ok(fault)
}

#[cfg(test)]
mod tests;
