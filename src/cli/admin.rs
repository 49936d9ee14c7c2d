//! `takeup admin`: sends requests to a running server through its admin port.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde::Deserialize;
use ureq::Agent;

use crate::admin::ReopenedCore;
use crate::admin::reopen::{HEADER, PATH};
use crate::base::net::reachable;
use crate::config::{Config, Sources};

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

/// A server waits a few seconds for its segments to prove that they work.
const PATIENCE: Duration = Duration::from_secs(30);

/// The most bytes read of an answer: it has a line of a few hundred bytes for each core.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// Runs the command.
pub fn run(args: &AdminArgs, data: &Path) -> ExitCode {
    let AdminCommand::Reopen { json } = args.command;
    let done = address(args, data).and_then(reopen).and_then(|cores| {
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

/// The address of the server's admin port. An address on the command line is used as is: the data folder may be on the broken disk.
fn address(args: &AdminArgs, data: &Path) -> Result<SocketAddr, CliError> {
    if let Some(addr) = args.admin {
        return Ok(reachable(addr));
    }
    let sources = Sources { file: args.config.clone(), ..Sources::of_process(data) };
    Ok(reachable(Config::load_settings(&sources)?.config.admin))
}

#[derive(Deserialize)]
struct Answer {
    cores: Vec<ReopenedCore>,
}

fn reopen(addr: SocketAddr) -> Result<Vec<ReopenedCore>, CliError> {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(PATIENCE))
        .user_agent(concat!("takeup/", env!("CARGO_PKG_VERSION"), " admin"))
        .proxy(None)
        .build();
    let asked = Agent::from(config).post(format!("http://{addr}{PATH}")).header(HEADER, "1").send_empty();
    let mut answer = asked.map_err(|error| {
        CliError::Other(format!(
            "no server answers on its admin port {addr}: {error}; name the port with --admin ADDR:PORT"
        ))
    })?;
    let read = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
    let body = read.map_err(|error| CliError::Other(format!("the answer of {addr} could not be read: {error}")))?;
    match serde_json::from_slice::<Answer>(&body) {
        Ok(answer) => Ok(answer.cores),
        Err(_) => {
            let (status, text) = (answer.status().as_u16(), String::from_utf8_lossy(&body).into_owned());
            Err(CliError::Other(format!("{addr} answers with status {status}: {}", plain(text.trim(), 200))))
        }
    }
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
