//! A file of the archive, as the manifest names it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::archive::error::ArchiveError;
use crate::archive::hour::Hour;
use crate::archive::place::ArchivePath;
use crate::archive::source::{Source, SourceFile};
use crate::log::read::merge::MergePosition;

/// From this size on, a row matters for how many files are merged at once.
pub const LARGE_ROW_BYTES: u64 = 1 << 20;

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its path below the archive's folder.
    pub path: String,
    /// The table.
    pub table: String,
    /// The day of reception, UTC.
    pub date: String,
    /// The hour of that day.
    pub hour: String,
    /// The log that its rows come from.
    pub log: String,
    /// Where its range of the log begins: the next record of each core.
    pub from: Places,
    /// Where it ends: the next record of each core after it.
    pub to: Places,
    /// Rows.
    pub rows: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// What its rows take in memory: texts and payloads, inflated.
    pub inflated_bytes: u64,
    /// What the largest row takes of that; 0 if it is smaller than [`LARGE_ROW_BYTES`].
    #[serde(default, skip_serializing_if = "is_zero")]
    pub largest_row: u64,
    /// BLAKE3 of the file.
    pub blake3: String,
    /// When the first of its rows was received, in microseconds.
    pub first_us: i64,
    /// When the last one was.
    pub last_us: i64,
    /// When all of its rows had been received by the wall clock, in microseconds, if the end of its hour does not say it: the clock of the server was off. 0
    /// elsewhere. What is old enough to be deleted goes by it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub received_us: u64,
    /// The smallest project and session.
    pub first_session: (i64, i64),
    /// The largest project and session.
    pub last_session: (i64, i64),
    /// How many files it was merged from; 0 if it was written from the log.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub merged_from: u64,
}

/// A place in each core's log: segment and offset.
pub type Places = BTreeMap<u16, (u64, u64)>;

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The places of a position.
pub fn places(position: Option<&MergePosition>) -> Places {
    let cores = position.into_iter().flat_map(|position| &position.cores);
    cores.map(|(&core, place)| (core, (place.segment, place.offset))).collect()
}

impl FileEntry {
    /// Its hour.
    pub fn hour(&self) -> Hour {
        Hour::of_us(self.first_us.cast_unsigned())
    }

    /// When all of its rows had been received, at the latest, in microseconds.
    pub fn received_by_us(&self) -> u64 {
        if self.received_us == 0 { self.hour().end_us() } else { self.received_us }
    }

    /// Sets when all of its rows had been received, at the latest.
    pub(in crate::archive) fn set_received_by(&mut self, us: u64) {
        self.received_us = if us == self.hour().end_us() { 0 } else { us };
    }

    /// Opens it for a reader of Parquet.
    ///
    /// # Errors
    /// [`ArchiveError::Missing`]; [`ArchiveError::Damaged`] if it has another length; failures to read.
    pub fn open(&self, source: &Source) -> Result<SourceFile, ArchiveError> {
        source.open(&self.path, self.bytes)
    }

    /// Compares its bytes with the hash.
    ///
    /// # Errors
    /// Those of [`Self::open`], and [`ArchiveError::Damaged`].
    pub fn check(&self, source: &Source) -> Result<(), ArchiveError> {
        let file = self.open(source)?;
        if file.hash()?.to_hex().as_str() == self.blake3 {
            return Ok(());
        }
        Err(ArchiveError::Damaged { path: source.path(&self.path) })
    }

    /// Whether its path is that of a file of its table, day and hour. What is read from a manifest is used as a path only if it is.
    pub(super) fn is_in_place(&self) -> bool {
        ArchivePath::parse(&self.path)
            .is_some_and(|path| (path.table, path.date, path.hour) == (&*self.table, &*self.date, &*self.hour))
    }

    /// Its number.
    pub(super) fn number(&self) -> u64 {
        ArchivePath::parse(&self.path).map_or(0, |path| path.number)
    }
}
