//! Opening and closing a log: the lock, the file system, recovery, the clock, and the threads.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use uuid::Uuid;

use super::clock::order::OrderClock;
use super::delete::deleter;
use super::disk::calls;
use super::disk::calls::Disk;
use super::disk::lock::Lock;
use super::error::LogError;
use super::format::control;
use super::format::control::CLOCK_FILE_NAME;
use super::format::header::VERSION;
use super::options::{Options, Way};
use super::read::reader::{LOG_FILE_NAME, LogFile, core_dir, core_dirs};
use super::recent::RecentRecords;
use super::repair::recovery;
use super::repair::recovery::Recovery;
use super::retain::{Policy, RetentionStats, Rules};
use super::write::control_page::ControlPage;
use super::write::fault::Fault;
use super::write::job::Job;
use super::write::limits::RETIRED_MAX;
use super::write::notice::{NOTICES_MAX, Notices};
use super::write::retired::Retired;
use super::write::shared::{Core, Shared, Space};
use super::write::standstill::StandstillStats;
use super::write::wake::For;
use super::write::writer::Writer;
use super::write::{hash, job, keeper, prepare, seal, syncer};

mod core_state;
mod filesystem;
mod forget;
mod reopen;
mod seal_all;

pub use reopen::{CoreHealth, Reopened};
pub use seal_all::SealedCore;

/// How long a close waits for writers that have not been dropped.
const CLOSE_WAIT: Duration = Duration::from_secs(10);

/// An open log. Clones share it.
#[derive(Debug, Clone)]
pub struct Log {
    inner: Arc<LogInner>,
}

#[derive(Debug)]
struct LogInner {
    shared: Arc<Shared>,
    /// What a writer is made from, per core; taken by the first caller that asks.
    seats: Mutex<Vec<Option<Seat>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Debug)]
pub(super) struct Seat {
    pub(super) jobs: Sender<Job>,
    pub(super) retire: Sender<Retired>,
}

/// A log that deletes: where its rules are changed. Clones share it.
#[derive(Debug, Clone)]
pub struct Deleting {
    log: Log,
}

impl Deleting {
    /// Gives projects retention ages of their own, None for ever, replacing those given before.
    pub fn set_project_ages(&self, projects: BTreeMap<u32, Option<Duration>>) {
        self.log.inner.shared.retention.set_projects(projects);
    }

    /// Changes what is kept and how it is deleted. Ages of projects stay.
    pub fn set_policy(&self, policy: Policy) {
        self.log.inner.shared.retention.set_policy(policy);
    }
}

/// Whether the log can take records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Whether any core can append: the others' clients are served by it.
    pub can_append: bool,
    /// What stands in the way.
    pub reason: Option<String>,
}

/// Figures of the whole log since it was opened, for metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogStats {
    /// Records appended.
    pub records: u64,
    /// Bytes of the segments taken by them.
    pub bytes: u64,
    /// Group commits made.
    pub groups: u64,
    /// Records lost with failed segments, to be appended again by their owners.
    pub lost: u64,
    /// Of these, records that had been answered from memory and were appended again by the log itself.
    pub restored: u64,
    /// Segments made.
    pub segments: u64,
    /// Segments sealed.
    pub sealed: u64,
    /// Failures of segments.
    pub failures: u64,
    /// The same by cause, in the order of [`Fault::CAUSES`].
    pub failures_by_cause: [u64; Fault::CAUSES.len()],
    /// Syncs that took longer than `slow_sync`.
    pub slow_syncs: u64,
    /// Times that a segment could not be sealed; it is tried again.
    pub seal_failures: u64,
    /// Times that a timer has let a writer go that nobody had woken.
    pub late_wakes: u64,
    /// How long writers stood still, by what for, in the order of [`LogStats::STANDSTILLS`].
    pub standstills: [StandstillStats; LogStats::STANDSTILLS.len()],
    /// Bytes of recent groups that are kept in memory for readers.
    pub recent_bytes: u64,
    /// Bytes free on the file system, for this process.
    pub free_bytes: u64,
    /// The state of each core.
    pub states: Vec<control::State>,
}

