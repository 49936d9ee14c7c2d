//! A record's line.

use bytes::Bytes;

use crate::courier::cause::{Cause, Trouble};
use crate::courier::destination::Packer;
use crate::log::format::record::{Kind, Record, RecordId};
use crate::records::RecordJson;

/// A line, with its line break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileLine {
    /// The record that it holds.
    pub id: RecordId,
    /// The line.
    pub line: Bytes,
}

/// Makes lines from records.
#[derive(Debug, Default)]
pub struct FilePacker {
    buffer: Vec<u8>,
}

/// What is kept of the buffer between records.
const BUFFER_BYTES_KEPT: usize = 1 << 20;

impl Packer for FilePacker {
    type Item = FileLine;

    fn pack(&mut self, record: &Record<'_>, items: &mut Vec<FileLine>) -> Result<(), Cause> {
        if matches!(record.kind, Kind::Pad | Kind::Tombstone) {
            return Ok(());
        }
        self.buffer.clear();
        self.buffer.shrink_to(BUFFER_BYTES_KEPT);
        let written = serde_json::to_writer(&mut self.buffer, &RecordJson::of(record));
        // Texts and numbers always have a JSON form.
        written.map_err(|error| Cause::new(Trouble::CannotBuild, "", error.to_string()))?;
        self.buffer.push(b'\n');
        items.push(FileLine { id: record.id, line: Bytes::copy_from_slice(&self.buffer) });
        Ok(())
    }

    fn item_bytes(item: &FileLine) -> usize {
        size_of::<FileLine>() + item.line.len()
    }
}
