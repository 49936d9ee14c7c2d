//! The second pass: every intact record is copied, read and checked once more on the way, into a segment that is then sealed.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::log::error::LogError;
use crate::log::format::header::{PAGE_BYTES, SegmentHeader};
use crate::log::format::record::{ALIGN_BYTES, HEADER_BYTES, Kind, RecordHeader, RecordId};
use crate::log::format::sidecar::Sidecar;
use crate::log::names::{OPEN, SEALED, core_dir, segment_stem};
use crate::log::write::seal::{Sealing, seal_file};

use super::report::{DamagedRecord, LISTED_MAX, Unreadable};
use super::scan::{Stretch, is_intact};
use super::source::{Blocks, Source};

const STEP: u64 = ALIGN_BYTES as u64;
const FIRST: u64 = PAGE_BYTES as u64;

/// The sources, with one open at a time: most segments come from one.
#[derive(Debug)]
pub(super) struct SourceReader<'a> {
    sources: &'a [Source],
    open: Option<(usize, Blocks)>,
    pub(super) unreadable: Vec<Unreadable>,
}

impl<'a> SourceReader<'a> {
    pub(super) fn new(sources: &'a [Source]) -> SourceReader<'a> {
        SourceReader { sources, open: None, unreadable: Vec::new() }
    }

    pub(super) fn of(&mut self, source: usize) -> Result<&mut Blocks, LogError> {
        if self.open.as_ref().is_none_or(|(at, _)| *at != source) {
            self.close();
            self.open = Some((source, Blocks::open(&self.sources[source])?));
        }
        match &mut self.open {
            Some((_, blocks)) => Ok(blocks),
            None => unreachable!("a source was opened"),
        }
    }

    pub(super) fn close(&mut self) {
        if let Some((_, blocks)) = self.open.take() {
            for found in blocks.unreadable {
                if !self.unreadable.contains(&found) && self.unreadable.len() < LISTED_MAX {
                    self.unreadable.push(found);
                }
            }
        }
    }
}

/// A segment in the making.
#[derive(Debug)]
pub(super) struct NewSegment {
    pub(super) header: SegmentHeader,
    dir: PathBuf,
    file: File,
    path: PathBuf,
    /// What is written: beginnings and ends of unbroken stretches of records and pads.
    written: BTreeMap<u64, u64>,
    /// Where the next record goes that has no place of its own.
    end: u64,
    /// The durable end that its records vouch for.
    pub(super) durable: u64,
    pub(super) counts: CopyCounts,
    /// Records whose payload is damaged, by their offset; another source may have them whole.
    damaged: BTreeMap<u64, DamagedRecord>,
    pub(super) sources: Vec<usize>,
}

/// What happened to the records that were met.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct CopyCounts {
    pub(super) records: u64,
    /// Found again, the same in every byte.
    pub(super) repeated: u64,
    /// Another record, also intact, had the place already.
    pub(super) conflicts: u64,
}

