//! What a reader that came too late has missed.

use crate::log::format::ledger::Ledger;

use crate::log::format::position::Place;

/// What was deleted before a merge could hand it out. The figures are upper bounds where the ledger of deletions sums up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Skipped {
    /// Segments, whole or the rest of one.
    pub segments: u64,
    /// Their records; of a segment that was begun, all.
    pub records: u64,
    /// Bytes of segments that were not read.
    pub bytes: u64,
}

impl Skipped {
    pub(super) fn add(&mut self, ledger: &Ledger, from: Place, to_segment: u64) {
        if let Some(older) = ledger.older_between(from, to_segment) {
            *self = self.and(Skipped { segments: older.segments, records: older.records, bytes: older.bytes });
        }
        for entry in ledger.between(from, to_segment) {
            let read = if entry.segment == from.segment { from.offset } else { 0 };
            *self = self.and(Skipped { segments: 1, records: entry.records, bytes: entry.bytes.saturating_sub(read) });
        }
    }

    pub(super) fn and(self, other: Skipped) -> Skipped {
        Skipped {
            segments: self.segments.saturating_add(other.segments),
            records: self.records.saturating_add(other.records),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }
}
