//! How far a consumer is behind.

use std::time::Duration;

use crate::log::LogError;
use crate::log::format::header::PAGE_BYTES;
use crate::log::read::merge::MergePosition;
use crate::log::read::reader::{LogReader, SegmentInfo};

/// What a consumer has not passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lag {
    /// Records. Exact for sealed segments of which it has read nothing; in the others estimated by the bytes, because nobody counts what is in them.
    pub records: u64,
    /// Bytes of the log, with headers and padding.
    pub bytes: u64,
    /// The age of the oldest record, at most.
    pub time: Duration,
}

/// The records that a consumer has taken, by which those to come are estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Pace {
    records: u64,
    stored_bytes: u64,
}

impl Pace {
    pub(super) fn add(&mut self, records: u64, stored_bytes: u64) {
        self.records += records;
        self.stored_bytes += stored_bytes;
    }
}

/// Measures what is behind `passed` (None: all of the log). Everything received before `reached_us` has been passed.
pub(super) fn measure(
    reader: &LogReader,
    passed: Option<&MergePosition>,
    reached_us: Option<u64>,
    mut pace: Pace,
) -> Result<Lag, LogError> {
    let place = |core: u16| passed.and_then(|position| position.cores.get(&core)).copied();
    let mut segments = reader.segments_that(&|core, id| place(core).is_none_or(|place| id >= place.segment))?;
    // Those with a sidecar first: they may have to tell how large a record is.
    segments.sort_by_key(|segment| segment.sidecar.is_none());
    let mut lag = Lag::default();
    for segment in &segments {
        let begun = place(segment.core).filter(|place| place.segment == segment.id).map_or(0, |place| place.offset);
        // The first page holds no record.
        let unread = segment.bytes.saturating_sub(begun.max(PAGE_BYTES as u64));
        lag.bytes += unread;
        lag.records += records_in(segment, unread, &mut pace);
    }
    if lag.bytes > 0 {
        let now_us = reader.now_us();
        lag.time = Duration::from_micros(now_us.saturating_sub(reached_us.unwrap_or(now_us)));
    }
    Ok(lag)
}

/// How many records are in the last `unread` bytes of a segment.
fn records_in(segment: &SegmentInfo, unread: u64, pace: &mut Pace) -> u64 {
    let bytes = segment.bytes.saturating_sub(PAGE_BYTES as u64);
    if let Some(sidecar) = &segment.sidecar {
        if pace.records == 0 {
            pace.add(sidecar.records, bytes);
        }
        return share(sidecar.records, unread, bytes);
    }
    match share(pace.records, unread, pace.stored_bytes) {
        // There may be nothing but padding, but more often there is a record.
        0 => u64::from(unread > 0),
        records => records,
    }
}

/// `part` of `whole`, applied to `amount`.
fn share(amount: u64, part: u64, whole: u64) -> u64 {
    if whole == 0 {
        return 0;
    }
    u64::try_from(u128::from(amount) * u128::from(part) / u128::from(whole)).unwrap_or(u64::MAX)
}
