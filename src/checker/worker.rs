//! Takes records from the log and checks the batches among them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};

use crate::base::budget::Budget;
use crate::base::time::wall_us;
use crate::consume::{self, AfterBatch, Batch, BatchBounds, Consumer, Failure, Handle, Handler};
use crate::log::RecentRecords;
use crate::log::cursor::From;
use crate::log::format::record::{Kind, Record};
use crate::log::read::merge::RepeatWindow;
use crate::telemetry::{Level, Logger};

use super::body::{BodyFaultKind, BodyReader};
use super::broken_list::{self, BrokenList};
use super::findings::Findings;
use super::options::{CheckerOptions, LiveOptions};
use super::trackers::Trackers;

/// The name under which its cursor is kept.
const NAME: &str = "checker";

/// The pause when there is nothing new.
const IDLE: Duration = Duration::from_millis(500);

/// The pause after a failure to read the log.
const FAILURE_REST: Duration = Duration::from_secs(5);

/// How many records are checked before the budget and the settings are looked at again.
const STRIDE: u32 = 16;

/// If it falls behind by more than this, it skips to the end of the log.
const LAG_MAX: Duration = Duration::from_secs(60);

/// How often the cursor is saved. Saving syncs a file, which costs a busy disk something.
const KEEP_EVERY: Duration = Duration::from_secs(5);

/// How often it checks for a stop while it waits for the earlier starts.
const STARTS_POLL: Duration = Duration::from_millis(50);

/// Bounds that a stride of records never reaches.
const BATCH: BatchBounds = BatchBounds { bytes: u64::MAX, time: Duration::from_secs(1) };

/// What runs on the checker's thread.
pub struct Worker {
    data: PathBuf,
    recent: Option<RecentRecords>,
    findings: Arc<Findings>,
    options: Arc<LiveOptions>,
    logger: Logger,
    trackers: Trackers,
    bodies: BodyReader,
    broken: BrokenList,
    budget: Budget,
}

impl Worker {
    /// Must be called on the checker's thread, because the budget counts the calling thread's processor time.
    pub fn new(of: CheckerOptions, findings: Arc<Findings>, options: Arc<LiveOptions>, logger: Logger) -> Self {
        let CheckerOptions { data, recent, .. } = of;
        let broken = BrokenList::new(data.join(broken_list::FILE));
        let budget = Budget::new(options.budget_percent());
        let (trackers, bodies) = (Trackers::default(), BodyReader::default());
        Self { data, recent, findings, options, logger, trackers, bodies, broken, budget }
    }

    /// Waits for the earlier starts, then follows the log until it is stopped.
    pub fn run(mut self, earlier: &Receiver<Trackers>, handle: &Handle) {
        // Requests come first.
        let _ = rustix::process::nice(19);
        while !handle.is_stopping() {
            match earlier.recv_timeout(STARTS_POLL) {
                Ok(trackers) => self.trackers = trackers,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => {}
            }
            break;
        }
        let consumer = Consumer {
            log_dir: self.data.join("log"),
            name: NAME.parse().expect("it is a valid name"),
            begin: From::Start,
            holds: false,
            batch: BATCH,
            idle: IDLE,
            recent: self.recent.clone(),
            // Each is checked: to find repeats would cost more, and they would not count towards the budget.
            repeats: RepeatWindow::OFF,
            behind: None,
            resume: None,
            keep_every: KEEP_EVERY,
            backoff_first: FAILURE_REST,
            backoff_max: FAILURE_REST,
        };
        while !handle.is_stopping() {
            if !self.options.enabled() {
                // What it does not read it does not hold.
                if let Some(number) = handle.wants_reread() {
                    handle.set_reread(number);
                }
                handle.rest(IDLE);
                continue;
            }
            self.budget = Budget::new(self.options.budget_percent());
            if let Err(error) = consume::follow(&consumer, handle, &mut self) {
                self.failed(Failure::Read(&error));
                handle.rest(FAILURE_REST);
            }
        }
    }

    fn warn(&self, message: &str, error: &str) {
        self.logger.event(Level::Warn, crate::caller!(), message, &[("error", error)]);
    }

    fn check(&mut self, record: &Record<'_>) {
        self.findings.count_checked();
        let limit = self.options.inflated_limit();
        // A batch on which a decoder panics must not end the checker, now and again after every restart. Decoders reset their state for each
        // body. Both tracker generations are tried, because the session's start may be missing.
        let bodies = &mut self.bodies;
        let checked = catch_unwind(AssertUnwindSafe(|| bodies.check(record, limit, None).map(drop)));
        let (project, version) = self.trackers.of(record);
        self.findings.count_of_tracker(project, version, !matches!(checked, Ok(Ok(()))));
        let fault = match checked {
            Ok(Ok(())) => return,
            Ok(Err(fault)) => fault,
            Err(_) => {
                self.findings.count_broken(BodyFaultKind::Other);
                return self.warn("the checker's decoder panicked", &record.id.to_string());
            }
        };
        self.findings.count_broken(fault.kind());
        if let Err(error) = self.broken.add(record, &fault) {
            self.warn("a broken batch could not be marked", &error.to_string());
        }
    }
}

impl Handler for Worker {
    fn take(&mut self, batch: &mut Batch<'_>) -> AfterBatch {
        if !self.options.enabled() {
            return AfterBatch::End;
        }
        let mut lag_us = None;
        for _ in 0..STRIDE {
            let Some(record) = batch.next() else { break };
            match record.kind {
                Kind::Start => self.trackers.note(&record),
                Kind::Batch => self.check(&record),
                _ => {}
            }
            lag_us = Some(wall_us().saturating_sub(record.order_us));
        }
        self.budget.set(self.options.budget_percent());
        // What is deleted while it is read is the oldest that there is. Who went on with the next would have each open that is deleted next.
        let was_overtaken = batch.skipped().segments > 0;
        let is_behind = was_overtaken || lag_us.is_some_and(|lag_us| lag_us > LAG_MAX.as_micros() as u64);
        let pause = lag_us.and_then(|_| self.budget.pause());
        if was_overtaken || (is_behind && pause.is_some()) {
            self.findings.count_jump();
        }
        match pause {
            None => AfterBatch::Continue,
            Some(pause) if is_behind => AfterBatch::SkipToEnd(pause),
            Some(pause) => AfterBatch::Pause(pause),
        }
    }

    fn failed(&mut self, failure: Failure<'_>) {
        match failure {
            Failure::Read(error) => self.warn("the checker can't read the log", &error.to_string()),
            // The only effect is that some batches are checked again after a crash.
            Failure::Keep(_) => {}
        }
    }
}
