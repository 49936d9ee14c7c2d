//! `takeup salvage`: copies every record that can still be read, from damaged files or a whole disk, into a new data folder.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::log::repair::salvage::{Limits, Neighbour, Options, Report, SegmentReport, salvage};

use super::error::CliError;
use super::output::{Out, bytes, counted, exact_time_us, thousands, time_us};

/// The options of `takeup salvage`.
#[derive(Debug, Clone, Args)]
pub struct SalvageArgs {
    /// What is damaged: a data folder, a segment, files in any folder, an image of a disk, or the disk itself. Its server must be stopped.
    #[arg(value_name = "FROM")]
    pub from: PathBuf,
    /// The new data folder; it must be empty, or not exist.
    #[arg(value_name = "TO")]
    pub to: PathBuf,
    /// Which log, where several are found [default: the one that log.json names, else the one of which most is found].
    #[arg(long, value_name = "UUID")]
    pub log: Option<uuid::Uuid>,
    /// Also take what looks like a record but may be part of a client's body.
    #[arg(long)]
    pub unproven: bool,
    /// How many separate stretches of records to keep track of; each takes up to 150 bytes of memory.
    #[arg(long, value_name = "N", default_value_t = Limits::default().stretches_max)]
    pub stretches_max: usize,
    /// Print the report as JSON.
    #[arg(long)]
    pub json: bool,
}

/// The exit code if nothing was salvaged, as with `verify`: the state is then unknown.
const COULD_NOT_RUN: u8 = 2;

/// The most damaged places printed per segment, and the most lines of other kinds; the report has them all.
const SHOWN_MAX: usize = 20;

/// The name of the full report in the new data folder.
const REPORT_FILE_NAME: &str = "salvage-report.json";

/// Runs the command.
pub fn run(args: &SalvageArgs) -> ExitCode {
    let mut out = Out::stdout();
    let done = into_new_folder(args, &mut out);
    let finished = out.finish().or_else(|error| if error.is_closed_pipe() { Ok(()) } else { Err(error) });
    match done.and_then(|complete| finished.map(|()| complete)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => error.report(ExitCode::from(COULD_NOT_RUN)),
    }
}

/// Salvages and prints the result; returns whether nothing is missing.
pub(super) fn into_new_folder(args: &SalvageArgs, out: &mut Out) -> Result<bool, CliError> {
    if fs::read_dir(&args.to).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(CliError::Other(format!("{} is not empty; name a new folder", args.to.display())));
    }
    let options = Options {
        from: args.from.clone(),
        to: args.to.join("log"),
        log: args.log,
        unproven: args.unproven,
        limits: Limits { stretches_max: args.stretches_max },
    };
    let report = salvage(&options)?;
    write_report(&args.to, &report).map_err(|error| {
        CliError::Other(format!("{}: cannot write the report: {error}", args.to.join(REPORT_FILE_NAME).display()))
    })?;
    let printed = if args.json { out.json(&report) } else { show(&report, args, out) };
    match printed {
        Err(error) if !error.is_closed_pipe() => Err(error),
        _ => Ok(report.complete),
    }
}

fn write_report(to: &Path, report: &Report) -> io::Result<()> {
    let path = to.join(REPORT_FILE_NAME);
    let mut text = serde_json::to_vec_pretty(report)?;
    text.push(b'\n');
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    file.write_all(&text)?;
    file.sync_all()
}

fn show(report: &Report, args: &SalvageArgs, out: &mut Out) -> Result<(), CliError> {
    for segment in &report.segments {
        show_segment(segment, out)?;
    }
    for missing in shown(&report.missing, "segment", out)? {
        let line = format!(
            "MISSING  core {}, segment {}: {}, {} to {}; only its sidecar was found",
            missing.core,
            missing.segment,
            counted(missing.records, "record"),
            time_us(missing.first_us),
            time_us(missing.last_us)
        );
        out.line(&out.red(&line))?;
    }
    for place in shown(&report.unreadable, "place", out)? {
        let line = format!(
            "UNREAD   {}: offset {}, {}: the disk cannot read it",
            place.path,
            place.offset,
            counted(place.bytes, "byte")
        );
        out.line(&out.red(&line))?;
    }
    for newer in shown(&report.newer, "segment", out)? {
        let (path, offset, version) = (&newer.path, newer.offset, newer.version);
        out.line(&format!("NEWER    {path}: offset {offset}: a segment of version {version}; use a newer takeup"))?;
    }
    for other in shown(&report.other_logs, "log", out)? {
        let (segments, records) = (counted(other.segments, "segment"), counted(other.records, "record"));
        out.line(&format!("other    log {}: {segments}, {records}; --log {} salvages them", other.log, other.log))?;
    }
    if report.unproven_records > 0 && !args.unproven {
        let (records, markers) =
            (counted(report.unproven_records, "record"), counted(report.unproven_markers, "marker"));
        out.line(&format!(
            "unproven {records} under {markers} left out: no segment's first page vouches for them, so that a client may have \
             written them into a body; --unproven takes them"
        ))?;
    }
    conclude(report, args, out)
}

