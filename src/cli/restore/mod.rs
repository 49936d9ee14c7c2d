//! `takeup restore`: makes a log again of the segments in an object store, whole or by time, or lists what is there.

mod args;
#[cfg(feature = "object-store")]
mod progress;
#[cfg(feature = "object-store")]
mod run;

use std::path::Path;
use std::process::ExitCode;

pub use args::RestoreArgs;

/// The exit code if nothing was restored, or not yet all: the same command goes on.
const COULD_NOT_RUN: u8 = 2;

/// Runs the command.
pub fn run(args: &RestoreArgs, data: &Path) -> ExitCode {
    match work(args, data) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => error.report(ExitCode::from(COULD_NOT_RUN)),
    }
}

#[cfg(feature = "object-store")]
use run::work;

#[cfg(not(feature = "object-store"))]
fn work(_: &RestoreArgs, _: &Path) -> Result<bool, super::error::CliError> {
    Err(super::error::CliError::Other("this build has no feature object-store".to_owned()))
}
