//! The name of a record.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use uuid::Uuid;

/// A record's name, the same for ever: which log, which core, which segment, which byte. Written `uuid/core/segment/offset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordId {
    /// The log.
    pub log: Uuid,
    /// The core that wrote it.
    pub core: u16,
    /// The segment: its creation time.
    pub segment: u64,
    /// The byte at which its header begins.
    pub offset: u64,
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}", self.log, self.core, self.segment, self.offset)
    }
}

/// A text that is no record id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a record id: expected log-uuid/core/segment/offset")]
pub struct BadRecordId;

impl From<ParseIntError> for BadRecordId {
    fn from(_: ParseIntError) -> BadRecordId {
        BadRecordId
    }
}

impl FromStr for RecordId {
    type Err = BadRecordId;

    fn from_str(text: &str) -> Result<RecordId, BadRecordId> {
        let mut parts = text.split('/');
        let mut next = || parts.next().ok_or(BadRecordId);
        let id = RecordId {
            log: next()?.parse().map_err(|_| BadRecordId)?,
            core: next()?.parse()?,
            segment: next()?.parse()?,
            offset: next()?.parse()?,
        };
        if parts.next().is_some() { Err(BadRecordId) } else { Ok(id) }
    }
}
