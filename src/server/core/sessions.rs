//! A core's own copy of session -> project: bounded, and fed by the starts of all cores.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::session::SessionId;

/// The newest sessions and their projects. Two generations: when the young one is full it becomes
/// the old one, and what was only in the old one is forgotten. A session in use stays.
pub struct Sessions {
    young: HashMap<SessionId, u32, BuildHasherDefault<IdHasher>>,
    old: HashMap<SessionId, u32, BuildHasherDefault<IdHasher>>,
    generation_max: usize,
}

/// Spreads a session id. Ids come from tokens that we signed, so nobody can choose ones that collide.
#[derive(Default)]
pub(in crate::server) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u32(&mut self, id: u32) {
        self.write_u64(u64::from(id));
    }

    fn write_u64(&mut self, id: u64) {
        // Fibonacci hashing: the map takes its bits from both ends.
        let spread = (self.0 ^ id).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = spread ^ (spread >> 32);
    }
}

impl Sessions {
    /// A map of at most `sessions_max` sessions.
    pub fn new(sessions_max: usize) -> Self {
        Self { young: HashMap::default(), old: HashMap::default(), generation_max: (sessions_max / 2).max(1) }
    }

    /// The project of a session.
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
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_is_bounded_and_keeps_sessions_in_use() {
        let mut sessions = Sessions::new(100);
        sessions.insert(SessionId(1), 7);
        for n in 2..1000 {
            sessions.insert(SessionId(n), 8);
            assert_eq!(sessions.get(SessionId(1)), Some(7));
        }
        assert_eq!(sessions.get(SessionId(2)), None);
        assert_eq!(sessions.get(SessionId(999)), Some(8));
        assert!(sessions.young.len() + sessions.old.len() <= 100);
    }
}
