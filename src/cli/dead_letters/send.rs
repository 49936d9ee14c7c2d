//! Sends dead letters again.

use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::config::{Config, Sources};
use crate::courier::{Cause, DeadLetter, Sent};
use crate::node::CourierPlan;
use crate::telemetry::{Level, LogOptions, Logger};

use super::super::error::CliError;
use super::super::output::{Out, counted, plain, thousands};
use super::super::tail::stop_flag;
use super::args::SendArgs;
use super::change::{Change, Changes};
use super::pick::{Picked, each};

/// How long the last log lines may take.
const PRINT_PATIENCE: Duration = Duration::from_secs(2);

/// What became of one, as `--json` shows it.
#[derive(Serialize)]
struct Line<'a> {
    line: u64,
    courier: &'a str,
    id: Option<String>,
    sent: bool,
    error: Option<String>,
}

/// Sends what is meant, one after the other, until all are through, the destination takes nothing, or somebody interrupts it.
pub(super) fn send(data: &Path, args: &SendArgs, json: bool, out: &mut Out) -> Result<ExitCode, CliError> {
    let picked = if args.all { Picked::All } else { Picked::These(&args.lines) };
    let courier = &args.courier;
    let mut sources = Sources { file: args.config.clone(), ..Sources::of_process(data) };
    sources.options.extend(args.set.iter().map(|(key, value)| (format!("--set {key}"), key.clone(), value.clone())));
    let config = Config::load_settings(&sources)?.config;
    // What the destination has to say goes where errors go.
    let options = LogOptions { level: Level::Warn, ..LogOptions::default() };
    let (logger, printer) = Logger::start(&options, Box::new(std::io::stderr()))
        .map_err(|error| CliError::Other(format!("the printing thread could not be started: {error}")))?;
    let (mut sender, target) = CourierPlan::of(&config)?.sender(courier, &logger)?;
    let stop = stop_flag().map_err(|error| CliError::Other(format!("signals can't be waited for: {error}")))?;

    let (mut changes, mut arrived, mut refused) = (Changes::default(), 0, 0);
    let (mut unavailable, mut failed) = (None, None);
    each(data, courier, &picked, |number, content, letter| {
        let (sent, id) = match letter {
            Ok(letter) => match sender.send(&letter.record) {
                Sent::Arrived => {
                    changes.add(content, Change::Remove);
                    (Ok(()), Some(letter.record.record().id.to_string()))
                }
                Sent::Refused(cause) => {
                    let error = cause.to_string();
                    let id = letter.record.record().id.to_string();
                    changes.add(content, Change::Replace(Box::new(with_reason(letter, cause))));
                    (Err(error), Some(id))
                }
                Sent::NotNow(cause) => {
                    unavailable = Some(cause);
                    return false;
                }
            },
            Err(fault) => (Err(format!("the line can't be read: {fault}")), None),
        };
        match sent {
            Ok(()) => arrived += 1,
            Err(_) => refused += 1,
        }
        let shown = show(
            out,
            json,
            &Line { line: number, courier: courier.as_str(), id, sent: sent.is_ok(), error: sent.err() },
        );
        failed = shown.err();
        // What has arrived must be noted even if nobody reads on.
        failed.is_none() && !stop.load(Ordering::Relaxed)
    })?;
    changes.apply(data, courier)?;
    printer.finish(PRINT_PATIENCE);
    if let Some(error) = failed {
        return Err(error);
    }
    if !json {
        let refused = if refused > 0 { format!(", {} refused and kept", thousands(refused)) } else { String::new() };
        out.line(&format!("{} sent to {}{refused}", counted(arrived, "dead letter"), plain(&target, 200)))?;
    }
    if let Some(cause) = unavailable {
        let advice = cause.trouble.advice();
        return Err(CliError::Other(format!("{target} {cause}; the others are kept as they are. To do: {advice}")));
    }
    Ok(if refused == 0 && !stop.load(Ordering::Relaxed) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The same record, refused again.
fn with_reason(letter: DeadLetter, cause: Cause) -> DeadLetter {
    DeadLetter { time: SystemTime::now(), cause, ..letter }
}

fn show(out: &mut Out, json: bool, line: &Line<'_>) -> Result<(), CliError> {
    if json {
        return out.json(line);
    }
    match &line.error {
        None => Ok(()),
        Some(error) => out.line(&out.red(&format!("line {} is refused: {}", line.line, plain(error, 300)))),
    }
}
