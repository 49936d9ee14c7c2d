//! Looks into batches behind the log, where no client waits.
//!
//! A refusal would end a session, and a repeat can't mend what is broken; but a malformed batch truncates the session
//! that it belongs to, and somebody should know. The checker follows the durable records, looks at each batch's gzip
//! and structure, counts what is broken by kind, and marks it in `broken.ndjson` of the data folder. It takes at most a
//! set share of one processor; when it falls far behind, it jumps ahead and counts that too.
//!
//! Before that, at the server's start, it tells the cores the projects of the sessions in the log.

mod budget;
mod cursor;
mod marks;
mod warm;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};

use crate::config::{CheckBodies, Config};
use crate::log::merge::Merge;
use crate::log::reader::LogReader;
use crate::log::record::{Encoding, Kind, Record};
use crate::session::SessionId;
use crate::telemetry::{Level, Logger, Metrics};
use crate::tracker::{CheckError, Era, FaultKind, check, check_gzip};

use self::budget::Budget;
use self::cursor::Cursor;
use self::marks::Marks;

/// How long the checker rests when there is nothing new.
const IDLE: Duration = Duration::from_millis(500);

/// How long it rests after the log could not be read.
const FAULT_REST: Duration = Duration::from_secs(5);

/// The budget and the stop are looked at after so many records.
const STRIDE: u32 = 16;

/// Further behind than this it jumps ahead.
const LAG_MAX: Duration = Duration::from_secs(60);

/// How often the place reached is kept.
const KEEP_EVERY: Duration = Duration::from_secs(5);

/// What the checker is told.
#[derive(Debug, Clone)]
pub struct Options {
    /// The data folder.
    pub data: PathBuf,
    /// Whether batches are looked into at all.
    pub looks: bool,
    /// The share of one processor, in percent.
    pub budget_percent: u8,
    /// The largest inflated batch, in bytes.
    pub inflated_limit: usize,
}

impl Options {
    /// What the settings say.
    pub fn of(config: &Config) -> Self {
        Self {
            data: config.data.clone(),
            looks: config.check_bodies != CheckBodies::Off,
            budget_percent: config.check_budget_percent,
            inflated_limit: usize::try_from(config.body_inflated_limit).unwrap_or(usize::MAX),
        }
    }
}

/// What may change while it runs.
#[derive(Debug)]
struct Tuning {
    looks: AtomicBool,
    budget_percent: AtomicU8,
    inflated_limit: AtomicUsize,
}

impl Tuning {
    fn of(options: &Options) -> Self {
        Self {
            looks: AtomicBool::new(options.looks),
            budget_percent: AtomicU8::new(options.budget_percent),
            inflated_limit: AtomicUsize::new(options.inflated_limit),
        }
    }

    fn looks(&self) -> bool {
        self.looks.load(Ordering::Relaxed)
    }
}

/// What was found, for metrics.
#[derive(Debug, Default)]
pub struct Findings {
    checked: AtomicU64,
    gzip: AtomicU64,
    metadata: AtomicU64,
    size: AtomicU64,
    truncated: AtomicU64,
    other: AtomicU64,
    jumps: AtomicU64,
}

