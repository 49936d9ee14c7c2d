//! A part of a usability test's video, sent to `PUT /v1/web/uxt/recording/{token}`.
//!
//! A recording consists of many records: one for each piece as received, and an empty one at the end, whose offset is the total length. If the
//! empty one is missing, the upload was not finished.

use crate::log::format::record::{Entry, ExtWriter, Kind, Record, ext_type};
use crate::session::SessionId;

use super::blank;

/// The file name of every recording, as in OpenReplay's bucket.
pub const RECORDING_FILE_NAME: &str = "ux_webcam_record.webm";

/// A piece of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordingPart<'a> {
    /// The upload token's session.
    pub session: SessionId,
    /// Its project; 0 if unknown.
    pub project: u32,
    /// When the upload began, in ms since the Unix epoch. Together with the session and the core it identifies the upload.
    pub began_ms: u64,
    /// The number of bytes of the recording before this piece.
    pub offset: u64,
    /// The piece. An empty one ends the recording.
    pub piece: &'a [u8],
}

impl<'a> RecordingPart<'a> {
    /// The entry for the piece. The extension is written to `ext`, which is cleared first.
    pub fn entry(&self, ext: &'a mut Vec<u8>) -> Entry<'a> {
        let mut writer = ExtWriter::new(ext);
        // Three short texts always fit.
        let _ = writer.push(ext_type::FILE_NAME, RECORDING_FILE_NAME.as_bytes());
        let _ = writer.push_wall_time_ms(self.began_ms);
        let _ = writer.push(ext_type::OFFSET, &self.offset.to_le_bytes());
        Entry { ext, ..blank::entry(Kind::Recording, self.session.0, self.project, self.piece) }
    }

    /// The piece in a record; `None` if the record is something else.
    pub fn read(record: &Record<'a>) -> Option<Self> {
        if record.kind != Kind::Recording {
            return None;
        }
        let offset = record.ext.get(ext_type::OFFSET)?.try_into().ok().map(u64::from_le_bytes)?;
        let began_ms = record.ext.wall_time_ms()?;
        let session = SessionId(record.session);
        Some(Self { session, project: record.project, began_ms, offset, piece: record.payload })
    }
}

#[cfg(test)]
mod tests;
