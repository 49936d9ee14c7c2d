//! What the threads of a log share: a few atomics for each core, and nothing that an append would have to wait for.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread::Thread;
use std::time::{Duration, Instant};

use atomic_waker::AtomicWaker;
use crossbeam_queue::ArrayQueue;
use uuid::Uuid;

use super::clock::OrderClock;
use super::control::{self, State, at};
use super::error::LogError;
use super::fault::Fault;
use super::open::Options;
use super::protocol::{self, Words};
use super::segment::{Pen, Segment, SharedPage};

/// So many failures within [`POISON_PERIOD`] poison a core: its disk is broken, and going on would only grind it down.
const POISON_FAILURES: usize = 3;
const POISON_PERIOD: Duration = Duration::from_secs(60);

/// How much free space the file system has left, as the keeper last saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Space {
    /// At least the reserve.
    Enough = 0,
    /// Below the reserve: only starts are taken.
    Low = 1,
    /// Below half of it: nothing is taken.
    Full = 2,
}

/// What all threads of a log see.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) dir: PathBuf,
    pub(super) options: Options,
    pub(super) log: Uuid,
    pub(super) clock: OrderClock,
    pub(super) cores: Vec<Arc<Core>>,
    pub(super) free_bytes: AtomicU64,
    space: AtomicU8,
    /// Set once, by the close: nothing is taken any more.
    pub(super) closing: AtomicBool,
    /// How many cores' syncers run: cores that are not finished.
    pub(super) cores_running: AtomicU32,
    keeper: OnceLock<Thread>,
    preparer: OnceLock<Thread>,
    /// Held as long as any thread of this log may still write.
    pub(super) _lock: super::open::Lock,
}

impl Shared {
    pub(super) fn new(
        dir: PathBuf,
        options: Options,
        log: Uuid,
        clock: OrderClock,
        cores: Vec<Arc<Core>>,
        lock: super::open::Lock,
    ) -> Shared {
        Shared {
            dir,
            options,
            log,
            clock,
            cores,
            free_bytes: AtomicU64::new(u64::MAX),
            space: AtomicU8::new(Space::Enough as u8),
            closing: AtomicBool::new(false),
            cores_running: AtomicU32::new(0),
            keeper: OnceLock::new(),
            preparer: OnceLock::new(),
            _lock: lock,
        }
    }

    #[inline]
    pub(super) fn space(&self) -> Space {
        match self.space.load(Ordering::Relaxed) {
            0 => Space::Enough,
            1 => Space::Low,
            _ => Space::Full,
        }
    }

    pub(super) fn set_space(&self, space: Space) {
        self.space.store(space as u8, Ordering::Relaxed);
    }

    pub(super) fn set_keeper(&self, thread: Thread) {
        let _ = self.keeper.set(thread);
    }

    pub(super) fn set_preparer(&self, thread: Thread) {
        let _ = self.preparer.set(thread);
    }

    /// A window runs low. Cheap while the keeper is awake.
    pub(super) fn wake_keeper(&self) {
        if let Some(thread) = self.keeper.get() {
            thread.unpark();
        }
    }

    /// A segment was taken or has failed.
    pub(super) fn wake_preparer(&self) {
        if let Some(thread) = self.preparer.get() {
            thread.unpark();
        }
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }
}

/// One core's share: what its writer, its syncer, the keeper, the preparer and the sealer tell each other.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) index: u16,
    pub(super) dir: PathBuf,
    pub(super) control: Control,
    /// The core's task that answers.
    pub(super) waker: AtomicWaker,
    /// The writer was refused and wants to be woken when there is room.
    pub(super) waiting: AtomicBool,
    /// A wake after `sync_interval` has been asked for.
    pub(super) alarm: AtomicBool,
    /// The open segment has become old.
    pub(super) age_due: AtomicBool,
    /// The segment that is ready to be taken.
    pub(super) fresh: ArrayQueue<Pen>,
    /// A segment failed: the fresh one has to prove itself again before it may be taken.
    pub(super) replacing: AtomicBool,
    /// The segments whose window moves; touched by the keeper and the preparer only.
    live: Mutex<Vec<Weak<Segment>>>,
    /// How many groups the syncer has settled, one way or the other.
    pub(super) groups_done: AtomicU64,
    /// How long the last sync took.
    pub(super) sync_us: AtomicU64,
    /// Segments that were given to the sealer and are not sealed yet.
    pub(super) unsealed: AtomicU64,
    /// Failed segments that have to be cut to their durable end before the control page may go on to another.
    to_cut: Mutex<Vec<Arc<Segment>>>,
    /// What keeps the preparer from making a segment; 0 for nothing.
    obstacle: AtomicU64,
    poison: AtomicU64,
    failures: Mutex<Vec<Instant>>,
    pub(super) counters: Counters,
}

/// What a core has done since the start. Each has one writer.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) records: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) groups: AtomicU64,
    pub(super) lost: AtomicU64,
    pub(super) segments: AtomicU64,
    pub(super) sealed: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) seal_failures: AtomicU64,
}

