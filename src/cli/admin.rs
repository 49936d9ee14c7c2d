//! `takeup admin`: sends requests to a running server through its admin port.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Deserialize;

use crate::admin::reopen::PATH;
use crate::admin::{HEADER, ReopenedCore};

use super::admin_port::{self, Answer};
use super::error::CliError;
use super::output::{Out, plain};

/// The options of `takeup admin`.
#[derive(Debug, Clone, Args)]
pub struct AdminArgs {
    /// The server's admin address [default: as the server has it: setting `admin`].
    #[arg(long, value_name = "ADDR:PORT", global = true)]
    pub admin: Option<SocketAddr>,
    /// The file of settings [default: takeup.toml in the data folder].
    #[arg(long, value_name = "FILE", env = "TAKEUP_CONFIG", global = true)]
    pub config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: AdminCommand,
}

/// What a running server can be asked to do.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum AdminCommand {
    /// Put cores back into use after a disk failure. Run it once the disk is repaired. The exit code is 0 when all cores take
    /// records, 1 when one does not, 2 when the server can't be asked.
    #[command(after_help = "Example:\n  takeup admin reopen && echo mended")]
    Reopen {
        /// Print NDJSON: core, before, after, reason.
        #[arg(long)]
        json: bool,
    },
}

/// The exit code if the server could not be reached: its state is then unknown.
const COULD_NOT_ASK: u8 = 2;

/// Runs the command.
pub fn run(args: &AdminArgs, data: &Path) -> ExitCode {
    let AdminCommand::Reopen { json } = args.command;
    let address = admin_port::address(args.admin, args.config.as_deref(), data);
    let done = address.and_then(reopen).and_then(|cores| {
        let mut out = Out::stdout();
        show(&cores, json, &mut out)?;
        out.finish()?;
        Ok(cores.iter().all(|core| core.after == "open"))
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => error.report(ExitCode::from(COULD_NOT_ASK)),
    }
}

#[derive(Deserialize)]
struct Report {
    cores: Vec<ReopenedCore>,
}

fn reopen(addr: SocketAddr) -> Result<Vec<ReopenedCore>, CliError> {
    let answer: Answer = admin_port::post(addr, PATH, HEADER)?;
    answer.json::<Report>().map(|report| report.cores)
}

fn show(cores: &[ReopenedCore], json: bool, out: &mut Out) -> Result<(), CliError> {
    for core in cores {
        if json {
            out.json(core)?;
            continue;
        }
        let change = match core.before == core.after {
            true => core.after.clone(),
            false => format!("{} -> {}", core.before, core.after),
        };
        let reason = core.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        out.line(&plain(&format!("core {}  {change}{reason}", core.core), 400))?;
    }
    Ok(())
}