impl LogStats {
    /// What a writer may stand still for: the window ahead of the cursor, the next segment, a group that is being synced, the sealer, space on the
    /// disk, the hasher.
    pub const STANDSTILLS: [&str; 6] = For::NAMES;
}

impl Log {
    /// Opens the log in `options.dir`, made if it is missing: takes the lock, recovers what a killed server left, and starts the
    /// threads. The first append is possible a few milliseconds later (until then it is [`super::AppendError::NotReady`]).
    ///
    /// # Errors
    /// Settings that can't work, a lock that another server holds, a file system that can't keep the promises, a log of a newer version, or
    /// a call that failed. Damage in the log is not an error; it is in [`Recovery`].
    pub fn open(options: Options) -> Result<(Log, Recovery), LogError> {
        let at_once = thread::available_parallelism().map_or(1, |threads| threads.get());
        let (shared, recovery) = take_up(calls::REAL, options, at_once)?;
        let log = Log { inner: Arc::new(LogInner::start(shared)?) };
        Ok((log, recovery))
    }

    /// The writer of a core. There is one, once.
    ///
    /// # Errors
    /// [`LogError::NoWriter`] if it was asked for before, or the log has fewer cores.
    pub fn writer(&self, core: u16) -> Result<Writer, LogError> {
        let mut seats = self.inner.seats.lock().unwrap_or_else(PoisonError::into_inner);
        let seat = seats.get_mut(usize::from(core)).and_then(Option::take).ok_or(LogError::NoWriter { core })?;
        let shared = Arc::clone(&self.inner.shared);
        let of = Arc::clone(&shared.cores[usize::from(core)]);
        Ok(Writer::new(shared, of, seat.jobs, seat.retire))
    }

    /// Order time: one clock for all cores.
    pub fn clock(&self) -> &OrderClock {
        &self.inner.shared.clock
    }

    /// The log's name for ever.
    pub fn uuid(&self) -> Uuid {
        self.inner.shared.log
    }

    /// How records get to the disk: settled, so never [`Way::Auto`].
    pub fn way(&self) -> Way {
        self.inner.shared.options.way
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.inner.shared.dir
    }

    /// Whether records can be appended, and if not, why.
    pub fn health(&self) -> Health {
        let reason = self.obstacle();
        Health { can_append: reason.is_none(), reason }
    }

    fn obstacle(&self) -> Option<String> {
        let shared = &self.inner.shared;
        if shared.is_closing() {
            return Some("the log is closed".to_owned());
        }
        if shared.space() != Space::Enough {
            let free = shared.free_bytes.load(Ordering::Relaxed);
            let reserve = shared.options.reserve_bytes;
            return Some(format!("{free} bytes are free on the disk, below the reserve of {reserve}"));
        }
        let reasons: Vec<String> = shared.cores.iter().map_while(|core| core_state::reason(core)).collect();
        (reasons.len() == shared.cores.len()).then(|| reasons.join("; "))
    }

    /// Figures for metrics.
    pub fn stats(&self) -> LogStats {
        let shared = &self.inner.shared;
        let sum = |of: fn(&Core) -> u64| shared.cores.iter().map(|core| of(core)).sum();
        LogStats {
            records: sum(|core| core.counters.records.load(Ordering::Relaxed)),
            bytes: sum(|core| core.counters.bytes.load(Ordering::Relaxed)),
            groups: sum(|core| core.counters.groups.load(Ordering::Relaxed)),
            lost: sum(|core| core.counters.lost.load(Ordering::Relaxed)),
            restored: sum(|core| core.counters.restored.load(Ordering::Relaxed)),
            segments: sum(|core| core.counters.segments.load(Ordering::Relaxed)),
            sealed: sum(|core| core.counters.sealed.load(Ordering::Relaxed)),
            failures: sum(|core| core.counters.failures.load(Ordering::Relaxed)),
            failures_by_cause: std::array::from_fn(|cause| {
                let of = |core: &Arc<Core>| core.counters.failures_by_cause[cause].load(Ordering::Relaxed);
                shared.cores.iter().map(of).sum()
            }),
            slow_syncs: sum(|core| core.counters.slow_syncs.load(Ordering::Relaxed)),
            seal_failures: sum(|core| core.counters.seal_failures.load(Ordering::Relaxed)),
            late_wakes: shared.late_wakes.load(Ordering::Relaxed),
            standstills: shared
                .cores
                .iter()
                .map(|core| core.standstills.stats())
                .fold(Default::default(), |sum, of| std::array::from_fn(|what| sum[what].and(of[what]))),
            recent_bytes: sum(|core| core.recent.bytes()),
            free_bytes: shared.free_bytes.load(Ordering::Relaxed),
            states: shared.cores.iter().map(|core| core_state::state(core)).collect(),
        }
    }

