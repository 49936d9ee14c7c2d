//! `takeup serve`: runs the server.

use std::path::Path;
use std::process::ExitCode;

use crate::node;

use super::args::ServeArgs;
use super::error::CliError;

/// Runs the command.
pub fn run(args: &ServeArgs, data: &Path) -> Result<ExitCode, CliError> {
    Ok(node::run(args.sources(data))?)
}
