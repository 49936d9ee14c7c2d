//! What the thread that follows the log, those who ask and those who watch share.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::export::page::room::Room;
use crate::log::RecentRecords;

use super::index::Index;
use super::kept::Kept;
use super::queues::Queues;

/// What the description of one page may take,
const PAGE_BYTES_MAX: usize = 32 << 20;
/// and what those of all pages may take that are watched.
const PAGES_BYTES_MAX: usize = 256 << 20;

/// What the pages of a session that is kept may take while it is noted,
const NOTED_PAGES_BYTES_MAX: usize = 64 << 20;
/// and what is noted of it.
pub(super) const NOTES_BYTES_MAX: usize = 32 << 20;

/// Room for the pages that are watched.
pub(super) fn room() -> Room {
    Room::shared(PAGE_BYTES_MAX, PAGES_BYTES_MAX)
}

/// Room for the pages of a session that is kept.
pub(super) fn room_of_noted() -> Room {
    Room::shared(PAGE_BYTES_MAX, NOTED_PAGES_BYTES_MAX)
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) log_dir: PathBuf,
    pub(super) recent: Option<RecentRecords>,
    pub(super) state: Mutex<State>,
    /// Notified when `state` has something new, and at the stop.
    pub(super) changed: Condvar,
    pub(super) stopping: AtomicBool,
    /// How many times the list had something new.
    pub(super) changes: AtomicU64,
    /// For those who watch live.
    pub(super) queues: Queues,
    /// For the pages that they see.
    pub(super) room: Room,
    /// What is noted of a long session may take so many bytes.
    pub(super) notes_bytes_max: usize,
    pub(super) thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the thread that follows the log has found.
#[derive(Debug)]
pub(super) struct State {
    pub(super) index: Index,
    /// How many times records were erased; what was read before the last time counts for nothing.
    pub(super) erasures: u64,
    /// Who watches, or keeps what is watched, by a number of their own,
    pub(super) viewers: BTreeMap<u64, Viewer>,
    /// and that of the next one.
    pub(super) next_viewer: u64,
    /// The long sessions that are kept, by session.
    pub(super) kept: BTreeMap<u64, Arc<Kept>>,
    /// Of the erasures, how many the thread that reads for those who watch has heard of; `None`: there is none.
    pub(super) feed_heard: Option<u64>,
    /// Of the erasures, how many the thread has heard of.
    pub(super) erasures_heard: u64,
    /// It has come to the end of the log once.
    pub(super) caught_up: bool,
    /// Everything up to this order time is in the index, in microseconds.
    pub(super) reached_us: u64,
    /// Older records are not in the index: it began here, in microseconds. `None`: it has all of the log.
    pub(super) since_us: Option<u64>,
    /// Records were passed over because there were too many at once.
    pub(super) passed_over: bool,
    /// Why the log cannot be read.
    pub(super) error: Option<String>,
}

/// Who watches a session.
#[derive(Debug)]
pub(super) struct Viewer {
    pub(super) session: u64,
    /// 0 while it is not known.
    pub(super) project: u32,
    /// Of the erasures, after how many nothing is held any more that was read before.
    pub(super) erasures_heard: u64,
    /// What is watched was erased.
    pub(super) is_cut: bool,
    /// It keeps the session for others.
    pub(super) keeps: bool,
}

impl Shared {
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Room for how the pages of a session are at moments of it.
    pub(super) fn room_for_notes(&self) -> Room {
        Room::shared(PAGE_BYTES_MAX, self.notes_bytes_max)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps for `time`, unless the server stops or records are erased.
    pub(super) fn rest(&self, time: Duration, erasures: u64) {
        let state = self.lock();
        let waits = |state: &mut State| !self.is_stopping() && state.erasures == erasures;
        drop(self.changed.wait_timeout_while(state, time, waits));
    }
}

/// What this thread has used of the processor.
pub(super) fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}
