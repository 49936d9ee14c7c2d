//! Finding a time in a segment without an index: a valid header is recognizable anywhere, by its marker and its checksum.

use crate::log::error::LogError;
use crate::log::format::record::{Kind, RecordHeader};

use super::{FIRST, STEP, SegmentReader};

/// Closer than this, reading on costs less than another look.
const NEAR_BYTES: u64 = 64 << 10;

impl SegmentReader {
    /// Goes to a record that is not far before the first one of at least this order time, and tells its offset; None where the
    /// segment's first record is that late, or none can be found.
    pub(in crate::log) fn seek_before(&mut self, order_us: u64) -> Result<Option<u64>, LogError> {
        let limit = self.end.limit();
        let older = |found: Option<(u64, RecordHeader)>| found.filter(|(_, header)| header.order_us < order_us);
        let Some((mut from, _)) = older(self.header_from(FIRST, limit)?) else { return Ok(None) };
        let mut to = limit;
        while to.saturating_sub(from) > NEAR_BYTES {
            let middle = from + (to - from) / 2 / STEP * STEP;
            match older(self.header_from(middle, to)?) {
                Some((at, _)) => from = at,
                None => to = middle,
            }
        }
        self.seek(from);
        Ok(Some(from))
    }

    /// The header of the first record in `at..to`. Pads and known damage are left out.
    fn header_from(&mut self, mut at: u64, to: u64) -> Result<Option<(u64, RecordHeader)>, LogError> {
        while at < to {
            if let Some(hole) = self.holes.iter().find(|hole| hole.holds(at)) {
                at = hole.end().checked_next_multiple_of(STEP).unwrap_or(to);
                continue;
            }
            at = self.next_header(at, self.end.limit())?;
            if at >= to || self.holes.iter().any(|hole| hole.holds(at)) {
                continue;
            }
            match RecordHeader::decode(self.window.header_at(at), self.header.marker) {
                Ok(header) if header.kind == Kind::Pad => at = at.saturating_add(header.stored_bytes()),
                Ok(header) => return Ok(Some((at, header))),
                Err(_) => at += STEP,
            }
        }
        Ok(None)
    }
}
