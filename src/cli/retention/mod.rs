//! `takeup retention`: what retention would delete now from the log and the archive, why, and what stays because of what.
//!
//! It decides with the server's own functions ([`crate::log::survey`], [`crate::archive::retention`]), from the same files, and changes nothing.

#[cfg(feature = "archive")]
mod archive;
mod lines;
mod print;
mod survey;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::cli::error::CliError;
use crate::cli::output::Out;
use crate::cli::serve::{ServeArgs, key_value};

/// The options of `takeup retention`.
#[derive(Debug, Clone, Args)]
pub struct RetentionArgs {
    /// Only show it. The command does nothing else, with or without this.
    #[arg(long)]
    pub dry_run: bool,
    /// The file of settings [default: takeup.toml in the data folder].
    #[arg(long, value_name = "FILE", env = "TAKEUP_CONFIG")]
    pub config: Option<PathBuf>,
    /// Any setting, as `takeup serve` takes it, to see what would be deleted with it.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
    /// Print NDJSON: a line for each segment and each hour.
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
pub fn run(args: &RetentionArgs, data: &Path) -> Result<ExitCode, CliError> {
    let serve = ServeArgs { config: args.config.clone(), set: args.set.clone(), ..ServeArgs::default() };
    let parts = survey::survey(data, serve.sources(data))?;
    let mut out = Out::stdout();
    if args.json {
        parts.iter().flat_map(|part| &part.lines).try_for_each(|line| out.json(line))?;
    } else {
        print::print(&parts, &mut out)?;
    }
    out.finish()?;
    Ok(ExitCode::SUCCESS)
}
