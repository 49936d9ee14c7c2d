//! The connections of a replay: one thread for each, fed by a bounded queue.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, SendTimeoutError, Sender as ChannelSender, bounded};

use crate::cli::error::CliError;
use crate::log::format::record::Record;
use crate::session::token::Secrets;

use super::args::ReplayArgs;
use super::http::{Answer, Job, Sender, Target};
use super::outcome::{Outcome, note_refusal};

/// The most batches queued for one connection.
const QUEUE_MAX: usize = 256;

/// How often a wait checks whether the replay has ended.
const NOTICE_AFTER: Duration = Duration::from_millis(100);

const BACKOFF_FIRST: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// Runs the connections while `feed` fills their queues, and until the queues are empty.
pub fn run(
    args: &ReplayArgs,
    target: &Target,
    secrets: &Secrets,
    feed: impl FnOnce(&Queue<'_>) -> Result<(), CliError>,
) -> Result<Outcome, CliError> {
    let shared = Shared::new(args.buffer(), args.retries);
    thread::scope(|scope| {
        let senders = (0..args.connections())
            .map(|_| {
                let (sender, receiver) = bounded(QUEUE_MAX);
                let shared = &shared;
                scope.spawn(move || shared.work(&receiver, &Sender::new(target, secrets)));
                sender
            })
            .collect();
        // Dropping the queue also drops the channels' senders, which lets the threads finish.
        feed(&Queue { shared: &shared, senders })
    })?;
    Ok(shared.into_outcome())
}

/// Where the reader queues batches for sending.
pub struct Queue<'a> {
    shared: &'a Shared,
    senders: Vec<ChannelSender<Job>>,
}

impl Queue<'_> {
    /// Whether the replay has ended early.
    pub fn stopped(&self) -> bool {
        self.shared.stopped.load(Ordering::Relaxed)
    }

    /// Queues a batch on its session's connection, waiting for room. `false`: the replay has ended.
    pub fn push(&self, record: &Record<'_>) -> bool {
        let mut job = Job::new(record);
        if !self.shared.take_room(job.bytes()) {
            return false;
        }
        let sender = &self.senders[connection_of(record.session, self.senders.len())];
        loop {
            match sender.send_timeout(job, NOTICE_AFTER) {
                Ok(()) => return true,
                Err(SendTimeoutError::Timeout(back)) if !self.stopped() => job = back,
                Err(_) => return false,
            }
        }
    }
}

/// The connection for a session. Ids generated in one burst differ only in their lowest bits, so they are mixed first (with SplitMix64's
/// final step).
fn connection_of(session: u64, connections: usize) -> usize {
    let mut mixed = session;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ (mixed >> 31)) % connections as u64) as usize
}

struct Shared {
    room_bytes: usize,
    retries_max: u32,
    used_bytes: Mutex<usize>,
    freed: Condvar,
    stopped: AtomicBool,
    batches: AtomicU64,
    bytes: AtomicU64,
    retries: AtomicU64,
    refused: AtomicU64,
    refusals: Mutex<Vec<String>>,
    failure: Mutex<Option<String>>,
}

impl Shared {
    fn new(room_bytes: usize, retries_max: u32) -> Shared {
        Shared {
            room_bytes,
            retries_max,
            used_bytes: Mutex::new(0),
            freed: Condvar::new(),
            stopped: AtomicBool::new(false),
            batches: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            refusals: Mutex::new(Vec::new()),
            failure: Mutex::new(None),
        }
    }

    /// Waits until the bytes fit into the buffer; a batch larger than the whole buffer goes alone. `false`: the replay has ended.
    fn take_room(&self, bytes: usize) -> bool {
        let mut used = lock(&self.used_bytes);
        while *used > 0 && *used + bytes > self.room_bytes {
            if self.stopped.load(Ordering::Relaxed) {
                return false;
            }
            used = self.freed.wait_timeout(used, NOTICE_AFTER).unwrap_or_else(PoisonError::into_inner).0;
        }
        *used += bytes;
        true
    }

    fn give_room(&self, bytes: usize) {
        *lock(&self.used_bytes) -= bytes;
        self.freed.notify_one();
    }

    fn work(&self, jobs: &Receiver<Job>, sender: &Sender<'_>) {
        for job in jobs {
            if self.stopped.load(Ordering::Relaxed) {
                return;
            }
            self.deliver(&job, sender);
            self.give_room(job.bytes());
        }
    }

    /// Sends a batch, retrying until the server has given its verdict.
    fn deliver(&self, job: &Job, sender: &Sender<'_>) {
        let mut backoff = BACKOFF_FIRST;
        for try_number in 0.. {
            match sender.send(job) {
                Answer::Stored => {
                    self.batches.fetch_add(1, Ordering::Relaxed);
                    self.bytes.fetch_add(job.body_bytes(), Ordering::Relaxed);
                    return;
                }
                Answer::Refused(text) => {
                    self.refused.fetch_add(1, Ordering::Relaxed);
                    note_refusal(&mut lock(&self.refusals), text);
                    return;
                }
                Answer::Stop(text) => return self.fail(text),
                // Continuing with the next batch would break the session's order.
                Answer::Later(text) if try_number >= self.retries_max => {
                    return self.fail(format!("{text} (tried {} times)", try_number + 1));
                }
                Answer::Later(_) => {
                    self.retries.fetch_add(1, Ordering::Relaxed);
                    if !self.sleep(backoff) {
                        return;
                    }
                    backoff = (backoff * 2).min(BACKOFF_MAX);
                }
            }
        }
    }

    /// Sleeps. `false`: the replay ended meanwhile.
    fn sleep(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.stopped.load(Ordering::Relaxed) {
                return left.is_zero();
            }
            thread::sleep(left.min(NOTICE_AFTER));
        }
    }

    fn fail(&self, text: String) {
        lock(&self.failure).get_or_insert(text);
        self.stopped.store(true, Ordering::Relaxed);
    }

    fn into_outcome(self) -> Outcome {
        Outcome {
            batches: self.batches.into_inner(),
            bytes: self.bytes.into_inner(),
            retries: self.retries.into_inner(),
            refused: self.refused.into_inner(),
            refusals: self.refusals.into_inner().unwrap_or_else(PoisonError::into_inner),
            failure: self.failure.into_inner().unwrap_or_else(PoisonError::into_inner),
            ..Outcome::default()
        }
    }
}

/// A thread that panicked has left nothing half done under these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
