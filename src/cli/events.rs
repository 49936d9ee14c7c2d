//! `takeup events`: one session's messages, in the order in which their batches were received.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use crate::checker::{BodyReader, version_of};
use crate::config::value;
use crate::log::format::record::{Kind, Record};
use crate::tracker::{Era, read_batch, split_parts};

use super::error::CliError;
use super::log_folder;
use super::output::{Out, plain};

/// The options of `takeup events`.
#[derive(Debug, Clone, Args)]
pub struct EventsArgs {
    /// The session, by its number.
    #[arg(value_name = "SESSION")]
    pub session: u64,
    /// Print NDJSON, with every field whole.
    #[arg(long)]
    pub json: bool,
    /// The largest batch to inflate.
    #[arg(long, value_name = "BYTES", default_value = "64MiB", value_parser = value::size::<usize>)]
    pub inflated_max: usize,
}

/// Runs the command.
pub fn run(args: &EventsArgs, data: &Path) -> Result<ExitCode, CliError> {
    let mut out = Out::stdout();
    let found = list(args, data, &mut out)?;
    out.finish()?;
    if !found {
        let session = args.session;
        return Err(CliError::Other(format!(
            "session {session} is not in this log; `takeup sessions` lists those that are"
        )));
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the session's messages from the log in `data`. `false`: there is no such session.
pub(super) fn list(args: &EventsArgs, data: &Path, out: &mut Out) -> Result<bool, CliError> {
    let mut merge = log_folder::merge(data, false)?;
    let mut printer = Printer::new(args.json, args.inflated_max, out);
    let mut found = false;
    while let Some(record) = merge.next_settled()? {
        if record.session == args.session && Printer::shows(&record) {
            found = true;
            printer.record(&record)?;
        }
    }
    log_folder::remark(&merge);
    Ok(found)
}

/// Why a record, or the rest of it, could not be shown.
#[derive(Debug, Serialize)]
struct Fault<'a> {
    session_id: String,
    record: String,
    fault: &'a str,
}

/// Prints messages.
pub(super) struct Printer<'a> {
    json: bool,
    inflated_max: usize,
    out: &'a mut Out,
    era: Era,
    /// The client's time of the session's first message: the displayed offsets are relative to it.
    began_ms: Option<i64>,
    bodies: BodyReader,
    line: String,
}

impl<'a> Printer<'a> {
    /// Prints lines, or with `json` one object a line; batches are inflated to at most `inflated_max` bytes.
    pub(super) fn new(json: bool, inflated_max: usize, out: &'a mut Out) -> Printer<'a> {
        Printer {
            json,
            inflated_max,
            out,
            era: Era::default(),
            began_ms: None,
            bodies: BodyReader::default(),
            line: String::new(),
        }
    }

    /// Whether a record has messages.
    pub(super) fn shows(record: &Record<'_>) -> bool {
        matches!(record.kind, Kind::Batch | Kind::Start)
    }

    /// Prints a record's messages.
    pub(super) fn record(&mut self, record: &Record<'_>) -> Result<(), CliError> {
        if let Some(version) = version_of(record) {
            self.era = Era::of_tracker(&version);
        }
        // Only the analytics SDK starts a session without a message.
        if record.kind == Kind::Start && record.payload.is_empty() {
            return Ok(());
        }
        // Taken out so that the batch can be borrowed while lines are written; put back for the next record.
        let mut bodies = std::mem::take(&mut self.bodies);
        let shown = match bodies.plain(record, self.inflated_max) {
            Ok(bytes) => self.body(record, bytes),
            Err(error) => self.fault(record, &error.to_string()),
        };
        self.bodies = bodies;
        shown
    }

    fn body(&mut self, record: &Record<'_>, bytes: &[u8]) -> Result<(), CliError> {
        let split = (record.split != 0).then_some(record.split as usize);
        let (first, second) = match split_parts(bytes, split) {
            Ok(parts) => parts,
            Err(fault) => {
                self.fault(record, &fault.to_string())?;
                (bytes, None)
            }
        };
        self.batch(record, first)?;
        second.map_or(Ok(()), |second| self.batch(record, second))
    }

    fn batch(&mut self, record: &Record<'_>, bytes: &[u8]) -> Result<(), CliError> {
        for message in read_batch(bytes, self.era) {
            let message = match message {
                Ok(message) => message,
                Err(fault) => return self.fault(record, &fault.to_string()),
            };
            self.line.clear();
            if self.json {
                // Writing to a String can't fail.
                let _ = write!(self.line, r#"{{"session_id":"{}","record":"{}","#, record.session, record.id);
                message.write_json_members(&mut self.line);
                self.line.push('}');
            } else {
                if message.timestamp_ms != 0 && self.began_ms.is_none() {
                    self.began_ms = Some(message.timestamp_ms);
                }
                let offset = self.began_ms.map(|began| message.timestamp_ms.saturating_sub(began));
                let _ = write!(self.line, "{:>11}  {message}", offset_text(offset.unwrap_or(0)));
            }
            self.out.line(&self.line)?;
        }
        Ok(())
    }

    fn fault(&mut self, record: &Record<'_>, problem: &str) -> Result<(), CliError> {
        if self.json {
            let session_id = record.session.to_string();
            return self.out.json(&Fault { session_id, record: record.id.to_string(), fault: problem });
        }
        let line = format!("{:>11}  record {}: {}", "!", record.id, plain(problem, 200));
        let line = self.out.red(&line);
        self.out.line(&line)
    }
}

/// Time since the session began: `+1:02.345`, `+1:00:00.000`, `-0:00.120`.
pub(super) fn offset_text(offset_ms: i64) -> String {
    let sign = if offset_ms < 0 { '-' } else { '+' };
    let ms = offset_ms.unsigned_abs();
    let (hours, minutes, seconds, ms) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000);
    if hours > 0 {
        format!("{sign}{hours}:{minutes:02}:{seconds:02}.{ms:03}")
    } else {
        format!("{sign}{minutes}:{seconds:02}.{ms:03}")
    }
}
