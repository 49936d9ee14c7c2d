//! Turns the texts read from `projects.toml` into the projects in force.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::watched_files::{Kept, Losses, Watched, at_rest, is_ended, needed};

use super::ages::Ages;
use super::merge::{Part, Piece, lacking, merge};
use super::{Directory, DirectoryError, FILE_BYTES_MAX};

/// The file name of the kept copy.
const KEPT_NAME: &str = "projects.toml";
/// At a start, a file that looks incomplete and was changed less than this long ago is given time to be finished.
const START_REST: Duration = Duration::from_secs(1);
const START_REST_MAX: Duration = Duration::from_secs(5);
const START_PAUSE: Duration = Duration::from_millis(50);
/// How long until a failed write of the kept files is retried.
const KEEP_PAUSE: Duration = Duration::from_secs(30);

/// The outcome of a change of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    /// The number of projects in force.
    pub projects: usize,
    /// Projects that are no longer in the file and are still served.
    pub missing: Vec<u32>,
    /// Projects with fewer values in the file than before: the values that are missing stay in force.
    pub incomplete: Vec<u32>,
    /// How long the file has to stay like this until missing values are dropped.
    pub needed: Duration,
    /// Projects that were missing until now and have been dropped.
    pub removed: Vec<u32>,
    /// Why the state that a restart needs could not be written.
    pub not_kept: Option<String>,
}

/// The outcome of a look at the file.
pub type Report = Result<Taken, DirectoryError>;

/// A valid text of the file, held as long as some of it is pending.
#[derive(Debug)]
struct Latest {
    directory: Arc<Directory>,
    /// The text without its last line, if that line has no line break.
    sure: Option<Directory>,
    text: Vec<u8>,
}

#[derive(Debug)]
pub(super) struct Intake {
    file: Watched,
    kept: Kept,
    ages: Ages,
    latest: Option<Latest>,
    losses: Losses<Piece>,
    /// When to retry writing the kept files after a failure.
    keep_again: Option<Instant>,
}

impl Intake {
    /// Reads the first projects: those of the file, plus whatever it lacks of the last ones that were certain.
    pub fn open(
        path: &Path,
        data: &Path,
        grace: Duration,
    ) -> Result<(Self, Arc<Directory>, Option<Report>), DirectoryError> {
        let kept = Kept::new(data, KEPT_NAME, FILE_BYTES_MAX);
        // An unreadable copy counts as absent: the file is there.
        let before = kept.read().ok().flatten();
        // The usual start: there is nothing to compare, and reading a large text twice takes time.
        let before = before.filter(|text| crate::watched_files::read(path, FILE_BYTES_MAX).ok().as_ref() != Some(text));
        let before = before.and_then(|text| parse(path, &text).ok());
        let mut intake = Self {
            file: Watched::new(path, FILE_BYTES_MAX),
            kept,
            ages: Ages::open(data)?,
            latest: None,
            losses: Losses::default(),
            keep_again: None,
        };
        let read = intake.read_at_start(before.as_ref());
        let in_force = match (read, before) {
            (Ok(latest), before) => {
                let in_force = before.map_or_else(|| Arc::clone(&latest.directory), Arc::new);
                intake.latest = Some(latest);
                in_force
            }
            (Err(error), Some(before)) if !error.is_missing() => {
                return Ok((intake, Arc::new(before), Some(Err(error))));
            }
            (Err(error), _) => return Err(error),
        };
        let (directory, report) = intake.take_in(&in_force, grace, true);
        let quiet = |taken: &Taken| {
            taken.removed.is_empty()
                && taken.missing.is_empty()
                && taken.incomplete.is_empty()
                && taken.not_kept.is_none()
        };
        let report = report.filter(|report| !report.as_ref().is_ok_and(quiet));
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
                Ok(latest) => self.latest = Some(latest),
                Err(error) => {
                    self.latest = None;
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

    fn take_in(
        &mut self,
        in_force: &Arc<Directory>,
        grace: Duration,
        fresh: bool,
    ) -> (Option<Arc<Directory>>, Option<Report>) {
        let Some(latest) = &self.latest else { return (None, None) };
        let (directory, now, rest) = (Arc::clone(&latest.directory), Instant::now(), self.file.rest());
        if let Err(error) = directory.is_some_of(in_force, self.file.path()) {
            self.latest = None;
            return (None, Some(Err(error)));
        }
        self.losses.note(lacking(in_force, &directory, latest.sure.as_ref()), now);
        let gone = self.losses.keys().filter(|(_, part)| *part == Part::Project).count();
        let needed = needed(grace, gone, in_force.projects().len());
        let certain = self.losses.certain(needed, rest, now);
        certain.iter().for_each(|piece| self.losses.forget(piece));
        let ages = self.ages.follow(&directory, rest >= grace);
        let mut report = Taken { needed, ..Taken::default() };
        report.not_kept = self.keep(ages.waits, now);
        if !fresh && certain.is_empty() {
            return (None, (ages.changed || report.not_kept.is_some()).then_some(Ok(report)));
        }
        let pieces: BTreeSet<Piece> = self.losses.keys().copied().collect();
        let directory = if pieces.is_empty() { directory } else { Arc::new(merge(in_force, &directory, &pieces)) };
        report.projects = directory.projects().len();
        let missing = pieces.iter().filter(|(_, part)| *part == Part::Project);
        report.missing = missing.map(|&(id, _)| id).collect();
        let incomplete = pieces.iter().filter(|(_, part)| *part != Part::Project).map(|&(id, _)| id);
        report.incomplete = incomplete.collect::<BTreeSet<u32>>().into_iter().collect();
        let was_there = |project: &&super::Project| directory.by_id(project.project_id).is_none();
        report.removed = in_force.projects().iter().filter(was_there).map(|project| project.project_id).collect();
        (Some(directory), Some(Ok(report)))
    }

    /// Writes what a restart needs. Returns a failure once for each attempt.
    fn keep(&mut self, ages_wait: bool, now: Instant) -> Option<String> {
        if self.keep_again.is_some_and(|again| now < again) {
            return None;
        }
        let waits = ages_wait || !self.losses.is_empty();
        let projects = |latest: &Latest| {
            self.kept.write(&latest.text).map_err(|error| format!("{}: {error}", self.kept.path().display()))
        };
        let text = self.latest.as_ref().filter(|_| !waits);
        let kept = self.ages.save().and_then(|()| text.map_or(Ok(()), projects));
        self.keep_again = kept.is_err().then_some(now + KEEP_PAUSE);
        if kept.is_ok() && !waits {
            self.latest = None;
        }
        kept.err()
    }

    /// The days for which records are kept, for each project with an age of its own; 0 means for ever.
    pub fn ages(&self) -> std::collections::BTreeMap<u32, u32> {
        self.ages.days()
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
        let is_removed = |project: &super::Project| self.removed.contains(&project.project_id);
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
