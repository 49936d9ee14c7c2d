//! The new log as it is written: which segment takes what, and what the report says of it.

use std::collections::{BTreeSet, HashSet};
use std::io;

use uuid::Uuid;

use crate::log::disk::calls::sync_dir;
use crate::log::error::LogError;
use crate::log::format::header::{PAGE_BYTES, SegmentHeader};
use crate::log::format::sidecar::Sidecar;
use crate::log::read::reader::{End, SegmentReader};

use super::options::Options;
use super::plan::PlannedSegment;
use super::report::{LISTED_MAX, Lost, MissingSegment, Neighbour, Report, SegmentReport};
use super::scan::Stretch;
use super::source::SourceFiles;
use super::write::{NewSegment, RecordIdentity, SourceReader};

/// The writing of the new log.
pub(super) struct NewLogWriter<'a> {
    options: &'a Options,
    found: &'a SourceFiles,
    log: Uuid,
    pub(super) reading: SourceReader<'a>,
    /// Stretches without a place, by marker.
    pub(super) astray: Vec<(u64, Vec<Stretch>)>,
    /// What is known to be in the new log already, of markers that have stretches without a place, too.
    kept: HashSet<RecordIdentity>,
    seen: BTreeSet<(u16, u64)>,
    /// For each core that takes what has no place: its newest time, and its newest segment.
    lanes: Vec<(u64, u64)>,
    first_lane: u32,
    report: Report,
}

impl<'a> NewLogWriter<'a> {
    pub(super) fn new(
        options: &'a Options,
        found: &'a SourceFiles,
        log: Uuid,
        planned: &[PlannedSegment],
    ) -> NewLogWriter<'a> {
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
        NewLogWriter {
            options,
            found,
            log,
            reading: SourceReader::new(&found.sources),
            astray: Vec::new(),
            kept: HashSet::new(),
            seen: BTreeSet::new(),
            lanes: Vec::new(),
            first_lane: planned.iter().map(|segment| u32::from(segment.header.core) + 1).max().unwrap_or(0),
            report,
        }
    }

    pub(super) fn write_placed(&mut self, planned: &[PlannedSegment]) -> Result<(), LogError> {
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
            let mut target = NewSegment::create(&self.options.to, header)?;
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
    pub(super) fn write_astray(&mut self) -> Result<(), LogError> {
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
            let mut target = NewSegment::create(&self.options.to, header)?;
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
    fn seal(&mut self, mut target: NewSegment, expected_bytes: u64, ids_kept: bool) -> Result<u64, LogError> {
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

    pub(super) fn finish(mut self) -> Result<Report, LogError> {
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
fn lost_places(target: &NewSegment, sidecar: &Sidecar) -> Result<Vec<Lost>, LogError> {
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
