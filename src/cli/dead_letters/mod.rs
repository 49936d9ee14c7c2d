//! `takeup dead-letters`: lists the records that a destination refused for good, shows one, sends them again, and drops them.
//!
//! All of it works beside a running server. A command that changes a file finds the lines by their contents, under the lock of the file: what
//! the server has added since stays.

mod args;
mod change;
mod list;
mod pick;
mod send;
mod show;

pub use args::DeadLettersArgs;

use std::path::Path;
use std::process::ExitCode;

use crate::courier::DEAD_LETTERS_DIR_NAME;

use super::error::CliError;
use super::output::Out;
use args::DeadLettersCommand;

/// Runs the command.
pub fn run(args: &DeadLettersArgs, data: &Path) -> Result<ExitCode, CliError> {
    let mut out = Out::stdout();
    let code = work(args, data, &mut out)?;
    out.finish()?;
    Ok(code)
}

fn work(args: &DeadLettersArgs, data: &Path, out: &mut Out) -> Result<ExitCode, CliError> {
    // "No dead letters" must not be said of a wrong folder.
    if [DEAD_LETTERS_DIR_NAME, "log"].iter().all(|name| matches!(data.join(name).try_exists(), Ok(false))) {
        return Err(CliError::NoLog(data.to_owned()));
    }
    match &args.command {
        None => list::list(data, None, args.json, out)?,
        Some(DeadLettersCommand::List { courier }) => list::list(data, courier.as_ref(), args.json, out)?,
        Some(DeadLettersCommand::Show { courier, line, payload }) => {
            show::show(data, courier, line, payload.as_deref(), args.json, out)?;
        }
        Some(DeadLettersCommand::Send(send)) => return send::send(data, send, args.json, out),
        Some(DeadLettersCommand::Drop { courier, lines, yes }) => {
            change::drop_lines(data, courier, lines, *yes, args.json, out)?
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests;
