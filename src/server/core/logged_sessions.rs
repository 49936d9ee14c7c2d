//! The sessions that the log holds from before this start: loaded in parts while the log is read, newest first.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::session::SessionId;

use super::sessions::Announcement;

/// The most parts. Each is as large as all before it together, so a few hold everything.
const PARTS_MAX: usize = 24;

/// The sessions read from the log. Written by one thread, read by all without a lock.
#[derive(Debug, Default)]
pub struct LoggedSessions {
    parts: [OnceLock<Box<[Announcement]>>; PARTS_MAX],
    complete: AtomicBool,
}

impl LoggedSessions {
    /// Adds a part. Parts beyond the bound are dropped.
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

    /// The whole log has been read.
    pub fn finish(&self) {
        self.complete.store(true, Ordering::Release);
    }

    /// Whether the whole log has been read.
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
