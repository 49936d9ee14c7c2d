//! A core's own map from session to project: bounded, and fed by the starts of all cores.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use crate::base::id_hasher::IdHasher;
use crate::session::SessionId;

/// A new session and its project, announced to the other cores.
pub type Announcement = (SessionId, u32);

/// The newest sessions and their projects, in two generations: when the young one is full it becomes the old one, and what was only in the
/// old one is forgotten. A session in use stays.
pub struct Sessions {
    young: HashMap<SessionId, u32, BuildHasherDefault<IdHasher>>,
    old: HashMap<SessionId, u32, BuildHasherDefault<IdHasher>>,
    generation_max: usize,
}

impl Sessions {
    /// A map of at most `sessions_max` sessions.
    pub fn new(sessions_max: usize) -> Self {
        Self { young: HashMap::default(), old: HashMap::default(), generation_max: (sessions_max / 2).max(1) }
    }

    /// The project of a session.
    #[inline]
    pub fn get(&mut self, session: SessionId) -> Option<u32> {
        if let Some(&project) = self.young.get(&session) {
            return Some(project);
        }
        let project = self.old.remove(&session)?;
        self.insert(session, project);
        Some(project)
    }

    /// Remembers a session.
    pub fn insert(&mut self, session: SessionId, project: u32) {
        if self.young.len() >= self.generation_max {
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
        }
        self.young.insert(session, project);
        debug_assert!(self.young.len() <= self.generation_max, "each generation is bounded");
    }
}

#[cfg(test)]
mod tests;
