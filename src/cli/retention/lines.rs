//! A line about each segment and hour.

use serde::Serialize;

#[cfg(feature = "archive")]
use crate::archive::hour::Hour;
#[cfg(feature = "archive")]
use crate::archive::retention::{Leaves, Removal};
use crate::log::retain::Deletion;
use crate::log::retain::stays::{Stay, Why};

/// The log or the archive.
#[derive(Debug)]
pub(super) struct Part {
    /// `log` or `archive`.
    pub name: &'static str,
    /// Its folder.
    pub folder: String,
    /// What it takes on the disk.
    pub bytes: u64,
    /// What goes, in this order, and then what stays, oldest first.
    pub lines: Vec<Line>,
}

/// A segment, or an hour of the archive, as `--json` prints it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Line {
    pub part: &'static str,
    /// Of a segment.
    pub core: Option<u16>,
    pub segment: Option<String>,
    /// Of the archive: when the hour began.
    pub hour: Option<String>,
    pub goes: bool,
    /// Why it goes, or stays.
    pub reason: &'static str,
    pub bytes: u64,
    pub records: u64,
    /// The projects whose rows go, if not all of the hour does.
    pub projects: Option<Vec<u32>>,
    /// Who holds it.
    pub consumers: Vec<String>,
    /// When it goes by its age, at the earliest.
    pub until_us: Option<u64>,
    /// The project that is kept for ever.
    pub project_id: Option<u32>,
    /// What is wrong with the archive, if it keeps the segment.
    pub error: Option<String>,
}

impl Line {
    fn empty(part: &'static str, goes: bool, reason: &'static str) -> Self {
        Self {
            part,
            core: None,
            segment: None,
            hour: None,
            goes,
            reason,
            bytes: 0,
            records: 0,
            projects: None,
            consumers: Vec::new(),
            until_us: None,
            project_id: None,
            error: None,
        }
    }

    fn of_segment(self, core: u16, id: u64, bytes: u64, records: u64) -> Self {
        Self { core: Some(core), segment: Some(id.to_string()), bytes, records, ..self }
    }

    /// A segment whose deletion was begun.
    pub(super) fn begun(core: u16, id: u64, bytes: u64) -> Self {
        Self::empty("log", true, "begun").of_segment(core, id, bytes, 0)
    }

    /// A segment that goes.
    pub(super) fn goes(deletion: &Deletion) -> Self {
        let Deletion { core, id, bytes, records, reason } = *deletion;
        Self::empty("log", true, reason.as_str()).of_segment(core, id, bytes, records)
    }

    /// A segment that stays.
    pub(super) fn stays(stay: &Stay) -> Self {
        Self::empty("log", false, "").of_segment(stay.core, stay.id, stay.bytes, stay.records).because(&stay.why)
    }

    /// Why it stays.
    fn because(mut self, why: &Why) -> Self {
        self.reason = why.as_str();
        match why {
            Why::Held(consumers) | Why::NotArchived(consumers) => self.consumers.clone_from(consumers),
            Why::Young(until_us) => self.until_us = Some(*until_us),
            Why::ForEver(project) => self.project_id = *project,
            Why::ArchiveFault(error) => self.error = Some(error.clone()),
            Why::Newest | Why::Doubt | Why::Clock | Why::Altered => {}
        }
        self
    }
}

#[cfg(feature = "archive")]
impl Line {
    fn of_hour(self, hour: Hour, bytes: u64, records: u64) -> Self {
        let (date, hour) = hour.date_and_hour();
        Self { hour: Some(format!("{date}T{hour}:00:00Z")), bytes, records, ..self }
    }

    /// An hour of which something leaves.
    pub(super) fn leaves(removal: &Removal) -> Self {
        let line = Self::empty("archive", true, removal.reason().as_str());
        let line = line.of_hour(removal.hour, removal.bytes, removal.rows);
        match &removal.leaves {
            Leaves::Whole(_) => line,
            Leaves::Projects(projects) => Self { projects: Some(projects.iter().copied().collect()), ..line },
        }
    }

    /// An hour of which something stays.
    pub(super) fn remains(hour: Hour, bytes: u64, records: u64, why: &Why) -> Self {
        Self::empty("archive", false, "").of_hour(hour, bytes, records).because(why)
    }
}
