//! Finds the sessions of users and projects in the log.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::log::LogError;
use crate::log::format::record::Kind;
use crate::log::read::reader::{LogReader, SegmentReader};

use super::error::EraseError;
use super::mentions::{Mention, MentionReader};
use super::targets::Targets;

/// The most that one body may inflate to here: more than any server takes by default.
pub(super) const INFLATED_BYTES_MAX: usize = 256 << 20;

/// How the sessions were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct SearchReport {
    /// Sessions named on the command line, or noted by a run that was not finished.
    pub named: u64,
    /// Sessions of a user, found by their starts.
    pub by_start: u64,
    /// Sessions of a user, found by a later message: the user's id, or metadata with that value.
    pub by_message: u64,
    /// Sessions of a project.
    pub by_project: u64,
    /// Sessions found in the archive alone.
    pub by_archive: u64,
    /// Batches that do not inflate, in which no user could be looked for.
    pub unreadable_batches: u64,
}

/// Reads the whole log, and adds the sessions of these users, and of the projects that are targets. Damage is stepped over.
///
/// # Errors
/// The log can't be read.
pub fn search(
    reader: &LogReader,
    users: &BTreeSet<String>,
    targets: &mut Targets,
    report: &mut SearchReport,
) -> Result<(), EraseError> {
    let mut mentions = MentionReader::default();
    for info in reader.segments()? {
        let mut segment = match SegmentReader::open(&info) {
            Ok(segment) => segment,
            // Told when it is to be erased from.
            Err(_) => continue,
        };
        loop {
            let record = match segment.next() {
                Ok(Some(record)) => record,
                Ok(None) => break,
                Err(LogError::Damaged { .. }) => {
                    segment.resync()?;
                    continue;
                }
                Err(_) if info.is_deleted() => break,
                Err(error) => return Err(error.into()),
            };
            if matches!(record.kind, Kind::Pad | Kind::Tombstone) || record.session == 0 {
                continue;
            }
            if targets.projects.contains(&record.project) && targets.add(record.session)? {
                report.by_project += 1;
            }
            if users.is_empty() || targets.sessions.contains(&record.session) {
                continue;
            }
            let found = match mentions.read(&record, users, INFLATED_BYTES_MAX) {
                Mention::None => continue,
                Mention::Start => &mut report.by_start,
                Mention::Message => &mut report.by_message,
                Mention::Unreadable => {
                    report.unreadable_batches += 1;
                    continue;
                }
            };
            *found += u64::from(targets.add(record.session)?);
        }
    }
    Ok(())
}
