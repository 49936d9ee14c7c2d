//! `takeup sessions`: the recorded sessions, in the order in which they started.

mod args;
mod broken;

use std::collections::HashMap;
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;

use crate::log::format::record::{Kind, Record};
use crate::records::Start;
use crate::sessions::started_ms;

use super::error::CliError;
use super::log_folder;
use super::output::{Align, Out, Table, bytes, length_ms, plain, thousands, time_us};

pub use args::SessionsArgs;

/// The most sessions held in memory at once, about 1 GB of them.
const SESSIONS_MAX: usize = 5_000_000;

/// What is known of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Summary {
    /// As text: JavaScript numbers can't hold it.
    session_id: String,
    project_id: u32,
    start_ms: u64,
    length_ms: u64,
    batches: u64,
    bytes: u64,
    /// `web`, `ios` or `android`.
    platform: Option<String>,
    /// Null for phones.
    browser: Option<String>,
    os: Option<String>,
    /// Null for desktop computers.
    device: Option<String>,
    user: Option<String>,
}

impl Summary {
    /// What was recorded: a browser, or the device that the app ran on.
    fn client(&self) -> Option<String> {
        if self.browser.is_some() {
            return self.browser.clone();
        }
        let parts = [&self.device, &self.os].into_iter().flatten();
        let text = parts.map(String::as_str).collect::<Vec<_>>().join(", ");
        (!text.is_empty()).then_some(text)
    }
}

/// Sessions as they are found in one pass over the log.
#[derive(Debug, Default)]
pub(super) struct Collector {
    sessions: HashMap<u64, Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    summary: Summary,
    last_ms: u64,
}

impl Collector {
    /// Adds a record. An error means that there are too many sessions.
    pub(super) fn add(&mut self, record: &Record<'_>) -> Result<(), CliError> {
        if record.session == 0 || matches!(record.kind, Kind::Pad | Kind::Tombstone) {
            return Ok(());
        }
        if self.sessions.len() >= SESSIONS_MAX && !self.sessions.contains_key(&record.session) {
            let limit = thousands(SESSIONS_MAX as u64);
            return Err(CliError::Other(format!("more than {limit} sessions; narrow the list with --project")));
        }
        let received_ms = record.order_us / 1000;
        let seen = self.sessions.entry(record.session).or_insert_with(|| Seen {
            summary: Summary {
                session_id: record.session.to_string(),
                start_ms: started_ms(record.session, received_ms),
                ..Summary::default()
            },
            last_ms: received_ms,
        });
        seen.last_ms = seen.last_ms.max(received_ms);
        if record.project != 0 {
            seen.summary.project_id = record.project;
        }
        match record.kind {
            Kind::Start => seen.take_row(record),
            Kind::Row | Kind::Recording => {}
            _ => {
                seen.summary.batches += 1;
                seen.summary.bytes += record.payload.len() as u64;
            }
        }
        Ok(())
    }

    /// The sessions, ordered by start, then id.
    pub(super) fn finish(self, project: Option<u32>) -> Vec<Summary> {
        let mut list: Vec<(u64, Seen)> = self.sessions.into_iter().collect();
        list.retain(|(_, seen)| project.is_none_or(|project| seen.summary.project_id == project));
        list.sort_unstable_by_key(|(id, seen)| (seen.summary.start_ms, *id));
        let finished = |(_, seen): (u64, Seen)| Summary {
            length_ms: seen.last_ms.saturating_sub(seen.summary.start_ms),
            ..seen.summary
        };
        list.into_iter().map(finished).collect()
    }
}

impl Seen {
    fn take_row(&mut self, start: &Record<'_>) {
        let Some(start) = Start::read(start).filter(|start| start.row_json().is_some()) else { return };
        // An unreadable row costs two columns of the table, not the whole table.
        let row = start.row().unwrap_or_default();
        let text = |text: String| Some(text).filter(|text| !text.is_empty());
        let versioned = |name, version| {
            let version = text(version).map(|version| format!(" {version}")).unwrap_or_default();
            text(name).map(|name| format!("{name}{version}"))
        };
        self.summary.platform = text(row.platform);
        self.summary.browser = versioned(row.browser, row.browser_version);
        self.summary.os = versioned(row.os, row.os_version);
        self.summary.device = text(row.device);
        self.summary.user = text(row.user_id).or_else(|| self.summary.user.take());
    }
}

/// Runs the command.
pub fn run(args: &SessionsArgs, data: &Path) -> Result<ExitCode, CliError> {
    let mut out = Out::stdout();
    list(args, data, &mut out)?;
    out.finish()?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the sessions of the log in `data`.
pub(super) fn list(args: &SessionsArgs, data: &Path, out: &mut Out) -> Result<(), CliError> {
    if args.broken {
        return broken::list(args, data, out);
    }
    let sessions = find(args.project, data)?;
    let skipped = args.last.map_or(0, |last| sessions.len().saturating_sub(last));
    print(&sessions[skipped..], args.json, out)
}

/// The newest sessions of browsers that a project has in the log of `data`, the newest first.
pub(super) fn newest(project: u32, last: usize, data: &Path) -> Result<Vec<u64>, CliError> {
    let sessions = find(Some(project), data)?;
    let is_of_browser = |session: &&Summary| {
        session.batches > 0 && session.platform.as_deref().is_none_or(|platform| platform == "web")
    };
    let ids = sessions.iter().rev().filter(is_of_browser).filter_map(|session| session.session_id.parse().ok());
    Ok(ids.take(last).collect())
}

/// The sessions of the log, ordered by start.
fn find(project: Option<u32>, data: &Path) -> Result<Vec<Summary>, CliError> {
    let mut merge = log_folder::merge(data, false)?;
    let mut collector = Collector::default();
    while let Some(record) = merge.next_settled()? {
        // Records of other projects are skipped early, but a later record may reveal a project that is still unknown.
        if project.is_none_or(|project| record.project == project || record.project == 0) {
            collector.add(&record)?;
        }
    }
    log_folder::remark(&merge);
    Ok(collector.finish(project))
}

fn print(sessions: &[Summary], json: bool, out: &mut Out) -> Result<(), CliError> {
    if json {
        return sessions.iter().try_for_each(|session| out.json(session));
    }
    use Align::{Left, Right};
    let mut table = Table::new(&[
        ("SESSION", Right),
        ("PROJECT", Right),
        ("START", Left),
        ("LENGTH", Right),
        ("BATCHES", Right),
        ("BYTES", Right),
        ("CLIENT", Left),
        ("USER", Left),
    ]);
    let text = |text: &Option<String>, max: usize| text.as_deref().map_or_else(|| "-".to_owned(), |t| plain(t, max));
    for session in sessions {
        table.row(vec![
            session.session_id.clone(),
            if session.project_id == 0 { "-".to_owned() } else { session.project_id.to_string() },
            time_us(session.start_ms * 1000),
            length_ms(session.length_ms),
            thousands(session.batches),
            bytes(session.bytes),
            text(&session.client(), 40),
            text(&session.user, 40),
        ]);
    }
    table.print(out)
}
