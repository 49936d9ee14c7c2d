//! What the admin port asks of the recent sessions.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::base::time::wall_us;
use crate::log::RecentRecords;

use super::follow;
use super::index::Index;
use super::queues::Queues;
use super::shared::{self, Shared, State, Viewer};
use super::summary::{Query, SessionReport};

/// What the summaries may take.
pub const INDEX_BYTES_MAX: usize = 32 << 20;

/// How long the first question waits until the log has been looked through.
const FIRST_PATIENCE: Duration = Duration::from_millis(1500);

/// How long a question for a session waits that is not known. The thread rests for a fifth of a second at the end of the log, and yields to all others.
const NEW_PATIENCE: Duration = Duration::from_millis(1500);

const LOOK_PAUSE: Duration = Duration::from_millis(5);

/// The recent sessions of a running server. Clones are the same.
#[derive(Debug, Clone)]
pub struct Sessions(pub(super) Arc<Shared>);

/// The sessions that were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Those that began last first.
    pub sessions: Vec<SessionReport>,
    /// What to ask for as `before` to get those that come behind; null if there are none.
    pub next: Option<String>,
    /// How many sessions are known in all.
    pub known: usize,
    /// How far the list is behind the log, in ms.
    pub behind_ms: u64,
    /// Sessions that were last heard of before this time (Unix ms) may be missing; null if none is.
    pub since_ms: Option<u64>,
    /// Records were passed over because there were too many at once: sessions may be missing, or have fewer batches than they sent.
    pub passed_over: bool,
    /// Sessions that left the list because its memory was used up.
    pub evicted: u64,
    /// Why the log cannot be read; null if it can.
    pub error: Option<String>,
}

impl Sessions {
    /// Of the log in this folder, of which this is still in memory. Nothing is read before the first question.
    pub fn new(log_dir: PathBuf, recent: Option<RecentRecords>) -> Sessions {
        Self::with_budget(log_dir, recent, INDEX_BYTES_MAX)
    }

    /// The same with another budget for the summaries, in bytes.
    pub fn with_budget(log_dir: PathBuf, recent: Option<RecentRecords>, bytes_max: usize) -> Sessions {
        let state = State {
            index: Index::new(bytes_max),
            erasures: 0,
            viewers: BTreeMap::new(),
            next_viewer: 0,
            kept: BTreeMap::new(),
            feed_heard: None,
            erasures_heard: 0,
            caught_up: false,
            reached_us: 0,
            since_us: None,
            passed_over: false,
            error: None,
        };
        Sessions(Arc::new(Shared {
            log_dir,
            recent,
            state: Mutex::new(state),
            changed: Condvar::new(),
            stopping: AtomicBool::new(false),
            changes: AtomicU64::new(0),
            queues: Queues::default(),
            room: shared::room(),
            notes_bytes_max: shared::NOTES_BYTES_MAX,
            thread: Mutex::new(None),
        }))
    }

    /// The sessions that a query asks for. Blocks for up to two seconds at the first time.
    ///
    /// # Errors
    /// The thread that follows the log could not be started.
    pub fn list(&self, query: &Query) -> io::Result<Listed> {
        let state = self.looked_through()?;
        let now_us = wall_us();
        let (sessions, more) = state.index.list(query, now_us);
        let next = sessions.last().filter(|_| more).map(|last| format!("{}-{}", last.started_ms, last.session));
        Ok(Listed {
            next,
            known: state.index.len(),
            behind_ms: if state.caught_up { now_us.saturating_sub(state.reached_us) / 1000 } else { 0 },
            since_ms: state.since_us.map(|us| us / 1000),
            passed_over: state.passed_over,
            evicted: state.index.evicted(),
            error: state.error.clone(),
            sessions,
        })
    }

    /// One session; `None` if it is not among the recent ones. Blocks like [`list`](Self::list), and for one that is not known a little longer: it may have
    /// begun just now.
    ///
    /// # Errors
    /// Those of [`list`](Self::list).
    pub fn get(&self, session: u64) -> io::Result<Option<SessionReport>> {
        let state = self.looked_through()?;
        let is_unknown =
            |state: &mut State| state.index.get(session).is_none() && state.error.is_none() && !self.0.is_stopping();
        let waited = self.0.changed.wait_timeout_while(state, NEW_PATIENCE, is_unknown);
        let state = waited.unwrap_or_else(PoisonError::into_inner).0;
        Ok(state.index.get(session).map(|summary| summary.report(session, wall_us())))
    }

    /// Forgets everything, because records were erased, and ends the answers of those who watch what `is_erased`, by session and project, which is 0 as
    /// long as it is not known. Everybody else goes on, without what was read ahead. Returns whether nothing that was read before is left, which is waited for until `deadline`.
    pub fn reread(&self, is_erased: &dyn Fn(u64, u32) -> bool, deadline: Instant) -> bool {
        let mut state = self.0.lock();
        state.erasures += 1;
        state.index.clear();
        let State { viewers, kept, .. } = &mut *state;
        for viewer in viewers.values_mut() {
            if viewer.is_cut || !is_erased(viewer.session, viewer.project) {
                continue;
            }
            viewer.is_cut = true;
            if viewer.keeps {
                // Who begins from here on must not be given it.
                kept.remove(&viewer.session);
            }
        }
        let number = state.erasures;
        drop(state);
        self.0.changed.notify_all();
        loop {
            let follows = self.thread().as_ref().is_some_and(|thread| !thread.is_finished());
            let state = self.0.lock();
            // Those that began since read what is left. Who is cut off has a file, too, until it ends.
            let holds = |viewer: &Viewer| viewer.is_cut || viewer.erasures_heard < number;
            let feeds = state.feed_heard.is_some_and(|heard| heard < number);
            if !feeds && !state.viewers.values().any(holds) && (!follows || state.erasures_heard >= number) {
                return true;
            }
            drop(state);
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(LOOK_PAUSE);
        }
    }

    /// Ends the thread, and the answers of all who watch.
    pub fn stop(&self) {
        self.0.stopping.store(true, Ordering::SeqCst);
        self.0.changed.notify_all();
        if let Some(thread) = self.thread().take() {
            // If it panicked, the panic hook has reported that already.
            let _ = thread.join();
        }
    }

    /// What is known, once the thread has looked through the log, or has had time to.
    fn looked_through(&self) -> io::Result<MutexGuard<'_, State>> {
        self.begin()?;
        let state = self.0.lock();
        let waits = |state: &mut State| !state.caught_up && state.error.is_none() && !self.0.is_stopping();
        let waited = self.0.changed.wait_timeout_while(state, FIRST_PATIENCE, waits);
        Ok(waited.unwrap_or_else(PoisonError::into_inner).0)
    }

    /// How many times the list had something new, from whatever number on.
    pub fn changes(&self) -> u64 {
        self.0.changes.load(Ordering::Acquire)
    }

    /// Starts the thread, if it does not run.
    ///
    /// # Errors
    /// It could not be started.
    pub fn begin(&self) -> io::Result<()> {
        let mut thread = self.thread();
        if thread.as_ref().is_none_or(|thread| thread.is_finished()) && !self.0.is_stopping() {
            let shared = Arc::clone(&self.0);
            let run = move || follow::run(&shared);
            *thread = Some(std::thread::Builder::new().name("sessions".into()).spawn(run)?);
        }
        Ok(())
    }

    fn thread(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.0.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
