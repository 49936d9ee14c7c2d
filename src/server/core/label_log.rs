//! Which projects have had their log line about mislabelled bodies.

use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// Projects that are named in the log.
const PROJECTS_MAX: usize = 4096;

/// The projects that all cores together have named in the log.
#[derive(Debug, Default)]
pub struct Logged(Mutex<HashSet<u32>>);

/// What one core knows to be logged, so that it asks the others once for each project.
#[derive(Debug, Default)]
pub struct Known(RefCell<HashSet<u32>>);

impl Known {
    /// Whether a project was not logged before; from now on it was.
    pub fn is_news(&self, project: u32, logged: &Logged) -> bool {
        let mut known = self.0.borrow_mut();
        if known.contains(&project) || known.len() >= PROJECTS_MAX {
            return false;
        }
        known.insert(project);
        logged.0.lock().unwrap_or_else(PoisonError::into_inner).insert(project)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_logged_of_once_by_all_cores_together_and_never_by_more_than_a_bound() {
        let (logged, one, other) = (Logged::default(), Known::default(), Known::default());
        assert!(one.is_news(1, &logged));
        assert!(!one.is_news(1, &logged) && !other.is_news(1, &logged) && !other.is_news(1, &logged));
        assert!(other.is_news(2, &logged) && !one.is_news(2, &logged));
        let news = (0..2 * PROJECTS_MAX as u32).filter(|&project| one.is_news(project, &logged)).count();
        assert_eq!((news, one.0.borrow().len()), (PROJECTS_MAX - 2, PROJECTS_MAX));
    }
}
