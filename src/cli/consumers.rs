//! `takeup consumers`: the log's consumers, how far behind each is, and which of them hold segments.

use std::path::Path;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::courier::forget_history;
use crate::log::cursor::{ConsumerName, Cursor, Cursors, From, Listed};
use crate::log::format::header::PAGE_BYTES;
use crate::log::read::merge::Merge;
use crate::log::read::reader::{LogReader, SegmentInfo};

use super::error::CliError;
use super::log_folder;
use super::output::{Align, Out, Table, bytes, counted, length_ms, plain, thousands, time_us};

/// The options of `takeup consumers`.
#[derive(Debug, Clone, Default, Args)]
pub struct ConsumersArgs {
    /// Print NDJSON.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do [default: list them].
    #[command(subcommand)]
    pub command: Option<ConsumersCommand>,
}

/// What can be done with consumers.
#[derive(Debug, Clone, Subcommand)]
pub enum ConsumersCommand {
    /// Register a consumer: from now on what it has not read is kept.
    #[command(after_help = "Example:\n  takeup consumers add backup --from start")]
    Add {
        /// Its name: a-z, 0-9 and -.
        #[arg(value_name = "NAME")]
        name: ConsumerName,
        /// Where it begins: with the oldest record that is there, or with what comes next.
        #[arg(long, value_enum, default_value_t = FromEnd::End)]
        from: FromEnd,
    },
    /// Forget a consumer: it holds nothing any more, and its place is lost.
    #[command(after_help = "Example:\n  takeup consumers remove backup")]
    Remove {
        /// Its name.
        #[arg(value_name = "NAME")]
        name: ConsumerName,
    },
}

/// An end of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum FromEnd {
    /// The oldest record that is there.
    Start,
    /// What comes next.
    End,
}

/// Runs the command.
pub fn run(args: &ConsumersArgs, data: &Path) -> Result<ExitCode, CliError> {
    let mut out = Out::stdout();
    work(args, data, &mut out)?;
    out.finish()?;
    Ok(ExitCode::SUCCESS)
}

/// Runs the requested action on the consumers of the log in `data`.
pub(super) fn work(args: &ConsumersArgs, data: &Path, out: &mut Out) -> Result<(), CliError> {
    let reader = log_folder::open(data)?;
    let cursors = Cursors::of(&reader);
    match &args.command {
        None => list(&reader, &cursors, args.json, out),
        Some(ConsumersCommand::Add { name, from }) => {
            let from = match from {
                FromEnd::Start => From::Start,
                FromEnd::End => From::End,
            };
            // A courier's notes of an earlier registration would lead it elsewhere.
            if cursors.read(name).is_ok_and(|cursor| cursor.is_none()) {
                forget_history(data, name)?;
            }
            let cursor = cursors.register_at(&reader, name, true, from)?;
            let line = Line::of(&reader, &reader.segments()?, &cursor)?;
            match args.json {
                true => out.json(&line),
                false => out.line(&format!(
                    "{name} is registered: what it has not read is kept from now on ({} of the log at the moment)",
                    bytes(line.behind_bytes.unwrap_or(0))
                )),
            }
        }
        Some(ConsumersCommand::Remove { name }) => {
            if !cursors.remove(name)? {
                let text = format!("there is no consumer {name}; `takeup consumers` lists those that exist");
                return Err(CliError::Other(text));
            }
            forget_history(data, name)?;
            match args.json {
                true => out.json(&Removed { consumer: name.as_str(), removed: true }),
                false => out.line(&format!("{name} is removed: nothing is kept for it any more")),
            }
        }
    }
}

/// A removed consumer, as `--json` shows it.
#[derive(Debug, Serialize)]
struct Removed<'a> {
    consumer: &'a str,
    removed: bool,
}

/// A consumer, as `--json` shows it. Whatever its cursor can't provide is null.
#[derive(Debug, Serialize)]
struct Line {
    consumer: String,
    path: String,
    holds: bool,
    fault: Option<String>,
    position: Option<Vec<PlaceLine>>,
    behind_segments: Option<u64>,
    behind_bytes: Option<u64>,
    behind_ms: Option<u64>,
    next_us: Option<u64>,
    skipped_records: Option<u64>,
    kept_ms_ago: Option<u64>,
}

/// A position in a core's log, as `--json` shows it.
#[derive(Debug, Serialize)]
struct PlaceLine {
    core: u16,
    segment: String,
    offset: u64,
}

