//! What a source was found to be when it was read: repeats that were left out, and places that are not whole.

#[cfg(feature = "archive")]
use std::path::Path;

use serde::Serialize;

use crate::cli::log_folder;
use crate::cli::output::{counted, warn};
use crate::log::read::merge::Merge;

/// How many places are named; more are only counted.
const NAMED_MAX: usize = 1024;

/// How many of an archive's places are told on stderr one by one.
const TOLD_MAX: usize = 20;

/// A place that is not whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Damaged {
    /// The file.
    pub path: String,
    /// Of a log: the byte at which it begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Of an archive: the row group, from 0; `None` for the file as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row_group: Option<usize>,
    /// Of an archive: how many records were left out, as far as that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<u64>,
    /// What is wrong.
    pub reason: String,
}

/// What was found in a source.
#[derive(Debug, Default)]
pub struct Findings {
    /// The log, as far as it was read.
    log: Option<Merge>,
    archive: Vec<Damaged>,
    archive_places: u64,
}

impl Findings {
    /// The log was read by this merge.
    pub fn log(&mut self, merge: Merge) {
        self.log = Some(merge);
    }

    /// A place of the archive is not whole.
    #[cfg(feature = "archive")]
    pub fn damaged(&mut self, found: Damaged) {
        self.archive_places += 1;
        if self.archive.len() < NAMED_MAX {
            self.archive.push(found);
        }
    }

    /// How many repeats were left out.
    pub fn repeats(&self) -> u64 {
        self.log.as_ref().map_or(0, Merge::repeats)
    }

    /// How many places were damaged.
    pub fn places(&self) -> u64 {
        self.archive_places + self.log.as_ref().map_or(0, Merge::damage_count)
    }

    /// The first damaged places.
    pub fn named(&self) -> impl Iterator<Item = Damaged> + '_ {
        let of_log = self.log.iter().flat_map(Merge::damage).map(|damage| Damaged {
            path: damage.path.display().to_string(),
            offset: Some(damage.offset),
            row_group: None,
            records: None,
            reason: damage.reason.to_owned(),
        });
        self.archive.iter().cloned().chain(of_log).take(NAMED_MAX)
    }

    /// Reports it on stderr.
    pub fn remark(&self) {
        for found in self.archive.iter().take(TOLD_MAX) {
            let group = found.row_group.map(|group| format!(", row group {group}")).unwrap_or_default();
            let records = found.records.map(|records| format!("; {}", counted(records, "record"))).unwrap_or_default();
            warn(&format!("{}{group}: {}{records}", found.path, found.reason));
        }
        if self.archive_places > TOLD_MAX as u64 {
            warn(&format!("and {} more damaged places of the archive", self.archive_places - TOLD_MAX as u64));
        }
        if let Some(merge) = &self.log {
            log_folder::remark(merge);
        }
    }
}

/// A path, and why nothing is read of it.
#[cfg(feature = "archive")]
pub fn whole_file(path: &Path, records: Option<u64>, reason: impl Into<String>) -> Damaged {
    Damaged { path: path.display().to_string(), offset: None, row_group: None, records, reason: reason.into() }
}
