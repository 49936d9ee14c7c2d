//! `takeup verify` of the log.

use std::path::Path;

use serde::Serialize;

use crate::cli::error::CliError;
use crate::cli::log_folder;
use crate::cli::output::{Out, bytes, counted, exact_time_us, length_ms};
use crate::log::format::sidecar::Hole;
use crate::log::read::reader::SegmentState;
use crate::log::repair::verify::{Beside, Fault, SegmentVerdict, VerifySummary, verify};

use super::args::VerifyArgs;
use super::condition::Condition;

/// Checks the log and reports the result.
pub(in crate::cli) fn check(args: &VerifyArgs, data: &Path, out: &mut Out) -> Result<Condition, CliError> {
    let log = log_folder::open(data)?;
    // The check's callback can't fail, so an output error is kept until the check is done.
    let mut printed = Ok(());
    let summary = verify(log.dir(), &mut |verdict| {
        if printed.is_ok() {
            printed = show(verdict, args, out);
        }
    })?;
    match printed.and_then(|()| conclude(&summary, args, data, out)) {
        // The reader of the output may go away; the exit code still gives the state of the log.
        Err(error) if !error.is_closed_pipe() => Err(error),
        _ => Ok(condition(&summary)),
    }
}

fn condition(summary: &VerifySummary) -> Condition {
    match (summary.ok(), summary.known_damage_bytes) {
        (false, _) => Condition::Damaged,
        (true, 0) => Condition::Whole,
        (true, _) => Condition::Known,
    }
}

/// A segment, as `--json` shows it.
#[derive(Debug, Serialize)]
struct SegmentLine {
    core: u16,
    segment: String,
    path: String,
    state: &'static str,
    ok: bool,
    bytes: u64,
    records: u64,
    payload_bytes: u64,
    known_damage_bytes: u64,
    known_damage: Vec<HoleLine>,
    gap_bytes: u64,
    gaps: Vec<HoleLine>,
    foreign: bool,
    deleted: bool,
    fault_count: u64,
    faults: Vec<FaultLine>,
}

#[derive(Debug, Serialize)]
struct HoleLine {
    offset: u64,
    bytes: u64,
}

#[derive(Debug, Serialize)]
struct FaultLine {
    offset: u64,
    bytes: u64,
    reason: String,
    before: Option<BesideLine>,
    after: Option<BesideLine>,
}

#[derive(Debug, Serialize)]
struct BesideLine {
    offset: u64,
    session_id: String,
    received_us: u64,
}

/// The whole log, as `--json` shows it: the last line.
#[derive(Debug, Serialize)]
struct LogLine {
    log_ok: bool,
    segments: u64,
    bad_segments: u64,
    records: u64,
    bytes: u64,
    payload_bytes: u64,
    known_damage_bytes: u64,
    gap_bytes: u64,
    foreign: u64,
    deleted: u64,
    faults: u64,
    took_ms: u64,
}

fn show(verdict: &SegmentVerdict, args: &VerifyArgs, out: &mut Out) -> Result<(), CliError> {
    if args.quiet && verdict.ok() && verdict.known_damage_bytes == 0 {
        return Ok(());
    }
    if args.json {
        out.json(&segment_line(verdict))?;
        return out.flush();
    }
    let path = verdict.path.display();
    let (records, size) = (counted(verdict.records, "record"), bytes(verdict.bytes));
    let state = match verdict.state {
        SegmentState::Left => "left by a server that is gone; its next start settles what lies behind",
        state => state.as_str(),
    };
    match (verdict.ok(), verdict.known_damage_bytes) {
        _ if verdict.deleted => out.line(&format!("deleted  {path}: deleted meanwhile"))?,
        _ if verdict.foreign => {
            out.line(&format!("foreign  {path}: a segment of another log; readers pass it over"))?
        }
        (true, 0) => out.line(&format!("whole    {path}: {records}, {size} ({state})"))?,
        (true, _) => {
            out.line(&format!("known    {path}: {records}, {size} ({state}), without what was lost before:"))?
        }
        (false, _) => {
            let word = if verdict.newer { "NEWER  " } else { "DAMAGED" };
            let line = format!("{word}  {path}: {records} intact, {size} ({state})");
            out.line(&out.red(&line))?;
        }
    }
    for fault in &verdict.faults {
        let line = match (fault.offset, fault.bytes) {
            (0, 0) => format!("         {}; the records are not touched by that", fault.reason),
            (offset, bytes) => format!("         offset {offset}, {bytes} bytes: {}", fault.reason),
        };
        out.line(&out.red(&line))?;
        for (place, beside) in [("before it", fault.before), ("behind it", fault.after)] {
            if let Some(Beside { offset, session, order_us }) = beside {
                let time = exact_time_us(order_us);
                out.line(&format!("           {place}: offset {offset}, session {session}, received {time}"))?;
            }
        }
    }
    let told = verdict.faults.len() as u64;
    if verdict.fault_count > told {
        out.line(&format!("         and {} more", counted(verdict.fault_count - told, "place")))?;
    }
    for hole in &verdict.known_damage {
        let (offset, bytes) = (hole.offset, hole.bytes);
        out.line(&format!("         offset {offset}, {bytes} bytes: lost before, and named by the sidecar"))?;
    }
    for gap in &verdict.gaps {
        let (offset, bytes) = (gap.offset, gap.bytes);
        out.line(&format!(
            "         offset {offset}, {bytes} bytes: a gap that was never acknowledged; nothing is lost"
        ))?;
    }
    // A large log takes a while; a watching user should see progress.
    out.flush()
}

