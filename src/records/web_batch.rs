//! A batch from a web tracker, as the browser sent it to `POST /v1/web/i`.

use crate::codec::inflate::BATCH_FIRST_BYTES;
use crate::log::format::record::{DataType, Encoding, Entry, Ext, Flags, Kind, Label, Record, Topic};
use crate::session::SessionId;
use crate::tracker::ids::METADATA;

use super::blank;

// The codecs and the trackers agree on the first byte of a batch.
const _: () = {
    let mut at = 0;
    while at < METADATA.len() {
        assert!(BATCH_FIRST_BYTES[at] as u64 == METADATA[at]);
        at += 1;
    }
    assert!(METADATA.len() == BATCH_FIRST_BYTES.len());
};

/// Binary messages of a page. The topic is `raw-assets` for data type `assets`, and `raw` for all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebBatch<'a> {
    /// The token's session.
    pub session: SessionId,
    /// Its project; 0 if unknown.
    pub project: u32,
    /// The request's `DataType`. If it has no code, its text is in the extension.
    pub data_type: DataType,
    /// How the body is compressed.
    pub encoding: Encoding,
    /// Where the second batch of a `visual` upload begins, in bytes of the inflated body; 0 if there is only one batch.
    pub split: u32,
    /// Page and number of the batch, from the request's `batch` parameter.
    pub label: Option<Label>,
    /// The token had expired, but less than the grace period before.
    pub just_expired: bool,
    /// What [`BatchTexts`](super::BatchTexts) wrote.
    pub ext: Ext<'a>,
    /// The body as received.
    pub body: &'a [u8],
}

impl<'a> WebBatch<'a> {
    /// The topic that the batch is bound for. The second batch of a `visual` upload, after the split, is for `raw-assets`.
    pub const fn topic(&self) -> Topic {
        if matches!(self.data_type, DataType::Assets) { Topic::RawAssets } else { Topic::Raw }
    }

    /// The entry for the batch.
    pub const fn entry(&self) -> Entry<'a> {
        debug_assert!(self.split == 0 || matches!(self.data_type, DataType::Visual));
        let mut flags = Flags::NONE;
        if self.just_expired {
            flags = flags.with(Flags::JUST_EXPIRED);
        }
        if self.split > 0 {
            flags = flags.with(Flags::MAY_BE_SPLIT);
        }
        Entry {
            topic: self.topic(),
            data_type: self.data_type,
            encoding: self.encoding,
            split: self.split,
            label: self.label,
            flags,
            ext: self.ext.0,
            ..blank::entry(Kind::Batch, self.session.0, self.project, self.body)
        }
    }

    /// The batch in a record; `None` if the record is something else. An unusable one is an
    /// [`UnusableBatch`](super::UnusableBatch).
    pub fn read(record: &Record<'a>) -> Option<Self> {
        if record.kind != Kind::Batch || !matches!(record.topic, Topic::Raw | Topic::RawAssets) {
            return None;
        }
        Some(Self {
            session: SessionId(record.session),
            project: record.project,
            data_type: record.data_type,
            encoding: record.encoding,
            split: record.split,
            label: record.label,
            just_expired: record.flags.contains(Flags::JUST_EXPIRED),
            ext: record.ext,
            body: record.payload,
        })
    }
}

#[cfg(test)]
mod tests;
