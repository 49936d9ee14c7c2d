//! Replays to a queue: exactly what its courier would give it, in the same order.

use std::collections::VecDeque;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use crate::cli::error::CliError;
use crate::cli::output::{counted, warn};
use crate::cli::time::exact;
use crate::config::{Config, Sources};
use crate::courier::{BulkSender, Cause, GaveUp, Told, Trouble};
use crate::log::format::record::{Kind, Record};
use crate::node::CourierPlan;
use crate::telemetry::{Level, LogOptions, Logger};

use super::args::ReplayArgs;
use super::credentials::without_credentials;
use super::order::Mark;
use super::outcome::{Outcome, note_refusal};
use super::play::{Begin, Player};
use super::summary::Choice;
use super::to::QueueAddress;

/// How long the last log lines may take.
const PRINT_PATIENCE: Duration = Duration::from_secs(2);

/// Runs the replay.
pub fn run(args: &ReplayArgs, to: &QueueAddress, data: &Path) -> Result<ExitCode, CliError> {
    let config = Config::load_settings(&sources(args, to, data))?.config;
    let name = without_credentials(to.value.reveal());
    let begin = Begin { choice: Choice::ForQueues, speed: args.speed, to: &name, connections: 1 };
    // What the queue's client has to say goes where errors go.
    let options = LogOptions { level: Level::Warn, ..LogOptions::default() };
    let (logger, printer) = Logger::start(&options, Box::new(std::io::stderr()))
        .map_err(|error| CliError::Other(format!("the printing thread could not be started: {error}")))?;
    let (mut sender, target) = CourierPlan::bulk_sender(&config, to.queue, args.retries, &logger)?;
    let mut player = Player::begin(args, data, &begin)?;
    let mut run = Run { target, is_resumable: args.resume.is_some(), ..Run::default() };
    let read = send_all(&mut player, &mut sender, &mut run);
    if run.gave_up.is_none() {
        // Also if the log could not be read any further: this much could.
        run.flush(&mut sender, &player);
    }
    let saved = player.save(&[run.through], run.outcome.sent() + run.outcome.refused, None);
    player.progress.finish();
    // Kafka's client ends with it, before the summary is printed.
    drop(sender);
    printer.finish(PRINT_PATIENCE);
    run.outcome.failure = run.gave_up.as_ref().map(|end| run.why(end));
    let read = read.map_err(|error| run.with_place(error)).and(saved);
    player.finish(args, &mut run.outcome, read, true)
}

fn send_all(player: &mut Player, sender: &mut BulkSender, run: &mut Run) -> Result<(), CliError> {
    while let Some(mut item) = player.next()? {
        if player.was_sent(&item, 0) {
            continue;
        }
        if !player.set_due(&mut item) {
            // What was due before does not wait for what is due later.
            run.flush(sender, player);
            if run.gave_up.is_some() {
                break;
            }
            let (through, sent) = (run.through, run.outcome.sent() + run.outcome.refused);
            if !player.wait(&item, |player| player.save_if_due(&[through], sent).map(|()| true))? {
                break;
            }
        }
        let mut told_any = false;
        let record = item.held.record();
        run.waiting_marks.push_back(item.mark);
        let pushed = sender.push(&record, &mut |told| {
            told_any = true;
            run.note(told, player);
        });
        match pushed {
            Ok(true) => {}
            Ok(false) => player.gives_nothing(&item),
            Err(end) => {
                run.gave_up = Some(end);
                break;
            }
        }
        if told_any {
            // What was collected was shipped, up to this record.
            run.all_through();
        }
        player.save_if_due(&[run.through], run.outcome.sent() + run.outcome.refused)?;
    }
    Ok(())
}

/// The settings of the data folder's server, with this queue.
fn sources(args: &ReplayArgs, to: &QueueAddress, data: &Path) -> Sources {
    let mut sources = args.settings(data);
    sources.options.push(("--to".to_owned(), to.setting.to_owned(), to.value.reveal().to_owned()));
    sources
}

/// What has been sent so far.
#[derive(Default)]
struct Run {
    /// The queue's address, for people.
    target: String,
    is_resumable: bool,
    outcome: Outcome,
    /// When the latest record that is through was recorded.
    last_us: Option<u64>,
    /// Why the queue takes nothing at the moment.
    waiting: Option<Cause>,
    /// The records that were given to the sender and are not through, in order.
    waiting_marks: VecDeque<Mark>,
    /// The last record that is through, as is everything before it.
    through: Option<Mark>,
    gave_up: Option<GaveUp>,
}

impl Run {
    fn flush(&mut self, sender: &mut BulkSender, player: &Player) {
        match sender.flush(&mut |told| self.note(told, player)) {
            Ok(()) => self.all_through(),
            Err(end) => self.gave_up = Some(end),
        }
    }

    fn note(&mut self, told: Told<'_>, player: &Player) {
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
                self.is_through(&record, player);
            }
            Told::Refused(record, cause) => {
                self.outcome.refused += 1;
                let session = record.session;
                note_refusal(
                    &mut self.outcome.refusals,
                    format!("record {} of session {session}: {} {cause}", record.id, self.target),
                );
                self.is_through(&record, player);
            }
            Told::Waits(cause) => {
                self.outcome.retries += 1;
                let is_known = |known: &Cause| known.trouble == cause.trouble && known.code == cause.code;
                if !self.waiting.as_ref().is_some_and(is_known) {
                    player.progress.remark(|| warn(&format!("{} {cause}; it is tried again", self.target)));
                }
                self.waiting = Some(cause.clone());
            }
        }
    }

    /// Everything that was given to the sender is through.
    fn all_through(&mut self) {
        self.through = self.waiting_marks.drain(..).next_back().or(self.through);
    }

    /// A record is through, and so is everything that was given before it.
    fn is_through(&mut self, record: &Record<'_>, player: &Player) {
        self.last_us = self.last_us.max(Some(record.order_us));
        // What no message could be made of is told last; what came after it is through by then.
        if let Some(at) = self.waiting_marks.iter().position(|mark| mark.id == record.id) {
            self.through = self.waiting_marks.drain(..=at).next_back().or(self.through);
        }
        if self.waiting.take().is_some() {
            player.progress.remark(|| warn(&format!("{} takes records again", self.target)));
        }
    }

    /// Why the replay ended early, and how to go on.
    fn why(&self, end: &GaveUp) -> String {
        let (target, cause) = (&self.target, &end.cause);
        if cause.trouble == Trouble::Lost {
            let anew = if self.is_resumable { ", with another file for --resume" } else { "" };
            return format!("{target} {cause}. To send them again, repeat the replay from its beginning{anew}");
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
        let how = if self.is_resumable { String::new() } else { format!(" with --from {last}") };
        format!("Confirmed: {records}{refused}, the last one recorded at {last}. To go on, give the same command{how}")
    }

    /// An error of reading the log, and how far the replay has come.
    fn with_place(&self, error: CliError) -> CliError {
        CliError::Other(format!("the replay ended early: {error}. {}", self.place()))
    }
}
