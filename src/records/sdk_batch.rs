//! Events from the analytics SDK, as it sent them to `POST /v1/sdk/i`.

use crate::log::format::record::{Encoding, Entry, Kind, Record, Topic};
use crate::session::SessionId;

use super::blank;

/// JSON that has not been parsed. The topic is `raw-analytics`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SdkBatch<'a> {
    /// The token's session.
    pub session: SessionId,
    /// Its project; 0 if unknown.
    pub project: u32,
    /// How the body is compressed.
    pub encoding: Encoding,
    /// The body as received.
    pub body: &'a [u8],
}

impl<'a> SdkBatch<'a> {
    /// The entry for the events.
    pub const fn entry(&self) -> Entry<'a> {
        Entry {
            topic: Topic::RawAnalytics,
            encoding: self.encoding,
            ..blank::entry(Kind::Sdk, self.session.0, self.project, self.body)
        }
    }

    /// The events in a record; `None` if the record is something else. An unusable body is an
    /// [`UnusableBatch`](super::UnusableBatch).
    pub fn read(record: &Record<'a>) -> Option<Self> {
        if (record.kind, record.topic) != (Kind::Sdk, Topic::RawAnalytics) {
            return None;
        }
        Some(Self {
            session: SessionId(record.session),
            project: record.project,
            encoding: record.encoding,
            body: record.payload,
        })
    }
}

#[cfg(test)]
mod tests;
