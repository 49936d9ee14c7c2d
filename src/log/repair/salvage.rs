//! Salvage: every intact record that can still be found, in files, folders or a whole disk, goes into a new log.
//!
//! 1. **Search.** Every source is read once, in steps of 64 bytes, for segment headers and for stretches of records that follow each other.
//!    Where the disk can't read, 4 KB are stepped over.
//! 2. **Plan.** A segment's header vouches for its marker, and with it for all its records, wherever they lie. A stretch of them keeps its offset,
//!    and its records their ids, where that is certain: in a segment's own file, right behind its first page, or where the records
//!    themselves tell the same place (see `vouch.rs`).
//! 3. **Write.** Each segment is written anew with its records where they lay, checked once more on the way. What is missing between them is zero, and
//!    named in the sidecar as damage. A record that was found several times is written once. Records of the log whose
//!    offset is not known get segments of their own, in cores of their own, and so new ids.
//!
//! Records under a marker that no segment header vouches for may be what a client sent inside a body. They are counted, and taken only on request.
//! Records of another log are counted too: one run salvages one log.
//!
//! Memory: a window of 4 MB, some 150 bytes for each separate stretch ([`Limits::stretches_max`]) and for each segment; for a segment some of whose
//! records have lost their offset, 60 bytes for each of its records while it is written; and what the report names.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use uuid::Uuid;

use crate::log::copy::create_log;
use crate::log::error::LogError;

mod new_log;
mod options;
mod plan;
mod report;
mod scan;
mod source;
mod write;

pub use options::{Limits, Options};
pub use report::{
    DamagedRecord, Lost, MissingSegment, Neighbour, NewerSegment, OtherLog, Report, SegmentReport, Unreadable,
};

use new_log::NewLogWriter;
use plan::{logs_of, plan};
use report::LISTED_MAX;
use scan::RecordMap;
use source::{Blocks, Source, SourceFiles, SourceName, find};

/// Salvages a log into a new one.
///
/// # Errors
/// The new folder is not empty or lies within what is searched, a server holds the log, nothing was found, too much was
/// found ([`Limits`]), or a call failed. Damage of any kind is no error.
pub fn salvage(options: &Options) -> Result<Report, LogError> {
    check_target(options)?;
    let found = find(&options.from)?;
    let mut map = RecordMap::default();
    let (mut source_bytes, mut unreadable) = (0, Vec::new());
    for (index, source) in found.sources.iter().enumerate() {
        let mut blocks = Blocks::open(source)?;
        map.search(index, source, &mut blocks, &options.limits)?;
        source_bytes += blocks.length();
        unreadable.append(&mut blocks.unreadable);
        unreadable.truncate(LISTED_MAX);
    }
    let log = which_log(options, &found, &map)?;
    let (planned, rest) = plan(&map, &found.sources, log);
    create_log(&options.to, log)?;
    let mut work = NewLogWriter::new(options, &found, log, &planned);
    work.reading.unreadable = unreadable;
    work.write_placed(&planned)?;
    for segment in planned.iter().filter(|segment| !segment.astray.is_empty()) {
        work.astray.push((segment.header.marker, segment.astray.clone()));
    }
    let unproven_records = rest.unproven.values().flatten().map(|stretch| stretch.records).sum();
    let unproven_markers = rest.unproven.len() as u64;
    if options.unproven {
        work.astray.extend(rest.unproven);
    }
    work.write_astray()?;
    let mut report = work.finish()?;
    report.sources = found.sources.len();
    report.source_bytes = source_bytes;
    (report.unproven_markers, report.unproven_records) = (unproven_markers, unproven_records);
    report.missing.retain(|missing| !map.newer.iter().any(|&(source, _, _)| found.sources[source].is(missing)));
    let newer = map.newer.iter().take(LISTED_MAX);
    report.newer.extend(newer.map(|&(source, offset, version)| {
        let path = found.sources[source].path.display().to_string();
        NewerSegment { path, offset, version }
    }));
    let others = rest.other_logs.into_iter().take(LISTED_MAX);
    report.other_logs.extend(others.map(|(log, (segments, records))| OtherLog {
        log: log.to_string(),
        segments,
        records,
    }));
    report.complete = report.lost_places == 0
        && report.conflicts == 0
        && report.missing.is_empty()
        && report.unreadable.is_empty()
        && report.newer.is_empty()
        && (report.unproven_records == 0 || options.unproven);
    Ok(report)
}

/// The marker of a segment's file whose first page and first record are lost, if the records behind them tell it for certain.
///
/// A client can write what looks like records into a body, under a marker of its own, but does not know at which byte of which segment its body
/// will lie. So the records must tell their own offsets rightly (see `vouch.rs`), and no others in the file may do so too.
pub(in crate::log) fn marker_of(path: &Path) -> Result<Option<u64>, LogError> {
    let source = Source { path: path.to_path_buf(), name: SourceName::Unknown };
    let mut map = RecordMap::default();
    map.search(0, &source, &mut Blocks::open(&source)?, &Limits::default())?;
    let vouched = map.stretches.iter().filter(|stretch| stretch.bases.contains(&Some(0)));
    let markers: BTreeSet<u64> = vouched.map(|stretch| stretch.marker).collect();
    Ok(markers.first().copied().filter(|_| markers.len() == 1))
}

/// The new log's folder must be empty, and nothing that is searched.
fn check_target(options: &Options) -> Result<(), LogError> {
    let to = &options.to;
    let refuse = |reason| Err(LogError::Setting { field: "TO", reason });
    let empty = match std::fs::read_dir(to) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => return Err(LogError::io(to, "look into the folder of the new log")(error)),
    };
    if !empty {
        return refuse(format!("{} is not empty; name a new folder", to.display()));
    }
    // The new folder need not exist yet: the part of its path that does tells where it will lie.
    let real = |path: &Path| path.ancestors().find_map(|at| at.canonicalize().ok());
    let into = std::path::absolute(to).ok().and_then(|to| real(&to));
    if options.from.is_dir() && into.is_some_and(|into| real(&options.from).is_some_and(|from| into.starts_with(from)))
    {
        return refuse(format!("{} lies within what is salvaged; name a folder elsewhere", to.display()));
    }
    Ok(())
}

fn which_log(options: &Options, found: &SourceFiles, map: &RecordMap) -> Result<Uuid, LogError> {
    let logs = logs_of(map);
    let most = || logs.iter().max_by_key(|(_, bytes)| **bytes).map(|(log, _)| *log);
    let named = || found.log_files.iter().map(|file| file.log).find(|log| logs.contains_key(log) || logs.is_empty());
    match options.log {
        Some(log) if logs.contains_key(&log) => Ok(log),
        Some(log) => {
            let there: Vec<String> = logs.keys().map(Uuid::to_string).collect();
            let reason = format!("nothing of {log} was found; there is: {}", there.join(", "));
            Err(LogError::Setting { field: "log", reason })
        }
        None => match named().or_else(most) {
            Some(log) => Ok(log),
            None if !map.stretches.is_empty() => Ok(Uuid::new_v4()),
            None => Err(LogError::Foreign {
                path: options.from.clone(),
                reason: "no segment and no record was found in it",
            }),
        },
    }
}

#[cfg(test)]
mod tests;
