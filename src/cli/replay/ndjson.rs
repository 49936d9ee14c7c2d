//! Replays to stdout, one JSON object per batch.

use std::path::Path;
use std::process::ExitCode;

use crate::cli::error::CliError;
use crate::cli::log_folder;
use crate::cli::output::Out;
use crate::records::RecordJson;

use super::args::ReplayArgs;
use super::pace::Pace;
use super::stretch::Stretch;
use super::summary::{Choice, Filter};

/// Runs the replay.
pub fn run(args: &ReplayArgs, data: &Path) -> Result<ExitCode, CliError> {
    let mut out = Out::stdout();
    list(args, data, &mut out)?;
    out.finish()?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the batches of the log in `data`, as fast as the reader accepts them unless a speed is given.
pub fn list(args: &ReplayArgs, data: &Path, out: &mut Out) -> Result<(), CliError> {
    let mut stretch = Stretch::new(args, log_folder::open(data)?)?;
    let mut pace = Pace::new(args.speed);
    let mut filter = Filter::new(args, Choice::Batches);
    stretch.each(|record| {
        if !filter.wants(record) {
            return Ok(true);
        }
        pace.wait_for(record.order_us, || false);
        out.json(&RecordJson::of(record))?;
        if args.speed.is_some() {
            out.flush()?;
        }
        Ok(true)
    })?;
    stretch.remark();
    Ok(())
}
