//! A batch from a mobile tracker, as the phone sent it to `POST /v1/mobile/i` or `late`.

use crate::log::format::record::{Encoding, Entry, Flags, Kind, Record, Topic};
use crate::session::SessionId;

use super::blank;

/// Binary messages of an app. The topic is `raw-ios`, for Android too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MobileBatch<'a> {
    /// The token's session.
    pub session: SessionId,
    /// Its project; 0 if unknown.
    pub project: u32,
    /// How the body is compressed.
    pub encoding: Encoding,
    /// The token had expired, but less than the grace period before.
    pub just_expired: bool,
    /// The body as received.
    pub body: &'a [u8],
}

impl<'a> MobileBatch<'a> {
    /// The entry for the batch.
    pub const fn entry(&self) -> Entry<'a> {
        Entry {
            topic: Topic::RawIos,
            encoding: self.encoding,
            flags: if self.just_expired { Flags::JUST_EXPIRED } else { Flags::NONE },
            ..blank::entry(Kind::Batch, self.session.0, self.project, self.body)
        }
    }

    /// The batch in a record; `None` if the record is something else. An unusable one is an
    /// [`UnusableBatch`](super::UnusableBatch).
    pub fn read(record: &Record<'a>) -> Option<Self> {
        if (record.kind, record.topic) != (Kind::Batch, Topic::RawIos) {
            return None;
        }
        Some(Self {
            session: SessionId(record.session),
            project: record.project,
            encoding: record.encoding,
            just_expired: record.flags.contains(Flags::JUST_EXPIRED),
            body: record.payload,
        })
    }
}

#[cfg(test)]
mod tests;
