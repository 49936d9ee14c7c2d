//! What a log's threads share: a few atomics per core, and nothing that an append would have to wait for.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use atomic_waker::AtomicWaker;
use crossbeam_channel::{Receiver, Sender, bounded};
use crossbeam_queue::ArrayQueue;
use uuid::Uuid;

use crate::log::clock::order::OrderClock;
use crate::log::disk::calls::Disk;
use crate::log::disk::lock::Lock;
use crate::log::disk::pages::Pages;
use crate::log::error::LogError;
use crate::log::format::control::State;
use crate::log::options::Options;
use crate::log::recent::Recent;
use crate::log::retain::Desk;

use super::carry::Carried;
use super::control_page::ControlPage;
use super::fault::Fault;
use super::limits::UNSEALED_MAX;
use super::notice::{Notice, Notices, What};
use super::segment::{Pen, Segment};
use super::spares::Spares;
use super::standstill::Standstills;
use super::wake::{Sleeper, Wait};

/// This many failures within [`POISON_PERIOD`] poison a core: its disk is broken, and going on would only wear it down.
const POISON_FAILURES: usize = 3;
const POISON_PERIOD: Duration = Duration::from_secs(60);

/// A slow disk is reported at most once in this time.
const SLOW_NOTICE_PERIOD: Duration = Duration::from_secs(60);

/// How much free space the file system has left, as the keeper last saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(in crate::log) enum Space {
    /// At least the reserve.
    Enough = 0,
    /// Below the reserve: only starts are accepted.
    Low = 1,
    /// Below half of it: nothing is accepted.
    Full = 2,
}

/// What all threads of a log see.
#[derive(Debug)]
pub(in crate::log) struct Shared {
    pub(in crate::log) disk: &'static dyn Disk,
    pub(in crate::log) dir: PathBuf,
    pub(in crate::log) options: Options,
    pub(in crate::log) log: Uuid,
    pub(in crate::log) clock: OrderClock,
    pub(in crate::log) cores: Vec<Arc<Core>>,
    /// Notices for the operator.
    pub(in crate::log) notices: Arc<Notices>,
    pub(in crate::log) free_bytes: AtomicU64,
    space: AtomicU8,
    /// Set once, by the close: nothing more is accepted.
    pub(in crate::log) closing: AtomicBool,
    /// How many cores' syncers still run, which is how many cores have not finished.
    pub(in crate::log) cores_running: AtomicU32,
    pub(in crate::log) keeper: Sleeper,
    pub(in crate::log) preparer: Sleeper,
    /// Asks the hasher to look at once.
    pub(in crate::log) hash_now: (Sender<()>, Receiver<()>),
    /// Asks for the free space to be checked early.
    pub(in crate::log) space_due: AtomicBool,
    /// How often a timer had to release a writer that nobody had woken.
    pub(in crate::log) late_wakes: AtomicU64,
    pub(in crate::log) retention: Desk,
    /// Held as long as any thread of this log may still write.
    pub(in crate::log) _lock: Lock,
}

impl Shared {
    pub(in crate::log) fn new(
        disk: &'static dyn Disk,
        options: Options,
        log: Uuid,
        clock: OrderClock,
        cores: Vec<Arc<Core>>,
        notices: Arc<Notices>,
        lock: Lock,
    ) -> Shared {
        Shared {
            disk,
            dir: options.dir.clone(),
            options,
            log,
            clock,
            cores,
            notices,
            free_bytes: AtomicU64::new(u64::MAX),
            space: AtomicU8::new(Space::Enough as u8),
            closing: AtomicBool::new(false),
            cores_running: AtomicU32::new(0),
            keeper: Sleeper::default(),
            preparer: Sleeper::default(),
            hash_now: bounded(1),
            space_due: AtomicBool::new(false),
            late_wakes: AtomicU64::new(0),
            retention: Desk::default(),
            _lock: lock,
        }
    }

    #[inline]
    pub(in crate::log) fn space(&self) -> Space {
        match self.space.load(Ordering::Relaxed) {
            0 => Space::Enough,
            1 => Space::Low,
            _ => Space::Full,
        }
    }

    pub(in crate::log) fn set_space(&self, space: Space) {
        self.space.store(space as u8, Ordering::Relaxed);
    }

    /// The window is running low. Cheap while the keeper is awake.
    pub(in crate::log) fn wake_keeper(&self) {
        self.keeper.wake();
    }

