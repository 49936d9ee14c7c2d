//! `takeup load`: a crowd of visitors with real trackers, against any ingestion server; and the check of what it acknowledged.
//!
//! The exit code is 0 when every tracker got through (with `--check`: when every acknowledged batch is in the log, in order), 1 when some did
//! not, 2 when it could not be done.

mod args;
mod check;
mod live;
mod print;

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::config::PROJECTS_FILE;
use crate::directory::Directory;
use crate::load::{Load, Plan, Rate, Summary, Target, svg};

use super::error::CliError;
use super::output::{Out, warn};

pub use args::LoadArgs;
use live::Live;

/// The exit code if nothing was measured or compared.
const COULD_NOT_RUN: u8 = 2;

/// Runs the command.
pub fn run(args: &LoadArgs, data: &Path) -> ExitCode {
    let good = match &args.check {
        Some(log) => check::run(args, log),
        None => generate(args, data),
    };
    match good {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) if error.is_closed_pipe() => ExitCode::SUCCESS,
        Err(error) => error.report(ExitCode::from(COULD_NOT_RUN)),
    }
}

/// Generates the load; returns whether every tracker got through.
fn generate(args: &LoadArgs, data: &Path) -> Result<bool, CliError> {
    let load = Load::new(plan(args, data)?)?;
    // Before the run, so that a wrong path does not cost it.
    let picture = args.svg.as_deref().map(create).transpose()?;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // The first one ends the run with its summary, the second one ends the process.
        flag::register_conditional_default(signal, Arc::clone(&stop))
            .and_then(|_| flag::register(signal, Arc::clone(&stop)))
            .map_err(|error| CliError::Other(format!("registering for signals: {error}")))?;
    }
    load.probe()?;
    let live = Live::new(args);
    let summary = load.run(&stop, |progress| live.show(progress))?;
    live.finish();
    if let (Some((path, file)), Some(_)) = (picture, &args.svg) {
        draw(&path, file, &summary)?;
    }
    let mut out = Out::stdout();
    print::summary(&summary, args.json, &mut out)?;
    out.finish()?;
    Ok(summary.counts.trackers_lost == 0 && summary.counts.batches_lost == 0 && summary.counts.batches_unanswered == 0)
}

fn plan(args: &LoadArgs, data: &Path) -> Result<Plan, CliError> {
    let url = args.url.as_deref().unwrap_or_default();
    let target = Target::parse(url)?;
    let project = project(args, &target, data)?;
    if !target.is_loopback() {
        warn(&format!(
            "{} is not this machine: {} visitors for {} s; load only servers that are yours",
            target.url(),
            args.users,
            args.duration.as_secs()
        ));
    }
    let rate = match (args.rate, args.speed) {
        (Some(rate), _) => Rate::Requests(rate),
        (None, speed) => Rate::Speed(speed.unwrap_or(1.0)),
    };
    Ok(Plan {
        target,
        project,
        users: args.users,
        ramp: args.ramp.min(args.duration),
        duration: args.duration,
        grace: args.grace,
        rate,
        tracker: args.tracker,
        connections: args.connections,
        threads: args.threads.min(args.users).min(args.connections.unwrap_or(u32::MAX)),
        preflights: !args.no_preflights,
        ledger: args.ledger.clone(),
    })
}

/// The project's key: as given, or that of the data folder's first web project if the server may be the one that uses it.
fn project(args: &LoadArgs, target: &Target, data: &Path) -> Result<String, CliError> {
    let missing = |why: String| CliError::Other(format!("{why}; name the key of a web project with --project KEY"));
    if let Some(key) = &args.project {
        return Ok(key.clone());
    }
    if !target.is_loopback() {
        return Err(missing(format!("{} is not this machine", target.url())));
    }
    let path = data.join(PROJECTS_FILE);
    let directory = Directory::load(&path).map_err(|error| missing(error.to_string()))?;
    let key = directory.first_web_key().ok_or_else(|| missing(format!("{}: no web project", path.display())))?;
    Ok(key.to_owned())
}

fn create(path: &Path) -> Result<(PathBuf, File), CliError> {
    let file = File::create(path).map_err(|error| CliError::Other(format!("{}: {error}", path.display())))?;
    Ok((path.to_owned(), file))
}

fn draw(path: &Path, mut file: File, summary: &Summary) -> Result<(), CliError> {
    let written = file.write_all(svg(summary).as_bytes()).and_then(|()| file.sync_all());
    written.map_err(|error| CliError::Other(format!("{}: {error}", path.display())))
}
