//! `takeup stats`: how many sessions and batches there are, how large, and how often they come.

mod args;
mod print;
mod progress;
mod read;

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use crate::stats::{StatsError, svg};

use super::error::CliError;
use super::output::Out;

pub use args::StatsArgs;

/// Runs the command.
pub fn run(args: &StatsArgs, data: &Path) -> Result<ExitCode, CliError> {
    let began = Instant::now();
    let range = args.range()?;
    // Before the reading, so that a wrong path does not cost it.
    let picture = args.svg.as_deref().map(create).transpose()?;
    let read = read::read(args, range, data)?;
    let report = read.collector.report(args.top as usize);
    if let Some((path, mut file)) = picture {
        let written = file.write_all(svg(&report).as_bytes()).and_then(|()| file.sync_all());
        written.map_err(|error| CliError::Other(format!("{}: {error}", path.display())))?;
    }
    let elapsed_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let mut out = Out::stdout();
    print::report(args, &report, &read.of, elapsed_ms, &mut out)?;
    out.finish()?;
    Ok(ExitCode::SUCCESS)
}

fn create(path: &Path) -> Result<(PathBuf, File), CliError> {
    let file = File::create(path).map_err(|error| CliError::Other(format!("{}: {error}", path.display())))?;
    Ok((path.to_owned(), file))
}

impl From<StatsError> for CliError {
    fn from(error: StatsError) -> Self {
        Self::Other(error.to_string())
    }
}