    /// A segment was taken or has failed, or the formatted part is running low.
    pub(in crate::log) fn wake_preparer(&self) {
        self.preparer.wake();
    }

    /// A writer waits for the hasher.
    pub(in crate::log) fn wake_hasher(&self) {
        // If one is there already, it will look.
        let _ = self.hash_now.0.try_send(());
    }

    /// Space was freed: writers waiting for it need not wait for the next check.
    pub(in crate::log) fn space_came_back(&self) {
        if self.space() != Space::Enough {
            self.space_due.store(true, Ordering::SeqCst);
            self.wake_keeper();
        }
    }

    /// The bytes of all cores' spare files.
    pub(in crate::log) fn spare_bytes(&self) -> u64 {
        self.cores.iter().map(|core| core.spares.bytes()).sum()
    }

    pub(in crate::log) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }
}

/// One core's share: how its writer, its syncer, the keeper, the preparer and the sealer communicate.
#[derive(Debug)]
pub(in crate::log) struct Core {
    pub(in crate::log) index: u16,
    pub(in crate::log) dir: PathBuf,
    pub(in crate::log) control: ControlPage,
    /// The core's task that sends the answers.
    pub(in crate::log) waker: AtomicWaker,
    /// The writer was refused and wants to be woken when there is room.
    pub(in crate::log) wait: Wait,
    /// How long it stood still so far.
    pub(in crate::log) standstills: Standstills,
    /// A wake after `sync_interval` has been requested.
    pub(in crate::log) alarm: AtomicBool,
    /// The open segment has reached its maximum age.
    pub(in crate::log) age_due: AtomicBool,
    /// How often the writer was asked to leave the files of its memory, and the last time that it has done so.
    pub(in crate::log) forget_asked: AtomicU64,
    pub(in crate::log) forgotten: AtomicU64,
    /// The segment that is ready to be taken.
    pub(in crate::log) fresh: ArrayQueue<Pen>,
    /// Blank files for the segments to come.
    pub(in crate::log) spares: Spares,
    /// A segment failed: the next one has to prove itself again before it may be taken.
    pub(in crate::log) replacing: AtomicBool,
    /// The segments whose window moves; only the keeper, the preparer and the sealer touch this.
    live: Mutex<Vec<Weak<Segment>>>,
    /// How many groups the syncer has settled, successfully or not.
    pub(in crate::log) groups_done: AtomicU64,
    /// How long the last sync took.
    pub(in crate::log) sync_us: AtomicU64,
    /// What was written directly a moment ago.
    pub(in crate::log) recent: Arc<Recent>,
    /// Segments handed to the sealer and not sealed yet.
    pub(in crate::log) unsealed: AtomicU64,
    /// Failed segments that have to be cut to their durable end before the control page may move on.
    to_cut: Mutex<Vec<Arc<Segment>>>,
    /// Records answered from memory and lost with failed segments, to be appended again.
    carried: Mutex<Vec<Carried>>,
    /// Directly written groups that were lost with failed segments and hold records answered from memory: by segment, in order.
    lost: Mutex<Vec<(u64, Pages)>>,
    /// What keeps the preparer from creating a segment; 0 for nothing.
    obstacle: AtomicU64,
    poison: AtomicU64,
    failures: Mutex<Vec<Instant>>,
    /// When the disk was last reported as slow.
    slow_noticed: Mutex<Option<Instant>>,
    notices: Arc<Notices>,
    pub(in crate::log) counters: Counters,
}

/// What a core has done since the start. Each counter has one writer.
#[derive(Debug, Default)]
pub(in crate::log) struct Counters {
    pub(in crate::log) records: AtomicU64,
    pub(in crate::log) bytes: AtomicU64,
    pub(in crate::log) groups: AtomicU64,
    pub(in crate::log) lost: AtomicU64,
    /// How many of these the log has appended again itself.
    pub(in crate::log) restored: AtomicU64,
    pub(in crate::log) segments: AtomicU64,
    pub(in crate::log) sealed: AtomicU64,
    pub(in crate::log) failures: AtomicU64,
    /// In the order of [`Fault::CAUSES`].
    pub(in crate::log) failures_by_cause: [AtomicU64; Fault::CAUSES.len()],
    pub(in crate::log) seal_failures: AtomicU64,
    pub(in crate::log) slow_syncs: AtomicU64,
}