fn segment_line(verdict: &SegmentVerdict) -> SegmentLine {
    let beside =
        |of: &Beside| BesideLine { offset: of.offset, session_id: of.session.to_string(), received_us: of.order_us };
    let fault = |fault: &Fault| FaultLine {
        offset: fault.offset,
        bytes: fault.bytes,
        reason: fault.reason.clone(),
        before: fault.before.as_ref().map(beside),
        after: fault.after.as_ref().map(beside),
    };
    let hole = |hole: &Hole| HoleLine { offset: hole.offset, bytes: hole.bytes };
    SegmentLine {
        core: verdict.core,
        segment: verdict.segment.to_string(),
        path: verdict.path.display().to_string(),
        state: verdict.state.as_str(),
        ok: verdict.ok(),
        bytes: verdict.bytes,
        records: verdict.records,
        payload_bytes: verdict.payload_bytes,
        known_damage_bytes: verdict.known_damage_bytes,
        known_damage: verdict.known_damage.iter().map(hole).collect(),
        gap_bytes: verdict.gap_bytes,
        gaps: verdict.gaps.iter().map(hole).collect(),
        foreign: verdict.foreign,
        deleted: verdict.deleted,
        fault_count: verdict.fault_count,
        faults: verdict.faults.iter().map(fault).collect(),
    }
}

fn conclude(summary: &VerifySummary, args: &VerifyArgs, data: &Path, out: &mut Out) -> Result<(), CliError> {
    let took_ms = u64::try_from(summary.took.as_millis()).unwrap_or(u64::MAX);
    if args.json {
        return out.json(&LogLine {
            log_ok: summary.ok(),
            segments: summary.segments,
            bad_segments: summary.bad_segments,
            records: summary.records,
            bytes: summary.bytes,
            payload_bytes: summary.payload_bytes,
            known_damage_bytes: summary.known_damage_bytes,
            gap_bytes: summary.gap_bytes,
            foreign: summary.foreign,
            deleted: summary.deleted,
            faults: summary.faults,
            took_ms,
        });
    }
    if args.quiet && condition(summary) == Condition::Whole {
        return Ok(());
    }
    let verdict = match (summary.ok(), summary.known_damage_bytes) {
        (true, 0) => "the log is whole".to_owned(),
        (true, known) => format!("no new damage; {} lost before and known", was(known)),
        (false, _) => {
            let (places, segments) = (counted(summary.faults, "place"), counted(summary.bad_segments, "segment"));
            out.red(&format!("the log is DAMAGED in {places} of {segments}"))
        }
    };
    out.line(&format!(
        "{verdict}: {}, {}, {} checked in {}",
        counted(summary.segments, "segment"),
        counted(summary.records, "record"),
        bytes(summary.bytes),
        length_ms(took_ms)
    ))?;
    if summary.ok() {
        return Ok(());
    }
    let data = data.display();
    out.line(&format!(
        "Everything not named is intact; readers and the server step over damage. Make a copy of {data} before anything else.\n\
         next: takeup salvage {data} NEW-FOLDER writes all that is intact into a new log and says what is not"
    ))
}

fn was(count: u64) -> String {
    format!("{} {}", bytes(count), if count == 1 { "was" } else { "were" })
}