impl Core {
    pub(super) fn open(dir: PathBuf, index: u16) -> Result<Core, LogError> {
        let control = Control::open(&dir, index)?;
        Ok(Core {
            index,
            dir,
            control,
            waker: AtomicWaker::new(),
            waiting: AtomicBool::new(false),
            alarm: AtomicBool::new(false),
            age_due: AtomicBool::new(false),
            fresh: ArrayQueue::new(1),
            replacing: AtomicBool::new(false),
            live: Mutex::new(Vec::new()),
            groups_done: AtomicU64::new(0),
            sync_us: AtomicU64::new(0),
            unsealed: AtomicU64::new(0),
            to_cut: Mutex::new(Vec::new()),
            obstacle: AtomicU64::new(0),
            poison: AtomicU64::new(0),
            failures: Mutex::new(Vec::new()),
            counters: Counters::default(),
        })
    }

    /// Wakes the core's task, and counts a refusal as answered.
    pub(super) fn wake(&self) {
        self.waiting.store(false, Ordering::SeqCst);
        self.waker.wake();
    }

    /// Wakes the core's task if it was refused.
    pub(super) fn wake_if_waiting(&self) {
        if self.waiting.swap(false, Ordering::SeqCst) {
            self.waker.wake();
        }
    }

    /// Puts a new segment under the keeper's care.
    pub(super) fn add_live(&self, segment: &Arc<Segment>) {
        let mut live = lock(&self.live);
        live.retain(|known| known.strong_count() > 0);
        live.push(Arc::downgrade(segment));
    }

    /// The mapped segments, oldest first.
    pub(super) fn live(&self) -> Vec<Arc<Segment>> {
        lock(&self.live).iter().filter_map(Weak::upgrade).collect()
    }

    /// A failed segment, to be cut by the preparer.
    pub(super) fn add_to_cut(&self, segment: Arc<Segment>) {
        lock(&self.to_cut).push(segment);
    }

    /// The failed segments that were not cut yet.
    pub(super) fn take_to_cut(&self) -> Vec<Arc<Segment>> {
        std::mem::take(&mut *lock(&self.to_cut))
    }

    /// Counts a failure of a segment; the third within a minute poisons the core.
    pub(super) fn note_failure(&self, fault: Fault) {
        self.counters.failures.fetch_add(1, Ordering::Relaxed);
        let now = Instant::now();
        let mut failures = lock(&self.failures);
        failures.retain(|&at| now.duration_since(at) < POISON_PERIOD);
        failures.push(now);
        if failures.len() >= POISON_FAILURES {
            let _ = self.poison.compare_exchange(0, fault.to_code(), Ordering::SeqCst, Ordering::SeqCst);
            self.control.set_state(State::Poisoned);
        }
    }

    /// Why the core takes nothing more.
    #[inline]
    pub(super) fn poison(&self) -> Option<Fault> {
        Fault::from_code(self.poison.load(Ordering::Acquire))
    }

    /// What keeps the preparer from making a segment.
    pub(super) fn obstacle(&self) -> Option<Fault> {
        Fault::from_code(self.obstacle.load(Ordering::Acquire))
    }

    pub(super) fn set_obstacle(&self, fault: Option<Fault>) {
        self.obstacle.store(fault.map_or(0, Fault::to_code), Ordering::Release);
    }
}

/// The control page, mapped for writing. All words but the state have one writer at a time: the core's [`super::Writer`].
#[derive(Debug)]
pub(super) struct Control {
    page: SharedPage,
}

impl Control {
    /// Opens the page of the core in `dir` and resets it: closed, no segment. What it said before is of no use after recovery.
    pub(super) fn open(dir: &Path, core: u16) -> Result<Control, LogError> {
        let path = dir.join(control::FILE_NAME);
        let page = SharedPage::open(&path).map_err(LogError::io(&path, "open the control page"))?;
        protocol::change(&page, at::SEQ, |page| {
            for at in (at::SEGMENT..at::PREPARED + 8).step_by(8) {
                page.word(at).store(0, Ordering::Relaxed);
            }
            let version_core = u64::from(control::VERSION) | u64::from(core) << 32;
            page.word(at::VERSION_CORE).store(version_core, Ordering::Relaxed);
            page.word(at::PID).store(u64::from(std::process::id()), Ordering::Relaxed);
            page.word(at::MAGIC).store(control::MAGIC, Ordering::Relaxed);
        });
        Ok(Control { page })
    }

    #[inline]
    pub(super) fn word(&self, at: usize) -> &AtomicU64 {
        self.page.word(at)
    }

    /// Sets the state. Poisoned is final.
    pub(super) fn set_state(&self, state: State) {
        let next = |now: u64| (now != State::Poisoned as u64).then_some(state as u64);
        let _ = self.word(at::STATE).fetch_update(Ordering::SeqCst, Ordering::SeqCst, next);
    }

    pub(super) fn state(&self) -> State {
        State::from_u64(self.word(at::STATE).load(Ordering::Acquire)).unwrap_or(State::Closed)
    }

    /// Says that the process has left in good order, which a poisoned core may say too.
    pub(super) fn close(&self) {
        self.word(at::STATE).store(State::Closed as u64, Ordering::SeqCst);
    }

    /// The words, for the writer's stores: see [`protocol`].
    #[inline]
    pub(super) fn words(&self) -> &SharedPage {
        &self.page
    }
}

impl Words for SharedPage {
    #[inline]
    fn load(&self, at: usize, order: Ordering) -> u64 {
        self.word(at).load(order)
    }

    #[inline]
    fn store(&self, at: usize, word: u64, order: Ordering) {
        self.word(at).store(word, order);
    }

    #[inline]
    fn fence(order: Ordering) {
        fence(order);
    }
}

/// A panic of another thread leaves these lists whole: each change is a single push or retain.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