impl Line {
    fn of(reader: &LogReader, segments: &[SegmentInfo], cursor: &Cursor) -> Result<Line, CliError> {
        let mut line = Line::empty(cursor.consumer.to_string(), &Cursors::of(reader).path(&cursor.consumer));
        line.holds = cursor.holds;
        let place = |(&core, place): (&u16, &crate::log::read::merge::Place)| PlaceLine {
            core,
            segment: place.segment.to_string(),
            offset: place.offset,
        };
        line.position = Some(cursor.position.cores.iter().map(place).collect());
        let (mut behind_segments, mut behind_bytes) = (0, 0);
        // The first page of a segment is not a record.
        for segment in segments.iter().filter(|segment| segment.bytes > PAGE_BYTES as u64) {
            if cursor.has_passed(segment.core, segment.id, segment.bytes) {
                continue;
            }
            behind_segments += 1;
            behind_bytes += cursor.unread_bytes(segment.core, segment.id, segment.bytes);
        }
        (line.behind_segments, line.behind_bytes) = (Some(behind_segments), Some(behind_bytes));
        let mut merge = Merge::resume(reader.clone(), &cursor.position)?;
        line.next_us = merge.next_settled()?.map(|record| record.order_us);
        line.behind_ms = Some(line.next_us.map_or(0, |next_us| now_us().saturating_sub(next_us) / 1000));
        line.skipped_records = Some(merge.skipped().records);
        Ok(line)
    }

    fn listed(reader: &LogReader, segments: &[SegmentInfo], listed: &Listed) -> Result<Line, CliError> {
        let mut line = match &listed.cursor {
            Ok(cursor) => Line::of(reader, segments, cursor)?,
            Err(error) => Line { fault: Some(error.to_string()), ..Line::empty(listed.name.clone(), &listed.path) },
        };
        let age = listed.modified.and_then(|modified| SystemTime::now().duration_since(modified).ok());
        line.kept_ms_ago = age.map(|age| age.as_millis() as u64);
        Ok(line)
    }

    /// A consumer about which nothing is known: it holds everything.
    fn empty(consumer: String, path: &Path) -> Line {
        Line {
            consumer,
            path: path.display().to_string(),
            holds: true,
            fault: None,
            position: None,
            behind_segments: None,
            behind_bytes: None,
            behind_ms: None,
            next_us: None,
            skipped_records: None,
            kept_ms_ago: None,
        }
    }
}

fn list(reader: &LogReader, cursors: &Cursors, json: bool, out: &mut Out) -> Result<(), CliError> {
    let segments = reader.segments()?;
    let listed = cursors.list()?;
    let lines = listed.iter().map(|listed| Line::listed(reader, &segments, listed));
    let lines = lines.collect::<Result<Vec<Line>, CliError>>()?;
    if json {
        return lines.iter().try_for_each(|line| out.json(line));
    }
    if lines.is_empty() {
        return out.line("no consumers: nothing is kept for anybody, and nothing is deleted unless a setting says so");
    }
    table(&lines, out)?;
    for line in &lines {
        if let Some(fault) = &line.fault {
            out.line(&out.red(fault))?;
        }
        if let Some(records) = line.skipped_records.filter(|&records| records > 0) {
            let missed = counted(records, "record");
            out.line(&out.red(&format!("{}: up to {missed} were deleted before it read them", line.consumer)))?;
        }
    }
    Ok(())
}

fn table(lines: &[Line], out: &mut Out) -> Result<(), CliError> {
    use Align::{Left, Right};
    let mut table = Table::new(&[
        ("CONSUMER", Left),
        ("HOLDS", Left),
        ("BEHIND", Right),
        ("SEGMENTS", Right),
        ("TIME", Right),
        ("NEXT RECORD", Left),
        ("KEPT", Right),
    ]);
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    for line in lines {
        let holds = match (&line.fault, line.holds) {
            (Some(_), _) => "everything",
            (None, true) => "yes",
            (None, false) => "no",
        };
        table.row(vec![
            plain(&line.consumer, 64),
            holds.to_owned(),
            or_dash(line.behind_bytes.map(bytes)),
            or_dash(line.behind_segments.map(thousands)),
            or_dash(line.behind_ms.map(length_ms)),
            time_us(line.next_us.unwrap_or(0)),
            or_dash(line.kept_ms_ago.map(|ms| format!("{} ago", length_ms(ms)))),
        ]);
    }
    table.print(out)
}

fn now_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64)
}
