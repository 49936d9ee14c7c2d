//! Segments that were deleted before they were in the store: on a full disk, with `full_disk = "drop-oldest"`.
//!
//! The log notes each deletion in its core's ledger before it takes the segment away.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use crate::log::format::ledger::{FILE_NAME, Ledger};
use crate::log::format::position::{MergePosition, Place};
use crate::log::names::core_dir;

/// What was deleted. Upper bounds where a ledger sums up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Deleted {
    pub(super) segments: u64,
    pub(super) records: u64,
    pub(super) bytes: u64,
}

/// When a ledger was written, and the oldest segment that was there when it was read.
type Look = (Option<(SystemTime, u64)>, u64);

/// Looks at the ledgers, each only when something has changed.
#[derive(Debug, Default)]
pub(super) struct Deletions {
    looked: BTreeMap<u16, Look>,
}

impl Deletions {
    /// What was deleted between the position and the oldest segments that are there and not passed (`oldest`, by core), and was not uploaded
    /// ahead. Moves the position behind it, so that it is counted once.
    pub(super) fn pass(
        &mut self,
        log_dir: &Path,
        cores: &BTreeSet<u16>,
        oldest: &BTreeMap<u16, u64>,
        position: &mut MergePosition,
        ahead: &mut BTreeSet<(u16, u64)>,
    ) -> Deleted {
        let mut deleted = Deleted::default();
        for &core in cores {
            let dir = core_dir(log_dir, core);
            let stamp =
                fs::metadata(dir.join(FILE_NAME)).ok().and_then(|meta| Some((meta.modified().ok()?, meta.len())));
            let to = oldest.get(&core).copied().unwrap_or(u64::MAX);
            if stamp.is_none() || self.looked.insert(core, (stamp, to)) == Some((stamp, to)) {
                continue;
            }
            let from = position.cores.get(&core).copied().unwrap_or(Place { segment: 0, offset: 0 });
            let mut reached = from;
            let ledger = Ledger::read(&dir);
            if let Some(older) = ledger.older_between(from, to) {
                deleted.add(older.segments, older.records, older.bytes);
                reached = Place { segment: older.segment, offset: u64::MAX };
            }
            for entry in ledger.between(from, to) {
                reached = reached.max(Place { segment: entry.segment, offset: entry.bytes });
                if !ahead.remove(&(core, entry.segment)) {
                    deleted.add(1, entry.records, entry.bytes);
                }
            }
            if reached != from {
                position.cores.insert(core, reached);
            }
        }
        deleted
    }
}

impl Deleted {
    /// A ledger has no checksum, so its counts may be anything.
    fn add(&mut self, segments: u64, records: u64, bytes: u64) {
        self.segments = self.segments.saturating_add(segments);
        self.records = self.records.saturating_add(records);
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

#[cfg(test)]
mod tests;
