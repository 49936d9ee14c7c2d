//! Reading one segment from front to back, with every checksum verified; not those of bytes that are still in the memory that they were
//! written from.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use uuid::Uuid;

use crate::log::error::{Damage, LogError};
use crate::log::format::header;
use crate::log::format::header::{PageFault, SegmentHeader};
use crate::log::format::record::{
    ALIGN_BYTES, HEADER_BYTES, HeaderFault, Kind, Record, RecordHeader, RecordId, u64_at,
};
use crate::log::format::sidecar::{Hole, Sidecar};
use crate::log::names;
use crate::log::recent::Recent;

use super::end::End;
use super::segment_info::SegmentInfo;

mod seek;
mod window;

use window::FileWindow;

const STEP: u64 = ALIGN_BYTES as u64;
const FIRST: u64 = header::PAGE_BYTES as u64;

/// Why a whole, sound segment is passed over: it is none of this log's, and no damage.
pub const ANOTHER_LOG: &str = "a segment of another log";

/// A stretch of zeros this long is taken for the rest of a segment.
///
/// A writer's data that is not durable is never more than its window and a group or two, far less than this, so anything after such a stretch
/// was never acknowledged. It spares readers the unused rest of a segment.
pub(in crate::log) const BLANK_BYTES_MAX: u64 = 32 << 20;

/// A record's place in a segment, once header and payload were found intact.
#[derive(Debug, Clone, Copy)]
pub(in crate::log) struct Found {
    pub(in crate::log) offset: u64,
    pub(in crate::log) header: RecordHeader,
}

impl Found {
    /// The durable end that the record vouches for. No record was durable before it was written, so a larger one is not believed.
    pub(in crate::log) fn vouched(&self) -> u64 {
        let durable = self.header.durable_bytes();
        if durable <= self.offset { durable } else { 0 }
    }
}

/// Invalid bytes that the reader stands before.
#[derive(Debug, Clone, Copy)]
struct InvalidStretch {
    offset: u64,
    /// Where the search for the next valid record begins.
    resume: u64,
    reason: &'static str,
}

/// Reads a segment's records in their order, by `pread` into a buffer of its own that each call uses again, or from memory that it borrows.
#[derive(Debug)]
pub struct SegmentReader {
    window: FileWindow,
    path: PathBuf,
    header: SegmentHeader,
    end: End,
    offset: u64,
    stuck: Option<InvalidStretch>,
    holes: Vec<Hole>,
}

impl SegmentReader {
    /// Opens a segment as far as [`LogReader::segments`](super::LogReader::segments) found it readable.
    pub fn open(info: &SegmentInfo) -> Result<SegmentReader, LogError> {
        let mut reader = SegmentReader::open_path(&info.path, info.log, info.core, info.id, info.end)?;
        if let (true, End::At(length)) = (info.sealed(), info.end) {
            reader.set_sealed(length, info.sidecar.as_ref());
        }
        Ok(reader)
    }

    pub(in crate::log) fn open_path(
        path: &Path,
        log: Uuid,
        core: u16,
        segment: u64,
        end: End,
    ) -> Result<SegmentReader, LogError> {
        let file = File::open(path).map_err(LogError::io(path, "open the segment"))?;
        SegmentReader::new(file, path.to_path_buf(), log, core, segment, end)
    }

    /// Takes an open file whose place in the log (core and id, from its path) is known.
    ///
    /// If the first page is damaged, the marker is taken from the first record, and the page counts as damage. A later header would not do:
    /// there a client's bytes could pose as one.
    pub(in crate::log) fn new(
        file: File,
        path: PathBuf,
        log: Uuid,
        core: u16,
        segment: u64,
        end: End,
    ) -> Result<SegmentReader, LogError> {
        let mut window = FileWindow::new(file);
        let read = LogError::io(&path, "read the segment's first page");
        let limit = end.limit().max(FIRST);
        let first = window
            .ensure(0, header::PAGE_BYTES + HEADER_BYTES, limit)
            .and_then(|first| Ok(window.ensure(0, header::PAGE_BYTES, limit)? && first))
            .map_err(read)?;
        let page = window.held();
        let (header, stuck) = match SegmentHeader::decode(&page[..page.len().min(header::PAGE_BYTES)]) {
            Ok(found) if found.log != log => return Err(foreign(path, ANOTHER_LOG)),
            Ok(found) if (found.core, found.segment) != (core, segment) => {
                return Err(foreign(path, "the segment's first page names another core or segment than its path"));
            }
            Ok(found) => (found, None),
            Err(PageFault::Version(found)) => {
                return Err(LogError::Version { path, found, known: header::VERSION });
            }
            Err(fault) => match first.then(|| first_marker(&page[header::PAGE_BYTES..])).flatten() {
                Some(marker) => (
                    SegmentHeader { core, log, segment, marker, segment_bytes: 0 },
                    Some(InvalidStretch { offset: 0, resume: FIRST, reason: fault.as_str() }),
                ),
                None => return Err(foreign(path, fault.as_str())),
            },
        };
        Ok(SegmentReader { window, path, header, end, offset: FIRST, stuck, holes: Vec::new() })
    }

