//! The snapshot of now, and the thread that keeps it so.

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

/// How often the file is looked at.
pub const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The projects of now, and the file they come from.
#[derive(Debug)]
pub struct CurrentDirectory {
    path: PathBuf,
    snapshot: Snapshot<Directory>,
    intake: Mutex<Intake>,
    /// How long something has to be missing until it is gone.
    grace_ms: AtomicU64,
}

impl CurrentDirectory {
    /// Reads the first snapshot from `path`, with what it lacks of the last one of this data folder. Gives also what there is to tell.
    ///
    /// # Errors
    /// The file is missing, or can't be used and nothing is known from before; or it is not known how long records are to be kept.
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

    /// The projects of now, to be copied by each core.
    pub fn snapshot(&self) -> &Snapshot<Directory> {
        &self.snapshot
    }

    /// The projects of now.
    pub fn current(&self) -> Arc<Directory> {
        self.snapshot.current()
    }

    /// The days for which records of each project are kept that has an age of its own; 0 is for ever. A project that is gone keeps
    /// its age.
    pub fn ages(&self) -> BTreeMap<u32, u32> {
        lock(&self.intake).ages()
    }

    /// How long something has to be missing from the file until it is gone.
    pub fn set_grace(&self, grace: Duration) {
        self.grace_ms.store(u64::try_from(grace.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Looks at the file. If it has changed, or what it lacks is certain now, there is a new snapshot; a file that can't be used leaves
    /// the old one in place. Returns what there is to tell, or `None` if nothing has changed.
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

/// Nothing is ever left half done under these locks, so a panic elsewhere does not spoil them.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The thread that reads the file again when it has changed. Dropping this ends it.
#[derive(Debug)]
pub struct Watcher {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Looks at the file every [`POLL_INTERVAL`] on a thread of its own. Each change is reported once:
/// what was taken over, or why the old snapshot stays.
pub fn watch(shared: Arc<CurrentDirectory>, report: impl FnMut(Report) + Send + 'static) -> Watcher {
    watch_every(POLL_INTERVAL, shared, report)
}

pub(super) fn watch_every(
    interval: Duration,
    shared: Arc<CurrentDirectory>,
    report: impl FnMut(Report) + Send + 'static,
) -> Watcher {
    let (stop, stopped) = bounded(0);
    // Shared with the thread, so that it is still here should there be no thread.
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
