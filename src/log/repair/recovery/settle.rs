//! Settling one segment that was left open.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::log::error::{Damage, LogError};
use crate::log::format::header::{PAGE_BYTES, PageFault, SegmentHeader};
use crate::log::format::record::{ALIGN_BYTES, Kind};
use crate::log::format::sidecar;
use crate::log::names;
use crate::log::read::description;
use crate::log::read::reader::{BLANK_BYTES_MAX, End, SegmentFile, SegmentReader, is_torn};
use crate::log::repair::salvage::marker_of;

use super::core_recovery::CoreRecovery;
use super::durability::KnownDurable;
use super::sync::sync_dir;

const FIRST: u64 = PAGE_BYTES as u64;
const STEP: u64 = ALIGN_BYTES as u64;

/// What was found in a segment.
struct SegmentSurvey {
    /// The end of the last intact record.
    records_end: u64,
    /// The durable end: what the control page said, or an intact record vouches for.
    durable: u64,
    /// Stretches between and after intact records, the last one perhaps to the end of the file.
    invalid: Vec<Damage>,
    /// Where the first of them begins that a copy leaves of what was being written.
    torn_from: Option<u64>,
    records: u64,
    batches: u64,
    newest_us: u64,
}

impl CoreRecovery<'_> {
    /// Seals a segment, or deletes it where nothing was ever put into it.
    pub(super) fn settle(&mut self, file: &SegmentFile, told: KnownDurable) -> Result<(), LogError> {
        let path = &file.path;
        let open =
            OpenOptions::new().read(true).write(true).open(path).map_err(LogError::io(path, "open the segment"))?;
        self.make_believable(&open, path);
        let length = open.metadata().map_err(LogError::io(path, "find the segment's length"))?.len();
        let reading = open.try_clone().map_err(LogError::io(path, "open the segment again"))?;
        let mut reader = match SegmentReader::new(reading, path.clone(), self.log, self.core, file.id, End::At(length))
        {
            Ok(reader) => reader,
            Err(LogError::Foreign { .. }) if told.nothing() && is_blank(&open, length) => return self.delete(path),
            Err(error @ LogError::Foreign { .. }) => self.by_its_records(&open, file, length)?.ok_or(error)?,
            Err(error) => return Err(error),
        };
        let survey = survey(&mut reader, told, length)?;
        let mut durable = survey.durable.max(FIRST);
        if matches!(told, KnownDurable::Whole) {
            let tail_bytes = written_bytes(&open, survey.records_end, length).next_multiple_of(STEP);
            durable = durable.max(survey.records_end + tail_bytes);
        }
        if let (KnownDurable::Copied, Some(torn_from)) = (told, survey.torn_from) {
            // What the copy does not hold from there on was not durable when it began.
            durable = durable.min(torn_from).max(FIRST);
        }
        if survey.records == 0 && durable == FIRST {
            if written_bytes(&open, FIRST, length) == 0 {
                return self.delete(path);
            }
            return Err(LogError::Foreign { path: path.clone(), reason: "holds no intact record" });
        }
        let end = survey.records_end.max(durable.min(length));
        self.account(&open, &survey, durable, end, length);
        self.mend_first_page(&open, path, &reader, &survey)?;
        self.seal(&open, file, end, durable)?;
        self.done.segments += 1;
        self.done.records += survey.records;
        self.done.batches += survey.batches;
        self.done.newest_us = self.done.newest_us.max(survey.newest_us);
        if durable > length {
            let (core, segment, path) = (self.core, file.id, file.sealed_path());
            let reason = "the file ends before its durable end";
            self.done.damage.push(Damage { path, core, segment, offset: length, bytes: durable - length, reason });
        }
        Ok(())
    }

    /// A reader of a segment whose first page and first record are both damaged, if the records behind tell for certain that they are of this
    /// file. Then nothing is lost but what is damaged; otherwise the file goes to quarantine as it is.
    fn by_its_records(&self, open: &File, file: &SegmentFile, length: u64) -> Result<Option<SegmentReader>, LogError> {
        let path = &file.path;
        let mut page = [0; PAGE_BYTES];
        let whole = open.read_exact_at(&mut page, 0).is_ok();
        if whole && !matches!(SegmentHeader::decode(&page), Err(PageFault::Magic | PageFault::Checksum)) {
            return Ok(None);
        }
        let Some(marker) = marker_of(path)? else { return Ok(None) };
        let header = SegmentHeader { core: self.core, log: self.log, segment: file.id, marker, segment_bytes: 0 };
        let reading = open.try_clone().map_err(LogError::io(path, "open the segment again"))?;
        Ok(Some(SegmentReader::headless(reading, path.clone(), header, End::At(length))))
    }

    /// After a kill the bytes may be in memory only, and after an I/O error memory may lie: so what is read next comes from the disk.
    fn make_believable(&mut self, open: &File, path: &Path) {
        if let Err(error) = self.disk.sync(open) {
            self.done.problems.push(LogError::io(path, "sync the segment that was left open")(error));
        }
        if let Err(error) = self.disk.drop_cache(open) {
            self.done.problems.push(LogError::io(path, "drop the segment from memory")(error));
        }
    }

    /// Divides the invalid stretches into damage (below the durable end) and what was never acknowledged.
    fn account(&mut self, open: &File, survey: &SegmentSurvey, durable: u64, end: u64, length: u64) {
        for stretch in &survey.invalid {
            let (from, to) = (stretch.offset, (stretch.offset + stretch.bytes).min(end));
            let damaged_to = to.min(durable);
            if from < damaged_to {
                let mut damage = Damage { bytes: damaged_to - from, ..stretch.clone() };
                if let Err(error) = self.quarantine.copy(open, &damage) {
                    self.done.problems.push(error);
                }
                // By the name that the segment is about to bear.
                damage.path.set_extension(names::SEALED);
                self.done.damage.push(damage);
            }
            let dropped_from = from.max(durable);
            if dropped_from < to {
                self.done.dropped_bytes += written_bytes(open, dropped_from, to);
            }
        }
        self.done.dropped_bytes += written_bytes(open, end, length);
    }

    /// A first page that was damaged is put together again from what the path and the records tell; its damage is in quarantine by now.
    fn mend_first_page(
        &self,
        open: &File,
        path: &Path,
        reader: &SegmentReader,
        survey: &SegmentSurvey,
    ) -> Result<(), LogError> {
        if survey.invalid.first().is_some_and(|stretch| stretch.offset == 0) {
            let page = reader.header().encode();
            self.disk.write_at(open, &page, 0).map_err(LogError::io(path, "mend the segment's first page"))?;
        }
        Ok(())
    }

    fn seal(&mut self, open: &File, file: &SegmentFile, end: u64, durable: u64) -> Result<(), LogError> {
        let path = &file.path;
        self.disk.set_len(open, end).map_err(LogError::io(path, "cut the segment to its length"))?;
        self.disk.sync(open).map_err(LogError::io(path, "sync the segment"))?;
        // Without a sidecar a segment is still readable, and the disk may be full: not a reason to leave it unsealed.
        let described = description::describe(path, self.log, self.core, file.id)
            .map(|described| described.with_gaps_from(durable))
            .and_then(|mut described| {
                described.recovered = true;
                described.set_received(self.ended_us);
                described.write_on(self.disk, path)
            })
            // The sidecar's name first: a power cut may keep one of two renames that were not synced, and either of them.
            .and_then(|()| sync_dir(self.disk, self.dir));
        if let Err(error) = described {
            self.done.problems.push(error);
        }
        self.disk.rename(path, &file.sealed_path()).map_err(LogError::io(path, "give the segment its sealed name"))
    }

    fn delete(&mut self, path: &Path) -> Result<(), LogError> {
        match self.disk.remove(&sidecar::path_of(path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                self.done.problems.push(LogError::io(path, "remove the sidecar of an empty segment")(error));
            }
            _ => {}
        }
        self.disk.remove(path).map_err(LogError::io(path, "remove an empty segment"))
    }
}

