//! What the log says of sessions that were given out before this start: told in parts while it is read, newest first.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::session::SessionId;

use super::sessions::Announcement;

/// Parts at most. Each is as large as all before it together, so that a few hold all that is told.
const PARTS_MAX: usize = 24;

/// The sessions of the log. Written by one thread, read by all without a lock.
#[derive(Debug, Default)]
pub struct LoggedSessions {
    parts: [OnceLock<Box<[Announcement]>>; PARTS_MAX],
    complete: AtomicBool,
}

impl LoggedSessions {
    /// Adds a part. Beyond the bound of parts it is left out.
    pub fn add(&self, mut sessions: Vec<Announcement>) {
        sessions.sort_unstable_by_key(|&(session, _)| session.0);
        let mut sessions = sessions.into_boxed_slice();
        for part in &self.parts {
            match part.set(sessions) {
                Ok(()) => return,
                Err(back) => sessions = back,
            }
        }
    }

    /// All has been told.
    pub fn finish(&self) {
        self.complete.store(true, Ordering::Release);
    }

    /// Whether all has been told.
    pub fn is_complete(&self) -> bool {
        self.complete.load(Ordering::Acquire)
    }

    /// The project of a session.
    pub fn get(&self, session: SessionId) -> Option<u32> {
        self.parts.iter().map_while(OnceLock::get).find_map(|part| {
            let at = part.binary_search_by_key(&session.0, |&(known, _)| known.0).ok()?;
            Some(part[at].1)
        })
    }
}

#[cfg(test)]
mod tests;
