//! Turns the texts read from `projects.toml` into the projects in force.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::watched_files::{Kept, Watched, at_rest, is_ended};

use super::merge::lacking;
use super::settling::{Latest, Report, Settling, Taken};
use super::{Directory, DirectoryError, FILE_BYTES_MAX, Project};

/// The file name of the kept copy.
const KEPT_NAME: &str = "projects.toml";
/// At a start, a file that looks incomplete and was changed less than this long ago is given time to be finished.
const START_REST: Duration = Duration::from_secs(1);
const START_REST_MAX: Duration = Duration::from_secs(5);
const START_PAUSE: Duration = Duration::from_millis(50);
#[derive(Debug)]
pub(super) struct Intake {
    file: Watched,
    settling: Settling,
}

impl Intake {
    /// Reads the first projects: those of the file, plus whatever it lacks of the last ones that were certain.
    pub fn open(
        path: &Path,
        data: &Path,
        grace: Duration,
    ) -> Result<(Self, Arc<Directory>, Option<Report>), DirectoryError> {
        let settling = Settling::open(data, KEPT_NAME)?;
        // An unreadable copy counts as absent: the file is there.
        let before = settling.kept().ok().flatten();
        // The usual start: there is nothing to compare, and reading a large text twice takes time.
        let before = before.filter(|text| crate::watched_files::read(path, FILE_BYTES_MAX).ok().as_ref() != Some(text));
        let before = before.and_then(|text| parse(path, &text).ok());
        let mut intake = Self { file: Watched::new(path, FILE_BYTES_MAX), settling };
        let read = intake.read_at_start(before.as_ref());
        let in_force = match (read, before) {
            (Ok(latest), before) => {
                let in_force = before.map_or_else(|| Arc::clone(&latest.directory), Arc::new);
                intake.settling.set_latest(Some(latest));
                in_force
            }
            (Err(error), Some(before)) if !error.is_missing() => {
                return Ok((intake, Arc::new(before), Some(Err(error))));
            }
            (Err(error), _) => return Err(error),
        };
        let (directory, report) = intake.take_in(&in_force, grace, true);
        let report = report.filter(|report| !report.as_ref().is_ok_and(Taken::is_quiet));
        Ok((intake, directory.unwrap_or(in_force), report))
    }

    /// A file that is invalid or lacks something may be in the middle of being written.
    fn read_at_start(&mut self, before: Option<&Directory>) -> Result<Latest, DirectoryError> {
        let (began, mut read) = (Instant::now(), None);
        loop {
            if let Some(text) = self.file.look() {
                read = Some(self.latest_of(text));
            }
            let whole = match &read {
                Some(Ok(latest)) => {
                    is_ended(&latest.text)
                        && before.is_none_or(|before| lacking(before, &latest.directory, None).is_empty())
                }
                _ => false,
            };
            let waited = began.elapsed() >= START_REST_MAX || at_rest(self.file.path(), START_REST);
            match read.take() {
                Some(done) if whole || waited => return done,
                other => read = other,
            }
            thread::sleep(START_PAUSE);
        }
    }

    /// Looks at the file. Returns the projects now in force, if they have changed, and what to report.
    pub fn refresh(&mut self, in_force: &Arc<Directory>, grace: Duration) -> (Option<Arc<Directory>>, Option<Report>) {
        let changed = self.file.look_until_still();
        let fresh = changed.is_some();
        if let Some(text) = changed {
            match self.latest_of(text) {
                Ok(latest) => self.settling.set_latest(Some(latest)),
                Err(error) => {
                    self.settling.set_latest(None);
                    return (None, Some(Err(error)));
                }
            }
        }
        self.take_in(in_force, grace, fresh)
    }

    fn latest_of(&self, text: io::Result<Vec<u8>>) -> Result<Latest, DirectoryError> {
        let path = self.file.path();
        let text = text.map_err(|source| DirectoryError::Io { path: path.to_owned(), source })?;
        let directory = Arc::new(parse(path, &text)?);
        let sure = match text.iter().rposition(|&byte| byte == b'\n') {
            Some(end) if !is_ended(&text) => parse(path, &text[..=end]).ok(),
            _ => None,
        };
        Ok(Latest { directory, sure, text })
    }

    /// Takes over what it can of the newest text.
    fn take_in(
        &mut self,
        in_force: &Arc<Directory>,
        grace: Duration,
        fresh: bool,
    ) -> (Option<Arc<Directory>>, Option<Report>) {
        let Some(latest) = self.settling.latest() else { return (None, None) };
        if let Err(error) = latest.directory.is_some_of(in_force, self.file.path()) {
            self.settling.set_latest(None);
            return (None, Some(Err(error)));
        }
        self.settling.take_in(in_force, grace, fresh, self.file.rest())
    }

    /// The days for which records are kept, for each project with an age of its own; 0 means for ever.
    pub fn ages(&self) -> BTreeMap<u32, u32> {
        self.settling.ages()
    }
}

impl Directory {
    /// Reads `path` as a server with this data folder would at its next start, to find out what is wrong.
    ///
    /// # Errors
    /// The server would keep its old projects, or not start.
    pub fn check(path: &Path, data: &Path) -> Result<Self, DirectoryError> {
        let directory = Self::load(path)?;
        let kept = Kept::new(data, KEPT_NAME, FILE_BYTES_MAX).read().ok().flatten();
        let before = kept.and_then(|text| parse(path, &text).ok()).unwrap_or_default();
        directory.is_some_of(&before, path)?;
        Ok(directory)
    }

    /// Refuses a text that holds none of the previous projects without saying that this is intended.
    fn is_some_of(&self, before: &Self, path: &Path) -> Result<(), DirectoryError> {
        let is_removed = |project: &Project| self.removed.contains(&project.project_id);
        if !self.projects.is_empty() || self.none_on_purpose || before.projects.iter().all(is_removed) {
            return Ok(());
        }
        Err(DirectoryError::Emptied { path: path.to_owned(), projects: before.projects.len() })
    }
}

fn parse(path: &Path, text: &[u8]) -> Result<Directory, DirectoryError> {
    let text = std::str::from_utf8(text).map_err(|error| {
        let source = io::Error::new(io::ErrorKind::InvalidData, error);
        DirectoryError::Io { path: path.to_owned(), source }
    })?;
    Directory::parse(text).map_err(|faults| DirectoryError::Content { path: path.to_owned(), faults })
}
