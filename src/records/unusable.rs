//! Bodies that no service can use, kept as received: larger than the client may send, not in the coding that they claim, or with a wrong split.
//!
//! Such a record is not bound for any queue and is never cut. Its kind, its extension and the rest of its header are those of the batch that it
//! would have been.

use crate::log::format::record::{Encoding, Entry, Flags, Kind, Record, Topic};
use crate::session::SessionId;

use super::source::Source;

/// A body from one of the three batch routes that was kept although it is unusable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnusableBatch<'a> {
    /// The kind of client, which tells the route.
    pub source: Source,
    /// The token's session.
    pub session: SessionId,
    /// Its project; 0 if unknown.
    pub project: u32,
    /// How the body is compressed, or claims to be.
    pub encoding: Encoding,
    /// The body as received.
    pub body: &'a [u8],
}

/// Marks the entry of a batch as unusable: not bound for any queue, and never cut.
#[must_use]
pub fn mark_unusable(entry: Entry<'_>) -> Entry<'_> {
    debug_assert!(matches!(entry.kind, Kind::Batch | Kind::Sdk));
    let mut flags = entry.flags.with(Flags::UNUSABLE).without(Flags::MAY_BE_SPLIT);
    // The topic, which distinguishes a phone's batch from a browser's, is removed below.
    if entry.topic == Topic::RawIos {
        flags = flags.with(Flags::PHONE);
    }
    Entry { topic: Topic::None, split: 0, flags, ..entry }
}

impl<'a> UnusableBatch<'a> {
    /// The body in a record; `None` if the record is something else.
    pub fn read(record: &Record<'a>) -> Option<Self> {
        if !record.flags.contains(Flags::UNUSABLE) {
            return None;
        }
        let source = match record.kind {
            Kind::Batch if record.flags.contains(Flags::PHONE) => Source::Mobile,
            Kind::Batch => Source::Web,
            Kind::Sdk => Source::Sdk,
            _ => return None,
        };
        Some(Self {
            source,
            session: SessionId(record.session),
            project: record.project,
            encoding: record.encoding,
            body: record.payload,
        })
    }
}

#[cfg(test)]
mod tests;