    /// What was written a moment ago and is still in memory, for readers in this process.
    pub fn recent(&self) -> RecentRecords {
        let shared = &self.inner.shared;
        RecentRecords::new(shared.log, shared.cores.iter().map(|core| Arc::clone(&core.recent)))
    }

    /// What retention did, and what it saw at its last look.
    pub fn retention(&self) -> RetentionStats {
        self.inner.shared.retention.stats()
    }

    /// The ages of the projects that have their own, None for ever. None before [`Log::start_deleting`]: nothing may be deleted anywhere.
    pub fn project_ages(&self) -> Option<BTreeMap<u32, Option<Duration>>> {
        self.inner.shared.retention.rules().map(|rules| rules.retain.projects)
    }

    /// Starts the thread that deletes. An open log deletes nothing, not even the rest of an earlier deletion, until this call has given it
    /// everything that decides what stays. A second call changes the rules.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start_deleting(&self, rules: Rules) -> Result<Deleting, LogError> {
        if self.inner.shared.retention.set_rules(rules) {
            let of = Arc::clone(&self.inner.shared);
            self.inner.spawn("takeup-delete".to_owned(), move || deleter::run(&of))?;
        }
        Ok(Deleting { log: self.clone() })
    }

    /// Closes the log: everything durable, sealed, unused segments removed, the threads at their end. Drop the writers first.
    ///
    /// # Errors
    /// If a writer is still held after 10 s. The log takes nothing more even then.
    pub fn close(&self) -> Result<(), LogError> {
        self.inner.close(CLOSE_WAIT)
    }

    /// The same where a writer is held that will never be dropped: for at most `wait`.
    ///
    /// # Errors
    /// As [`Log::close`].
    pub fn close_within(&self, wait: Duration) -> Result<(), LogError> {
        self.inner.close(wait)
    }

    #[cfg(test)]
    pub(super) fn shared(&self) -> &Shared {
        &self.inner.shared
    }
}

/// All of an open that comes before the threads: locks the log and recovers it, up to `at_once` cores at a time.
pub(super) fn take_up(
    disk: &'static dyn Disk,
    mut options: Options,
    at_once: usize,
) -> Result<(Arc<Shared>, Recovery), LogError> {
    options.check()?;
    let dir = options.dir.clone();
    make_dir(disk, &dir)?;
    filesystem::check(&dir, &options)?;
    // What is locked is the folder of the first core.
    make_one_dir(disk, &core_dir(&dir, 0))?;
    let lock = Lock::take(&dir)?;
    filesystem::settle_way(disk, &dir, &mut options)?;
    let identity = load_or_create_identity(disk, &dir)?;
    for core in 1..options.cores {
        make_one_dir(disk, &core_dir(&dir, core))?;
    }
    // Whoever made them, now or in a start that was killed.
    disk.sync_dir(&dir).map_err(LogError::io(&dir, "sync the folder"))?;
    let recovery = recovery::recover_on(disk, &dir, identity.log, at_once)?;
    let clock = OrderClock::start(&dir.join(CLOCK_FILE_NAME), recovery.newest_us)?;
    let notices = Arc::new(Notices::new(NOTICES_MAX));
    let cores = open_cores(&dir, options.cores, &notices)?;
    lock.tell_taken_up(&dir)?;
    let shared = Arc::new(Shared::new(disk, options, identity.log, clock, cores, notices, lock));
    keeper::look_at_space(&shared);
    Ok((shared, recovery))
}

