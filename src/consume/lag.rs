//! How far a consumer is behind.

use std::time::Duration;

use crate::log::LogError;
use crate::log::format::header::PAGE_BYTES;
use crate::log::format::record::{ALIGN_BYTES, HEADER_BYTES};
use crate::log::read::merge::{Merge, MergePosition, Place, RepeatWindow};
use crate::log::read::reader::{LogReader, SegmentInfo};

/// What a consumer has not passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lag {
    /// Records. Exact for sealed segments that it has not begun to read; estimated from the bytes for the others, whose records nobody counts.
    pub records: u64,
    /// Bytes of the log, including headers and padding.
    pub bytes: u64,
    /// An upper bound for the age of the oldest record.
    pub time: Duration,
}

/// The records and bytes that a consumer has taken, from which the number of unread records is estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct ConsumedTotals {
    records: u64,
    log_bytes: u64,
}

impl ConsumedTotals {
    pub(super) fn add(&mut self, records: u64, log_bytes: u64) {
        self.records += records;
        self.log_bytes += log_bytes;
    }
}

/// The records read to estimate the number of the others.
const SAMPLE_RECORDS: u64 = 1000;

/// Measures what comes after a saved position, for a consumer that does not run. The first records are read.
///
/// # Errors
/// The log can't be read.
pub fn after(reader: &LogReader, position: &MergePosition) -> Result<Lag, LogError> {
    let mut merge = Merge::resume(reader.clone(), position)?.with_repeat_window(RepeatWindow::OFF);
    let (mut consumed, mut first_us) = (ConsumedTotals::default(), None);
    let (mut records, mut stored) = (0, 0);
    while records < SAMPLE_RECORDS
        && let Some(record) = merge.next_settled()?
    {
        first_us.get_or_insert(record.order_us);
        records += 1;
        stored += stored_bytes(record.ext.0.len() + record.payload.len());
    }
    consumed.add(records, bytes_between(Some(position), &merge.position()).max(stored));
    let all_read = records < SAMPLE_RECORDS;
    let lag = measure(reader, Some(position), first_us, consumed)?;
    Ok(if all_read { Lag { records, ..lag } } else { lag })
}

/// What a record with this many bytes takes in a segment, without padding.
pub(super) fn stored_bytes(bytes: usize) -> u64 {
    (HEADER_BYTES + bytes).next_multiple_of(ALIGN_BYTES) as u64
}

/// The bytes of the log from one position to another, with headers and padding; `None` for its beginning. What lies in segments that were left
/// between the two is not counted, so that this needs no file: a caller that knows more takes the larger number.
pub(super) fn bytes_between(from: Option<&MergePosition>, to: &MergePosition) -> u64 {
    let of_core = |(core, to): (&u16, &Place)| {
        let from = from.and_then(|from| from.cores.get(core)).filter(|from| from.segment == to.segment);
        // The first page holds no record.
        to.offset.saturating_sub(from.map_or(PAGE_BYTES as u64, |from| from.offset.max(PAGE_BYTES as u64)))
    };
    to.cores.iter().map(of_core).sum()
}

/// Measures what comes after `passed` (`None`: the whole log). Everything received before `reached_us` has been passed.
pub(super) fn measure(
    reader: &LogReader,
    passed: Option<&MergePosition>,
    reached_us: Option<u64>,
    mut consumed: ConsumedTotals,
) -> Result<Lag, LogError> {
    let place = |core: u16| passed.and_then(|position| position.cores.get(&core)).copied();
    let mut segments = reader.segments_that(&|core, id| place(core).is_none_or(|place| id >= place.segment))?;
    // Segments with a sidecar come first, because the average record size may have to be taken from one.
    segments.sort_by_key(|segment| segment.sidecar.is_none());
    let mut lag = Lag::default();
    for segment in &segments {
        let begun = place(segment.core).filter(|place| place.segment == segment.id).map_or(0, |place| place.offset);
        // The first page holds no record.
        let unread = segment.bytes.saturating_sub(begun.max(PAGE_BYTES as u64));
        lag.bytes += unread;
        lag.records += records_in(segment, unread, &mut consumed);
    }
    if lag.bytes > 0 {
        let now_us = reader.now_us();
        lag.time = Duration::from_micros(now_us.saturating_sub(reached_us.unwrap_or(now_us)));
    }
    Ok(lag)
}

/// How many records are in the last `unread` bytes of a segment.
fn records_in(segment: &SegmentInfo, unread: u64, consumed: &mut ConsumedTotals) -> u64 {
    let bytes = segment.bytes.saturating_sub(PAGE_BYTES as u64);
    if let Some(sidecar) = &segment.sidecar {
        if consumed.records == 0 {
            consumed.add(sidecar.records, bytes);
        }
        return share(sidecar.records, unread, bytes);
    }
    match share(consumed.records, unread, consumed.log_bytes) {
        // The bytes may be only padding, but are more likely a record.
        0 => u64::from(unread > 0),
        records => records,
    }
}

/// `amount * part / whole`; 0 if `whole` is 0.
fn share(amount: u64, part: u64, whole: u64) -> u64 {
    if whole == 0 {
        return 0;
    }
    u64::try_from(u128::from(amount) * u128::from(part) / u128::from(whole)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
