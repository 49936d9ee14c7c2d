//! What other threads may do with a running consumer: stop it, and ask how far behind it is.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use crate::log::LogError;
use crate::log::read::merge::MergePosition;
use crate::log::read::reader::LogReader;

use super::lag::{self, ConsumedTotals, Lag};
use super::mark::Mark;

/// Shared by the consumer's owner, its loop and its handler.
#[derive(Debug, Clone, Default)]
pub struct Handle {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    stopping: AtomicBool,
    /// Whether there is something to do before the rest is over.
    woken: Mutex<bool>,
    changed: Condvar,
    /// Where to go on, asked for since the last look; `Some(None)` for the oldest record.
    rewind: Mutex<Option<Option<MergePosition>>>,
    /// How many times that was asked for.
    rewinds: AtomicU64,
    /// How many times the consumer was asked to read again what it has not passed, because records were erased.
    rereads: AtomicU64,
    /// Up to which of these it has done so.
    reread: AtomicU64,
    /// The position to save instead of the confirmed one.
    held: Mutex<Option<MergePosition>>,
    /// The consumers that never pass this one.
    behind: Mutex<Vec<Weak<Shared>>>,
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
        self.shared.stopping.store(true, Ordering::SeqCst);
        self.shared.wake();
    }

    /// Ends the consumer's rest, because there may be something to do.
    pub fn wake(&self) {
        self.shared.wake();
    }

    /// Whether the consumer must end.
    pub fn is_stopping(&self) -> bool {
        self.shared.stopping.load(Ordering::Relaxed)
    }

    /// Sleeps for `time`, or until the consumer is stopped. Returns whether it is stopping.
    pub fn rest(&self, time: Duration) -> bool {
        let woken = lock(&self.shared.woken);
        drop(self.shared.changed.wait_timeout_while(woken, time, |_| !self.is_stopping()));
        self.is_stopping()
    }

    /// Like [`rest`](Self::rest), but a request to read again that is newer than this one ends it too.
    pub(super) fn rest_unless_reread(&self, time: Duration, reopened: u64) {
        let woken = lock(&self.shared.woken);
        let is_asked = || self.wants_reread().is_some_and(|number| number > reopened);
        drop(self.shared.changed.wait_timeout_while(woken, time, |_| !self.is_stopping() && !is_asked()));
    }

    /// Like [`rest`](Self::rest), but [`wake`](Self::wake) ends it too.
    pub(super) fn rest_until_woken(&self, time: Duration) {
        let woken = lock(&self.shared.woken);
        let waited = self.shared.changed.wait_timeout_while(woken, time, |woken| !*woken && !self.is_stopping());
        *waited.unwrap_or_else(PoisonError::into_inner).0 = false;
    }

    /// The position before which everything is confirmed; `None` before the consumer has begun.
    pub fn passed(&self) -> Option<MergePosition> {
        self.state().passed.as_ref().map(|mark| mark.position.clone())
    }

    /// Makes the consumer go on at an earlier position; `None` for the oldest record. Returns the number that its batches bear from then on
    /// ([`Batch::rewinds`](super::Batch::rewinds)): those with a smaller one were read before, and all their receipts are void.
    pub fn rewind(&self, to: Option<MergePosition>) -> u64 {
        let mut rewind = lock(&self.shared.rewind);
        *rewind = Some(to);
        let number = self.shared.rewinds.fetch_add(1, Ordering::SeqCst) + 1;
        drop(rewind);
        self.wake();
        number
    }

    /// Where to go on, if that was asked for since the last call, and how many times it was in all.
    pub(super) fn take_rewind(&self) -> (Option<Option<MergePosition>>, u64) {
        let mut rewind = lock(&self.shared.rewind);
        (rewind.take(), self.shared.rewinds.load(Ordering::SeqCst))
    }

    /// Asks the consumer to forget what it has read and not passed, and to read it again: records were erased from there. Returns a number for
    /// [`has_reread`](Self::has_reread).
    ///
    /// The loop opens its files anew by itself. Whoever keeps records for later (a courier) looks at [`wants_reread`](Self::wants_reread), drops
    /// them, and rewinds.
    pub fn ask_to_reread(&self) -> u64 {
        let number = self.shared.rereads.fetch_add(1, Ordering::SeqCst) + 1;
        self.wake();
        number
    }

    /// The number of the newest such request, if it has not been met.
    pub fn wants_reread(&self) -> Option<u64> {
        let asked = self.shared.rereads.load(Ordering::SeqCst);
        (self.shared.reread.load(Ordering::SeqCst) < asked).then_some(asked)
    }

    /// Nothing that was read before this request is in memory any more.
    pub fn set_reread(&self, number: u64) {
        self.shared.reread.fetch_max(number, Ordering::SeqCst);
    }

    /// Whether this request has been met.
    pub fn has_reread(&self, number: u64) -> bool {
        self.shared.reread.load(Ordering::SeqCst) >= number
    }

    /// Saves this position from now on instead of the confirmed one, which lies behind it: segments from there on are held back.
    pub fn hold_at(&self, position: Option<MergePosition>) {
        *lock(&self.shared.held) = position;
    }

    /// The position to save instead of the confirmed one.
    pub(super) fn held(&self) -> Option<MergePosition> {
        lock(&self.shared.held).clone()
    }

    /// Wakes `behind` whenever this consumer's position advances.
    pub(super) fn add_behind(&self, behind: &Handle) {
        let mut all = lock(&self.shared.behind);
        all.retain(|one| one.strong_count() > 0);
        all.push(Arc::downgrade(&behind.shared));
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

    /// For a consumer that follows the log by itself: it has come to this position, and nothing that it has not passed was received before
    /// `reached_us`, if that is known.
    pub fn has_come(&self, reader: &LogReader, position: &MergePosition, reached_us: Option<u64>) {
        let mut state = self.state();
        state.reader = Some(reader.clone());
        state.passed = Some(Mark { position: position.clone(), reached_us });
    }

    fn state(&self) -> MutexGuard<'_, FollowState> {
        lock(&self.shared.state)
    }

    pub(super) fn set_reader(&self, reader: &LogReader) {
        self.state().reader = Some(reader.clone());
    }

    pub(super) fn set_passed(&self, passed: Option<Mark>) {
        self.state().passed = passed;
        for behind in lock(&self.shared.behind).iter().filter_map(Weak::upgrade) {
            behind.wake();
        }
    }

    /// Called with the first record of each batch; only the first call counts.
    pub(super) fn set_first(&self, order_us: u64) {
        self.state().first_us.get_or_insert(order_us);
    }

    pub(super) fn count(&self, records: u64, log_bytes: u64) {
        self.state().consumed.add(records, log_bytes);
    }
}

impl Shared {
    fn wake(&self) {
        *lock(&self.woken) = true;
        self.changed.notify_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
