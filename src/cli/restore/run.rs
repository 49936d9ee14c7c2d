//! The command's work, in a build with object stores.

use std::path::Path;

use crate::cli::error::CliError;
use crate::cli::output::{Align, Out, Table, bytes, counted, time_us, warn};
use crate::cli::serve::ServeArgs;
use crate::config::Config;
use crate::courier::Cause;
use crate::courier::segments::{RestoreError, RestoreEvent, RestoreOptions, RestoreReport, list, restore};
use crate::courier::stores::StoreAccess;
use crate::node::store_access;

use super::args::RestoreArgs;
use super::progress::Progress;

/// Restores or lists; returns whether all that was asked for is there.
pub(super) fn work(args: &RestoreArgs, data: &Path) -> Result<bool, CliError> {
    let access = access(args, data)?;
    let mut out = Out::stdout();
    let complete = match &args.to {
        Some(to) if !args.list => {
            let options = RestoreOptions {
                to: to.clone(),
                log: args.log,
                cores: args.core.iter().copied().collect(),
                from_us: args.from,
                until_us: args.until,
            };
            let report = into_new_folder(&access, &options)?;
            if args.json {
                out.json(&report)?
            } else {
                show(&report, args, &mut out)?
            }
            report.complete
        }
        _ => {
            show_list(&access, args, &mut out)?;
            true
        }
    };
    out.finish()?;
    Ok(complete)
}

/// The store, and the keys that the settings have for it.
fn access(args: &RestoreArgs, data: &Path) -> Result<StoreAccess, CliError> {
    let settings = ServeArgs { config: args.config.clone(), set: args.set.clone(), ..ServeArgs::default() };
    let config = Config::load_settings(&settings.sources(data))?.config;
    let Some(url) = args.url.clone().or_else(|| config.segments_url.clone()) else {
        let text = "name the store, such as s3://BUCKET/PREFIX, or the data folder whose setting segments_url names it";
        return Err(CliError::Other(text.to_owned()));
    };
    Ok(store_access(&config, url))
}

fn into_new_folder(access: &StoreAccess, options: &RestoreOptions) -> Result<RestoreReport, CliError> {
    let progress = Progress::new();
    let mut tell = |event: RestoreEvent<'_>| match event {
        RestoreEvent::Planned { segments, bytes } => progress.plan(segments, bytes),
        RestoreEvent::Moved(bytes) => progress.moved(bytes),
        RestoreEvent::Again(bytes) => progress.again(bytes),
        RestoreEvent::Waits(cause) => progress.remark(|| tell_wait(access, cause)),
        RestoreEvent::NoSidecar(object) => {
            progress.remark(|| warn(&format!("{object}: its sidecar is missing or damaged, and is made anew")));
        }
    };
    let restored = restore(access, options, &mut tell);
    progress.finish();
    restored.map_err(|error| failed(&error, options))
}

fn tell_wait(access: &StoreAccess, cause: &Cause) {
    warn(&format!("{} {cause}; it is tried again for some minutes", access.url));
}

fn failed(error: &RestoreError, options: &RestoreOptions) -> CliError {
    let goes_on = match error {
        RestoreError::Store { .. } | RestoreError::Log(_) | RestoreError::Io { .. } if options.to.exists() => {
            "\nwhat is there stays; the same command goes on with it"
        }
        _ => "",
    };
    CliError::Other(format!("{error}{goes_on}"))
}

fn show(report: &RestoreReport, args: &RestoreArgs, out: &mut Out) -> Result<(), CliError> {
    for damaged in &report.damaged {
        let line = format!(
            "DAMAGED  {}: its content is not what its name says; what was read is in {}",
            damaged.object,
            damaged.path.display()
        );
        out.line(&out.red(&line))?;
    }
    let to = report.to.display();
    let (segments, size) = (counted(report.segments, "segment"), bytes(report.bytes));
    let found = if report.found > 0 { format!(", {} of them from before", report.found) } else { String::new() };
    let what = format!("{segments}, {size}, of log {} from {}{found}", report.log, report.store);
    if report.complete {
        out.line(&format!("restored {what}"))?;
    } else {
        let line =
            format!("restored, but NOT ALL: {what}; {} left out", counted(report.damaged.len() as u64, "segment"));
        out.line(&out.red(&line))?;
        out.line(&format!(
            "takeup salvage {to}/damaged rescued finds the records that are still intact in what was left out"
        ))?;
    }
    if args.from.is_some() || args.until.is_some() || !args.core.is_empty() {
        out.line("segments are restored whole: records of other times in them are there, too")?;
    }
    out.line(&format!(
        "next: takeup verify --data {to}; before serving it, see docs/delivery.md on what is delivered again"
    ))
}

fn show_list(access: &StoreAccess, args: &RestoreArgs, out: &mut Out) -> Result<(), CliError> {
    let mut waits = |cause: &Cause| tell_wait(access, cause);
    let cores = list(access, args.log, &mut waits).map_err(|error| CliError::Other(error.to_string()))?;
    if args.json {
        return cores.iter().try_for_each(|core| out.json(core));
    }
    if cores.is_empty() {
        return out.line(&format!("{} has no segments", access.url));
    }
    let left = |name| (name, Align::Left);
    let right = |name| (name, Align::Right);
    let mut table =
        Table::new(&[left("LOG"), right("CORE"), right("SEGMENTS"), right("SIZE"), left("FROM"), left("UNTIL")]);
    for core in &cores {
        table.row(vec![
            core.log.to_string(),
            core.core.to_string(),
            core.segments.to_string(),
            bytes(core.bytes),
            time_us(core.first_us),
            time_us(core.last_us),
        ]);
    }
    table.print(out)
}
