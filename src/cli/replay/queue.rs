//! Replays to a queue: exactly what its courier would give it, in the same order.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::cli::error::CliError;
use crate::cli::log_folder;
use crate::cli::output::{counted, warn};
use crate::cli::time::exact;
use crate::config::{Config, Sources};
use crate::courier::{Cause, GaveUp, Told, Trouble};
use crate::log::format::record::{Kind, Record};
use crate::node::CourierPlan;
use crate::telemetry::{Level, LogOptions, Logger};

use super::args::ReplayArgs;
use super::outcome::{Outcome, note_refusal};
use super::pace::Pace;
use super::progress::Progress;
use super::stretch::Stretch;
use super::summary::{Choice, Filter};
use super::to::QueueAddress;

/// How long the last log lines may take.
const PRINT_PATIENCE: Duration = Duration::from_secs(2);

/// Runs the replay.
pub fn run(args: &ReplayArgs, to: &QueueAddress, data: &Path) -> Result<ExitCode, CliError> {
    let config = Config::load_settings(&sources(args, to, data))?.config;
    let reader = log_folder::open(data)?;
    // What the queue's client has to say goes where errors go.
    let options = LogOptions { level: Level::Warn, ..LogOptions::default() };
    let (logger, printer) = Logger::start(&options, Box::new(std::io::stderr()))
        .map_err(|error| CliError::Other(format!("the printing thread could not be started: {error}")))?;
    let (mut sender, target) = CourierPlan::bulk_sender(&config, to.queue, args.retries, &logger)?;
    let mut run = Run::new(target, Progress::new(&reader)?);
    let mut stretch = Stretch::new(args, reader)?;
    let mut pace = Pace::new(args.speed);
    let mut filter = Filter::new(args, Choice::ForQueues);

    let began = Instant::now();
    let mut gave_up = None;
    let read = stretch.each(|record| {
        run.progress.passed(record);
        if !filter.wants(record) {
            return Ok(true);
        }
        if !pace.is_due(record.order_us) {
            // What was due before does not wait for what is due later.
            gave_up = sender.flush(&mut |told| run.note(told)).err();
            if gave_up.is_some() {
                return Ok(false);
            }
            pace.wait_for(record.order_us, || false);
        }
        match sender.push(record, &mut |told| run.note(told)) {
            Ok(true) => {}
            Ok(false) => filter.gives_nothing(record),
            Err(end) => gave_up = Some(end),
        }
        Ok(gave_up.is_none())
    });
    if gave_up.is_none() {
        // Also if the log could not be read any further: this much could.
        gave_up = sender.flush(&mut |told| run.note(told)).err();
    }
    run.progress.finish();
    // Kafka's client ends with it, before the summary is printed.
    drop(sender);
    printer.finish(PRINT_PATIENCE);
    stretch.remark();

    run.outcome.failure = gave_up.map(|end| run.why(&end));
    let mut summary = filter.summary();
    summary.sent(&run.outcome, stretch.repeats());
    summary.took(began.elapsed());
    let finished = summary.finish(args.json, &run.outcome);
    read.map_err(|error| run.with_place(error)).and(finished)
}

/// The settings of the data folder's server, with this queue.
fn sources(args: &ReplayArgs, to: &QueueAddress, data: &Path) -> Sources {
    let mut sources = args.sources(data);
    sources.options.push(("--to".to_owned(), to.setting.to_owned(), to.value.reveal().to_owned()));
    sources
}

/// What has been sent so far.
struct Run {
    /// The queue's address, for people.
    target: String,
    progress: Progress,
    outcome: Outcome,
    /// When the latest record that is through was recorded.
    last_us: Option<u64>,
    /// Why the queue takes nothing at the moment.
    waiting: Option<Cause>,
}

impl Run {
    fn new(target: String, progress: Progress) -> Run {
        Run { target, progress, outcome: Outcome::default(), last_us: None, waiting: None }
    }

    fn note(&mut self, told: Told<'_>) {
        match told {
            Told::Confirmed(record, messages) => {
                let count = match record.kind {
                    Kind::Start => &mut self.outcome.starts,
                    Kind::Image => &mut self.outcome.images,
                    _ => &mut self.outcome.batches,
                };
                *count += 1;
                self.outcome.messages += messages as u64;
                self.outcome.bytes += record.payload.len() as u64;
                self.is_through(&record);
            }
            Told::Refused(record, cause) => {
                self.outcome.refused += 1;
                let session = record.session;
                note_refusal(
                    &mut self.outcome.refusals,
                    format!("record {} of session {session}: {} {cause}", record.id, self.target),
                );
                self.is_through(&record);
            }
            Told::Waits(cause) => {
                self.outcome.retries += 1;
                let is_known = |known: &Cause| known.trouble == cause.trouble && known.code == cause.code;
                if !self.waiting.as_ref().is_some_and(is_known) {
                    self.progress.remark(|| warn(&format!("{} {cause}; it is tried again", self.target)));
                }
                self.waiting = Some(cause.clone());
            }
        }
    }

    fn is_through(&mut self, record: &Record<'_>) {
        self.last_us = self.last_us.max(Some(record.order_us));
        if self.waiting.take().is_some() {
            self.progress.remark(|| warn(&format!("{} takes records again", self.target)));
        }
    }

    /// Why the replay ended early, and how to go on.
    fn why(&self, end: &GaveUp) -> String {
        let (target, cause) = (&self.target, &end.cause);
        if cause.trouble == Trouble::Lost {
            return format!("{target} {cause}. To send them again, repeat the replay from its beginning");
        }
        let tried = counted(u64::from(end.attempts), "attempt");
        format!("{target} {cause} ({tried}). To do: {}. {}", cause.trouble.advice(), self.place())
    }

    /// How far the replay has come.
    fn place(&self) -> String {
        let Some(last_us) = self.last_us else {
            return "No record was confirmed: then give the same command again".to_owned();
        };
        let (records, last) = (counted(self.outcome.sent(), "record"), exact(last_us));
        let refused = match self.outcome.refused {
            0 => String::new(),
            refused => format!(" and {} refused", counted(refused, "record")),
        };
        format!(
            "Confirmed: {records}{refused}, the last one recorded at {last}. To go on, give the same command with --from {last}"
        )
    }

    /// An error of reading the log, and how far the replay has come.
    fn with_place(&self, error: CliError) -> CliError {
        CliError::Other(format!("the replay ended early: {error}. {}", self.place()))
    }
}
