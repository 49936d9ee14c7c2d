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

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use uuid::Uuid;

use crate::log::disk::calls::sync_dir;
use crate::log::error::LogError;
use crate::log::format::header::{PAGE_BYTES, SegmentHeader};
use crate::log::format::record::uuid_text;
use crate::log::format::sidecar::Sidecar;
use crate::log::read::reader::{End, SegmentReader};

mod plan;
mod scan;
mod source;
mod write;

use plan::{Planned, logs_of, plan};
use scan::{Map, Stretch};
use source::{Blocks, Found, Name, Source, find};
use write::{Reading, Target};

/// How many things of a kind a report names; more are only counted.
const LISTED_MAX: usize = 10_000;

/// What bounds the memory that salvage takes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How many separate stretches of records are kept track of. A sound segment is one; each damaged place makes one more.
    pub stretches_max: usize,
}

impl Default for Limits {
    /// A million, about 150 MB at most.
    fn default() -> Limits {
        Limits { stretches_max: 1_000_000 }
    }
}

/// What is to be done.
#[derive(Debug, Clone)]
pub struct Options {
    /// A segment, a folder of any kind, a disk image or a block device.
    pub from: PathBuf,
    /// The folder of the new log. It must be empty, or not exist.
    pub to: PathBuf,
    /// Which log to salvage. None: the one that `log.json` names, else the one of which most is found.
    pub log: Option<Uuid>,
    /// Take records, too, for which no segment header vouches.
    pub unproven: bool,
    /// Bounds.
    pub limits: Limits,
}

/// What was found and done. Ids and times as everywhere: see `docs/output.md`.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The log, old and new: ids that could be kept go on to be valid.
    #[serde(with = "uuid_text")]
    pub log: Uuid,
    /// Whether all that was found of the log is in the new one, and nothing of it is known to be missing.
    pub complete: bool,
    /// What was searched.
    pub from: String,
    /// Files searched.
    pub sources: usize,
    /// Bytes searched.
    pub source_bytes: u64,
    /// Records in the new log.
    pub records: u64,
    /// Bytes of their payloads.
    pub payload_bytes: u64,
    /// Those of them that have new ids.
    pub records_with_new_ids: u64,
    /// Records that were found more than once, equal in every byte.
    pub repeated: u64,
    /// Intact records that were left out because another intact one has their place.
    pub conflicts: u64,
    /// Places where something is missing within segments.
    pub lost_places: u64,
    /// Bytes that are missing there, at most: headers and padding count too.
    pub lost_bytes: u64,
    /// The segments of the new log, by core and id.
    pub segments: Vec<SegmentReport>,
    /// Segments that a sidecar describes and of which nothing was found.
    pub missing: Vec<MissingSegment>,
    /// What the disk could not read.
    pub unreadable: Vec<Unreadable>,
    /// Segments of a newer version, which this build leaves alone.
    pub newer: Vec<NewerSegment>,
    /// Other logs of which something was found.
    pub other_logs: Vec<OtherLog>,
    /// Markers for which no segment header vouches.
    pub unproven_markers: u64,
    /// The records under these markers; with [`Options::unproven`] they are in the new log.
    pub unproven_records: u64,
}

/// A segment of the new log.
#[derive(Debug, Serialize)]
pub struct SegmentReport {
    /// The core.
    pub core: u16,
    /// Its id.
    pub segment: String,
    /// Its file.
    pub path: String,
    /// Whether its records have the ids that they always had.
    pub ids_kept: bool,
    /// Its records.
    pub records: u64,
    /// The order time of the first and the newest of them.
    pub first_us: u64,
    /// See `first_us`.
    pub last_us: u64,
    /// Where they were found.
    pub sources: Vec<String>,
    /// Places where something is missing.
    pub lost_places: u64,
    /// The first 10,000 of them.
    pub lost: Vec<Lost>,
    /// Records whose header is intact and whose payload is damaged everywhere, the first 10,000: what is missing, by name.
    pub damaged_records: Vec<DamagedRecord>,
}

/// A place of a segment where records are missing.
#[derive(Debug, Serialize)]
pub struct Lost {
    /// Where it begins.
    pub offset: u64,
    /// How long it is.
    pub bytes: u64,
    /// The last intact record before it.
    pub before: Option<Neighbour>,
    /// The first intact record behind it.
    pub after: Option<Neighbour>,
}

/// A record beside a lost place.
#[derive(Debug, Clone, Serialize)]
pub struct Neighbour {
    /// Its id.
    pub id: String,
    /// Its session.
    pub session_id: String,
    /// Its order time.
    pub received_us: u64,
}

