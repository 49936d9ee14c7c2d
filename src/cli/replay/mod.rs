//! `takeup replay`: the recorded batches once more, to a server or to stdout.
//!
//! Batches go out as they came in: same bytes, same coding, same labels. A session keeps the order of its batches,
//! because all of them go over one connection, one after the other. Starts are not sent: a start over HTTP would make
//! a new session; the tokens are signed here instead.

mod http;
mod ndjson;
mod pace;
mod progress;
mod workers;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::args::ReplayArgs;
use super::error::CliError;
use super::log_folder;
use super::output::{Out, bytes, counted, length_ms, thousands, warn};
use crate::config::{Sources, TokenSecrets};
use crate::log::merge::Merge;
use crate::log::record::{Flags, Kind, Record};
use crate::session::token::Secrets;
#[cfg(test)]
pub(super) use ndjson::list;
use pace::Pace;
use progress::Progress;

/// What a replay did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
struct Summary {
    batches: u64,
    bytes: u64,
    sessions: u64,
    skipped_starts: u64,
    skipped_others: u64,
    skipped_repeats: u64,
    skipped_unusable: u64,
    retries: u64,
    refused: u64,
    took_ms: u64,
}

/// Runs the command.
pub fn run(args: &ReplayArgs, data: &Path) -> Result<ExitCode, CliError> {
    if args.to == "-" {
        return ndjson::run(args, data);
    }
    let target = http::Target::parse(&args.to)?;
    let secrets = secrets(args, data)?;
    let reader = log_folder::open(data)?;
    let mut progress = Progress::new(&reader)?;
    let mut merge = log_folder::choose_repeats(Merge::new(reader), args.with_repeats);
    let mut pace = Pace::new(if args.fast { None } else { Some(args.speed.unwrap_or(1.0)) });
    let mut filter = Filter::new(args);

    let began = Instant::now();
    let outcome = workers::run(args, &target, &secrets, |queue| {
        while let Some(record) = merge.next_settled()? {
            progress.passed(&record);
            if !filter.wants(&record) {
                continue;
            }
            if !pace.wait_for(record.order_us, || queue.stopped()) || !queue.push(&record) {
                break;
            }
        }
        Ok(())
    });
    progress.finish();
    log_folder::remark(&merge);
    let outcome = outcome?;

    let summary = Summary {
        batches: outcome.batches,
        bytes: outcome.bytes,
        retries: outcome.retries,
        refused: outcome.refused,
        skipped_repeats: merge.repeats(),
        took_ms: millis(began.elapsed()),
        ..filter.summary()
    };
    print(&summary, args.json)?;
    for text in &outcome.refusals {
        warn(text);
    }
    if let Some(failure) = outcome.failure {
        return Err(CliError::Other(format!("the replay ended early: {failure}")));
    }
    Ok(if summary.refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The secrets that the receiving server verifies with.
fn secrets(args: &ReplayArgs, data: &Path) -> Result<Secrets, CliError> {
    let found = match &args.token_secret_file {
        Some(path) => TokenSecrets::read(path)?,
        None => TokenSecrets::find(&Sources::of_process(data))?,
    };
    Secrets::new(found.to_vec()).map_err(|error| CliError::Other(error.to_string()))
}

fn print(summary: &Summary, json: bool) -> Result<(), CliError> {
    if json {
        let mut out = Out::stdout();
        out.json(summary)?;
        return out.finish();
    }
    let seconds = (summary.took_ms as f64 / 1000.0).max(0.001);
    warn(&format!(
        "replayed {} ({}) of {} in {}: {} batches/s, {}/s; {} skipped, {} sent again, {} refused",
        if summary.batches == 1 { "1 batch".to_owned() } else { format!("{} batches", thousands(summary.batches)) },
        bytes(summary.bytes),
        counted(summary.sessions, "session"),
        length_ms(summary.took_ms),
        thousands((summary.batches as f64 / seconds) as u64),
        bytes((summary.bytes as f64 / seconds) as u64),
        counted(summary.skipped_starts, "start"),
        thousands(summary.retries),
        thousands(summary.refused),
    ));
    Ok(())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Which records are sent, and what is counted of them.
struct Filter {
    session: Option<u64>,
    project: Option<u32>,
    unusable: bool,
    sessions: std::collections::HashSet<u64>,
    skipped_starts: u64,
    skipped_others: u64,
    skipped_unusable: u64,
}

/// Beyond this many, sessions are no longer told apart in the summary's count.
const SESSIONS_COUNTED_MAX: usize = 10_000_000;

impl Filter {
    fn new(args: &ReplayArgs) -> Filter {
        Filter {
            session: args.session,
            project: args.project,
            unusable: args.unusable,
            sessions: Default::default(),
            skipped_starts: 0,
            skipped_others: 0,
            skipped_unusable: 0,
        }
    }

    fn wants(&mut self, record: &Record<'_>) -> bool {
        let chosen = self.session.is_none_or(|session| session == record.session)
            && self.project.is_none_or(|project| project == record.project);
        if !chosen {
            return false;
        }
        match record.kind {
            Kind::Batch if record.flags.contains(Flags::UNUSABLE) && !self.unusable => self.skipped_unusable += 1,
            Kind::Batch => {
                if self.sessions.len() < SESSIONS_COUNTED_MAX {
                    self.sessions.insert(record.session);
                }
                return true;
            }
            Kind::Start => self.skipped_starts += 1,
            Kind::Pad | Kind::Tombstone => {}
            _ => self.skipped_others += 1,
        }
        false
    }

    fn summary(&self) -> Summary {
        Summary {
            sessions: self.sessions.len() as u64,
            skipped_starts: self.skipped_starts,
            skipped_others: self.skipped_others,
            skipped_unusable: self.skipped_unusable,
            ..Summary::default()
        }
    }
}