/// The queues by which the cores' writers reach the threads: at one end a seat for each core, at the other each syncer's and the hasher's.
pub(super) struct Queues {
    pub(super) seats: Vec<Seat>,
    pub(super) jobs: Vec<Receiver<Job>>,
    pub(super) retired: Receiver<Retired>,
}

impl Queues {
    pub(super) fn new(cores: usize) -> Queues {
        let (retire, retired) = bounded(cores * RETIRED_MAX);
        let ends = (0..cores).map(|_| job::channel());
        let (seats, jobs) = ends.map(|(jobs, todo)| (Seat { jobs, retire: retire.clone() }, todo)).unzip();
        Queues { seats, jobs, retired }
    }
}

impl LogInner {
    fn start(shared: Arc<Shared>) -> Result<LogInner, LogError> {
        let Queues { seats, jobs, retired } = Queues::new(shared.cores.len());
        let inner = LogInner {
            shared: Arc::clone(&shared),
            seats: Mutex::new(seats.into_iter().map(Some).collect()),
            threads: Mutex::new(Vec::new()),
        };
        // The syncers first: the others end when none runs.
        for (core, todo) in shared.cores.iter().zip(jobs) {
            let (of, core) = (Arc::clone(&shared), Arc::clone(core));
            shared.cores_running.fetch_add(1, Ordering::SeqCst);
            inner.spawn(format!("takeup-sync-{}", core.index), move || syncer::run(&of, &core, &todo)).inspect_err(
                |_| {
                    shared.cores_running.fetch_sub(1, Ordering::SeqCst);
                },
            )?;
        }
        let of = Arc::clone(&shared);
        inner.spawn("takeup-prepare".to_owned(), move || prepare::run(&of))?;
        let of = Arc::clone(&shared);
        inner.spawn("takeup-keeper".to_owned(), move || keeper::run(&of))?;
        let (described, to_seal) = bounded(shared.cores.len() * RETIRED_MAX);
        let of = Arc::clone(&shared);
        inner.spawn("takeup-hash".to_owned(), move || hash::run(&of, &retired, &described))?;
        let of = Arc::clone(&shared);
        inner.spawn("takeup-seal".to_owned(), move || seal::run(&of, &to_seal))?;
        Ok(inner)
    }

    fn spawn(&self, name: String, run: impl FnOnce() + Send + 'static) -> Result<(), LogError> {
        let spawned = thread::Builder::new().name(name).spawn(run);
        let handle = spawned.map_err(LogError::io(&self.shared.dir, "start a thread of the log"))?;
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(handle);
        Ok(())
    }

    /// Idempotent. The syncers end with their writers, the keeper, the preparer and the deleter with the last syncer, the hasher with the last who could
    /// give it something, and the sealer with the hasher.
    fn close(&self, wait: Duration) -> Result<(), LogError> {
        let shared = &self.shared;
        shared.closing.store(true, Ordering::SeqCst);
        for seat in self.seats.lock().unwrap_or_else(PoisonError::into_inner).iter_mut().filter_map(Option::take) {
            let _ = seat.jobs.send(Job::Stop);
        }
        let deadline = Instant::now() + wait;
        while shared.cores_running.load(Ordering::SeqCst) > 0 {
            if Instant::now() >= deadline {
                let held = io::Error::new(io::ErrorKind::WouldBlock, "a writer has not been dropped");
                return Err(LogError::io(&shared.dir, "close the log")(held));
            }
            thread::sleep(Duration::from_millis(1));
        }
        shared.wake_keeper();
        shared.wake_preparer();
        shared.retention.wake();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // A panic has been printed; what the thread left undone is done by the next start.
            let _ = thread.join();
        }
        shared.cores.iter().for_each(|core| core.control.close());
        Ok(())
    }
}