impl Findings {
    fn count(&self, error: &CheckError) {
        let counter = match error {
            CheckError::Inflate(_) => &self.gzip,
            CheckError::Batch(fault) => match fault.kind {
                FaultKind::NoMetadata { .. } | FaultKind::MetadataMisplaced => &self.metadata,
                FaultKind::SizeOverrun { .. } => &self.size,
                FaultKind::Truncated | FaultKind::Empty => &self.truncated,
                _ => &self.other,
            },
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Batches found broken.
    pub fn broken(&self) -> u64 {
        let kinds = [&self.gzip, &self.metadata, &self.size, &self.truncated, &self.other];
        kinds.iter().map(|kind| kind.load(Ordering::Relaxed)).sum()
    }

    /// Batches looked into.
    pub fn checked(&self) -> u64 {
        self.checked.load(Ordering::Relaxed)
    }
}

/// The checker's thread.
#[derive(Debug)]
pub struct Checker {
    findings: Arc<Findings>,
    tuning: Arc<Tuning>,
    stopping: Arc<AtomicBool>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checker {
    /// Starts it. `inboxes` are the cores, which are told of sessions in the log.
    pub fn spawn(options: Options, inboxes: Vec<Sender<(SessionId, u32)>>, logger: Logger) -> std::io::Result<Self> {
        let findings = Arc::new(Findings::default());
        let stopping = Arc::new(AtomicBool::new(false));
        let (stop, stopped) = crossbeam_channel::bounded(0);
        let tuning = Arc::new(Tuning::of(&options));
        let worker = Worker {
            findings: Arc::clone(&findings),
            tuning: Arc::clone(&tuning),
            stopping: Arc::clone(&stopping),
            stopped,
            logger,
            data: options.data,
        };
        let run = move || worker.run(&inboxes);
        let thread = std::thread::Builder::new().name("checker".into()).spawn(run)?;
        Ok(Self { findings, tuning, stopping, stop: Some(stop), thread: Some(thread) })
    }

    /// What changes its settings while it runs, which it heeds within its next steps. The data folder stays.
    pub fn tuner(&self) -> impl Fn(&Config) + Send + Sync + 'static {
        let tuning = Arc::clone(&self.tuning);
        move |config| {
            let options = Options::of(config);
            tuning.budget_percent.store(options.budget_percent, Ordering::Relaxed);
            tuning.inflated_limit.store(options.inflated_limit, Ordering::Relaxed);
            tuning.looks.store(options.looks, Ordering::Relaxed);
        }
    }

    /// Adds what was found to the metrics.
    #[must_use]
    pub fn register(&self, metrics: Metrics) -> Metrics {
        let value = |read: fn(&Findings) -> u64| {
            let findings = Arc::clone(&self.findings);
            move || read(&findings) as f64
        };
        metrics
            .counter("takeup_batches_checked", "Batches looked into behind the log.", value(Findings::checked))
            .counter("takeup_batches_broken", "Batches found broken behind the log.", value(Findings::broken))
            .counter(
                "takeup_batches_broken_gzip",
                "Of those, batches that do not inflate.",
                value(|f| f.gzip.load(Ordering::Relaxed)),
            )
            .counter(
                "takeup_checker_jumps",
                "Times that the checker fell behind and left records out.",
                value(|f| f.jumps.load(Ordering::Relaxed)),
            )
    }

    /// What was found so far.
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    /// Ends the thread.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there was printed by the panic hook; there is nothing left to do about it.
            let _ = thread.join();
        }
    }
}

impl Drop for Checker {
    fn drop(&mut self) {
        self.end();
    }
}

struct Worker {
    data: PathBuf,
    findings: Arc<Findings>,
    tuning: Arc<Tuning>,
    stopping: Arc<AtomicBool>,
    stopped: Receiver<()>,
    logger: Logger,
}

impl Worker {
    fn run(&self, inboxes: &[Sender<(SessionId, u32)>]) {
        // Of the least weight: requests come first.
        let _ = rustix::process::nice(19);
        let log_dir = self.data.join("log");
        let told = LogReader::open(&log_dir)
            .and_then(|reader| warm::tell_sessions(&reader, inboxes, &self.stopping))
            .map(|sessions| sessions.to_string());
        match told {
            Ok(sessions) => {
                let fields = [("sessions", &*sessions)];
                self.logger.event(Level::Info, crate::caller!(), "sessions known from the log", &fields);
            }
            Err(error) => self.complain("the sessions in the log could not be read", &error.to_string()),
        }
        while !self.stopping.load(Ordering::Relaxed) {
            if !self.tuning.looks() {
                self.rest(IDLE);
                continue;
            }
            if let Err(error) = self.follow() {
                self.complain("the checker can't read the log", &error);
                self.rest(FAULT_REST);
            }
        }
    }

    fn complain(&self, message: &str, error: &str) {
        self.logger.event(Level::Warn, crate::caller!(), message, &[("error", error)]);
    }

