//! What of a text takes effect, and when; shared by all sources of projects.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::watched_files::{Kept, Losses, needed};

use super::ages::Ages;
use super::merge::{Part, Piece, lacking, merge};
use super::{Directory, DirectoryError, FILE_BYTES_MAX, Project};

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

impl Taken {
    /// Whether there is nothing that an operator needs to know.
    pub(super) fn is_quiet(&self) -> bool {
        self.removed.is_empty() && self.missing.is_empty() && self.incomplete.is_empty() && self.not_kept.is_none()
    }
}

/// The outcome of a look at the file.
pub type Report = Result<Taken, DirectoryError>;

/// A valid text of the file, held as long as some of it is pending.
#[derive(Debug)]
pub(super) struct Latest {
    pub directory: Arc<Directory>,
    /// The text without its last line, if that line has no line break.
    pub sure: Option<Directory>,
    pub text: Vec<u8>,
}

/// The projects' ages, and what the newest text lacks of what is in force.
#[derive(Debug)]
pub(super) struct Settling {
    kept: Kept,
    ages: Ages,
    latest: Option<Latest>,
    losses: Losses<Piece>,
    /// When to retry writing the kept files after a failure.
    keep_again: Option<Instant>,
}

impl Settling {
    /// `name` is the file name of the kept copy.
    pub fn open(data: &Path, name: &str) -> Result<Self, DirectoryError> {
        let kept = Kept::new(data, name, FILE_BYTES_MAX);
        Ok(Self { kept, ages: Ages::open(data)?, latest: None, losses: Losses::default(), keep_again: None })
    }

    /// The text from when none of its contents were in doubt.
    pub fn kept(&self) -> std::io::Result<Option<Vec<u8>>> {
        self.kept.read()
    }

    /// A newer text, or none that can be used.
    pub fn set_latest(&mut self, latest: Option<Latest>) {
        self.latest = latest;
    }

    /// The newest text, while some of it is pending.
    pub fn latest(&self) -> Option<&Latest> {
        self.latest.as_ref()
    }

    /// What is missing was not seen to be missing for a while: its time begins again.
    pub fn forget_losses(&mut self) {
        self.losses = Losses::default();
    }

    /// Takes over what the newest text adds, and what it lacks once that is certain. `fresh`: the text is new. `rest`: how long it has been
    /// the same. Returns the projects now in force, if they have changed, and what to report.
    pub fn take_in(
        &mut self,
        in_force: &Arc<Directory>,
        grace: Duration,
        fresh: bool,
        rest: Duration,
    ) -> (Option<Arc<Directory>>, Option<Report>) {
        let Some(latest) = &self.latest else { return (None, None) };
        let (directory, now) = (Arc::clone(&latest.directory), Instant::now());
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
        let was_there = |project: &&Project| directory.by_id(project.project_id).is_none();
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
    pub fn ages(&self) -> BTreeMap<u32, u32> {
        self.ages.days()
    }
}
