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

use super::database::{self, Assembled, Questions, Standing};
use super::intake::Intake;
use super::settling::Report;
use super::{Directory, DirectoryError};

/// How often the file is checked.
pub const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Where projects come from.
#[derive(Debug)]
enum Source {
    File { path: PathBuf, intake: Box<Mutex<Intake>> },
    Database(Box<FromDatabase>),
}

#[derive(Debug)]
struct FromDatabase {
    intake: Mutex<database::Intake>,
    questions: Questions,
    standing: Standing,
}

/// The current projects, and where they come from.
#[derive(Debug)]
pub struct CurrentDirectory {
    source: Source,
    snapshot: Snapshot<Directory>,
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
        let source = Source::File { path: path.to_owned(), intake: Box::new(Mutex::new(intake)) };
        Ok((Self::new(source, directory, grace), report))
    }

    /// Begins with the last snapshot that this data folder has of Postgres, or with nothing. The second part says why a snapshot that is there
    /// can't be used.
    ///
    /// # Errors
    /// The projects' retention ages can't be read.
    pub fn of_database(data: &Path, grace: Duration) -> Result<(Self, Option<String>), DirectoryError> {
        let (intake, kept, fault) = database::Intake::open(data)?;
        let standing = Standing::default();
        if kept.is_some() {
            standing.set_known();
        }
        let intake = Mutex::new(intake);
        let source = Source::Database(Box::new(FromDatabase { intake, questions: Questions::default(), standing }));
        Ok((Self::new(source, kept.unwrap_or_default().into(), grace), fault))
    }

    fn new(source: Source, directory: Arc<Directory>, grace: Duration) -> Self {
        let new = Self { source, snapshot: Snapshot::new(directory), grace_ms: AtomicU64::new(0) };
        new.set_grace(grace);
        new
    }

    /// If the projects come from Postgres: where to ask for one that is not known, and how reading goes.
    pub fn database(&self) -> Option<(&Questions, &Standing)> {
        match &self.source {
            Source::Database(database) => Some((&database.questions, &database.standing)),
            Source::File { .. } => None,
        }
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
        match &self.source {
            Source::File { intake, .. } => lock(intake).ages(),
            Source::Database(database) => lock(&database.intake).ages(),
        }
    }

    /// How long something has to be missing from the file before it is dropped.
    pub fn set_grace(&self, grace: Duration) {
        self.grace_ms.store(u64::try_from(grace.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Checks the file. If it has changed, or if something missing is now certainly gone, there is a new snapshot; a file that can't be used
    /// leaves the old one in place. Returns what to report, or `None` if nothing has changed. Postgres is read soon, which is reported then.
    pub fn refresh(&self) -> Option<Report> {
        match &self.source {
            Source::File { intake, .. } => {
                let mut intake = lock(intake);
                let (directory, report) = intake.refresh(&self.current(), self.grace());
                self.replace(directory);
                report
            }
            Source::Database(database) => {
                database.questions.read_soon();
                None
            }
        }
    }

    /// Takes over a reading of Postgres. Returns what to report, or `None` if nothing has changed.
    pub(super) fn take(&self, reading: Assembled) -> Option<Report> {
        let Source::Database(database) = &self.source else { return None };
        let mut intake = lock(&database.intake);
        let (directory, report) = intake.take(&self.current(), reading, self.grace());
        self.replace(directory);
        report
    }

    /// Postgres could not be read.
    pub(super) fn doubt(&self) {
        if let Source::Database(database) = &self.source {
            lock(&database.intake).doubt();
        }
    }

    fn grace(&self) -> Duration {
        Duration::from_millis(self.grace_ms.load(Ordering::Relaxed))
    }

    fn replace(&self, directory: Option<Arc<Directory>>) {
        if let Some(directory) = directory {
            self.snapshot.replace(directory);
        }
    }
}

/// Nothing is ever left half done under these locks, so it is safe to ignore poisoning by a panic elsewhere.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The thread that keeps the snapshot up to date. Dropping this ends it.
#[derive(Debug)]
pub struct Watcher {
    /// The thread ends when this is dropped.
    stop: Option<Box<dyn Stop>>,
    thread: Option<JoinHandle<()>>,
}

/// The sending end of a channel whose closing ends a thread.
trait Stop: std::fmt::Debug + Send + Sync {}

impl<T: std::fmt::Debug + Send + Sync> Stop for T {}

impl Watcher {
    /// The thread ends when `stop` is dropped.
    pub(super) fn new(stop: impl std::fmt::Debug + Send + Sync + 'static, thread: JoinHandle<()>) -> Self {
        Self { stop: Some(Box::new(stop)), thread: Some(thread) }
    }
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
    let (stop, stopped): (Sender<()>, _) = bounded(0);
    // Shared with the thread, so that it is still available here if the thread can't be spawned.
    let report = Arc::new(Mutex::new(report));
    let path = match &shared.source {
        Source::File { path, .. } => path.clone(),
        Source::Database(_) => PathBuf::new(),
    };
    let for_thread = Arc::clone(&report);
    let thread = thread::Builder::new().name("directory".to_owned()).spawn(move || {
        while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
            if let Some(outcome) = shared.refresh() {
                lock(&for_thread)(outcome);
            }
        }
    });
    match thread {
        Ok(thread) => Watcher::new(stop, thread),
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
