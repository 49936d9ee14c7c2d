//! Looks into batches behind the log, where no client waits.
//!
//! A refusal would end a session, and a repeat can't mend what is broken; but a malformed batch truncates the session
//! that it belongs to, and somebody should know. The checker follows the durable records, looks at each batch's coding
//! and structure, counts what is broken by kind, project and tracker, and marks it in `broken.ndjson` of the data folder. It takes at most a
//! set share of one processor; when it falls far behind, it jumps ahead and counts that too.
//!
//! Before that, at the server's start, it tells the server the projects of the sessions in the log.

mod body;
mod budget;
mod cursor;
mod marks;
mod trackers;
mod warm;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};

use crate::config::{CheckBodies, Config};
use crate::log::format::record::{Kind, Record};
use crate::log::read::merge::Merge;
use crate::log::read::reader::LogReader;
use crate::telemetry::{Level, Logger, Metrics, Sample};

pub use body::{Bodies, BodyFault, BodyFaultKind};
use budget::Budget;
use cursor::Cursor;
use marks::Marks;
pub use trackers::version_of;
use trackers::{Tally, Trackers};
pub use warm::{Tell, Told};

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
    kinds: [AtomicU64; BodyFaultKind::ALL.len()],
    by_tracker: Tally,
    jumps: AtomicU64,
}

impl Findings {
    fn count(&self, kind: BodyFaultKind) {
        self.kinds[kind as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Batches found broken in this way.
    pub fn broken_by(&self, kind: BodyFaultKind) -> u64 {
        self.kinds[kind as usize].load(Ordering::Relaxed)
    }

    /// Batches found broken.
    pub fn broken(&self) -> u64 {
        BodyFaultKind::ALL.iter().map(|&kind| self.broken_by(kind)).sum()
    }

    /// Batches by project and tracker: all of them, or the broken ones.
    fn by_tracker(&self, broken: bool) -> Vec<Sample> {
        let sample = |(project, version, all, of_them_broken): (u32, String, u64, u64)| {
            let labels = vec![("project", project.to_string()), ("tracker", version)];
            (labels, if broken { of_them_broken } else { all } as f64)
        };
        self.by_tracker.read().into_iter().map(sample).collect()
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
    /// Starts it. `tell` hears of the sessions in the log.
    pub fn spawn(options: Options, tell: Tell, logger: Logger) -> std::io::Result<Self> {
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
        let run = move || worker.run(&tell);
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
        let findings = Arc::clone(&self.findings);
        let kinds = move || {
            let sample =
                |kind: BodyFaultKind| (vec![("kind", kind.as_str().to_owned())], findings.broken_by(kind) as f64);
            BodyFaultKind::ALL.into_iter().map(sample).collect()
        };
        let trackers = |broken| {
            let findings = Arc::clone(&self.findings);
            move || findings.by_tracker(broken)
        };
        metrics
            .counter("takeup_batches_checked", "Batches looked into behind the log.", value(Findings::checked))
            .counter("takeup_batches_broken", "Batches found broken behind the log.", value(Findings::broken))
            .counter(
                "takeup_batches_broken_gzip",
                "Of those, batches that do not inflate.",
                value(|f| f.broken_by(BodyFaultKind::Compression)),
            )
            .counters("takeup_batches_broken_by_kind", "Batches found broken, by what is wrong.", kinds)
            .counters(
                "takeup_batches_checked_by_tracker",
                "Batches looked into, by project and tracker.",
                trackers(false),
            )
            .counters(
                "takeup_batches_broken_by_tracker",
                "Batches found broken, by project and tracker.",
                trackers(true),
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
    fn run(&self, tell: &Tell) {
        let log_dir = self.data.join("log");
        let mut trackers = Trackers::default();
        let told = LogReader::open(&log_dir)
            .and_then(|reader| warm::tell_sessions(&reader, tell, &self.stopping, |start| trackers.note(start)));
        // Whatever came of it: no request waits for more.
        tell(Told::All);
        // From here on of the least weight: requests come first. Until then they wait for this.
        let _ = rustix::process::nice(19);
        match told {
            Ok(read) => {
                if let Some(fault) = &read.fault {
                    self.complain("sessions in a part of the log could not be read, the others are known", fault);
                }
                let sessions = read.sessions.to_string();
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
            if let Err(error) = self.follow(&mut trackers) {
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

    fn follow(&self, trackers: &mut Trackers) -> Result<(), String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let cursor = Cursor::new(&self.data);
        let mut marks = Marks::new(self.data.join(marks::FILE));
        let mut bodies = Bodies::default();
        let mut merge = cursor.open().map_err(|e| text(&e))?;
        let mut budget = Budget::new(self.tuning.budget_percent.load(Ordering::Relaxed));
        let mut kept = Instant::now();
        let mut count = 0;
        let mut gaps = 0;
        loop {
            let lag_us = match merge.next().map_err(|e| text(&e))? {
                Some(record) => {
                    match record.kind {
                        Kind::Start => trackers.note(&record),
                        Kind::Batch => self.look(&record, trackers, &mut bodies, &mut marks),
                        _ => {}
                    }
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

    fn look(&self, record: &Record<'_>, trackers: &mut Trackers, bodies: &mut Bodies, marks: &mut Marks) {
        self.findings.checked.fetch_add(1, Ordering::Relaxed);
        let limit = self.tuning.inflated_limit.load(Ordering::Relaxed);
        // A decoder that can't stand a batch must not end the checker, now and at each start from here. Its state is made anew
        // with each body. Trackers of both generations are thought of: a start may be missing.
        let looked = catch_unwind(AssertUnwindSafe(|| bodies.check(record, limit, None).map(drop)));
        let (project, version) = trackers.of(record);
        self.findings.by_tracker.count(project, version, !matches!(looked, Ok(Ok(()))));
        let fault = match looked {
            Ok(Ok(())) => return,
            Ok(Err(fault)) => fault,
            Err(_) => {
                self.findings.count(BodyFaultKind::Other);
                return self.complain("the checker's decoder panicked", &record.id.to_string());
            }
        };
        self.findings.count(fault.kind());
        if let Err(error) = marks.add(record, &fault) {
            self.complain("a broken batch could not be marked", &error.to_string());
        }
    }
}

fn wall_us() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    now.tv_sec as u64 * 1_000_000 + now.tv_nsec as u64 / 1000
}

/// The log at `log_dir`, from its start.
fn from_start(log_dir: &Path) -> Result<Merge, crate::log::LogError> {
    Ok(Merge::new(LogReader::open(log_dir)?))
}
