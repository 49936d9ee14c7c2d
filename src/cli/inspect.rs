//! `takeup inspect`: the log's segments, or the records in them, as stored on disk.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use crate::log::error::{Damage, LogError};
use crate::log::format::record::{Flags, Record};
use crate::log::format::sidecar::Sidecar;
use crate::log::read::reader::{ANOTHER_LOG, LogReader, SegmentInfo, SegmentReader, SegmentState};

use super::error::CliError;
use super::log_folder;
use super::output::{Align, Out, Table, bytes, counted, thousands, time_us, warn};
use super::record_line::RecordLine;

/// The options of `takeup inspect`.
#[derive(Debug, Clone, Default, Args)]
pub struct InspectArgs {
    /// Only this segment.
    #[arg(long, value_name = "ID")]
    pub segment: Option<u64>,
    /// List the records, not the segments.
    #[arg(long)]
    pub records: bool,
    /// List only the records that were kept though they can't be used (setting `unusable`).
    #[arg(long)]
    pub unusable: bool,
    /// Print NDJSON.
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
pub fn run(args: &InspectArgs, data: &Path) -> Result<ExitCode, CliError> {
    let mut out = Out::stdout();
    list(args, data, &mut out)?;
    out.finish()?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the segments, or the records, of the log in `data`.
pub(super) fn list(args: &InspectArgs, data: &Path, out: &mut Out) -> Result<(), CliError> {
    let reader = log_folder::open(data)?;
    let mut segments = reader.segments()?;
    segments.sort_by_key(|segment| (segment.core, segment.id));
    if let Some(id) = args.segment {
        segments.retain(|segment| segment.id == id);
        if segments.is_empty() {
            return Err(CliError::Other(format!("there is no segment {id}; `takeup inspect` lists those that exist")));
        }
    }
    let bare = |segment: &&SegmentInfo| segment.sealed() && segment.sidecar.is_none() && !segment.is_deleted();
    for segment in segments.iter().filter(bare) {
        let why = match Sidecar::read(&segment.path) {
            Err(error) => error.to_string(),
            Ok(_) => format!("{}: has no sidecar", segment.path.display()),
        };
        warn(&format!("{why}; its records can be read, `takeup verify` checks them"));
    }
    if args.records || args.unusable {
        records(&reader, &segments, args, out)
    } else {
        table(&segments, args.json, out)
    }
}

/// A segment, as `--json` shows it. Values that only a sidecar contains are null until the segment is sealed.
#[derive(Debug, Serialize)]
struct SegmentLine<'a> {
    core: u16,
    segment: String,
    path: String,
    state: &'static str,
    bytes: u64,
    records: Option<u64>,
    batches: Option<u64>,
    starts: Option<u64>,
    payload_bytes: Option<u64>,
    sessions: Option<u64>,
    first_us: Option<u64>,
    last_us: Option<u64>,
    damaged_places: Option<usize>,
    blake3: Option<&'a str>,
}

impl<'a> SegmentLine<'a> {
    fn new(segment: &'a SegmentInfo) -> SegmentLine<'a> {
        let sidecar = segment.sidecar.as_ref();
        SegmentLine {
            core: segment.core,
            segment: segment.id.to_string(),
            path: segment.path.display().to_string(),
            state: segment.state.as_str(),
            bytes: segment.bytes,
            records: sidecar.map(|sidecar| sidecar.records),
            batches: sidecar.map(|sidecar| sidecar.batches),
            starts: sidecar.map(|sidecar| sidecar.starts),
            payload_bytes: sidecar.map(|sidecar| sidecar.payload_bytes),
            sessions: sidecar.map(|sidecar| sidecar.sessions),
            first_us: sidecar.map(|sidecar| sidecar.first_us),
            last_us: sidecar.map(|sidecar| sidecar.last_us),
            damaged_places: sidecar.map(|sidecar| sidecar.damage.iter().filter(|hole| !hole.unacknowledged).count()),
            blake3: sidecar.map(|sidecar| sidecar.blake3.as_str()),
        }
    }
}

fn table(segments: &[SegmentInfo], json: bool, out: &mut Out) -> Result<(), CliError> {
    if json {
        return segments.iter().try_for_each(|segment| out.json(&SegmentLine::new(segment)));
    }
    use Align::{Left, Right};
    let mut table = Table::new(&[
        ("CORE", Right),
        ("SEGMENT", Right),
        ("STATE", Left),
        ("BYTES", Right),
        ("RECORDS", Right),
        ("BATCHES", Right),
        ("STARTS", Right),
        ("SESSIONS", Right),
        ("FIRST", Left),
        ("LAST", Left),
        ("DAMAGE", Right),
    ]);
    for segment in segments {
        let line = SegmentLine::new(segment);
        let count = |count: Option<u64>| count.map_or_else(|| "-".to_owned(), thousands);
        let time = |us: Option<u64>| time_us(us.unwrap_or(0));
        table.row(vec![
            line.core.to_string(),
            line.segment,
            line.state.to_owned(),
            bytes(line.bytes),
            count(line.records),
            count(line.batches),
            count(line.starts),
            count(line.sessions),
            time(line.first_us),
            time(line.last_us),
            count(line.damaged_places.map(|places| places as u64)),
        ]);
    }
    table.print(out)
}

/// A damaged place, as `--json` shows it.
#[derive(Debug, Serialize)]
struct DamageLine<'a> {
    segment: String,
    path: String,
    offset: u64,
    bytes: u64,
    damage: &'a str,
}

fn records(log: &LogReader, segments: &[SegmentInfo], args: &InspectArgs, out: &mut Out) -> Result<(), CliError> {
    let json = args.json;
    if !json {
        let heading = format!("{:>12}  {}", "OFFSET", RecordLine::heading());
        out.line(&out.bold(&heading))?;
    }
    let mut places = 0;
    for segment in segments.iter().filter(|segment| segment.state != SegmentState::Ready) {
        if !json {
            out.line(&format!("{} ({})", segment.path.display(), segment.state.as_str()))?;
        }
        let mut reader = match open(log, segment) {
            Ok(Some(reader)) => reader,
            Ok(None) => {
                deleted(segment);
                continue;
            }
            Err(CliError::Log(LogError::Foreign { path, reason: ANOTHER_LOG })) => {
                warn(&format!("{}: {ANOTHER_LOG}, passed over", path.display()));
                continue;
            }
            // One file is no reason not to show the others.
            Err(CliError::Log(LogError::Foreign { reason, .. })) => {
                places += 1;
                damaged(&whole(segment, reason), json, out)?;
                continue;
            }
            Err(CliError::Log(LogError::Version { .. })) => {
                places += 1;
                damaged(&whole(segment, "written by a newer takeup, which can read it"), json, out)?;
                continue;
            }
            Err(error) => return Err(error),
        };
        // The reader skips what a sidecar lists as damaged; it is shown in its place.
        let mut known = segment.sidecar.iter().flat_map(|sidecar| sidecar.damage_of(&segment.path)).peekable();
        loop {
            match reader.next() {
                Ok(Some(record)) => {
                    while let Some(damage) = known.next_if(|damage| damage.offset < record.id.offset) {
                        damaged(&damage, json, out)?;
                    }
                    if !args.unusable || record.flags.contains(Flags::UNUSABLE) {
                        show(&record, json, out)?;
                    }
                }
                Ok(None) => break,
                // Its file was cut after it had been unlinked.
                Err(_) if segment.is_deleted() => {
                    deleted(segment);
                    break;
                }
                Err(LogError::Damaged { .. }) => {
                    places += 1;
                    damaged(&reader.resync()?, json, out)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        for damage in known.filter(|_| !segment.is_deleted()) {
            damaged(&damage, json, out)?;
        }
    }
    if places > 0 {
        let places = counted(places, "damaged place");
        warn(&format!("{places} shown among the records, which are intact; `takeup verify` tells more"));
    }
    Ok(())
}

fn deleted(segment: &SegmentInfo) {
    warn(&format!("{}: deleted meanwhile", segment.path.display()));
}

/// A segment that can't be read at all.
fn whole(segment: &SegmentInfo, reason: &'static str) -> Damage {
    let bytes = std::fs::metadata(&segment.path).map_or(segment.bytes, |meta| meta.len());
    Damage { path: segment.path.clone(), core: segment.core, segment: segment.id, offset: 0, bytes, reason }
}

/// Opens a segment, under its new name if a running server has sealed it since it was listed. `None`: it was deleted.
fn open(log: &LogReader, segment: &SegmentInfo) -> Result<Option<SegmentReader>, CliError> {
    match SegmentReader::open(segment) {
        Err(LogError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            let now = log.segments()?.into_iter().find(|now| (now.core, now.id) == (segment.core, segment.id));
            Ok(now.map(|now| SegmentReader::open(&now)).transpose()?)
        }
        opened => Ok(Some(opened?)),
    }
}

fn damaged(damage: &Damage, json: bool, out: &mut Out) -> Result<(), CliError> {
    if json {
        return out.json(&DamageLine {
            segment: damage.segment.to_string(),
            path: damage.path.display().to_string(),
            offset: damage.offset,
            bytes: damage.bytes,
            damage: damage.reason,
        });
    }
    let line = out.red(&format!("{:>12}  damaged, {} bytes: {}", damage.offset, damage.bytes, damage.reason));
    out.line(&line)
}

fn show(record: &Record<'_>, json: bool, out: &mut Out) -> Result<(), CliError> {
    let line = RecordLine::new(record);
    if json {
        return out.json(&line);
    }
    out.line(&format!("{:>12}  {}", record.id.offset, line.text()))
}