    /// Takes an open file whose first page and first record are both damaged, and whose marker is known all the same.
    pub(in crate::log) fn headless(file: File, path: PathBuf, header: SegmentHeader, end: End) -> SegmentReader {
        let stuck = InvalidStretch { offset: 0, resume: FIRST, reason: PageFault::Checksum.as_str() };
        SegmentReader {
            window: FileWindow::new(file),
            path,
            header,
            end,
            offset: FIRST,
            stuck: Some(stuck),
            holes: Vec::new(),
        }
    }

    /// From now on borrows what is still in memory of this core's log, and reads the rest from the file.
    pub(in crate::log) fn borrow_from(&mut self, recent: &Arc<Recent>) {
        self.window.borrow_from(Arc::clone(recent), self.header.segment);
    }

    /// The block of memory that is read; 0 for the file.
    pub(in crate::log) fn block(&self) -> u64 {
        self.window.block()
    }

    /// Gives back the memory that was borrowed last: the record that was found there can't be asked for any more.
    pub(in crate::log) fn give_back(&mut self) {
        self.window.give_back();
    }

    /// The segment's path, as it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The segment's first page. Where that was damaged, it is put together from the path and the first record, and `segment_bytes` is 0.
    pub fn header(&self) -> &SegmentHeader {
        &self.header
    }

    /// Where the next call begins to look.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Goes to a record's offset, as its id tells it.
    pub fn seek(&mut self, offset: u64) {
        self.stuck = None;
        // A place between two headers would let everything behind it look damaged.
        self.offset = offset.max(FIRST).checked_next_multiple_of(STEP).unwrap_or(u64::MAX - (STEP - 1));
    }

    pub(in crate::log) fn end(&self) -> End {
        self.end
    }

    pub(in crate::log) fn set_end(&mut self, end: End) {
        self.end = end;
    }

    /// The end of a sealed segment, by the length of its file; the damage that its sidecar names is passed over.
    ///
    /// A file shorter than its sidecar says was cut by something else: the rest counts as damage, and is not skipped silently.
    pub(in crate::log) fn set_sealed(&mut self, length: u64, sidecar: Option<&Sidecar>) {
        self.end = End::At(sidecar.map_or(length, |sidecar| sidecar.bytes.max(length)));
        self.holes = sidecar.map(|sidecar| sidecar.damage.clone()).unwrap_or_default();
    }

    pub(in crate::log) fn file(&self) -> &File {
        &self.window.file
    }

    pub(in crate::log) fn stored_id(&self, offset: u64) -> RecordId {
        RecordId { log: self.header.log, core: self.header.core, segment: self.header.segment, offset }
    }

