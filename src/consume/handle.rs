//! What other threads may do with a consumer that follows: stop it, and ask how far behind it is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::log::LogError;
use crate::log::read::reader::LogReader;

use super::confirm::Mark;
use super::lag::{self, Lag, Pace};

/// Shared by whoever starts a consumer, its loop and its handler.
#[derive(Debug, Clone, Default)]
pub struct Handle {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    stopping: AtomicBool,
    lock: Mutex<()>,
    stopped: Condvar,
    standing: Mutex<Standing>,
}

/// How far the consumer has come.
#[derive(Debug, Clone, Default)]
struct Standing {
    reader: Option<LogReader>,
    passed: Option<Mark>,
    /// The first record's order time: nothing older is to come.
    first_us: Option<u64>,
    pace: Pace,
}

impl Handle {
    /// Has the consumer end as soon as its handler returns. It keeps its cursor first.
    pub fn stop(&self) {
        let _lock = self.shared.lock.lock();
        self.shared.stopping.store(true, Ordering::SeqCst);
        self.shared.stopped.notify_all();
    }

    /// Whether it is to end.
    pub fn is_stopping(&self) -> bool {
        self.shared.stopping.load(Ordering::Relaxed)
    }

    /// Waits so long, or until the stop. True if it is time to end.
    pub fn rest(&self, time: Duration) -> bool {
        let lock = self.shared.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = self.shared.stopped.wait_timeout_while(lock, time, |()| !self.is_stopping());
        self.is_stopping()
    }

    /// How far the consumer is behind; None before it has begun to read.
    ///
    /// Lists the log's folder and reads the sidecars of the segments that it has not passed.
    ///
    /// # Errors
    /// The log can't be read.
    pub fn lag(&self) -> Result<Option<Lag>, LogError> {
        let Standing { reader, passed, first_us, pace } = self.standing().clone();
        let Some(reader) = reader else { return Ok(None) };
        let reached_us = passed.as_ref().and_then(|mark| mark.reached_us).or(first_us);
        lag::measure(&reader, passed.as_ref().map(|mark| &mark.position), reached_us, pace).map(Some)
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.shared.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_reader(&self, reader: &LogReader) {
        self.standing().reader = Some(reader.clone());
    }

    pub(super) fn set_passed(&self, passed: Option<Mark>) {
        self.standing().passed = passed;
    }

    /// Called with the first record of each batch; only the first of all counts.
    pub(super) fn set_first(&self, order_us: u64) {
        self.standing().first_us.get_or_insert(order_us);
    }

    pub(super) fn count(&self, records: u64, stored_bytes: u64) {
        self.standing().pace.add(records, stored_bytes);
    }
}