/// At most [`SHOWN_MAX`] items, followed by a note about the rest.
fn shown<'a, T>(things: &'a [T], what: &str, out: &mut Out) -> Result<&'a [T], CliError> {
    let shown = things.len().min(SHOWN_MAX);
    if things.len() > shown {
        let more = counted((things.len() - shown) as u64, what);
        out.line(&format!("         {more} more in {REPORT_FILE_NAME}, besides these:"))?;
    }
    Ok(&things[..shown])
}

fn show_segment(segment: &SegmentReport, out: &mut Out) -> Result<(), CliError> {
    let name = format!("core {}, segment {}", segment.core, segment.segment);
    let records = counted(segment.records, "record");
    if !segment.ids_kept {
        out.line(&format!("moved    {name}: {records} whose place is not known, with new ids"))?;
    } else if segment.lost_places == 0 {
        return out.line(&format!("whole    {name}: {records}"));
    } else {
        out.line(&format!("parts    {name}: {records}, {} lost", counted(segment.lost_places, "place")))?;
    }
    for lost in segment.lost.iter().take(SHOWN_MAX) {
        let line = format!("LOST     {name}: offset {}, {} bytes", lost.offset, thousands(lost.bytes));
        out.line(&out.red(&line))?;
        out.line(&format!("           before it: {}", neighbour(lost.before.as_ref())))?;
        out.line(&format!("           behind it: {}", neighbour(lost.after.as_ref())))?;
    }
    if segment.lost_places > SHOWN_MAX as u64 {
        out.line(&format!("         and more: {REPORT_FILE_NAME} names them"))?;
    }
    for record in segment.damaged_records.iter().take(SHOWN_MAX) {
        out.line(&format!(
            "         among it: record {}, session {}, received {}, {} of payload",
            record.id,
            record.session_id,
            exact_time_us(record.received_us),
            bytes(record.bytes)
        ))?;
    }
    Ok(())
}

fn neighbour(record: Option<&Neighbour>) -> String {
    match record {
        None => "no record of this segment".to_owned(),
        Some(record) => {
            format!(
                "record {}, session {}, received {}",
                record.id,
                record.session_id,
                exact_time_us(record.received_us)
            )
        }
    }
}

fn conclude(report: &Report, args: &SalvageArgs, out: &mut Out) -> Result<(), CliError> {
    let to = args.to.display();
    let found = format!(
        "{}, {} of payload, of log {}; {} in {} were searched",
        counted(report.records, "record"),
        bytes(report.payload_bytes),
        report.log,
        bytes(report.source_bytes),
        counted(report.sources as u64, "file")
    );
    if report.repeated > 0 {
        out.line(&format!(
            "         {} more than once and written once",
            counted(report.repeated, "record was found")
        ))?;
    }
    if report.conflicts > 0 {
        let left_out = counted(report.conflicts, "intact record");
        out.line(&out.red(&format!("         left out, because another one has their place: {left_out}")))?;
    }
    if report.complete {
        out.line(&format!("salvaged all that is known: {found}"))?;
    } else {
        let line = format!("salvaged, but NOT ALL: {found}");
        out.line(&out.red(&line))?;
        let lost = bytes(report.lost_bytes);
        let places = counted(report.lost_places, "place");
        let lost =
            if report.lost_places > 0 { format!("at most {lost} are lost in {places}; ") } else { String::new() };
        out.line(&format!("{lost}{to}/{REPORT_FILE_NAME} names everything"))?;
    }
    if report.records == 0 {
        return out.line("nothing could be salvaged: keep the old files");
    }
    out.line(&format!(
        "next: takeup verify --data {to}, then takeup serve --data {to}; keep the old files until both are well"
    ))
}