impl NewSegment {
    pub(super) fn create(log_dir: &Path, header: SegmentHeader) -> Result<NewSegment, LogError> {
        let dir = core_dir(log_dir, header.core);
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(&dir).map_err(LogError::io(&dir, "make the core's folder"))?;
        let path = dir.join(segment_stem(header.segment)).with_extension(OPEN);
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path);
        let file = file.map_err(LogError::io(&path, "make the segment"))?;
        file.write_all_at(&header.encode(), 0).map_err(LogError::io(&path, "write the segment's first page"))?;
        let (written, counts) = (BTreeMap::new(), CopyCounts::default());
        let (damaged, sources) = (BTreeMap::new(), Vec::new());
        Ok(NewSegment { header, dir, file, path, written, end: FIRST, durable: 0, counts, damaged, sources })
    }

    /// The id that a record at this offset has.
    pub(super) fn id(&self, offset: u64) -> RecordId {
        RecordId { log: self.header.log, core: self.header.core, segment: self.header.segment, offset }
    }

    /// Copies the records of a stretch to where they lay in their segment.
    pub(super) fn copy(
        &mut self,
        reading: &mut SourceReader<'_>,
        stretch: &Stretch,
        offset: u64,
    ) -> Result<(), LogError> {
        self.note_source(stretch.source);
        let blocks = reading.of(stretch.source)?;
        let mut at = stretch.start;
        while at < stretch.end {
            let Some(header) = header_at(blocks, at, stretch.marker)? else { break };
            let place = offset + (at - stretch.start);
            self.durable = self.durable.max(header.durable_bytes());
            if is_intact(at, &header, blocks)? {
                self.put(blocks, at, &header, place)?;
            } else {
                self.note_damaged(&header, place);
            }
            at += header.stored_bytes();
        }
        Ok(())
    }

    /// Copies records that have no place: by time, one after the other, each once.
    pub(super) fn gather(
        &mut self,
        reading: &mut SourceReader<'_>,
        stretches: &[Stretch],
        kept: &mut HashSet<RecordIdentity>,
    ) -> Result<(), LogError> {
        let mut order: Vec<(u64, usize, u64)> = Vec::new();
        for stretch in stretches {
            self.note_source(stretch.source);
            let blocks = reading.of(stretch.source)?;
            let mut at = stretch.start;
            while at < stretch.end {
                let Some(header) = header_at(blocks, at, stretch.marker)? else { break };
                if header.kind != Kind::Pad && is_intact(at, &header, blocks)? {
                    order.push((header.order_us, stretch.source, at));
                }
                at += header.stored_bytes();
            }
        }
        order.sort_unstable();
        for (_, source, at) in order {
            let blocks = reading.of(source)?;
            let Some(header) = header_at(blocks, at, self.header.marker)? else { continue };
            if kept.insert(identity(&header)) {
                self.put(blocks, at, &header, self.end)?;
            } else {
                self.counts.repeated += 1;
            }
        }
        Ok(())
    }

    /// What distinguishes the records copied here from each other.
    pub(super) fn identities(&self, into: &mut HashSet<RecordIdentity>) -> Result<(), LogError> {
        for (&start, &end) in &self.written {
            let mut at = start;
            while at < end {
                let Some(header) = self.header_of(at)? else { break };
                into.insert(identity(&header));
                at += header.stored_bytes();
            }
        }
        Ok(())
    }

    /// Whether anything is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.written.is_empty()
    }

    /// Seals the segment. It is made as long as it once was, as far as that is known, so that what is missing at its end is named as damage, too.
    pub(super) fn seal(&self, expected_bytes: u64) -> Result<Sidecar, LogError> {
        let bytes = self.end.max(expected_bytes.next_multiple_of(STEP));
        let SegmentHeader { log, core, segment, .. } = self.header;
        // Whether anything is missing is known only when it has been read again; the sidecar then says so by its `damage`.
        seal_file(&self.dir, &Sealing { log, core, segment, bytes, recovered: true })
    }

    /// Removes a segment into which nothing came.
    pub(super) fn remove(self) -> Result<(), LogError> {
        fs::remove_file(&self.path).map_err(LogError::io(&self.path, "remove an empty segment"))
    }

    pub(super) fn sealed_path(&self) -> PathBuf {
        self.path.with_extension(SEALED)
    }

    fn put(&mut self, blocks: &mut Blocks, at: u64, header: &RecordHeader, place: u64) -> Result<(), LogError> {
        let end = place + header.stored_bytes();
        if let Some((_, until)) = self.written.range(..end).next_back().filter(|(_, until)| **until > place) {
            let same = *until >= end && self.header_of(place)?.is_some_and(|there| there == *header);
            // A pad is no loss, and two copies of a segment may have been cut at different places.
            if header.kind != Kind::Pad {
                self.counts.repeated += u64::from(same);
                self.counts.conflicts += u64::from(!same);
            }
            return Ok(());
        }
        let write = || LogError::io(&self.path, "write a record");
        self.file.write_all_at(&header.to_bytes(), place).map_err(write())?;
        let mut to = place + STEP;
        blocks.each(at + STEP, header.body_bytes() as u64, &mut |piece| {
            self.file.write_all_at(piece, to).map_err(write())?;
            to += piece.len() as u64;
            Ok(())
        })?;
        self.counts.records += u64::from(header.kind != Kind::Pad);
        self.note_written(place, end);
        Ok(())
    }

    fn note_written(&mut self, mut start: u64, mut end: u64) {
        self.end = self.end.max(end);
        if let Some((&before, _)) = self.written.range(..start).next_back().filter(|(_, until)| **until == start) {
            start = before;
        }
        if let Some(after) = self.written.remove(&end) {
            end = after;
        }
        self.written.insert(start, end);
    }

    fn note_source(&mut self, source: usize) {
        if !self.sources.contains(&source) {
            self.sources.push(source);
        }
    }

    fn note_damaged(&mut self, header: &RecordHeader, place: u64) {
        if header.kind == Kind::Pad || self.damaged.len() == LISTED_MAX {
            return;
        }
        let record = DamagedRecord {
            id: self.id(place).to_string(),
            session_id: header.session.to_string(),
            received_us: header.order_us,
            bytes: u64::from(header.payload_len),
        };
        self.damaged.insert(place, record);
    }

    /// The records that no source has whole, though their headers are intact.
    pub(super) fn damaged(&mut self) -> Vec<DamagedRecord> {
        let damaged = std::mem::take(&mut self.damaged);
        damaged.into_iter().filter(|(place, _)| !self.is_written(*place)).map(|(_, record)| record).collect()
    }

    fn is_written(&self, place: u64) -> bool {
        self.written.range(..=place).next_back().is_some_and(|(_, until)| *until > place)
    }

    /// The header that was written at an offset.
    fn header_of(&self, offset: u64) -> Result<Option<RecordHeader>, LogError> {
        let mut bytes = [0; HEADER_BYTES];
        let read = LogError::io(&self.path, "read a record again");
        self.file.read_exact_at(&mut bytes, offset).map_err(read)?;
        Ok(RecordHeader::decode(&bytes, self.header.marker).ok())
    }
}

/// What distinguishes a record from all others of its segment.
pub(super) type RecordIdentity = (u64, u32, u32);

fn identity(header: &RecordHeader) -> RecordIdentity {
    (header.order_us, header.header_crc, header.payload_crc)
}

fn header_at(blocks: &mut Blocks, at: u64, marker: u64) -> Result<Option<RecordHeader>, LogError> {
    let block = blocks.get(at, HEADER_BYTES)?.and_then(|block| block.first_chunk());
    Ok(block.and_then(|block| RecordHeader::decode(block, marker).ok()))
}