impl Drop for LogInner {
    /// A log that was not closed is, if its writers are gone. Otherwise its threads end with them, and the lock is held until then.
    fn drop(&mut self) {
        let _ = self.close(Duration::from_millis(100));
    }
}

/// What reading `log.json` comes to where it is not there, is no JSON, or ends too early.
const LOST_OR_DAMAGED: [io::ErrorKind; 3] =
    [io::ErrorKind::NotFound, io::ErrorKind::InvalidData, io::ErrorKind::UnexpectedEof];

/// Reads `log.json`, or makes it for a new log: synced, and then given its name.
fn load_or_create_identity(disk: &dyn Disk, dir: &Path) -> Result<LogFile, LogError> {
    let path = dir.join(LOG_FILE_NAME);
    let survived = surviving_uuid(dir);
    match LogFile::read(dir) {
        Ok(identity) if survived.is_none_or(|log| log == identity.log) => return Ok(identity),
        Err(error @ LogError::Version { .. }) => return Err(error),
        // A lost or damaged file is never a reason not to start: the segments know which log they are of.
        Err(LogError::Io { source, .. }) if LOST_OR_DAMAGED.contains(&source.kind()) => {}
        Err(error @ LogError::Io { .. }) => return Err(error),
        Ok(_) | Err(_) => {}
    }
    let identity = LogFile { version: VERSION, log: survived.unwrap_or_else(Uuid::new_v4) };
    let fresh = dir.join("log.json.tmp");
    let write = || {
        let mut text = serde_json::to_vec(&identity)?;
        text.push(b'\n');
        let file = disk.create(&fresh)?;
        disk.write_at(&file, &text, 0)?;
        disk.sync(&file)?;
        disk.rename(&fresh, &path)?;
        disk.sync_dir(dir)
    };
    write().map_err(LogError::io(&path, "write what log this is"))?;
    Ok(identity)
}

/// A log whose `log.json` was lost or damaged keeps its name: its segments know it.
fn surviving_uuid(dir: &Path) -> Option<Uuid> {
    super::read::reader::LogReader::identify(dir, false).ok().map(|reader| reader.log_uuid())
}

/// Makes a folder with those above it, and their names durable.
///
/// Also of those that are there: a start that was killed may have made them and not synced them.
fn make_dir(disk: &dyn Disk, dir: &Path) -> Result<(), LogError> {
    let above = |at: &Path| match at.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Some(PathBuf::from(".")),
        parent => parent.map(Path::to_path_buf),
    };
    let chain: Vec<&Path> = dir.ancestors().filter(|at| !at.as_os_str().is_empty()).collect();
    let first_missing = chain.iter().take_while(|at| !at.exists()).count();
    for made in chain[..first_missing].iter().rev() {
        make_one_dir(disk, made)?;
    }
    for (depth, at) in chain.iter().enumerate() {
        let Some(parent) = above(at) else { break };
        let synced = disk.sync_dir(&parent).map_err(LogError::io(&parent, "sync the folder"));
        // Those further up are not ours, and may not be open to us.
        if depth <= first_missing {
            synced?;
        }
    }
    Ok(())
}

fn make_one_dir(disk: &dyn Disk, dir: &Path) -> Result<(), LogError> {
    match disk.make_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other.map_err(LogError::io(dir, "make the folder")),
    }
}

/// The cores' shared state, and a control page that says "closed" for the cores that this log no longer has.
fn open_cores(dir: &Path, cores: u16, notices: &Arc<Notices>) -> Result<Vec<Arc<Core>>, LogError> {
    for (core, of) in core_dirs(dir)?.into_iter().filter(|&(core, _)| core >= cores) {
        drop(ControlPage::open(&of, core)?);
    }
    (0..cores).map(|core| Core::open(core_dir(dir, core), core, Arc::clone(notices)).map(Arc::new)).collect()
}