/// A record of which only the header is left.
#[derive(Debug, Serialize)]
pub struct DamagedRecord {
    /// Its id.
    pub id: String,
    /// Its session.
    pub session_id: String,
    /// Its order time.
    pub received_us: u64,
    /// The length of its payload.
    pub bytes: u64,
}

/// A segment of which only the sidecar is left.
#[derive(Debug, Serialize)]
pub struct MissingSegment {
    /// The core.
    pub core: u16,
    /// Its id.
    pub segment: String,
    /// The records that were in it.
    pub records: u64,
    /// The order time of the first of them.
    pub first_us: u64,
    /// The order time of the newest.
    pub last_us: u64,
}

/// A stretch of a source that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unreadable {
    /// The source.
    pub path: String,
    /// Where it begins.
    pub offset: u64,
    /// How long it is.
    pub bytes: u64,
}

/// A segment of a newer version.
#[derive(Debug, Serialize)]
pub struct NewerSegment {
    /// The source.
    pub path: String,
    /// Where in it.
    pub offset: u64,
    /// Its version.
    pub version: u32,
}

/// A log that was not asked for.
#[derive(Debug, Serialize)]
pub struct OtherLog {
    /// Its name.
    pub log: String,
    /// Its segments that were found.
    pub segments: u64,
    /// The records in them.
    pub records: u64,
}

