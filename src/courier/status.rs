//! What a courier is doing: written by its shipping task, read by health, metrics and `takeup couriers`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::cause::{Cause, Trouble};

/// The state of a destination, as the courier sees it.
#[derive(Debug, Clone)]
pub enum DestinationState {
    /// Nothing has been tried yet.
    Starting,
    /// It takes what it is given.
    Ready,
    /// It does not, and is tried again.
    Waiting(Waiting),
}

/// Since when, and why, a destination takes nothing.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Since when, by the wall clock, for people.
    pub since: SystemTime,
    /// The same, for durations.
    pub began: Instant,
    /// The latest cause.
    pub cause: Cause,
    /// How many attempts have failed.
    pub attempts: u64,
}

/// Whether the state is now another one than before: what is worth a line in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It is what it was.
    None,
    /// It has begun to wait, or waits for another cause.
    Waits,
    /// It is ready again, after this time.
    Recovered(Duration),
}

/// A destination that was asked and has not answered for this long is told of, though it is not given up yet.
const SILENT: Duration = Duration::from_secs(5);

/// A courier's state and counts.
#[derive(Debug)]
pub struct Status {
    state: Mutex<DestinationState>,
    /// When the destination was asked for what it has not answered yet.
    asked: Mutex<Option<(SystemTime, Instant)>>,
    /// Since when, and why, the log can't be read.
    unread: Mutex<Option<Waiting>>,
    /// What is wrong without keeping anything from being delivered.
    remark: Mutex<Option<Cause>>,
    records: AtomicU64,
    items: AtomicU64,
    bytes: AtomicU64,
    attempts_failed: AtomicU64,
    dead_letters: AtomicU64,
}

/// Counts since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Records delivered.
    pub records: u64,
    /// Items (messages, rows, lines) delivered.
    pub items: u64,
    /// Bytes of the records and items delivered.
    pub bytes: u64,
    /// Attempts that failed.
    pub attempts_failed: u64,
    /// Records that became dead letters.
    pub dead_letters: u64,
}

impl Default for Status {
    fn default() -> Self {
        Self {
            state: Mutex::new(DestinationState::Starting),
            asked: Mutex::new(None),
            unread: Mutex::new(None),
            remark: Mutex::new(None),
            records: AtomicU64::new(0),
            items: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            attempts_failed: AtomicU64::new(0),
            dead_letters: AtomicU64::new(0),
        }
    }
}

impl Status {
    /// The destination's state. While the log can't be read, it waits for that.
    pub fn state(&self) -> DestinationState {
        if let Some(waiting) = &*lock(&self.unread) {
            return DestinationState::Waiting(waiting.clone());
        }
        match lock(&self.state).clone() {
            DestinationState::Waiting(waiting) => DestinationState::Waiting(waiting),
            answered => self.silent().map_or(answered, DestinationState::Waiting),
        }
    }

    /// A destination that has answered until now and has been asked too long ago.
    fn silent(&self) -> Option<Waiting> {
        let (since, began) = (*lock(&self.asked)).filter(|(_, began)| began.elapsed() >= SILENT)?;
        let cause = Cause::new(Trouble::TimedOut, "", "it has not answered yet");
        Some(Waiting { since, began, cause, attempts: 0 })
    }

    /// The destination is asked for something, until the answer to this is dropped.
    pub fn ask(&self) -> Asking<'_> {
        *lock(&self.asked) = Some((SystemTime::now(), Instant::now()));
        Asking(self)
    }

    /// The counts.
    pub fn counts(&self) -> Counts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts {
            records: read(&self.records),
            items: read(&self.items),
            bytes: read(&self.bytes),
            attempts_failed: read(&self.attempts_failed),
            dead_letters: read(&self.dead_letters),
        }
    }

    /// The destination took something.
    pub fn ready(&self) -> Change {
        match std::mem::replace(&mut *lock(&self.state), DestinationState::Ready) {
            DestinationState::Waiting(waiting) => Change::Recovered(waiting.began.elapsed()),
            DestinationState::Starting | DestinationState::Ready => Change::None,
        }
    }

    /// An attempt failed, and will be repeated.
    pub fn failed(&self, cause: Cause) -> Change {
        self.attempts_failed.fetch_add(1, Ordering::Relaxed);
        let mut state = lock(&self.state);
        if let DestinationState::Waiting(waiting) = &mut *state {
            return waiting.failed_again(cause);
        }
        *state = DestinationState::Waiting(Waiting::new(cause));
        Change::Waits
    }

    /// What is wrong without keeping anything from being delivered; `None` if nothing is. Returns whether it is new.
    pub fn remark(&self, cause: Option<Cause>) -> bool {
        let mut remark = lock(&self.remark);
        let kind = |cause: &Cause| (cause.trouble, cause.code.clone());
        let is_new = cause.is_some() && remark.as_ref().map(kind) != cause.as_ref().map(kind);
        *remark = cause;
        is_new
    }

    /// What is wrong without keeping anything from being delivered.
    pub fn remarked(&self) -> Option<Cause> {
        lock(&self.remark).clone()
    }

    /// The log could not be read, which will be tried again.
    pub fn cannot_read(&self, cause: Cause) -> Change {
        let mut unread = lock(&self.unread);
        if let Some(waiting) = &mut *unread {
            return waiting.failed_again(cause);
        }
        *unread = Some(Waiting::new(cause));
        Change::Waits
    }

    /// The log can be read.
    pub fn can_read(&self) -> Change {
        lock(&self.unread).take().map_or(Change::None, |waiting| Change::Recovered(waiting.began.elapsed()))
    }

    /// Counts what was delivered.
    pub fn delivered(&self, records: u64, items: u64, bytes: u64) {
        self.records.fetch_add(records, Ordering::Relaxed);
        self.items.fetch_add(items, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts dead letters.
    pub fn dead_letters(&self, count: u64) {
        self.dead_letters.fetch_add(count, Ordering::Relaxed);
    }
}

impl Waiting {
    fn new(cause: Cause) -> Self {
        Self { since: SystemTime::now(), began: Instant::now(), cause, attempts: 1 }
    }

    fn failed_again(&mut self, cause: Cause) -> Change {
        self.attempts += 1;
        let same = self.cause.trouble == cause.trouble && self.cause.code == cause.code;
        self.cause = cause;
        if same { Change::None } else { Change::Waits }
    }
}

/// A call to a destination that is under way.
#[derive(Debug)]
pub struct Asking<'a>(&'a Status);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        *lock(&self.0.asked) = None;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
