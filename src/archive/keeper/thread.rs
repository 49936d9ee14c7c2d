//! The keeper's thread, and what others may ask of it.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::archive::place::Place;
use crate::config::Config;
use crate::consume::{self, BatchBounds, Consumer, Lag};
use crate::log::cursor::From;
use crate::log::{Log, RecentRecords};
use crate::telemetry::{Level, Logger, Metrics};

use super::measured::Measured;
use super::metrics;
use super::options::{KeeperOptions, Live};
use super::register::consumer_name;
use super::status::Status;
use super::worker::Worker;

/// The worker decides itself when a batch is full.
const BATCH: BatchBounds = BatchBounds { bytes: u64::MAX, time: Duration::MAX };

/// How often the cursor is saved. Saving syncs a file, which costs a busy disk something.
const KEEP_EVERY: Duration = Duration::from_secs(5);

/// The pauses after failures.
const BACKOFF_FIRST: Duration = Duration::from_millis(500);
const BACKOFF_MAX: Duration = Duration::from_secs(15);

/// The pause after a panic, which will probably come again.
const PANIC_REST: Duration = Duration::from_secs(60);

/// A running keeper. Dropping it stops the thread.
#[derive(Debug)]
pub struct Keeper {
    dir: PathBuf,
    status: Arc<Status>,
    live: Arc<Live>,
    handle: consume::Handle,
    measured: Arc<Measured>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Keeper {
    /// Starts the thread; it reads `log`.
    ///
    /// # Errors
    /// The thread could not be started.
    pub fn spawn(options: KeeperOptions, log: &Log, logger: &Logger) -> io::Result<Self> {
        let place = Place::in_data(&options.data);
        let keeper = Self {
            dir: place.dir().to_path_buf(),
            status: Arc::default(),
            live: Arc::new(Live::new(options.live)),
            handle: consume::Handle::default(),
            measured: Arc::default(),
            thread: Mutex::default(),
        };
        let (status, live, handle) = (Arc::clone(&keeper.status), Arc::clone(&keeper.live), keeper.handle.clone());
        let consumer = consumer(&options, log.recent());
        let (log, logger) = (log.uuid(), logger.clone());
        let run = move || {
            // Everybody else comes first. The priority of its input and output follows this one.
            let _ = rustix::process::nice(19);
            let mut worker = Worker::new(place, log, live, Arc::clone(&status), handle.clone(), logger.clone());
            follow(&consumer, &handle, &mut worker, &status, &logger);
        };
        let thread = std::thread::Builder::new().name("compactor".into()).spawn(run)?;
        *keeper.thread() = Some(thread);
        Ok(keeper)
    }

    /// The archive's folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Its consumer.
    pub fn handle(&self) -> &consume::Handle {
        &self.handle
    }

    /// What it does, and what it has done.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// A function that changes the settings while it runs.
    pub fn tuner(&self) -> impl Fn(&Config) + Send + Sync + 'static {
        let live = Arc::clone(&self.live);
        move |config| live.set(KeeperOptions::of(config).live)
    }

    /// Measures how far it is behind, unless that was done just now. Reads the log's folder.
    pub fn measure(&self) {
        self.measured.measure(&self.handle);
    }

    /// How far it was behind at the last measurement; `None` if that is not known.
    pub fn lag(&self) -> Option<Lag> {
        self.measured.lag()
    }

    /// Registers its metrics.
    #[must_use]
    pub fn register(&self, metrics: Metrics) -> Metrics {
        metrics::register(metrics, &self.status, &self.measured)
    }

    /// Tells the thread to stop, and does not wait for it.
    pub fn begin_stop(&self) {
        self.handle.stop();
    }

    /// Stops the thread and waits for it: for as long as it takes to write a file.
    pub fn stop(&self) {
        self.begin_stop();
        let thread = self.thread().take();
        if let Some(thread) = thread {
            // If it panicked, the panic hook has reported that already.
            let _ = thread.join();
        }
    }

    fn thread(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop();
    }
}

fn consumer(options: &KeeperOptions, recent: RecentRecords) -> Consumer {
    Consumer {
        log_dir: options.data.join("log"),
        name: consumer_name(),
        begin: From::Start,
        holds: true,
        batch: BATCH,
        // At the end of the log the worker says itself how long it rests.
        idle: Duration::from_secs(1),
        recent: Some(recent),
        repeats: options.repeats,
        behind: None,
        resume: None,
        keep_every: KEEP_EVERY,
        backoff_first: BACKOFF_FIRST,
        backoff_max: BACKOFF_MAX,
    }
}

fn follow(consumer: &Consumer, handle: &consume::Handle, worker: &mut Worker, status: &Status, logger: &Logger) {
    while !handle.is_stopping() {
        match catch_unwind(AssertUnwindSafe(|| consume::follow(consumer, handle, worker))) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                status.ends();
                let error = error.to_string();
                let message =
                    "the archive grows no more, because the compactor's cursor was removed: restart to begin again";
                logger.event(Level::Error, crate::caller!(), message, &[("error", &error)]);
                return;
            }
            Err(_) => {
                worker.panicked();
                handle.rest(PANIC_REST);
            }
        }
    }
}
