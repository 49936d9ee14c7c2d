//! Projects in a running server: what changes with them, and their log lines.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{Config, PROJECTS_FILE};
use crate::directory::{self, CurrentDirectory, Report, Watcher};
use crate::log::Deleting;
use crate::telemetry::{Level, Logger};

use super::{NodeError, retention};

/// The most projects that one line names.
const NAMED_MAX: usize = 20;

/// Reads the projects for a start. Also returns what to report.
///
/// # Errors
/// There are none, or the projects' retention ages can't be read.
pub fn open(config: &Config) -> Result<(Arc<CurrentDirectory>, Option<Report>), NodeError> {
    let file = config.data.join(PROJECTS_FILE);
    let (directory, found) =
        CurrentDirectory::open(&file, &config.data, config.removal_grace).map_err(NodeError::other)?;
    Ok((Arc::new(directory), found))
}

/// The projects, and the parts that must know when they change.
#[derive(Clone)]
pub struct Projects {
    directory: Arc<CurrentDirectory>,
    deleting: Deleting,
    logger: Logger,
}

impl Projects {
    /// The projects of `directory`; their ages are passed to `deleting`.
    pub fn new(directory: Arc<CurrentDirectory>, deleting: Deleting, logger: Logger) -> Self {
        Self { directory, deleting, logger }
    }

    /// Reports what was found at start-up.
    pub fn report_start(&self, found: Option<Report>) {
        if let Some(found) = found {
            report(&self.logger, found);
        }
    }

    /// Starts the thread that watches the file.
    pub fn watch(&self) -> Watcher {
        let projects = self.clone();
        directory::watch(Arc::clone(&self.directory), move |found| projects.changed(found))
    }

    /// Checks the file now.
    pub fn look(&self) {
        if let Some(found) = self.directory.refresh() {
            self.changed(found);
        }
    }

    /// How long something has to be missing from the file before it is dropped.
    pub fn set_grace(&self, grace: Duration) {
        self.directory.set_grace(grace);
    }

    fn changed(&self, found: Report) {
        if found.is_ok() {
            self.deleting.set_project_ages(retention::ages(&self.directory));
        }
        report(&self.logger, found);
    }
}

/// Reports the outcome of a check of the projects file.
fn report(logger: &Logger, report: Report) {
    let taken = match report {
        Ok(taken) => taken,
        Err(error) => {
            let text = error.to_string();
            let message = "the file of projects is broken, the old projects stay";
            return logger.event(Level::Error, crate::caller!(), message, &[("error", &text)]);
        }
    };
    if taken.projects > 0 || !taken.removed.is_empty() {
        let text = taken.projects.to_string();
        logger.event(Level::Info, crate::caller!(), "projects loaded", &[("projects", &text)]);
    }
    let seconds = taken.needed.as_secs().to_string();
    let lines = [
        (&taken.missing, "projects are missing from their file: they are served as before until it has stayed so"),
        (&taken.incomplete, "projects have lost lines of their file: what these said holds until it has stayed so"),
    ];
    for (ids, message) in lines.into_iter().filter(|(ids, _)| !ids.is_empty()) {
        let fields = [("projects", &*listed(ids)), ("seconds", &*seconds)];
        logger.event(Level::Warn, crate::caller!(), message, &fields);
    }
    if !taken.removed.is_empty() {
        let message = "projects were removed";
        logger.event(Level::Warn, crate::caller!(), message, &[("projects", &listed(&taken.removed))]);
    }
    if let Some(error) = &taken.not_kept {
        let message = "what the next start compares with could not be written";
        logger.event(Level::Warn, crate::caller!(), message, &[("error", error)]);
    }
}

fn listed(ids: &[u32]) -> String {
    let named: Vec<String> = ids.iter().take(NAMED_MAX).map(u32::to_string).collect();
    let mut text = named.join(" ");
    if ids.len() > NAMED_MAX {
        let _ = write!(text, " and {} more", ids.len() - NAMED_MAX);
    }
    text
}
