//! `takeup assets`: keeps, fetches, lists and removes style sheets, pictures and fonts of recorded sites. A server may run beside it.

mod args;
mod fetch;
mod folder;
mod limits;
mod progress;
mod project;
mod push;

use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;

use crate::assets::{Address, Change, Limits, Store};

pub use args::AssetsArgs;

use super::error::CliError;
use super::output::{Align, Out, Table, bytes, counted, plain, time_us};
use args::AssetsCommand;
use project::number;

/// Removing keeps to no limit: what is there stays.
const NO_LIMITS: Limits = Limits { asset_bytes: u64::MAX, store_bytes: u64::MAX };

/// Runs the command.
pub fn run(args: &AssetsArgs, data: &Path) -> Result<ExitCode, CliError> {
    let mut out = Out::stdout();
    let mut code = ExitCode::SUCCESS;
    match &args.command {
        AssetsCommand::Push(push) => push::push(push, args.json, data, &mut out)?,
        AssetsCommand::Fetch(fetch) => code = fetch::fetch(fetch, args.json, data, &mut out)?,
        AssetsCommand::List { project } => list(project.as_deref(), args.json, data, &mut out)?,
        AssetsCommand::Remove { project, prefix } => {
            remove(project, prefix.as_deref(), args.json, data, &mut out)?;
        }
    }
    out.finish()?;
    Ok(code)
}

/// An asset, as `--json` shows it.
#[derive(Serialize)]
struct Line<'a> {
    project: u32,
    url: &'a str,
    #[serde(rename = "type")]
    media_type: &'a str,
    bytes: u64,
    blake3: String,
    added_ms: u64,
}

fn list(project: Option<&str>, json: bool, data: &Path, out: &mut Out) -> Result<(), CliError> {
    let store = Store::in_data(data);
    let projects = match project {
        Some(project) => vec![number(project, data)?],
        None => store.projects()?,
    };
    let mut table = Table::new(&[
        ("PROJECT", Align::Right),
        ("URL", Align::Left),
        ("TYPE", Align::Left),
        ("SIZE", Align::Right),
        ("ADDED", Align::Left),
    ]);
    let mut none = true;
    for project in projects {
        for (address, entry) in store.project(project)?.iter() {
            none = false;
            let line = Line {
                project,
                url: address.as_str(),
                media_type: entry.kind.media_type(),
                bytes: entry.bytes,
                blake3: entry.hash.to_string(),
                added_ms: entry.added_ms,
            };
            if json {
                out.json(&line)?;
                continue;
            }
            table.row(vec![
                project.to_string(),
                plain(line.url, 200),
                line.media_type.split(';').next().unwrap_or_default().to_owned(),
                bytes(line.bytes),
                time_us(line.added_ms.saturating_mul(1000)),
            ]);
        }
    }
    match (json, none) {
        (true, _) => Ok(()),
        (false, true) => {
            out.line("no assets are kept: `takeup assets push` and `takeup assets fetch` keep those of a site")
        }
        (false, false) => table.print(out),
    }
}

/// What was removed, as `--json` shows it.
#[derive(Serialize)]
struct Removed {
    removed: u64,
    freed_bytes: u64,
}

fn remove(project: &str, prefix: Option<&str>, json: bool, data: &Path, out: &mut Out) -> Result<(), CliError> {
    let project = number(project, data)?;
    // Compared with what is kept, it has to be written in the same way.
    let prefix = prefix.map(Address::parse).transpose();
    let prefix = prefix.map_err(|why| CliError::Other(format!("--prefix: {why}")))?;
    let store = Store::in_data(data);
    let mut removed = Removed { removed: 0, freed_bytes: 0 };
    if store.dir().exists() {
        let mut change = Change::begin(&store, NO_LIMITS)?;
        removed.removed = change.remove(project, prefix.as_ref().map_or("", Address::as_str));
        removed.freed_bytes = change.finish()?.freed_bytes;
    }
    if json {
        return out.json(&removed);
    }
    out.line(&format!("{} removed, {} freed", counted(removed.removed, "asset"), bytes(removed.freed_bytes)))
}
