//! Which projects have already had a log line about mislabelled bodies.

use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// The most projects named in the log.
const PROJECTS_MAX: usize = 4096;

/// The projects that any core has named in the log.
#[derive(Debug, Default)]
pub struct LoggedProjects(Mutex<HashSet<u32>>);

/// What one core knows to be logged, so that it takes the shared lock once for each project.
#[derive(Debug, Default)]
pub struct CoreCache(RefCell<HashSet<u32>>);

impl CoreCache {
    /// Whether a project is logged for the first time; it counts as logged from now on.
    pub fn is_first(&self, project: u32, logged: &LoggedProjects) -> bool {
        let mut known = self.0.borrow_mut();
        if known.contains(&project) || known.len() >= PROJECTS_MAX {
            return false;
        }
        known.insert(project);
        logged.0.lock().unwrap_or_else(PoisonError::into_inner).insert(project)
    }
}

#[cfg(test)]
mod tests;
