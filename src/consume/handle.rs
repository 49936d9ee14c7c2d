//! What other threads may do with a running consumer: stop it, and ask how far behind it is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::log::LogError;
use crate::log::read::reader::LogReader;

use super::confirm::Mark;
use super::lag::{self, ConsumedTotals, Lag};

/// Shared by the consumer's owner, its loop and its handler.
#[derive(Debug, Clone, Default)]
pub struct Handle {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    stopping: AtomicBool,
    lock: Mutex<()>,
    stopped: Condvar,
    state: Mutex<FollowState>,
}

/// How far the consumer has come.
#[derive(Debug, Clone, Default)]
struct FollowState {
    reader: Option<LogReader>,
    passed: Option<Mark>,
    /// The first record's order time; nothing older will come.
    first_us: Option<u64>,
    consumed: ConsumedTotals,
}

impl Handle {
    /// Makes the consumer end, after saving its cursor, as soon as its handler returns.
    pub fn stop(&self) {
        let _lock = self.shared.lock.lock();
        self.shared.stopping.store(true, Ordering::SeqCst);
        self.shared.stopped.notify_all();
    }

    /// Whether the consumer must end.
    pub fn is_stopping(&self) -> bool {
        self.shared.stopping.load(Ordering::Relaxed)
    }

    /// Sleeps for `time`, or until the consumer is stopped. Returns whether it is stopping.
    pub fn rest(&self, time: Duration) -> bool {
        let lock = self.shared.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = self.shared.stopped.wait_timeout_while(lock, time, |()| !self.is_stopping());
        self.is_stopping()
    }

    /// How far the consumer is behind; `None` before it has begun to read.
    ///
    /// Lists the log's folder and reads the sidecars of the segments that it has not passed.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn lag(&self) -> Result<Option<Lag>, LogError> {
        let FollowState { reader, passed, first_us, consumed } = self.state().clone();
        let Some(reader) = reader else { return Ok(None) };
        let reached_us = passed.as_ref().and_then(|mark| mark.reached_us).or(first_us);
        lag::measure(&reader, passed.as_ref().map(|mark| &mark.position), reached_us, consumed).map(Some)
    }

    fn state(&self) -> MutexGuard<'_, FollowState> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_reader(&self, reader: &LogReader) {
        self.state().reader = Some(reader.clone());
    }

    pub(super) fn set_passed(&self, passed: Option<Mark>) {
        self.state().passed = passed;
    }

    /// Called with the first record of each batch; only the first call counts.
    pub(super) fn set_first(&self, order_us: u64) {
        self.state().first_us.get_or_insert(order_us);
    }

    pub(super) fn count(&self, records: u64, stored_bytes: u64) {
        self.state().consumed.add(records, stored_bytes);
    }
}