/// Salvages a log into a new one.
///
/// # Errors
/// The new folder is not empty or lies within what is searched, a server holds the log, nothing was found, too much was
/// found ([`Limits`]), or a call failed. Damage of any kind is no error.
pub fn salvage(options: &Options) -> Result<Report, LogError> {
    check_target(options)?;
    let found = find(&options.from)?;
    let mut map = Map::default();
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
    write::create_log(&options.to, log)?;
    let mut work = Work::new(options, &found, log, &planned);
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
    let source = Source { path: path.to_path_buf(), name: Name::Unknown };
    let mut map = Map::default();
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

fn which_log(options: &Options, found: &Found, map: &Map) -> Result<Uuid, LogError> {
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

/// The writing of the new log.
struct Work<'a> {
    options: &'a Options,
    found: &'a Found,
    log: Uuid,
    reading: Reading<'a>,
    /// Stretches without a place, by marker.
    astray: Vec<(u64, Vec<Stretch>)>,
    /// What is known to be in the new log already, of markers that have stretches without a place, too.
    kept: HashSet<write::Identity>,
    seen: BTreeSet<(u16, u64)>,
    /// For each core that takes what has no place: its newest time, and its newest segment.
    lanes: Vec<(u64, u64)>,
    first_lane: u32,
    report: Report,
}

impl<'a> Work<'a> {
    fn new(options: &'a Options, found: &'a Found, log: Uuid, planned: &[Planned]) -> Work<'a> {
        let report = Report {
            log,
            complete: false,
            from: options.from.display().to_string(),
            sources: 0,
            source_bytes: 0,
            records: 0,
            payload_bytes: 0,
            records_with_new_ids: 0,
            repeated: 0,
            conflicts: 0,
            lost_places: 0,
            lost_bytes: 0,
            segments: Vec::new(),
            missing: Vec::new(),
            unreadable: Vec::new(),
            newer: Vec::new(),
            other_logs: Vec::new(),
            unproven_markers: 0,
            unproven_records: 0,
        };
        Work {
            options,
            found,
            log,
            reading: Reading::new(&found.sources),
            astray: Vec::new(),
            kept: HashSet::new(),
            seen: BTreeSet::new(),
            lanes: Vec::new(),
            first_lane: planned.iter().map(|segment| u32::from(segment.header.core) + 1).max().unwrap_or(0),
            report,
        }
    }

    fn write_placed(&mut self, planned: &[Planned]) -> Result<(), LogError> {
        for segment in planned {
            let header = segment.header;
            let name = (header.core, header.segment);
            let told = self.found.sidecars.get(&name).filter(|sidecar| sidecar.log == self.log);
            let told_bytes = told.map_or(0, |sidecar| sidecar.bytes);
            if segment.placed.is_empty() && (told_bytes <= PAGE_BYTES as u64 || self.seen.contains(&name)) {
                continue;
            }
            if !self.seen.insert(name) {
                continue;
            }
            let mut target = Target::create(&self.options.to, header)?;
            for (stretch, offset) in &segment.placed {
                target.copy(&mut self.reading, stretch, *offset)?;
            }
            if !segment.astray.is_empty() {
                target.identities(&mut self.kept)?;
            }
            // A header's word for the length is believed as far as a segment of its kind could reach.
            let expected = told_bytes.max(target.durable).min(header.segment_bytes.max(told_bytes));
            self.seal(target, expected, true)?;
        }
        Ok(())
    }

    /// Writes what has no place. A log's order is by time within a core, so segments whose times overlap go to different cores.
    fn write_astray(&mut self) -> Result<(), LogError> {
        let first_us = |stretches: &[Stretch]| stretches.iter().map(|stretch| stretch.first_us).min().unwrap_or(0);
        self.astray.sort_by_key(|(_, stretches)| first_us(stretches));
        for (marker, stretches) in std::mem::take(&mut self.astray) {
            let first_us = first_us(&stretches);
            let free = self.lanes.iter().position(|(last_us, _)| *last_us < first_us);
            let lane = free.unwrap_or_else(|| {
                self.lanes.push((0, 0));
                self.lanes.len() - 1
            });
            let core = u16::try_from(self.first_lane as usize + lane).map_err(|_| {
                let reason = io::Error::other("more cores would be needed than a log can have");
                LogError::io(&self.options.to, "find a place for records that lost theirs")(reason)
            })?;
            let segment = first_us.max(self.lanes[lane].1 + 1);
            let header = SegmentHeader { core, log: self.log, segment, marker, segment_bytes: 0 };
            let mut target = Target::create(&self.options.to, header)?;
            target.gather(&mut self.reading, &stretches, &mut self.kept)?;
            if target.is_empty() {
                self.report.repeated += target.counts.repeated;
                target.remove()?;
                continue;
            }
            let last_us = self.seal(target, 0, false)?;
            self.lanes[lane] = (last_us, segment);
        }
        Ok(())
    }

    /// Seals a segment and reports it; its newest time.
    fn seal(&mut self, mut target: Target, expected_bytes: u64, ids_kept: bool) -> Result<u64, LogError> {
        let sidecar = target.seal(expected_bytes)?;
        let damaged_records = target.damaged();
        let lost = lost_places(&target, &sidecar)?;
        let path_of = |source: &usize| self.found.sources[*source].path.display().to_string();
        let report = &mut self.report;
        report.records += sidecar.records;
        report.payload_bytes += sidecar.payload_bytes;
        report.records_with_new_ids += if ids_kept { 0 } else { sidecar.records };
        report.repeated += target.counts.repeated;
        report.conflicts += target.counts.conflicts;
        report.lost_places += sidecar.damage.len() as u64;
        report.lost_bytes += sidecar.damage.iter().map(|hole| hole.bytes).sum::<u64>();
        report.segments.push(SegmentReport {
            core: target.header.core,
            segment: target.header.segment.to_string(),
            path: target.sealed_path().display().to_string(),
            ids_kept,
            records: sidecar.records,
            first_us: sidecar.first_us,
            last_us: sidecar.last_us,
            sources: target.sources.iter().map(path_of).collect(),
            lost_places: sidecar.damage.len() as u64,
            lost,
            damaged_records,
        });
        Ok(sidecar.last_us)
    }

    fn finish(mut self) -> Result<Report, LogError> {
        self.reading.close();
        self.report.unreadable = std::mem::take(&mut self.reading.unreadable);
        let missing = self
            .found
            .sidecars
            .iter()
            .filter(|(name, sidecar)| sidecar.log == self.log && sidecar.records > 0 && !self.seen.contains(name));
        self.report.missing.extend(missing.take(LISTED_MAX).map(|((core, segment), sidecar)| MissingSegment {
            core: *core,
            segment: segment.to_string(),
            records: sidecar.records,
            first_us: sidecar.first_us,
            last_us: sidecar.last_us,
        }));
        sync_dir(&self.options.to).map_err(LogError::io(&self.options.to, "sync the folder of the new log"))?;
        Ok(self.report)
    }
}

/// The places of a sealed segment where something is missing, with the records beside them.
fn lost_places(target: &Target, sidecar: &Sidecar) -> Result<Vec<Lost>, LogError> {
    let mut lost: Vec<Lost> = Vec::new();
    if sidecar.damage.is_empty() {
        return Ok(lost);
    }
    let SegmentHeader { log, core, segment, .. } = target.header;
    let path = target.sealed_path();
    let mut reader = SegmentReader::open_path(&path, log, core, segment, End::At(sidecar.bytes))?;
    let mut before = None;
    let mut pending = 0;
    loop {
        match reader.next() {
            Ok(Some(record)) => {
                let neighbour = Neighbour {
                    id: record.id.to_string(),
                    session_id: record.session.to_string(),
                    received_us: record.order_us,
                };
                for place in &mut lost[pending..] {
                    place.after = Some(neighbour.clone());
                }
                pending = lost.len();
                before = Some(neighbour);
            }
            Err(LogError::Damaged { .. }) => {
                let found = reader.resync()?;
                if lost.len() < LISTED_MAX {
                    let (offset, bytes) = (found.offset, found.bytes);
                    lost.push(Lost { offset, bytes, before: before.clone(), after: None });
                }
            }
            Ok(None) => return Ok(lost),
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests;
