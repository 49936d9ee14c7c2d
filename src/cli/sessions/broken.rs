//! `takeup sessions --broken`: the sessions with malformed batches, and what those cost them.

use std::collections::HashMap;
use std::path::Path;

use serde::Serialize;

use crate::checker::{BodyFault, BodyReader, version_of};
use crate::cli::error::CliError;
use crate::cli::log_folder;
use crate::cli::output::{Align, Out, Table, plain, thousands};
use crate::log::format::record::{DataType, Kind, Record};
use crate::records::UnusableBatch;
use crate::tracker::{BatchFacts, Era};

use super::args::SessionsArgs;

/// The most sessions held in memory at once.
const SESSIONS_MAX: usize = 5_000_000;

/// The most pages and pipelines per session whose numbering is tracked; an honest session has a few.
const STREAMS_MAX: usize = 16;

/// The cost of a batch that was kept although it can't be used.
const UNUSABLE_COST: &str =
    "kept by unusable = \"keep\", and sent to no queue: its messages are missing from the session";

/// The cost of numbers that go back.
const INDEX_COST: &str = "two messages have one number: their order can't be told";

/// A session with faults, as `--json` shows it.
#[derive(Debug, Serialize)]
struct Line<'a> {
    /// As text: JavaScript numbers can't hold it.
    session_id: String,
    project_id: u32,
    tracker: Option<&'a str>,
    batches: u64,
    broken: u64,
    unusable: u64,
    index_steps_back: u64,
    /// The first fault: its record, its offset in the inflated body, its kind and its text.
    record: &'a str,
    offset: Option<u64>,
    kind: &'static str,
    fault: &'a str,
    cost: &'static str,
}

#[derive(Debug, Default)]
struct Seen {
    project: u32,
    tracker: Option<Box<str>>,
    batches: u64,
    broken: u64,
    unusable: u64,
    steps_back: u64,
    first: Option<Box<First>>,
    /// The number of the last batch's first message, for each page and pipeline.
    streams: Vec<(u64, DataType, u64)>,
}

#[derive(Debug)]
struct First {
    record: String,
    offset: Option<u64>,
    kind: &'static str,
    fault: String,
    cost: &'static str,
}

impl Seen {
    fn fault(
        &mut self,
        record: &Record<'_>,
        offset: Option<u64>,
        kind: &'static str,
        fault: String,
        cost: &'static str,
    ) {
        if self.first.is_none() {
            self.first = Some(Box::new(First { record: record.id.to_string(), offset, kind, fault, cost }));
        }
    }

    fn batch(&mut self, record: &Record<'_>, looked: Result<BatchFacts, BodyFault>) {
        self.batches += 1;
        let unusable = UnusableBatch::read(record).is_some();
        self.unusable += u64::from(unusable);
        match looked {
            Err(fault) => {
                self.broken += 1;
                let cost = if unusable { UNUSABLE_COST } else { fault.kind().cost() };
                self.fault(record, fault.offset(), fault.kind().as_str(), fault.to_string(), cost);
            }
            Ok(_) if unusable => {
                let fault = "larger than its project allows, or cut in the wrong place".to_owned();
                self.fault(record, None, "unusable", fault, UNUSABLE_COST);
            }
            Ok(facts) => self.follow(record, &facts),
        }
    }

    /// Within a page and pipeline, numbers only increase: a batch that starts below the previous one reuses some of them.
    fn follow(&mut self, record: &Record<'_>, facts: &BatchFacts) {
        // A `visual` upload begins with a part that would otherwise be a batch for the player.
        let pipeline = if record.data_type == DataType::Visual { DataType::Player } else { record.data_type };
        let stream = self.streams.iter_mut().find(|(page, known, _)| (*page, *known) == (facts.page, pipeline));
        let Some((.., last)) = stream else {
            if self.streams.len() < STREAMS_MAX {
                self.streams.push((facts.page, pipeline, facts.first_index));
            }
            return;
        };
        let before = std::mem::replace(last, facts.first_index);
        if facts.first_index < before {
            self.steps_back += 1;
            let fault = format!("the batch begins with message {}, the one before it with {before}", facts.first_index);
            self.fault(record, Some(0), "index", fault, INDEX_COST);
        }
    }
}

/// Prints the sessions with faults in the log in `data`.
pub(super) fn list(args: &SessionsArgs, data: &Path, out: &mut Out) -> Result<(), CliError> {
    let mut merge = log_folder::merge(data, false)?;
    let mut bodies = BodyReader::default();
    let mut sessions: HashMap<u64, Seen> = HashMap::new();
    while let Some(record) = merge.next_settled()? {
        let chosen = args.project.is_none_or(|project| record.project == project || record.project == 0);
        if !chosen || !matches!(record.kind, Kind::Batch | Kind::Start) {
            continue;
        }
        if sessions.len() >= SESSIONS_MAX && !sessions.contains_key(&record.session) {
            let limit = thousands(SESSIONS_MAX as u64);
            return Err(CliError::Other(format!("more than {limit} sessions; narrow the list with --project")));
        }
        let seen = sessions.entry(record.session).or_default();
        if record.project != 0 {
            seen.project = record.project;
        }
        if record.kind == Kind::Start {
            seen.tracker = version_of(&record).map(Into::into).or(seen.tracker.take());
        } else {
            let era = seen.tracker.as_deref().map(Era::of_tracker);
            seen.batch(&record, bodies.check(&record, args.inflated_max, era));
        }
    }
    log_folder::remark(&merge);
    let mut found: Vec<(u64, Seen)> = sessions.into_iter().filter(|(_, seen)| seen.first.is_some()).collect();
    found.retain(|(_, seen)| args.project.is_none_or(|project| seen.project == project));
    found.sort_unstable_by_key(|(session, _)| *session);
    let skipped = args.last.map_or(0, |last| found.len().saturating_sub(last));
    print(&found[skipped..], args.json, out)
}

fn print(sessions: &[(u64, Seen)], json: bool, out: &mut Out) -> Result<(), CliError> {
    use Align::{Left, Right};
    let mut table = Table::new(&[
        ("SESSION", Right),
        ("PROJECT", Right),
        ("TRACKER", Left),
        ("BATCHES", Right),
        ("BROKEN", Right),
        ("UNUSABLE", Right),
        ("BACK", Right),
        ("FIRST FAULT", Left),
        ("OFFSET", Right),
        ("WHAT", Left),
        ("IN OPENREPLAY", Left),
    ]);
    for (session, seen) in sessions {
        let Some(first) = &seen.first else { continue };
        let line = Line {
            session_id: session.to_string(),
            project_id: seen.project,
            tracker: seen.tracker.as_deref(),
            batches: seen.batches,
            broken: seen.broken,
            unusable: seen.unusable,
            index_steps_back: seen.steps_back,
            record: &first.record,
            offset: first.offset,
            kind: first.kind,
            fault: &first.fault,
            cost: first.cost,
        };
        if json {
            out.json(&line)?;
            continue;
        }
        table.row(vec![
            line.session_id,
            if line.project_id == 0 { "-".to_owned() } else { line.project_id.to_string() },
            line.tracker.map_or_else(|| "-".to_owned(), |tracker| plain(tracker, 20)),
            thousands(line.batches),
            thousands(line.broken),
            thousands(line.unusable),
            thousands(line.index_steps_back),
            line.record.to_owned(),
            line.offset.map_or_else(|| "-".to_owned(), |offset| offset.to_string()),
            plain(line.fault, 80),
            line.cost.to_owned(),
        ]);
    }
    if json { Ok(()) } else { table.print(out) }
}

#[cfg(test)]
mod tests;
