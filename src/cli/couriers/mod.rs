//! `takeup couriers`: what each courier does, what it waits for, and how much it has not delivered.
//!
//! A running server is asked through its admin port. Without one, lag is measured from the cursors in the data folder.

mod args;
mod offline;
mod source;
mod table;
mod watch;

pub use args::CouriersArgs;

use std::path::Path;
use std::process::ExitCode;

use super::error::CliError;
use super::output::Out;
use source::Source;

/// Runs the command.
pub fn run(args: &CouriersArgs, data: &Path) -> Result<ExitCode, CliError> {
    let source = Source::of(args, data);
    if args.watch {
        return watch::run(args, &source);
    }
    let mut out = Out::stdout();
    let lines = source.lines(None)?;
    match args.json {
        true => lines.iter().try_for_each(|line| out.json(line))?,
        false => table::print(&lines, false, &mut out)?,
    }
    out.finish()?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests;