    /// Waits; true when the checker must end.
    fn rest(&self, time: Duration) -> bool {
        // The channel only ever closes.
        let _ = self.stopped.recv_timeout(time);
        self.stopping.load(Ordering::Relaxed)
    }

    fn follow(&self) -> Result<(), String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let cursor = Cursor::new(&self.data);
        let mut marks = Marks::new(self.data.join(marks::FILE));
        let mut merge = cursor.open().map_err(|e| text(&e))?;
        let mut budget = Budget::new(self.tuning.budget_percent.load(Ordering::Relaxed));
        let mut kept = Instant::now();
        let mut count = 0;
        let mut gaps = 0;
        loop {
            let lag_us = match merge.next().map_err(|e| text(&e))? {
                Some(record) => {
                    self.look(&record, &mut marks);
                    wall_us().saturating_sub(record.order_us)
                }
                None => {
                    // A kept place is synced, which a disk under load feels.
                    if kept.elapsed() > KEEP_EVERY {
                        cursor.keep(&merge.position());
                        kept = Instant::now();
                    }
                    if self.rest(IDLE) || !self.tuning.looks() {
                        cursor.keep(&merge.position());
                        return Ok(());
                    }
                    continue;
                }
            };
            count += 1;
            if count % STRIDE != 0 {
                continue;
            }
            if merge.skipped().segments > gaps {
                gaps = merge.skipped().segments;
                self.findings.jumps.fetch_add(1, Ordering::Relaxed);
            }
            budget.set(self.tuning.budget_percent.load(Ordering::Relaxed));
            if !self.tuning.looks() {
                cursor.keep(&merge.position());
                return Ok(());
            }
            if let Some(pause) = budget.pause() {
                if lag_us > LAG_MAX.as_micros() as u64 {
                    self.findings.jumps.fetch_add(1, Ordering::Relaxed);
                    merge = cursor.open_at_end().map_err(|e| text(&e))?;
                    gaps = 0;
                }
                if self.rest(pause) {
                    cursor.keep(&merge.position());
                    return Ok(());
                }
            }
            if kept.elapsed() > KEEP_EVERY {
                cursor.keep(&merge.position());
                kept = Instant::now();
            }
        }
    }

    fn look(&self, record: &Record<'_>, marks: &mut Marks) {
        if record.kind != Kind::Batch {
            return;
        }
        self.findings.checked.fetch_add(1, Ordering::Relaxed);
        let limit = self.tuning.inflated_limit.load(Ordering::Relaxed);
        // A decoder that can't stand a batch must not end the checker, now and at each start from here.
        let looked = catch_unwind(AssertUnwindSafe(|| inspect(record, limit)));
        let error = match looked {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error,
            Err(_) => {
                self.findings.other.fetch_add(1, Ordering::Relaxed);
                return self.complain("the checker's decoder panicked", &record.id.to_string());
            }
        };
        self.findings.count(&error);
        if let Err(error) = marks.add(record, &error) {
            self.complain("a broken batch could not be marked", &error.to_string());
        }
    }
}

/// A batch is broken if it is so for trackers of both generations: which one sent it is not known here.
fn inspect(record: &Record<'_>, limit: usize) -> Result<(), CheckError> {
    let split = (record.split > 0).then_some(record.split as usize);
    let look = |era| match record.encoding {
        Encoding::Gzip => check_gzip(record.payload, limit, split, era).map(drop),
        Encoding::Identity => check(record.payload, split, era).map(drop).map_err(CheckError::from),
        _ => Ok(()),
    };
    look(Era::Main).or_else(|error| look(Era::Seed).map_err(|_| error))
}

fn wall_us() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    now.tv_sec as u64 * 1_000_000 + now.tv_nsec as u64 / 1000
}

/// The log at `log_dir`, from its start.
fn from_start(log_dir: &Path) -> Result<Merge, crate::log::LogError> {
    Ok(Merge::new(LogReader::open(log_dir)?))
}
