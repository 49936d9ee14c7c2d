//! `takeup export`: one session in a form that other programs read.
//!
//! | file | holds |
//! |---|---|
//! | `source` | the session's records, of the log or an archive |
//! | `bodies` | the batches in them |
//! | `collect` | all of it in a file, for forms that need messages in the order of their times |
//! | `convert` | that as events |
//! | `timeline`, `html`, `mob` | the forms that take more than some lines |

mod args;
mod bodies;
mod collect;
mod convert;
mod html;
mod mob;
mod source;
mod timeline;

use std::path::Path;
use std::process::ExitCode;

use crate::export::clean::Assets;

use super::error::CliError;
use super::events::Printer;
use super::output::Out;
use collect::{Collected, Picture};
use convert::convert;

pub use args::ExportArgs;
pub(super) use collect::of_log;
pub(super) use convert::look_for_assets;

/// Runs the command.
pub fn run(args: &ExportArgs, data: &Path) -> Result<ExitCode, CliError> {
    if args.form.html {
        html::is_possible()?;
    }
    let mut out = Out::stdout();
    if let Some(folder) = &args.form.mob {
        mob::write(args, folder, data, &mut out)?;
    } else if args.form.ndjson {
        ndjson(args, data, &mut out)?;
    } else {
        by_time(args, data, &mut out)?;
    }
    out.finish()?;
    Ok(ExitCode::SUCCESS)
}

/// Writes a form that takes messages and pictures in the order of their times.
fn by_time(args: &ExportArgs, data: &Path, out: &mut Out) -> Result<(), CliError> {
    let collected = collect::collect(args, data, args.form.raw.as_deref())?;
    if args.form.rrweb {
        rrweb(collected, args, out)
    } else if args.form.html {
        html::write(collected, args, data, out)
    } else if let Some(form) = args.form.timeline {
        timeline::write(collected, form, out)
    } else if let Some(folder) = &args.form.images {
        images(&collected, folder, out)
    } else {
        Ok(())
    }
}

/// Writes messages as they are read.
fn ndjson(args: &ExportArgs, data: &Path, out: &mut Out) -> Result<(), CliError> {
    let mut printer = Printer::new(true, args.inflated_max, out);
    source::records(args.session, &args.source, data, &mut |record| match Printer::shows(record) {
        true => printer.record(record),
        false => Ok(()),
    })
}

/// Writes the events as they become known.
fn rrweb(collected: Collected, args: &ExportArgs, out: &mut Out) -> Result<(), CliError> {
    let assets = if args.assets { Assets::FETCHED } else { Assets::WITHHELD };
    let mut first = true;
    out.bytes(b"[")?;
    convert(collected, convert::options(args, assets), &mut |_| Ok(()), &mut |event| {
        out.bytes(if std::mem::take(&mut first) { b"\n" } else { b",\n" })?;
        out.value(&event)
    })?;
    out.bytes(b"\n]\n")
}

/// Writes each picture into a file of its own, and its name to stdout.
fn images(collected: &Collected, folder: &Path, out: &mut Out) -> Result<(), CliError> {
    collect::make(folder)?;
    let store = collected.batches.store();
    for (number, picture) in collected.pictures.clone().enumerate() {
        let bytes = picture.read(&store).map_err(CliError::Temporary)?;
        // Made of numbers alone: what a client calls a stream never becomes a name.
        let name = format!("{:06}-{}.{}", number + 1, picture.at_ms, Picture::extension(&bytes));
        collect::write_new(folder, &name, &bytes)?;
        out.line(&name)?;
    }
    Ok(())
}
