//! Replays to a server.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use crate::cli::error::CliError;
use crate::cli::log_folder;
use crate::config::TokenSecrets;
use crate::session::token::Secrets;

use super::args::ReplayArgs;
use super::http::Target;
use super::pace::Pace;
use super::progress::Progress;
use super::stretch::Stretch;
use super::summary::{Choice, Filter};
use super::workers;

/// Runs the replay.
pub fn run(args: &ReplayArgs, target: &Target, data: &Path) -> Result<ExitCode, CliError> {
    let secrets = secrets(args, data)?;
    let reader = log_folder::open(data)?;
    let mut progress = Progress::new(&reader)?;
    let mut stretch = Stretch::new(args, reader)?;
    let mut pace = Pace::new(if args.fast { None } else { Some(args.speed.unwrap_or(1.0)) });
    let mut filter = Filter::new(args, Choice::Batches);

    let began = Instant::now();
    let outcome = workers::run(args, target, &secrets, |queue| {
        stretch.each(|record| {
            progress.passed(record);
            if !filter.wants(record) {
                return Ok(true);
            }
            Ok(pace.wait_for(record.order_us, || queue.stopped()) && queue.push(record))
        })
    });
    progress.finish();
    stretch.remark();
    let outcome = outcome?;

    let mut summary = filter.summary();
    summary.sent(&outcome, stretch.repeats());
    summary.took(began.elapsed());
    summary.finish(args.json, &outcome)
}

/// The secrets with which the receiving server verifies tokens.
fn secrets(args: &ReplayArgs, data: &Path) -> Result<Secrets, CliError> {
    let found = match &args.token_secret_file {
        Some(path) => TokenSecrets::read(path)?,
        None => TokenSecrets::find(&args.sources(data))?,
    };
    Secrets::new(found.to_vec()).map_err(|error| CliError::Other(error.to_string()))
}
