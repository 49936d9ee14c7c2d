//! A cursor and the text of its file.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::log::error::LogError;
use crate::log::format::position::MergePosition;

use super::name::ConsumerName;
use super::position;

/// The version of a cursor's file.
pub const VERSION: u32 = 1;

/// A consumer, and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Its name.
    pub consumer: ConsumerName,
    /// Whether segments are kept until it has passed them.
    pub holds: bool,
    /// Each core's next record.
    pub position: MergePosition,
}

#[derive(Serialize, Deserialize)]
struct Body {
    version: u32,
    consumer: ConsumerName,
    holds: bool,
    position: MergePosition,
}

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl Cursor {
    /// The text of its file.
    ///
    /// # Errors
    /// None that a cursor can cause; the encoder's.
    pub fn encode(&self) -> Result<Vec<u8>, LogError> {
        let Cursor { consumer, holds, position } = self.clone();
        let body = Body { version: VERSION, consumer, holds, position };
        let mut text = serde_json::to_vec(&body)
            .map_err(|error| LogError::io(Path::new(self.consumer.as_str()), "encode the cursor")(error.into()))?;
        let checksum = crc32c::crc32c(&text);
        // The checksum becomes the last field: it covers the text as it would be without it.
        text.pop();
        text.extend_from_slice(format!(",\"crc32c\":{checksum}}}\n").as_bytes());
        Ok(text)
    }

    /// Reads the text of the file at `path`.
    ///
    /// # Errors
    /// [`LogError::Version`] for a newer one; [`LogError::Cursor`] for one that is torn, damaged or edited, or that names another consumer than
    /// its file does.
    pub fn decode(path: &Path, text: &[u8]) -> Result<Cursor, LogError> {
        let wrong = |fault| LogError::Cursor { path: path.to_path_buf(), fault };
        if let Ok(Versioned { version }) = serde_json::from_slice(text)
            && version > VERSION
        {
            return Err(LogError::Version { path: path.to_path_buf(), found: version, known: VERSION });
        }
        let body: Body = serde_json::from_slice(text).map_err(|_| wrong("not a cursor, or a torn or damaged one"))?;
        let Body { consumer, holds, position, .. } = body;
        let cursor = Cursor { consumer, holds, position };
        if cursor.encode()? != text {
            return Err(wrong("a damaged cursor: its checksum does not match what it says"));
        }
        if path.file_stem().and_then(|stem| stem.to_str()) != Some(cursor.consumer.as_str()) {
            return Err(wrong("the cursor of another consumer than its name tells"));
        }
        Ok(cursor)
    }

    /// Whether it has passed every record of a segment.
    pub fn has_passed(&self, core: u16, segment: u64, bytes: u64) -> bool {
        position::has_passed(&self.position, core, segment, bytes)
    }

    /// How many of a segment's `bytes` it has not passed.
    pub fn unread_bytes(&self, core: u16, segment: u64, bytes: u64) -> u64 {
        position::unread_bytes(&self.position, core, segment, bytes)
    }
}
