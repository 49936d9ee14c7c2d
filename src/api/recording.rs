//! The records that the recording of a test with users becomes, and the reading of them.

use crate::log::format::record::{DataType, Encoding, Entry, ExtWriter, Flags, Kind, Record, Topic, ext_type};
use crate::session::SessionId;

/// The name of every recording, as OpenReplay's bucket has it.
pub const FILE_NAME: &str = "ux_webcam_record.webm";

/// A place in a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Whose it is.
    pub session: SessionId,
    /// The session's project, 0 if not known.
    pub project: u32,
    /// When the upload began, in ms since the Unix epoch. With the session and the core it names the upload.
    pub began_ms: u64,
    /// How many bytes of the recording come before.
    pub offset: u64,
}

/// The record of a piece. An empty piece ends the recording. `ext` is cleared and filled.
pub fn entry<'a>(part: &Part, piece: &'a [u8], ext: &'a mut Vec<u8>) -> Entry<'a> {
    let mut writer = ExtWriter::new(ext);
    // Three short entries always fit.
    let _ = writer.push(ext_type::FILE_NAME, FILE_NAME.as_bytes());
    let _ = writer.push_wall_time_ms(part.began_ms);
    let _ = writer.push(ext_type::OFFSET, &part.offset.to_le_bytes());
    Entry {
        kind: Kind::Recording,
        topic: Topic::None,
        data_type: DataType::All,
        encoding: Encoding::Identity,
        session: part.session.0,
        project: part.project,
        split: 0,
        label: None,
        flags: Flags::NONE,
        ext,
        payload: piece,
    }
}

/// The place of a record in its recording; none if it is no part of one.
pub fn part(record: &Record<'_>) -> Option<Part> {
    if record.kind != Kind::Recording {
        return None;
    }
    let offset = record.ext.get(ext_type::OFFSET)?.try_into().ok().map(u64::from_le_bytes)?;
    let began_ms = record.ext.wall_time_ms()?;
    Some(Part { session: SessionId(record.session), project: record.project, began_ms, offset })
}