impl Core {
    pub(in crate::log) fn open(dir: PathBuf, index: u16, notices: Arc<Notices>) -> Result<Core, LogError> {
        let control = ControlPage::open(&dir, index)?;
        Ok(Core {
            index,
            dir,
            control,
            waker: AtomicWaker::new(),
            wait: Wait::default(),
            standstills: Standstills::default(),
            alarm: AtomicBool::new(false),
            age_due: AtomicBool::new(false),
            forget_asked: AtomicU64::new(0),
            forgotten: AtomicU64::new(0),
            fresh: ArrayQueue::new(1),
            spares: Spares::default(),
            replacing: AtomicBool::new(false),
            live: Mutex::new(Vec::new()),
            groups_done: AtomicU64::new(0),
            sync_us: AtomicU64::new(0),
            recent: Arc::default(),
            unsealed: AtomicU64::new(0),
            to_cut: Mutex::new(Vec::new()),
            carried: Mutex::new(Vec::new()),
            lost: Mutex::new(Vec::new()),
            obstacle: AtomicU64::new(0),
            poison: AtomicU64::new(0),
            failures: Mutex::new(Vec::new()),
            slow_noticed: Mutex::new(None),
            notices,
            counters: Counters::default(),
        })
    }

    /// Wakes the core's task, and counts a refusal as answered.
    pub(in crate::log) fn wake(&self) {
        self.wait.end();
        self.waker.wake();
    }

    /// Wakes the core's task if it was refused.
    pub(in crate::log) fn wake_if_waiting(&self) {
        if self.wait.end() {
            self.waker.wake();
        }
    }

    /// Puts a new segment under the keeper's care.
    pub(in crate::log) fn add_live(&self, segment: &Arc<Segment>) {
        let mut live = lock(&self.live);
        live.retain(|known| known.strong_count() > 0);
        live.push(Arc::downgrade(segment));
    }

    /// The mapped segments, oldest first.
    pub(in crate::log) fn live(&self) -> Vec<Arc<Segment>> {
        lock(&self.live).iter().filter_map(Weak::upgrade).collect()
    }

    /// Adds a failed segment, to be cut by the preparer.
    pub(in crate::log) fn add_to_cut(&self, segment: Arc<Segment>) {
        lock(&self.to_cut).push(segment);
    }

    /// The oldest failed segment that is not cut yet. It stays on the list until [`Core::cut_done`].
    pub(in crate::log) fn next_to_cut(&self) -> Option<Arc<Segment>> {
        lock(&self.to_cut).first().cloned()
    }

    /// The oldest failed segment was cut.
    pub(in crate::log) fn cut_done(&self) {
        let cut = lock(&self.to_cut).remove(0);
        debug_assert!(cut.fault().is_some(), "only failed segments are cut");
    }

    /// Whether a segment is still to be cut, and the records after its durable end to be read first.
    pub(in crate::log) fn awaits_cut(&self, id: u64) -> bool {
        lock(&self.to_cut).iter().any(|segment| segment.id == id)
    }

    /// Keeps a group that was lost with its segment until the segment is cut.
    pub(in crate::log) fn keep_lost(&self, segment: u64, pages: Pages) {
        lock(&self.lost).push((segment, pages));
    }

    /// The groups that were lost with a segment.
    pub(in crate::log) fn lost_with(&self, segment: u64) -> Vec<Pages> {
        lock(&self.lost).iter().filter(|(of, _)| *of == segment).map(|(_, pages)| pages.clone()).collect()
    }

    /// They were read.
    pub(in crate::log) fn forget_lost(&self, segment: u64) {
        lock(&self.lost).retain(|(of, _)| *of != segment);
    }

    /// Whether something was lost that is not appended again yet.
    pub(in crate::log) fn has_lost(&self) -> bool {
        !lock(&self.lost).is_empty() || !lock(&self.carried).is_empty()
    }

    /// Keeps records for the writer.
    pub(in crate::log) fn carry(&self, carried: Carried) {
        if carried.len() > 0 {
            lock(&self.carried).push(carried);
        }
    }

    /// The oldest records that the writer has to append again.
    pub(in crate::log) fn next_carried(&self) -> Option<Carried> {
        let mut carried = lock(&self.carried);
        (!carried.is_empty()).then(|| carried.remove(0))
    }

