//! Projects that requests name and that are not known: each is looked up once, for all who ask.
//!
//! Whoever sends a request chooses the key, so everything here is bounded: how many questions wait, how many misses are remembered, and
//! ([`super::super::follow()`]) how often the database is asked. Questions beyond that are not answered, which is never taken for a miss.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::super::Directory;

/// How long a miss is remembered.
pub const MISS_LIFE: Duration = Duration::from_secs(5);
const MISSES_MAX: usize = 4096;
const WAITING_MAX: usize = 1024;
/// How many are looked up by one statement.
const BATCH_MAX: usize = 256;
/// No project has a longer key, in bytes: the column has 20 characters.
const KEY_BYTES_MAX: usize = 256;

/// A project that is not known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Question {
    /// By its key. Made by [`Question::key`].
    Key(String),
    /// By its number.
    Id(u32),
}

impl Question {
    /// A key, if a database can hold it. Clients choose keys, and some are as long as their request.
    pub fn key(text: &str) -> Option<Self> {
        let possible = !text.is_empty() && text.len() <= KEY_BYTES_MAX && !text.contains('\0');
        possible.then(|| Self::Key(text.to_owned()))
    }

    /// Whether the directory has the project.
    pub fn is_known(&self, directory: &Directory) -> bool {
        match self {
            Self::Key(key) => directory.by_key(key).is_some(),
            Self::Id(id) => directory.by_id(*id).is_some(),
        }
    }
}

/// The state of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// The database did not have it a moment ago.
    Absent,
    /// It is being looked up.
    Waiting,
    /// Too much is being looked up.
    Full,
}

/// All questions.
#[derive(Debug, Default)]
pub struct Questions {
    inner: Mutex<Inner>,
    wake: Notify,
    /// Rises whenever questions are answered.
    answered: AtomicU64,
    asked: AtomicU64,
    refused: AtomicU64,
}

#[derive(Debug, Default)]
struct Inner {
    open: HashSet<Question>,
    waiting: VecDeque<Question>,
    /// Being looked up, or found and not read yet.
    in_hand: Vec<Question>,
    misses: HashMap<Question, Instant>,
    /// The same, oldest first.
    missed: VecDeque<(Question, Instant)>,
    /// A reading of everything was asked for.
    read: bool,
}

impl Questions {
    /// Asks for a project, or for the state of an earlier question.
    pub fn ask(&self, question: Question) -> Ask {
        let mut inner = self.lock();
        if inner.misses.get(&question).is_some_and(|since| since.elapsed() < MISS_LIFE) {
            return Ask::Absent;
        }
        if inner.open.contains(&question) {
            return Ask::Waiting;
        }
        if inner.open.len() >= WAITING_MAX {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Ask::Full;
        }
        self.asked.fetch_add(1, Ordering::Relaxed);
        inner.open.insert(question.clone());
        inner.waiting.push_back(question);
        let first = inner.waiting.len() == 1;
        drop(inner);
        if first {
            self.wake.notify_one();
        }
        Ask::Waiting
    }

    /// Rises whenever questions are answered: until then, asking again is in vain.
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Acquire)
    }

    /// Asks for a reading of everything.
    pub fn read_soon(&self) {
        self.lock().read = true;
        self.wake.notify_one();
    }

    /// How many projects were asked for, and how many questions found too many others before them.
    pub fn counts(&self) -> (u64, u64) {
        (self.asked.load(Ordering::Relaxed), self.refused.load(Ordering::Relaxed))
    }

    /// Returns when there may be something to do.
    pub(in super::super) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Whether a reading was asked for since the last call.
    pub(in super::super) fn take_read(&self) -> bool {
        std::mem::take(&mut self.lock().read)
    }

    /// Whether any wait.
    pub(in super::super) fn wait(&self) -> bool {
        !self.lock().waiting.is_empty()
    }

    /// Takes some in hand.
    pub(in super::super) fn take(&self) -> Vec<Question> {
        let mut inner = self.lock();
        let count = inner.waiting.len().min(BATCH_MAX);
        let taken: Vec<Question> = inner.waiting.drain(..count).collect();
        inner.in_hand.extend(taken.iter().cloned());
        taken
    }

    /// Answers those in hand for which `answer` has one: whether the project is there.
    pub(in super::super) fn answer(&self, answer: impl Fn(&Question) -> Option<bool>) {
        let now = Instant::now();
        let mut inner = self.lock();
        let in_hand = std::mem::take(&mut inner.in_hand);
        for question in in_hand {
            match answer(&question) {
                None => inner.in_hand.push(question),
                Some(there) => {
                    inner.open.remove(&question);
                    if !there {
                        inner.missed.push_back((question.clone(), now));
                        inner.misses.insert(question, now);
                    }
                }
            }
        }
        let is_over = |inner: &Inner| {
            let oldest = inner.missed.front();
            oldest.is_some_and(|(_, since)| inner.missed.len() > MISSES_MAX || since.elapsed() >= MISS_LIFE)
        };
        while is_over(&inner) {
            if let Some((question, since)) = inner.missed.pop_front()
                && inner.misses.get(&question) == Some(&since)
            {
                inner.misses.remove(&question);
            }
        }
        drop(inner);
        self.answered.fetch_add(1, Ordering::Release);
    }

    /// The database could not be asked: those in hand wait on.
    pub(in super::super) fn put_back(&self) {
        let mut inner = self.lock();
        let in_hand = std::mem::take(&mut inner.in_hand);
        for question in in_hand.into_iter().rev() {
            inner.waiting.push_front(question);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
