//! `takeup erase`: erases what is stored of a session, a user or a project, with a receipt.

mod args;
mod print;
mod server;
mod stores;

use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::ExitCode;

use crate::erase::{EraseError, Receipt, Request, erase, pending};

pub use args::EraseArgs;

use super::error::CliError;
use super::output::{Out, counted, warn, write_json};
use super::project_key;
use server::AdminPort;

/// The exit code if it could not be done, or not be finished: the same command goes on.
const COULD_NOT_RUN: u8 = 2;

/// The largest file with the id of a user.
const USER_BYTES_MAX: u64 = 1 << 20;

/// Runs the command.
pub fn run(args: &EraseArgs, data: &Path) -> ExitCode {
    match work(args, data) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => error.report(ExitCode::from(COULD_NOT_RUN)),
    }
}

/// Returns whether nothing was left that could not be reached.
fn work(args: &EraseArgs, data: &Path) -> Result<bool, CliError> {
    super::log_folder::open(data)?;
    let request = request(args, data)?;
    let is_begun = pending::path(data).exists();
    if request.sessions.is_empty() && request.users.is_empty() && request.projects.is_empty() && !is_begun {
        return Err(CliError::Other("name what to erase: --session, --user or --project".to_owned()));
    }
    let stores = stores::named(args, data, warn)?;
    // Made first: an erasure without its receipt can't be repeated.
    let mut file = args.receipt.as_deref().map(new_file).transpose()?;
    if !args.dry_run && !args.yes && !confirmed(&request, is_begun)? {
        take_back(args);
        return Err(CliError::Other("nothing was erased".to_owned()));
    }
    let mut server = AdminPort::new(args.admin, args.config.as_deref(), data);
    let mut progress = print::Progress::new();
    let done = erase(data, &request, &stores, &mut server, &mut |stage| progress.tell(stage));
    progress.finish();
    let receipt = done.map_err(|error| {
        take_back(args);
        explained(error, data)
    })?;
    if let (Some(file), Some(path)) = (&mut file, &args.receipt) {
        let failed =
            |error: io::Error| CliError::Other(format!("{}: cannot write the receipt: {error}", path.display()));
        write_json(&mut *file, &receipt)?;
        file.write_all(b"\n").and_then(|()| file.sync_all()).map_err(failed)?;
    }
    show(&receipt, args)?;
    Ok(receipt.complete)
}

fn request(args: &EraseArgs, data: &Path) -> Result<Request, CliError> {
    if args.session.contains(&0) {
        return Err(CliError::Other("--session 0: there is no such session".to_owned()));
    }
    let users = args.user_from.iter().map(|file| user_from(file)).collect::<Result<Vec<_>, _>>()?;
    let users: Vec<String> = args.user.iter().cloned().chain(users).collect();
    if users.iter().any(String::is_empty) {
        return Err(CliError::Other("--user: an empty id is that of every session without a user".to_owned()));
    }
    let mut projects = std::collections::BTreeSet::new();
    for text in &args.project {
        match project_key::number(text, data)? {
            0 => return Err(CliError::Other(format!("--project {text}: there is no such project"))),
            number => projects.insert(number),
        };
    }
    Ok(Request {
        sessions: args.session.iter().copied().collect(),
        users: users.into_iter().collect(),
        projects,
        dry_run: args.dry_run,
        name_users: args.name_users,
    })
}

/// The id of a user that is in a file, without the end of its line.
fn user_from(file: &Path) -> Result<String, CliError> {
    let failed = |why: &dyn std::fmt::Display| CliError::Other(format!("--user-from {}: {why}", file.display()));
    let mut bytes = Vec::new();
    let read = match file.as_os_str() == "-" {
        true => io::stdin().lock().take(USER_BYTES_MAX + 1).read_to_end(&mut bytes),
        false => std::fs::File::open(file).and_then(|file| file.take(USER_BYTES_MAX + 1).read_to_end(&mut bytes)),
    };
    if read.map_err(|error| failed(&error))? as u64 > USER_BYTES_MAX {
        return Err(failed(&"this is too long for an id"));
    }
    let mut id = String::from_utf8(bytes).map_err(|_| failed(&"this is no UTF-8"))?;
    if id.ends_with('\n') {
        id.pop();
    }
    Ok(id)
}

/// Asks on a terminal. Without one `--yes` has to be given.
fn confirmed(request: &Request, is_begun: bool) -> Result<bool, CliError> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(CliError::Other("what is erased is gone: give --yes, or try --dry-run first".to_owned()));
    }
    let mut what = Vec::new();
    let mut add = |count: usize, noun: &str| {
        if count > 0 {
            what.push(counted(count as u64, noun));
        }
    };
    add(request.sessions.len(), "session");
    add(request.users.len(), "user");
    add(request.projects.len(), "project");
    add(usize::from(is_begun), "erasure that was not finished");
    let mut stderr = io::stderr();
    let asked = write!(stderr, "Erase all that is stored of {}? It can't be undone. [yes/no] ", what.join(", "));
    asked.and_then(|()| stderr.flush()).map_err(CliError::Output)?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(|error| CliError::Other(format!("cannot read the answer: {error}")))?;
    Ok(matches!(answer.trim(), "yes" | "y"))
}

fn new_file(path: &Path) -> Result<std::fs::File, CliError> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.map_err(|error| CliError::Other(format!("{}: cannot make the receipt's file: {error}", path.display())))
}

/// Removes the receipt's file, which is empty: the same command must be able to make it.
fn take_back(args: &EraseArgs) {
    if let Some(path) = &args.receipt {
        let _ = std::fs::remove_file(path);
    }
}

fn explained(error: EraseError, data: &Path) -> CliError {
    let rest = match pending::path(data).exists() {
        true => "; the erasure is not finished: run the command again",
        false => "",
    };
    CliError::Other(format!("{error}{rest}"))
}

fn show(receipt: &Receipt, args: &EraseArgs) -> Result<(), CliError> {
    let mut out = Out::stdout();
    if args.json {
        out.json(receipt)?
    } else {
        print::receipt(receipt, &mut out)?
    }
    out.finish()
}

#[cfg(test)]
mod tests;
