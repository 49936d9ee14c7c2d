//! What a record is, as one enum of all types.

use crate::log::format::record::{Kind, Record};

use super::images::Images;
use super::mobile_batch::MobileBatch;
use super::recording::RecordingPart;
use super::sdk_batch::SdkBatch;
use super::start::Start;
use super::table_row::TableRow;
use super::unusable::UnusableBatch;
use super::web_batch::WebBatch;

/// What a record is. The variants exclude each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content<'a> {
    /// A batch of a web tracker.
    WebBatch(WebBatch<'a>),
    /// A batch of a phone.
    MobileBatch(MobileBatch<'a>),
    /// Events of the analytics SDK.
    SdkBatch(SdkBatch<'a>),
    /// A batch of one of these three kinds that was kept although it is unusable.
    UnusableBatch(UnusableBatch<'a>),
    /// The start of a session.
    Start(Start<'a>),
    /// Frames of a canvas or a screen.
    Images(Images<'a>),
    /// A row for a table.
    TableRow(TableRow<'a>),
    /// A piece of a recording.
    RecordingPart(RecordingPart<'a>),
    /// A pad, a tombstone, or something that a newer version wrote.
    Other,
}

impl<'a> Content<'a> {
    /// What `record` is.
    pub fn of(record: &Record<'a>) -> Self {
        if let Some(batch) = UnusableBatch::read(record) {
            return Self::UnusableBatch(batch);
        }
        let found = match record.kind {
            Kind::Batch => {
                WebBatch::read(record).map(Self::WebBatch).or_else(|| MobileBatch::read(record).map(Self::MobileBatch))
            }
            Kind::Sdk => SdkBatch::read(record).map(Self::SdkBatch),
            Kind::Start => Start::read(record).map(Self::Start),
            Kind::Image => Images::read(record).map(Self::Images),
            Kind::Row => TableRow::read(record).map(Self::TableRow),
            Kind::Recording => RecordingPart::read(record).map(Self::RecordingPart),
            Kind::Pad | Kind::Tombstone => None,
        };
        found.unwrap_or(Self::Other)
    }
}

#[cfg(test)]
mod tests;
