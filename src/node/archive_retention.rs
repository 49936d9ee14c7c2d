//! Retention of the archive in a running server: its thread, log lines and metrics.
//!
//! The rules are those of the log's deletion, with the archive's own age and size. Nothing leaves before the log's rules are set, which is when the
//! settings and the ages of all projects are known.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::archive::error::ArchiveError;
use crate::archive::place::Place;
use crate::archive::retention::{Leaves, Removed, Retention};
use crate::log::retain::{Reason, Retain};
use crate::server::core::common::Common;
use crate::telemetry::{Level, Logger, Metrics};

use super::options;

/// How long after the start the first look is made: a start has better things to do.
const FIRST_LOOK: Duration = Duration::from_secs(1);

/// How often it is looked for what may leave. Where nothing may, a look reads one small file.
const INTERVAL: Duration = Duration::from_secs(5);

/// How long the thread rests after each hour, in times of what that took, and at most.
const REST_TIMES: u32 = 3;
const REST_MAX: Duration = Duration::from_secs(30);

/// The most projects that a line names.
const NAMED_MAX: usize = 20;

/// A running thread. Dropping it stops the thread, and waits for it: for as long as it takes to write a file.
pub struct ArchiveRetention {
    counts: Arc<Counts>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What has left since the start.
#[derive(Debug, Default)]
struct Counts {
    /// Rows by reason.
    rows: Mutex<BTreeMap<Reason, u64>>,
    bytes: AtomicU64,
    rewritten: AtomicU64,
    failures: AtomicU64,
}

impl ArchiveRetention {
    /// Starts the thread.
    ///
    /// # Errors
    /// The thread could not be started.
    pub fn start(common: &Arc<Common>) -> io::Result<Self> {
        let (stop, stopped) = bounded(0);
        let counts = Arc::new(Counts::default());
        let worker = Worker {
            common: Arc::clone(common),
            counts: Arc::clone(&counts),
            retention: Retention::new(Place::in_data(&common.live.current().config.data)),
            told: BTreeSet::new(),
        };
        let run = move || {
            // Everybody else comes first.
            let _ = rustix::process::nice(19);
            worker.run(&stopped);
        };
        let thread = std::thread::Builder::new().name("archive-delete".to_owned()).spawn(run)?;
        Ok(Self { counts, stop: Some(stop), thread: Some(thread) })
    }

    /// Adds the metrics.
    #[must_use]
    pub fn register(&self, metrics: Metrics) -> Metrics {
        let by_reason = {
            let counts = Arc::clone(&self.counts);
            move || {
                let rows = counts.rows.lock().unwrap_or_else(PoisonError::into_inner);
                let of = |reason: Reason| rows.get(&reason).copied().unwrap_or_default() as f64;
                let sample = |reason: Reason| (vec![("reason", reason.as_str().to_owned())], of(reason));
                [Reason::Age, Reason::ProjectAge, Reason::Bytes].map(sample).to_vec()
            }
        };
        let of = |value: fn(&Counts) -> &AtomicU64| {
            let counts = Arc::clone(&self.counts);
            move || value(&counts).load(Ordering::Relaxed) as f64
        };
        metrics
            .counters("takeup_archive_deleted_rows", "Rows deleted from the archive, by reason.", by_reason)
            .counter(
                "takeup_archive_deleted_bytes",
                "Bytes by which the archive became smaller.",
                of(|counts| &counts.bytes),
            )
            .counter(
                "takeup_archive_rewritten_files",
                "Files of the archive that were written again without rows of single projects.",
                of(|counts| &counts.rewritten),
            )
            .counter(
                "takeup_archive_retention_failures",
                "Times that rows could not be deleted from the archive.",
                of(|counts| &counts.failures),
            )
    }
}

impl Drop for ArchiveRetention {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // If it panicked, the panic hook has reported that already.
            let _ = thread.join();
        }
    }
}

struct Worker {
    common: Arc<Common>,
    counts: Arc<Counts>,
    retention: Retention,
    /// Failures that were reported at the last look.
    told: BTreeSet<String>,
}

impl Worker {
    fn run(mut self, stopped: &Receiver<()>) {
        let mut pause = FIRST_LOOK;
        while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
            let failures = self.look(stopped);
            self.told = failures;
            pause = INTERVAL;
        }
    }

    /// Takes out all that may leave. Returns what failed.
    fn look(&mut self, stopped: &Receiver<()>) -> BTreeSet<String> {
        let mut failures = BTreeSet::new();
        self.retention.try_again();
        loop {
            // They may change while much is taken out.
            let Some(retain) = self.rules() else { return failures };
            let began = Instant::now();
            let is_stopping = || stopped.try_recv() == Err(crossbeam_channel::TryRecvError::Disconnected);
            let earliest_us = self.common.log.clock().earliest_us();
            match self.retention.step(&retain, earliest_us, &is_stopping) {
                Ok(None) | Err(ArchiveError::Stopped) => return failures,
                Ok(Some(removed)) => {
                    self.count(&removed);
                    report(&self.common.logger, &removed);
                }
                Err(error) => {
                    self.counts.failures.fetch_add(1, Ordering::Relaxed);
                    let text = error.to_string();
                    if !self.told.contains(&text) && failures.insert(text.clone()) {
                        let message = "what is old can't be deleted from the archive";
                        self.common.logger.event(Level::Error, crate::caller!(), message, &[("error", &text)]);
                    }
                    failures.insert(text);
                    if !error.is_of_a_file() {
                        return failures;
                    }
                }
            }
            let rest = (began.elapsed() * REST_TIMES).min(REST_MAX);
            if stopped.recv_timeout(rest) != Err(RecvTimeoutError::Timeout) {
                return failures;
            }
        }
    }

    /// None, before all of them are known.
    fn rules(&self) -> Option<Retain> {
        let projects = self.common.log.project_ages()?;
        Some(options::archive_retention(&self.common.live.current().config, projects))
    }

    fn count(&self, Removed { removal, done }: &Removed) {
        let mut rows = self.counts.rows.lock().unwrap_or_else(PoisonError::into_inner);
        *rows.entry(removal.reason()).or_insert(0) += done.rows;
        drop(rows);
        self.counts.bytes.fetch_add(done.bytes, Ordering::Relaxed);
        self.counts.rewritten.fetch_add(done.rewritten, Ordering::Relaxed);
    }
}

fn report(logger: &Logger, Removed { removal, done }: &Removed) {
    let (date, hour) = removal.hour.date_and_hour();
    let projects = match &removal.leaves {
        Leaves::Whole(_) => "all".to_owned(),
        Leaves::Projects(projects) => {
            let named = projects.iter().take(NAMED_MAX).map(ToString::to_string).collect::<Vec<_>>().join(" ");
            let more = projects.len().saturating_sub(NAMED_MAX);
            if more > 0 { format!("{named} and {more} more") } else { named }
        }
    };
    let [rows, bytes, removed, rewritten] =
        [done.rows, done.bytes, done.removed, done.rewritten].map(|number| number.to_string());
    let fields = [
        ("date", &*date),
        ("hour", &*hour),
        ("projects", &*projects),
        ("rows", &*rows),
        ("bytes", &*bytes),
        ("files_removed", &*removed),
        ("files_rewritten", &*rewritten),
        ("reason", removal.reason().as_str()),
    ];
    logger.event(Level::Info, crate::caller!(), "rows deleted from the archive", &fields);
}
