//! The snapshot of now, and the thread that keeps it so.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};

use super::{Directory, DirectoryError};

/// How often the file is looked at.
pub const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The snapshot of now, and the file it comes from. A core keeps its own copy with its version, and
/// takes a new one when [`Shared::version`] has moved: that is one load of an atomic a request, and
/// never a lock.
#[derive(Debug)]
pub struct Shared {
    path: PathBuf,
    version: AtomicU64,
    current: Mutex<Arc<Directory>>,
    /// The file as the current snapshot, or the last failure, found it.
    seen: Mutex<Option<Stamp>>,
}

impl Shared {
    /// Reads the first snapshot from `path`.
    pub fn load(path: &Path) -> Result<Self, DirectoryError> {
        // Looked at before it is read: a change in between is seen as one afterwards.
        let seen = Stamp::of(path);
        Ok(Self {
            current: Mutex::new(Arc::new(Directory::load(path)?)),
            path: path.to_owned(),
            version: AtomicU64::new(1),
            seen: Mutex::new(seen),
        })
    }

    /// A number that changes with each snapshot. Read before [`Shared::current`], so that a copy
    /// is never older than its version says.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// The snapshot of now. Takes a lock for as long as it takes to count a reference.
    pub fn current(&self) -> Arc<Directory> {
        Arc::clone(&lock(&self.current))
    }

    /// Looks at the file. If it has changed since the last look it is read: one that can be read
    /// becomes the snapshot of now, one that cannot leaves the old one in place. Returns the
    /// number of projects or the error, or `None` if nothing has changed.
    pub fn refresh(&self) -> Option<Result<usize, DirectoryError>> {
        let mut seen = lock(&self.seen);
        let stamp = Stamp::of(&self.path);
        if *seen == stamp {
            return None;
        }
        *seen = stamp;
        Some(Directory::load(&self.path).map(|directory| {
            let projects = directory.projects().len();
            *lock(&self.current) = Arc::new(directory);
            self.version.fetch_add(1, Ordering::Release);
            projects
        }))
    }
}

/// Nothing is ever left half done under these locks, so a panic elsewhere does not spoil them.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What can be seen of a file without reading it. An editor that puts a new file in place of the
/// old one changes the inode even within one tick of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
    inode: u64,
}

impl Stamp {
    /// What is to be seen at `path`; `None`: nothing that can be looked at.
    pub fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let metadata = fs::metadata(path).ok()?;
        Some(Self { modified: metadata.modified().ok(), bytes: metadata.len(), inode: metadata.ino() })
    }
}

/// The thread that reads the file again when it has changed. Dropping this ends it.
#[derive(Debug)]
pub struct Watcher {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Looks at the file every [`POLL_INTERVAL`] on a thread of its own. Each change is reported once:
/// the number of projects, or why the old snapshot stays.
pub fn watch(shared: Arc<Shared>, report: impl FnMut(Result<usize, DirectoryError>) + Send + 'static) -> Watcher {
    watch_every(POLL_INTERVAL, shared, report)
}

pub(super) fn watch_every(
    interval: Duration,
    shared: Arc<Shared>,
    report: impl FnMut(Result<usize, DirectoryError>) + Send + 'static,
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
            // A watcher that panicked has said so on standard error; nothing depends on it here.
            let _ = thread.join();
        }
    }
}
