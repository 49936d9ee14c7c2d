//! How reading from the database goes, for health and metrics.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A fault that lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Its short name, for metrics.
    pub code: &'static str,
    /// What is wrong.
    pub text: String,
    /// What an operator can do.
    pub hint: &'static str,
    /// Since when there has been any.
    pub since: Instant,
}

/// How it goes.
#[derive(Debug, Default)]
pub struct Standing {
    inner: Mutex<Inner>,
    readings: AtomicU64,
    failures: AtomicU64,
}

#[derive(Debug, Default)]
struct Inner {
    /// When the last reading was made.
    read_at: Option<Instant>,
    trouble: Option<Trouble>,
    left_out: usize,
    /// Projects are known, from a reading or from a kept copy.
    known: bool,
}

impl Standing {
    /// The age of the last reading since the start.
    pub fn age(&self) -> Option<Duration> {
        self.lock().read_at.map(|at| at.elapsed())
    }

    /// The fault, while there is one.
    pub fn trouble(&self) -> Option<Trouble> {
        self.lock().trouble.clone()
    }

    /// How many rows of the last reading can't be used.
    pub fn left_out(&self) -> usize {
        self.lock().left_out
    }

    /// Whether any projects are known.
    pub fn is_known(&self) -> bool {
        self.lock().known
    }

    /// How many readings there were, and how many failures.
    pub fn counts(&self) -> (u64, u64) {
        (self.readings.load(Ordering::Relaxed), self.failures.load(Ordering::Relaxed))
    }

    /// Projects are known from a kept copy.
    pub(in super::super) fn set_known(&self) {
        self.lock().known = true;
    }

    /// A reading was made. Returns for how long there was a fault before it.
    pub(in super::super) fn read(&self, left_out: usize) -> Option<Duration> {
        self.readings.fetch_add(1, Ordering::Relaxed);
        let mut inner = self.lock();
        (inner.read_at, inner.left_out, inner.known) = (Some(Instant::now()), left_out, true);
        inner.trouble.take().map(|trouble| trouble.since.elapsed())
    }

    /// Something has failed. Returns whether it is another fault than before.
    pub(in super::super) fn failed(&self, code: &'static str, text: String, hint: &'static str) -> bool {
        self.failures.fetch_add(1, Ordering::Relaxed);
        let mut inner = self.lock();
        let (since, is_other) = match &inner.trouble {
            Some(before) => (before.since, before.code != code),
            None => (Instant::now(), true),
        };
        inner.trouble = Some(Trouble { code, text, hint, since });
        is_other
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
