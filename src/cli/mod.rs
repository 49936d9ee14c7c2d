//! The command line: one file per subcommand, and what they share.
//!
//! Data goes to stdout, everything else to stderr. Where a command prints data, `--json` prints NDJSON whose field
//! names do not change between versions. A reader that goes away (`| head`) ends a command quietly. All commands but
//! `serve` and `salvage` only read the log, so they may run beside a server; so may `consumers`, which changes cursors and no record.

mod admin;
mod args;
mod broken;
mod config;
mod consumers;
mod error;
mod events;
mod inspect;
mod log_folder;
mod output;
mod record_line;
mod recordings;
mod replay;
mod salvage;
mod serve;
mod sessions;
mod tail;
mod verify;

#[cfg(test)]
mod log_tests;
#[cfg(test)]
mod tests;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use crate::base::terminal::harmless;

use args::{Cli, Command};
use error::CliError;

/// Runs the command that the command line names.
pub fn main() -> ExitCode {
    let Cli { data, command } = Cli::parse();
    let result = match command {
        Command::Serve(args) => serve::run(&args, &data),
        Command::Sessions(args) => sessions::run(&args, &data),
        Command::Inspect(args) => inspect::run(&args, &data),
        Command::Verify(args) => return verify::run(&args, &data),
        Command::Salvage(args) => return salvage::run(&args),
        Command::Events(args) => events::run(&args, &data),
        Command::Consumers(args) => consumers::run(&args, &data),
        Command::Tail(args) => tail::run(&args, &data),
        Command::Recordings(args) => recordings::run(&args, &data),
        Command::Replay(args) => replay::run(&args, &data),
        Command::Config(args) => config::run(&args, &data),
        Command::Admin(args) => return admin::run(&args, &data),
    };
    result.unwrap_or_else(|error| report(&error, ExitCode::FAILURE))
}

/// Says what went wrong, and with which code to end.
fn report(error: &CliError, code: ExitCode) -> ExitCode {
    if error.is_closed_pipe() {
        return ExitCode::SUCCESS;
    }
    // Nothing can be done when stderr is gone as well.
    let _ = writeln!(std::io::stderr(), "takeup: {}", harmless(&error.to_string()));
    code
}