/// Finds every intact record of a segment.
fn survey(reader: &mut SegmentReader, told: KnownDurable, length: u64) -> Result<SegmentSurvey, LogError> {
    let durable = if let KnownDurable::UpTo(durable) = told { durable } else { 0 };
    let mut survey = SegmentSurvey {
        records_end: FIRST,
        durable,
        invalid: Vec::new(),
        torn_from: None,
        records: 0,
        batches: 0,
        newest_us: 0,
    };
    loop {
        // The search for the next record goes on as far as one may lie that matters.
        let limit = survey.durable.max(survey.records_end).saturating_add(BLANK_BYTES_MAX).min(length);
        reader.set_end(End::At(limit));
        match reader.step() {
            Ok(Some(found)) => {
                let header = found.header;
                survey.records_end = reader.offset();
                survey.durable = survey.durable.max(found.vouched());
                if header.kind != Kind::Pad {
                    survey.records += 1;
                    survey.batches += u64::from(header.kind == Kind::Batch);
                    survey.newest_us = survey.newest_us.max(header.order_us);
                }
            }
            Ok(None) => return Ok(survey),
            Err(LogError::Damaged { .. }) => {
                let stretch = reader.resync()?;
                if survey.torn_from.is_none() && is_torn(reader.file(), &stretch) {
                    survey.torn_from = Some(stretch.offset);
                }
                survey.invalid.push(stretch);
            }
            Err(error) => return Err(error),
        }
    }
}

/// How many of the bytes from `from` to `to` were written: up to the last that is not zero. Stops at [`BLANK_BYTES_MAX`].
fn written_bytes(file: &File, from: u64, to: u64) -> u64 {
    let mut buffer = vec![0; 1 << 16];
    let to = to.min(from.saturating_add(BLANK_BYTES_MAX));
    let (mut at, mut written) = (from, 0);
    while at < to {
        let want = buffer.len().min((to - at) as usize);
        let Ok(got) = file.read_at(&mut buffer[..want], at) else { return written };
        if got == 0 {
            break;
        }
        if let Some(last) = buffer[..got].iter().rposition(|&byte| byte != 0) {
            written = at + last as u64 + 1 - from;
        }
        at += got as u64;
    }
    written
}

fn is_blank(file: &File, length: u64) -> bool {
    written_bytes(file, 0, length) == 0
}
