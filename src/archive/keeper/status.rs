//! What the keeper does, and what it has done since the start.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::archive::store::Totals;

use super::trouble::Trouble;

/// What it does.
#[derive(Debug, Clone, Default)]
pub enum State {
    /// It has not put anything into the archive yet, nor found that there is nothing to put.
    #[default]
    Starting,
    /// It works.
    Ready,
    /// Something keeps it from working. It tries again.
    Waiting(Waiting),
    /// It has ended, because its cursor was removed.
    Ended,
}

/// What keeps it from working.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// The kind: `full`, `busy` or `other`.
    pub trouble: &'static str,
    /// Tells one trouble from another.
    key: &'static str,
    /// What is wrong.
    pub text: String,
    /// What to do.
    pub advice: &'static str,
    /// Since when.
    pub since: SystemTime,
    /// The same, to measure from.
    pub began: Instant,
    /// Attempts that failed since then.
    pub attempts: u64,
}

/// What it has done since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// What was put into the archive.
    pub added: Totals,
    /// Times that something was put there.
    pub chunks: u64,
    /// How long that took, and merging.
    pub worked: Duration,
    /// Files that were made of smaller ones.
    pub merges: u64,
    /// The smaller ones.
    pub merged_files: u64,
    /// Attempts that failed.
    pub failures: u64,
    /// Places of the log that are damaged, and were stepped over.
    pub damaged_places: u64,
    /// Records that were deleted from the log before they were in the archive.
    pub deleted_unread: u64,
    /// Records that could not be added, not even as received.
    pub left_out: u64,
}

/// Shared by the thread and those who show it.
#[derive(Debug, Default)]
pub struct Status {
    state: Mutex<State>,
    counts: Mutex<Counts>,
    /// Why small files can't be merged.
    merge_fault: Mutex<Option<String>>,
}

impl Status {
    /// What it does.
    pub fn state(&self) -> State {
        lock(&self.state).clone()
    }

    /// What it has done.
    pub fn counts(&self) -> Counts {
        *lock(&self.counts)
    }

    /// Why small files can't be merged. The archive grows all the same.
    pub fn merge_fault(&self) -> Option<String> {
        lock(&self.merge_fault).clone()
    }

    /// Returns whether this is news.
    pub(super) fn set_merge_fault(&self, fault: Option<String>) -> bool {
        let mut known = lock(&self.merge_fault);
        let is_news = *known != fault;
        *known = fault;
        is_news
    }

    pub(super) fn count(&self, count: impl FnOnce(&mut Counts)) {
        count(&mut lock(&self.counts));
    }

    /// It works. Returns what kept it from that until now.
    pub(super) fn works(&self) -> Option<Waiting> {
        match std::mem::replace(&mut *lock(&self.state), State::Ready) {
            State::Waiting(waiting) => Some(waiting),
            State::Starting | State::Ready | State::Ended => None,
        }
    }

    /// An attempt failed. Returns whether this is news.
    pub(super) fn fails(&self, trouble: &Trouble) -> bool {
        self.count(|counts| counts.failures += 1);
        let mut state = lock(&self.state);
        let (kind, text, advice) = (trouble.kind(), trouble.to_string(), trouble.advice());
        if let State::Waiting(waiting) = &mut *state {
            waiting.attempts += 1;
            let is_news = waiting.key != trouble.key();
            (waiting.trouble, waiting.key, waiting.text, waiting.advice) = (kind, trouble.key(), text, advice);
            return is_news;
        }
        let (since, began) = (SystemTime::now(), Instant::now());
        *state = State::Waiting(Waiting { trouble: kind, key: trouble.key(), text, advice, since, began, attempts: 1 });
        true
    }

    pub(super) fn ends(&self) {
        *lock(&self.state) = State::Ended;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