    /// The next record; None at the end (for a segment in use: for now).
    ///
    /// Before invalid bytes it returns [`LogError::Damaged`], again and again, until [`resync`](SegmentReader::resync) steps over them.
    #[expect(clippy::should_implement_trait, reason = "lends from its buffer, which an Iterator cannot")]
    pub fn next(&mut self) -> Result<Option<Record<'_>>, LogError> {
        match self.advance()? {
            Some(found) => Ok(Some(self.record(&found))),
            None => Ok(None),
        }
    }

    /// Steps over the invalid bytes at hand to the next valid header, or to the end, and tells what was stepped over.
    pub fn resync(&mut self) -> Result<Damage, LogError> {
        let Some(stuck) = self.stuck else {
            return Ok(self.damage(self.offset, 0, "nothing is damaged here"));
        };
        self.offset = self.next_header(stuck.resume, self.end.limit())?;
        self.stuck = None;
        Ok(self.damage(stuck.offset, self.offset - stuck.offset, stuck.reason))
    }

    /// Finds the next record and verifies it; pads and known holes are skipped.
    pub(in crate::log) fn advance(&mut self) -> Result<Option<Found>, LogError> {
        loop {
            let Some(found) = self.step()? else { return Ok(None) };
            if found.header.kind != Kind::Pad {
                return Ok(Some(found));
            }
        }
    }

    /// The next record, if it is in the buffer as a whole and sound: what was found before stays there. None where
    /// [`advance`](SegmentReader::advance) has to tell what comes.
    pub(in crate::log) fn advance_in_memory(&mut self) -> Option<Found> {
        loop {
            let offset = self.offset;
            if self.stuck.is_some() || offset >= self.end.limit() || !self.window.holds(offset, HEADER_BYTES) {
                return None;
            }
            // Not verified yet; a wrong length is found out by `look`.
            let header = self.window.header_at(offset);
            let body_bytes = RecordHeader::told_body_bytes(header);
            if u64_at(header, 0) != self.header.marker || !self.window.holds(offset, HEADER_BYTES + body_bytes) {
                return None;
            }
            match self.look() {
                Ok(Some(found)) if found.header.kind == Kind::Pad => {}
                Ok(found) => return found,
                // It is still there at the next call.
                Err(_) => return None,
            }
        }
    }

    /// Like [`advance`](SegmentReader::advance), but shows pads too.
    pub(in crate::log) fn step(&mut self) -> Result<Option<Found>, LogError> {
        loop {
            let found = self.look();
            // A sidecar has no checksum, so it is not believed about where the next record begins: that is looked for once more.
            let known = |stuck: &InvalidStretch| self.holes.iter().any(|hole| hole.holds(stuck.offset));
            if !(matches!(found, Err(LogError::Damaged { .. })) && self.stuck.as_ref().is_some_and(known)) {
                return found;
            }
            self.resync()?;
        }
    }

    fn look(&mut self) -> Result<Option<Found>, LogError> {
        if let Some(stuck) = self.stuck {
            return Err(self.damaged(&stuck));
        }
        let offset = self.offset;
        let limit = self.end.limit();
        if offset >= limit {
            return Ok(None);
        }
        self.follow_the_name(offset, HEADER_BYTES);
        if !self.ensure(offset, HEADER_BYTES, limit)? {
            return self.cut_short(offset);
        }
        let as_written = self.window.is_as_written();
        let decode = if as_written { RecordHeader::decode_as_written } else { RecordHeader::decode };
        let header = match decode(self.window.header_at(offset), self.header.marker) {
            // Nothing else confirms a pad's length, and a wrong one would hide everything after it.
            Ok(header) if header.kind == Kind::Pad && !fills_its_page(offset, &header) => {
                return Err(self.stick(offset, offset + STEP, "a pad that does not end with its page"));
            }
            Ok(header) => header,
            Err(HeaderFault::Blank) if matches!(self.end, End::Within(_)) => {
                let to = limit.min(offset.saturating_add(BLANK_BYTES_MAX));
                let next = self.next_header(offset + STEP, to)?;
                if next >= to {
                    return Ok(None);
                }
                return Err(self.stick(offset, next, HeaderFault::Blank.as_str()));
            }
            Err(fault) => return Err(self.stick(offset, offset + STEP, fault.as_str())),
        };
        // What fills up a record or is skipped by a pad carries nothing, so that a file that ends there has lost nothing.
        let next = (offset + header.stored_bytes()).min(limit);
        if header.kind == Kind::Pad {
            self.offset = next;
            return Ok(Some(Found { offset, header }));
        }
        let body_bytes = header.body_bytes();
        if offset + STEP + body_bytes as u64 > limit {
            return Err(self.stick(offset, offset + STEP, "the record runs past the end"));
        }
        if self.follow_the_name(offset, HEADER_BYTES + body_bytes) {
            // The header at hand is that of the old file.
            return self.look();
        }
        if !self.ensure(offset, HEADER_BYTES + body_bytes, limit)? {
            return self.cut_short(offset);
        }
        let verified = || crc32c::crc32c(self.window.slice(offset + STEP, body_bytes)) == header.payload_crc;
        if !as_written && !verified() {
            // The header is intact, so its length is good and nothing but this record is lost.
            return Err(self.stick(offset, next, "the payload's checksum does not match"));
        }
        self.offset = next;
        Ok(Some(Found { offset, header }))
    }

    /// The record that was found last. Its bytes are in the buffer until the next step.
    pub(in crate::log) fn record(&self, found: &Found) -> Record<'_> {
        let body = self.window.slice(found.offset + STEP, found.header.body_bytes());
        Record::new(self.stored_id(found.offset), &found.header, body)
    }

    /// The bytes between a record's end and the next header, which are zero in a sound file; None where they are not at hand any more.
    pub(in crate::log) fn padding(&mut self, found: &Found) -> Result<&[u8], LogError> {
        let from = found.offset + STEP + found.header.body_bytes() as u64;
        let bytes = (found.offset + found.header.stored_bytes()).min(self.end.limit()).saturating_sub(from) as usize;
        let held = self.ensure(from, bytes, self.end.limit())?;
        Ok(if held { self.window.slice(from, bytes) } else { &[] })
    }

    /// Hashes everything that is read from here on, from the first byte of the file. To be called before the first step.
    pub(in crate::log) fn hash_all(&mut self) {
        self.window.hash_all();
    }

    /// Reads what is left up to `end`, and returns the hash of it all.
    pub(in crate::log) fn finish_hash(&mut self, end: u64) -> Result<Option<blake3::Hash>, LogError> {
        self.ensure(end, 0, end)?;
        Ok(self.window.hasher.as_ref().map(|hasher| hasher.finalize()))
    }

    /// The first page, if it is still in the buffer (before the first step).
    pub(in crate::log) fn first_page(&self) -> Option<&[u8]> {
        (self.window.start == 0).then(|| self.window.held()).and_then(|held| held.get(..header::PAGE_BYTES))
    }

    /// The next valid header from `at` on, or a place where known damage begins; `limit` where there is none before it.
    fn next_header(&mut self, mut at: u64, limit: u64) -> Result<u64, LogError> {
        while at < limit {
            if self.holes.iter().any(|hole| hole.offset == at) {
                return Ok(at);
            }
            if !self.ensure(at, HEADER_BYTES, limit)? {
                break;
            }
            let bytes = self.window.header_at(at);
            if u64_at(bytes, 0) == self.header.marker
                && let Ok(header) = RecordHeader::decode(bytes, self.header.marker)
                && at + STEP + header.body_bytes() as u64 <= self.end.limit()
                && (header.kind != Kind::Pad || fills_its_page(at, &header))
            {
                return Ok(at);
            }
            at += STEP;
        }
        Ok(limit)
    }

    /// Goes on in the file that has the segment's name now, if more has to be read and records were erased meanwhile: that one has every
    /// record in its place. Returns whether it is another file.
    fn follow_the_name(&mut self, offset: u64, bytes: usize) -> bool {
        let needs_more = !self.window.holds(offset, bytes) && self.window.hasher.is_none();
        needs_more && self.window.is_nameless() && self.window.change_to(&self.path.with_extension(names::SEALED))
    }

    fn cut_short(&mut self, offset: u64) -> Result<Option<Found>, LogError> {
        match self.end {
            End::Within(_) => Ok(None),
            End::At(limit) => Err(self.stick(offset, limit, "the file ends too early")),
        }
    }

    fn ensure(&mut self, at: u64, bytes: usize, limit: u64) -> Result<bool, LogError> {
        self.window.ensure(at, bytes, limit).map_err(LogError::io(&self.path, "read the segment"))
    }

    fn stick(&mut self, offset: u64, resume: u64, reason: &'static str) -> LogError {
        let reason = if self.window.unreadable(offset, resume) { "the disk cannot read it" } else { reason };
        let stuck = InvalidStretch { offset, resume, reason };
        self.stuck = Some(stuck);
        self.damaged(&stuck)
    }

    fn damaged(&self, stuck: &InvalidStretch) -> LogError {
        LogError::Damaged { path: self.path.clone(), offset: stuck.offset, bytes: 0, reason: stuck.reason }
    }

    fn damage(&self, offset: u64, bytes: u64, reason: &'static str) -> Damage {
        let (core, segment) = (self.header.core, self.header.segment);
        Damage { path: self.path.clone(), core, segment, offset, bytes, reason }
    }
}

/// Whether a pad ends where its page does, as every pad that was written.
fn fills_its_page(offset: u64, pad: &RecordHeader) -> bool {
    offset / FIRST == (offset + pad.stored_bytes() - 1) / FIRST && (offset + pad.stored_bytes()).is_multiple_of(FIRST)
}

fn foreign(path: PathBuf, reason: &'static str) -> LogError {
    LogError::Foreign { path, reason }
}

/// The marker of the record that these bytes begin with, if they begin with one.
fn first_marker(bytes: &[u8]) -> Option<u64> {
    let header: &[u8; HEADER_BYTES] = bytes.first_chunk()?;
    let marker = u64_at(header, 0);
    (marker != 0 && RecordHeader::decode(header, marker).is_ok()).then_some(marker)
}

#[cfg(test)]
mod tests;
