//! What is erased.

use std::collections::{BTreeSet, HashSet};

use super::error::EraseError;

/// How many sessions one run erases at most: their ids are in memory.
pub const SESSIONS_MAX: usize = 10_000_000;

/// Sessions and projects whose records are erased.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Targets {
    /// Sessions, none of them 0.
    pub sessions: HashSet<u64>,
    /// Projects, none of them 0: all their records, those without a session too.
    pub projects: BTreeSet<u32>,
}

impl Targets {
    /// Whether there is nothing to erase.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.projects.is_empty()
    }

    /// Whether a record of this session and project is erased. 0 is none.
    pub fn want(&self, session: u64, project: u32) -> bool {
        (session != 0 && self.sessions.contains(&session)) || (project != 0 && self.projects.contains(&project))
    }

    /// The same of records of which more may become known: 0 is any project.
    pub fn may_want(&self, session: u64, project: u32) -> bool {
        self.want(session, project) || (project == 0 && !self.projects.is_empty())
    }

    /// Adds a session. Returns whether it is new.
    ///
    /// # Errors
    /// [`EraseError::TooMany`].
    pub fn add(&mut self, session: u64) -> Result<bool, EraseError> {
        if session == 0 {
            return Ok(false);
        }
        let is_new = self.sessions.insert(session);
        if self.sessions.len() > SESSIONS_MAX { Err(EraseError::TooMany(SESSIONS_MAX)) } else { Ok(is_new) }
    }

    /// The sessions, ascending.
    pub fn sorted(&self) -> Vec<u64> {
        let mut sessions: Vec<u64> = self.sessions.iter().copied().collect();
        sessions.sort_unstable();
        sessions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_no_session_and_no_project_is_never_wanted() {
        let mut targets = Targets::default();
        assert!(!targets.add(0).unwrap() && targets.is_empty());
        assert!(targets.add(7).unwrap() && !targets.add(7).unwrap());
        targets.projects.insert(2);
        assert!(targets.want(7, 0) && targets.want(7, 1) && targets.want(0, 2) && targets.want(8, 2));
        assert!(!targets.want(0, 0) && !targets.want(8, 1) && !targets.want(8, 0));
    }

    #[test]
    fn what_may_be_of_an_erased_project_may_be_wanted() {
        let mut targets = Targets::default();
        targets.add(7).unwrap();
        assert!(targets.may_want(7, 0) && targets.may_want(7, 1) && !targets.may_want(8, 0));
        targets.projects.insert(2);
        assert!(targets.may_want(8, 0) && targets.may_want(8, 2) && !targets.may_want(8, 1));
    }
}
