//! Runs the command.

use std::path::Path;
use std::process::ExitCode;

use crate::cli::output::Out;

use super::args::VerifyArgs;
use super::condition::Condition;
use super::{archive, log};

/// The exit code if the log, or the archive, could not be read: its state is then unknown.
const COULD_NOT_RUN: u8 = 2;

/// The exit code of a log with earlier losses, all of them listed in sidecars. A nightly job can tell it from new damage.
const KNOWN_DAMAGE: u8 = 3;

/// Runs the command.
pub fn run(args: &VerifyArgs, data: &Path) -> ExitCode {
    let mut out = Out::stdout();
    let checked = match &args.archive {
        Some(address) => archive::check(address.as_ref(), args, data, &mut out),
        None => log::check(args, data, &mut out),
    };
    let finished = out.finish().or_else(|error| if error.is_closed_pipe() { Ok(()) } else { Err(error) });
    match checked.and_then(|whole| finished.map(|()| whole)) {
        Ok(Condition::Whole) => ExitCode::SUCCESS,
        Ok(Condition::Known) => ExitCode::from(KNOWN_DAMAGE),
        Ok(Condition::Damaged) => ExitCode::FAILURE,
        Err(error) => error.report(ExitCode::from(COULD_NOT_RUN)),
    }
}