    /// Counts a failure of the segment in the file `path`, or a failure to create one; the third within a minute poisons the core.
    pub(in crate::log) fn note_failure(&self, fault: Fault, path: Option<&Path>) {
        self.counters.failures.fetch_add(1, Ordering::Relaxed);
        self.counters.failures_by_cause[fault.index()].fetch_add(1, Ordering::Relaxed);
        self.notify(What::Failed { path: path.map(Path::to_path_buf), fault });
        let now = Instant::now();
        let mut failures = lock(&self.failures);
        failures.retain(|&at| now.duration_since(at) < POISON_PERIOD);
        failures.push(now);
        if failures.len() >= POISON_FAILURES {
            self.set_poison(fault);
        }
    }

    /// A thread has died without which the core can't go on for long: final, whatever happens to the disk. Appends are refused once the window
    /// is used up, instead of waiting for it.
    pub(in crate::log) fn note_end_of_thread(&self, fault: Fault) {
        assert!(fault.takes_restart(), "only the end of a thread is final");
        self.note_failure(fault, None);
        let _failures = lock(&self.failures);
        self.poison.store(0, Ordering::SeqCst);
        self.set_poison(fault);
    }

    /// Call with the list of failures locked, so that a reopening comes entirely before or after it.
    fn set_poison(&self, fault: Fault) {
        if self.poison.compare_exchange(0, fault.to_code(), Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            self.control.set_state(State::Poisoned);
            self.notify(What::Poisoned { fault });
        }
    }

    /// Lifts the poison: failures are forgotten, and the next segment has to prove itself as after any failure. Does nothing if the core is not
    /// poisoned, or if a thread has died.
    pub(in crate::log) fn reopen(&self) {
        let mut failures = lock(&self.failures);
        if self.poison().is_none_or(Fault::takes_restart) {
            return;
        }
        failures.clear();
        // Before the poison is lifted: from then on the preparer may act.
        self.replacing.store(true, Ordering::SeqCst);
        self.control.lift_poison();
        self.poison.store(0, Ordering::SeqCst);
        self.notify(What::Reopened);
    }

    /// One sync; the segment settles its result. Nothing is tried on a segment that has already failed.
    pub(in crate::log) fn sync_group(
        &self,
        segment: &Segment,
        from: u64,
        to: u64,
        pages: Option<&Pages>,
        slow: Duration,
    ) -> Result<(), Fault> {
        if let Some(fault) = segment.fault() {
            return Err(fault);
        }
        let begun = Instant::now();
        let result = segment.sync(from, to, pages);
        self.note_sync(begun.elapsed(), slow);
        result
    }

    /// Records whether a group was made durable, and how long that took.
    pub(in crate::log) fn note_sync(&self, took: Duration, slow: Duration) {
        self.counters.groups.fetch_add(1, Ordering::Relaxed);
        self.sync_us.store(took.as_micros() as u64, Ordering::Relaxed);
        if took < slow {
            return;
        }
        let count = self.counters.slow_syncs.fetch_add(1, Ordering::Relaxed) + 1;
        let now = Instant::now();
        let mut noticed = lock(&self.slow_noticed);
        if noticed.is_none_or(|at| now.duration_since(at) >= SLOW_NOTICE_PERIOD) {
            *noticed = Some(now);
            self.notify(What::Slow { took, count });
        }
    }

    /// Leaves a notice for the operator.
    pub(in crate::log) fn notify(&self, what: What) {
        // A notice that is pushed out has been counted all the same.
        let _ = self.notices.force_push(Notice { core: self.index, what });
    }

    /// Why the core accepts nothing more.
    #[inline]
    pub(in crate::log) fn poison(&self) -> Option<Fault> {
        Fault::from_code(self.poison.load(Ordering::Acquire))
    }

    /// Whether so many segments wait to be sealed that the sealer may not be given another.
    pub(in crate::log) fn is_behind_with_sealing(&self) -> bool {
        self.unsealed.load(Ordering::Acquire) >= UNSEALED_MAX
    }

    /// Whether a proved segment waits to be taken.
    pub(in crate::log) fn is_ready(&self) -> bool {
        !self.replacing.load(Ordering::SeqCst) && !self.fresh.is_empty()
    }

    /// What keeps the preparer from creating a segment.
    pub(in crate::log) fn obstacle(&self) -> Option<Fault> {
        Fault::from_code(self.obstacle.load(Ordering::Acquire))
    }

    pub(in crate::log) fn set_obstacle(&self, fault: Option<Fault>) {
        self.obstacle.store(fault.map_or(0, Fault::to_code), Ordering::Release);
    }
}

/// A panic in another thread leaves these lists whole: each change is a single push or retain.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
