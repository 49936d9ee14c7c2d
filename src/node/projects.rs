//! What there is to tell of the projects.

use std::fmt::Write as _;

use crate::directory::Report;
use crate::telemetry::{Level, Logger};

/// A line names at most so many projects.
const NAMED_MAX: usize = 20;

/// Tells what a look at the file of projects came to.
pub fn report(logger: &Logger, report: Report) {
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
