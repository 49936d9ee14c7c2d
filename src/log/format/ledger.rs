//! What was deleted of a core's log: `core-NN/deleted.json`, written before each deletion.
//!
//! Ids of segments are times and not counts, so the files that are left don't tell what is missing between them. The ledger does: a reader
//! that finds its place deleted can say how much it has missed. The newest deletions are named one by one, older ones are summed up. It vouches for
//! no record, so that one that is lost or damaged only costs this knowledge: it counts as empty.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::log::disk::calls::Disk;
use crate::log::disk::{calls, small_file};
use crate::log::error::LogError;

use super::position::Place;

/// The name of the file in a core's folder.
pub const FILE_NAME: &str = "deleted.json";

/// How many deletions are named one by one.
pub const ENTRIES_MAX: usize = 256;

const VERSION: u32 = 1;

/// How far order time may be ahead of the clock that a reader goes by, for a segment's id to be believed.
const DELETED_AHEAD_US_MAX: u64 = 30 * 24 * 3600 * 1_000_000;

/// Above what the entries take.
const BYTES_MAX: u64 = 1 << 20;

/// The deletions of a core's segments.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    version: u32,
    /// What was deleted before the first of `entries`, all in one.
    older: Option<OlderDeletions>,
    /// The newest deletions, by segment.
    entries: Vec<DeletedSegment>,
}

/// A deleted segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedSegment {
    /// Its id.
    pub segment: u64,
    /// The length of its file.
    pub bytes: u64,
    /// Its records; 0 if no sidecar said.
    pub records: u64,
}

/// Deletions that are not named any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OlderDeletions {
    /// The newest of them.
    pub segment: u64,
    /// How many.
    pub segments: u64,
    /// The lengths of their files.
    pub bytes: u64,
    /// Their records.
    pub records: u64,
}

impl Ledger {
    /// The ledger in a core's folder; an empty one where there is none that can be read.
    pub fn read(core_dir: &Path) -> Ledger {
        let text = small_file::read(&path(core_dir), BYTES_MAX).ok().flatten();
        let ledger = text.and_then(|text| serde_json::from_slice::<Ledger>(&text).ok());
        ledger.filter(|ledger| ledger.version == VERSION).unwrap_or_default()
    }

    /// Adds a segment that is about to be deleted, once.
    pub fn add(&mut self, entry: DeletedSegment) {
        self.version = VERSION;
        match self.entries.binary_search_by_key(&entry.segment, |known| known.segment) {
            // The deletion was begun before, and did not come far.
            Ok(at) => self.entries[at] = entry,
            Err(at) => self.entries.insert(at, entry),
        }
        if self.entries.len() > ENTRIES_MAX {
            let gone = self.entries.remove(0);
            let older = self.older.get_or_insert(OlderDeletions { segment: 0, segments: 0, bytes: 0, records: 0 });
            older.segment = older.segment.max(gone.segment);
            // The file has no checksum, so its counts may be anything.
            older.segments = older.segments.saturating_add(1);
            older.bytes = older.bytes.saturating_add(gone.bytes);
            older.records = older.records.saturating_add(gone.records);
        }
    }

    /// Writes it into the core's folder; when this returns, it survives the machine.
    pub fn write(&self, core_dir: &Path) -> Result<(), LogError> {
        self.write_on(calls::REAL, core_dir)
    }

    pub(in crate::log) fn write_on(&self, disk: &dyn Disk, core_dir: &Path) -> Result<(), LogError> {
        let path = path(core_dir);
        let mut text =
            serde_json::to_vec(self).map_err(|error| LogError::io(&path, "note the deletion")(error.into()))?;
        text.push(b'\n');
        small_file::replace(disk, &path, &text, "note the deletion")
    }

    /// The place after the newest deleted segment; None for one created long after `now_us`, which would hide everything that follows.
    pub fn newest_place(&self, now_us: u64) -> Option<Place> {
        let entry = self.entries.last().map(|last| Place { segment: last.segment, offset: last.bytes });
        let newest = entry.or(self.older.map(|older| Place { segment: older.segment, offset: u64::MAX }));
        newest.filter(|place| place.segment <= now_us.saturating_add(DELETED_AHEAD_US_MAX))
    }

    /// The deleted segments that lie between a place and a segment, the one of the place among them if it was not read to its end.
    pub fn between(&self, from: Place, to_segment: u64) -> impl Iterator<Item = DeletedSegment> + '_ {
        let missed = move |entry: &&DeletedSegment| {
            entry.segment < to_segment
                && (entry.segment > from.segment || (entry.segment == from.segment && from.offset < entry.bytes))
        };
        self.entries.iter().filter(missed).copied()
    }

    /// What is summed up, where the newest of it lies between a place and a segment.
    pub fn older_between(&self, from: Place, to_segment: u64) -> Option<OlderDeletions> {
        self.older.filter(|older| from.segment < older.segment && older.segment < to_segment)
    }
}

fn path(core_dir: &Path) -> PathBuf {
    core_dir.join(FILE_NAME)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(segment: u64) -> DeletedSegment {
        DeletedSegment { segment, bytes: 100, records: 3 }
    }

    #[test]
    fn deletions_are_told_between_a_place_and_a_segment() {
        let mut ledger = Ledger::default();
        [5, 3, 9, 3].map(entry).into_iter().for_each(|entry| ledger.add(entry));
        let between = |segment, offset, to| {
            ledger.between(Place { segment, offset }, to).map(|entry| entry.segment).collect::<Vec<_>>()
        };
        assert_eq!(between(0, 0, 100), [3, 5, 9]);
        assert_eq!(between(3, 100, 9), [5], "3 was read to its end");
        assert_eq!(between(3, 99, 10), [3, 5, 9], "3 was not");
        assert_eq!(ledger.newest_place(9), Some(Place { segment: 9, offset: 100 }));
    }

    #[test]
    fn a_ledger_is_bounded_and_loses_no_count() {
        let dir = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::default();
        let all = ENTRIES_MAX as u64 + 40;
        (1..=all).for_each(|segment| ledger.add(entry(segment)));
        ledger.write(dir.path()).unwrap();
        let read = Ledger::read(dir.path());
        assert_eq!(read, ledger);
        assert_eq!(read.entries.len(), ENTRIES_MAX);
        assert_eq!(read.older, Some(OlderDeletions { segment: 40, segments: 40, bytes: 4_000, records: 120 }));
        assert_eq!(read.older_between(Place { segment: 40, offset: 0 }, 1_000), None);
        assert_eq!(read.older_between(Place { segment: 1, offset: 0 }, 40), None);
        assert!(read.older_between(Place { segment: 39, offset: 0 }, 41).is_some());
    }

    #[test]
    fn a_damaged_ledger_counts_as_empty() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Ledger::read(dir.path()), Ledger::default());
        std::fs::write(dir.path().join(FILE_NAME), b"{\"version\":1,\"entr").unwrap();
        assert_eq!(Ledger::read(dir.path()), Ledger::default());
    }
}
