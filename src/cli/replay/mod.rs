//! `takeup replay`: sends the recorded batches again, including those of the analytics SDK, to a server or to stdout.
//!
//! Batches are sent as they were received: same bytes, same coding, same labels. A session's batches stay in order, because they all go over
//! one connection, one after the other. Starts are not sent: a start over HTTP would create a new session; tokens are signed here instead.

mod args;
mod http;
mod ndjson;
mod pace;
mod progress;
mod summary;
mod workers;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::config::{Sources, TokenSecrets};
use crate::log::read::merge::Merge;
use crate::session::token::Secrets;

use super::error::CliError;
use super::log_folder;
use super::output::warn;

pub use args::ReplayArgs;
#[cfg(test)]
pub(super) use ndjson::list;
use pace::Pace;
use progress::Progress;
use summary::Filter;

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

    let mut summary = filter.summary();
    summary.sent(&outcome, merge.repeats());
    summary.took_ms = millis(began.elapsed());
    summary.print(args.json)?;
    for text in &outcome.refusals {
        warn(text);
    }
    if let Some(failure) = outcome.failure {
        return Err(CliError::Other(format!("the replay ended early: {failure}")));
    }
    Ok(if summary.refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The secrets with which the receiving server verifies tokens.
fn secrets(args: &ReplayArgs, data: &Path) -> Result<Secrets, CliError> {
    let found = match &args.token_secret_file {
        Some(path) => TokenSecrets::read(path)?,
        None => TokenSecrets::find(&Sources::of_process(data))?,
    };
    Secrets::new(found.to_vec()).map_err(|error| CliError::Other(error.to_string()))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
