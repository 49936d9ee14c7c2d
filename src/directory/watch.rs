//! The current snapshot, and the thread that keeps it up to date.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};

use crate::base::snapshot::Snapshot;
use crate::watched_files::leave;

use super::intake::{Intake, Report};
use super::{Directory, DirectoryError};

/// How often the file is checked.
pub const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The current projects, and the file that they come from.
#[derive(Debug)]
pub struct CurrentDirectory {
    path: PathBuf,
    snapshot: Snapshot<Directory>,
    intake: Mutex<Intake>,
    /// How long something has to be missing before it is dropped.
    grace_ms: AtomicU64,
}

impl CurrentDirectory {
    /// Reads the first snapshot from `path`, plus whatever the file lacks of this data folder's last one. Also returns what to report.
    ///
    /// # Errors
    /// The file is missing or can't be used, and nothing is known from before; or the projects' retention ages can't be read.
    pub fn open(path: &Path, data: &Path, grace: Duration) -> Result<(Self, Option<Report>), DirectoryError> {
        let (intake, directory, report) = Intake::open(path, data, grace)?;
        let opened = Self {
            path: path.to_owned(),
            snapshot: Snapshot::new(directory),
            intake: Mutex::new(intake),
            grace_ms: AtomicU64::new(0),
        };
        opened.set_grace(grace);
        Ok((opened, report))
    }

    /// The snapshot of the current projects, for each core to copy.
    pub fn snapshot(&self) -> &Snapshot<Directory> {
        &self.snapshot
    }

    /// The current projects.
    pub fn current(&self) -> Arc<Directory> {
        self.snapshot.current()
    }

    /// The days for which records are kept, for each project with an age of its own; 0 means for ever. A project that was dropped keeps its
    /// age.
    pub fn ages(&self) -> BTreeMap<u32, u32> {
        lock(&self.intake).ages()
    }

    /// How long something has to be missing from the file before it is dropped.
    pub fn set_grace(&self, grace: Duration) {
        self.grace_ms.store(u64::try_from(grace.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Checks the file. If it has changed, or if something missing is now certainly gone, there is a new snapshot; a file that can't be used
    /// leaves the old one in place. Returns what to report, or `None` if nothing has changed.
    pub fn refresh(&self) -> Option<Report> {
        let mut intake = lock(&self.intake);
        let grace = Duration::from_millis(self.grace_ms.load(Ordering::Relaxed));
        let (directory, report) = intake.refresh(&self.current(), grace);
        if let Some(directory) = directory {
            self.snapshot.replace(directory);
        }
        report
    }
}

/// Nothing is ever left half done under these locks, so it is safe to ignore poisoning by a panic elsewhere.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The thread that reloads the file when it changes. Dropping this ends it.
#[derive(Debug)]
pub struct Watcher {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Checks the file every [`POLL_INTERVAL`] on a thread of its own. Each change is reported once: what was taken over, or why the old
/// snapshot stays.
pub fn watch(shared: Arc<CurrentDirectory>, report: impl FnMut(Report) + Send + 'static) -> Watcher {
    watch_every(POLL_INTERVAL, shared, report)
}

pub(super) fn watch_every(
    interval: Duration,
    shared: Arc<CurrentDirectory>,
    report: impl FnMut(Report) + Send + 'static,
) -> Watcher {
    let (stop, stopped) = bounded(0);
    // Shared with the thread, so that it is still available here if the thread can't be spawned.
    let report = Arc::new(Mutex::new(report));
    let path = shared.path.clone();
    let for_thread = Arc::clone(&report);
    let thread = thread::Builder::new().name("directory".to_owned()).spawn(move || {
        while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
            if let Some(outcome) = shared.refresh() {
                lock(&for_thread)(outcome);
            }
        }
    });
    match thread {
        Ok(thread) => Watcher { stop: Some(stop), thread: Some(thread) },
        Err(source) => {
            lock(&report)(Err(DirectoryError::Watch { path, source }));
            Watcher { stop: None, thread: None }
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            leave(thread);
        }
    }
}
