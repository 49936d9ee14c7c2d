//! The connections of a replay: one thread for each, fed by a bounded queue.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, SendTimeoutError, Sender as ChannelSender, bounded};

use crate::cli::error::CliError;
use crate::session::token::Secrets;

use super::args::ReplayArgs;
use super::http::{Answer, Job, Sender, Target};
use super::latency::Latencies;
use super::order::{Item, Mark};
use super::outcome::{Outcome, note_refusal};
use super::rounds::mixed;

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
) -> (Outcome, Confirmed, Result<(), CliError>) {
    let shared = Shared::new(args.buffer(), args.retries, args.connections());
    let fed = thread::scope(|scope| {
        let senders = (0..args.connections())
            .map(|connection| {
                let (sender, receiver) = bounded(QUEUE_MAX);
                let shared = &shared;
                scope.spawn(move || shared.work(usize::from(connection), &receiver, &Sender::new(target, secrets)));
                sender
            })
            .collect();
        // Dropping the queue also drops the channels' senders, which lets the threads finish.
        feed(&Queue { shared: &shared, senders })
    });
    let lanes = shared.lanes.iter().map(|lane| {
        let lane = lock(lane);
        (lane.last, lane.done == lane.queued)
    });
    let confirmed = Confirmed(lanes.collect());
    (shared.into_outcome(), confirmed, fed)
}

/// What was confirmed when all connections had ended: the last batch of each, and whether it was the last that was queued for it.
#[derive(Debug)]
pub struct Confirmed(Vec<(Option<Mark>, bool)>);

impl Confirmed {
    /// What was confirmed by connection, given the last record that was queued on any.
    pub fn marks(&self, fed: Option<Mark>) -> Vec<Option<Mark>> {
        self.0.iter().map(|(last, is_all)| if *is_all { fed } else { *last }).collect()
    }
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

    /// The connection that has a session.
    pub fn connection_of(&self, session: u64) -> usize {
        connection_of(session, self.senders.len())
    }

    /// Ends the replay: what is queued is not sent any more, what was sent is waited for.
    pub fn stop(&self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
    }

    /// What was confirmed by connection, and how many records in all. A connection that has nothing to do is as far as `fed`, the last record
    /// that was queued, on any.
    pub fn confirmed(&self, fed: Option<Mark>) -> (Vec<Option<Mark>>, u64) {
        let mut sent = 0;
        let marks = self.shared.lanes.iter().map(|lane| {
            let lane = lock(lane);
            sent += lane.done;
            if lane.done == lane.queued { fed } else { lane.last }
        });
        (marks.collect(), sent)
    }

    /// Queues a batch on its session's connection, waiting for room. `false`: the replay has ended.
    pub fn push(&self, item: Item) -> bool {
        let connection = self.connection_of(item.held.head.session);
        let mut job = Job::new(item);
        if !self.shared.take_room(job.bytes()) {
            return false;
        }
        lock(&self.shared.lanes[connection]).queued += 1;
        let sender = &self.senders[connection];
        loop {
            match sender.send_timeout(job, NOTICE_AFTER) {
                Ok(()) => return true,
                Err(SendTimeoutError::Timeout(back)) if !self.stopped() => job = back,
                Err(_) => return false,
            }
        }
    }
}

/// The connection for a session. Ids generated in one burst differ only in their lowest bits, so they are mixed first.
fn connection_of(session: u64, connections: usize) -> usize {
    (mixed(session) % connections as u64) as usize
}

/// How far a connection is.
#[derive(Debug, Default)]
struct Lane {
    /// Batches that were queued for it.
    queued: u64,
    /// Batches of these that were stored or refused.
    done: u64,
    /// The last of these.
    last: Option<Mark>,
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
    lanes: Vec<Mutex<Lane>>,
    latencies: Mutex<Latencies>,
}

impl Shared {
    fn new(room_bytes: usize, retries_max: u32, connections: u16) -> Shared {
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
            lanes: (0..connections).map(|_| Mutex::default()).collect(),
            latencies: Mutex::default(),
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

    fn work(&self, connection: usize, jobs: &Receiver<Job>, sender: &Sender<'_>) {
        let mut latencies = Latencies::default();
        for job in jobs {
            if self.stopped.load(Ordering::Relaxed) {
                break;
            }
            if self.deliver(&job, sender, &mut latencies) {
                let mut lane = lock(&self.lanes[connection]);
                lane.done += 1;
                lane.last = Some(job.mark());
            }
            self.give_room(job.bytes());
        }
        lock(&self.latencies).add(&latencies);
    }

    /// Sends a batch, retrying until the server has given its verdict. `false`: it has not.
    fn deliver(&self, job: &Job, sender: &Sender<'_>, latencies: &mut Latencies) -> bool {
        let mut backoff = BACKOFF_FIRST;
        let due = job.due().unwrap_or_else(Instant::now);
        for try_number in 0.. {
            let sent = Instant::now();
            match sender.send(job) {
                Answer::Stored => {
                    latencies.note(due, sent);
                    self.batches.fetch_add(1, Ordering::Relaxed);
                    self.bytes.fetch_add(job.body_bytes(), Ordering::Relaxed);
                    return true;
                }
                Answer::Refused(text) => {
                    self.refused.fetch_add(1, Ordering::Relaxed);
                    note_refusal(&mut lock(&self.refusals), text);
                    return true;
                }
                Answer::Stop(text) => {
                    self.fail(text);
                    return false;
                }
                // Continuing with the next batch would break the session's order.
                Answer::Later(text) if try_number >= self.retries_max => {
                    self.fail(format!("{text} (tried {} times)", try_number + 1));
                    return false;
                }
                Answer::Later(_) => {
                    self.retries.fetch_add(1, Ordering::Relaxed);
                    if !self.sleep(backoff) {
                        return false;
                    }
                    backoff = (backoff * 2).min(BACKOFF_MAX);
                }
            }
        }
        false
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
            latencies: Some(self.latencies.into_inner().unwrap_or_else(PoisonError::into_inner)),
            ..Outcome::default()
        }
    }
}

/// A thread that panicked has left nothing half done under these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
