//! A segment as a sequence of pieces, one behind the other, that together are all of it but the first page.

use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::log::error::LogError;
use crate::log::format::header::PAGE_BYTES;
use crate::log::format::record::{HEADER_BYTES, Kind, RecordHeader};
use crate::log::read::reader::{End, Found, SegmentInfo, SegmentReader};

const FIRST: u64 = PAGE_BYTES as u64;

/// A part of a segment.
#[derive(Debug, Clone, Copy)]
pub(super) enum Piece {
    /// An intact record or pad.
    Whole(Found),
    /// A record whose header is intact and whose payload is not.
    Torn(Found),
    /// Bytes that belong to no record that can be read.
    Raw { offset: u64, bytes: u64 },
}

impl Piece {
    /// Where it begins and how long it is.
    pub(super) fn extent(&self, length: u64) -> (u64, u64) {
        match self {
            Piece::Whole(found) | Piece::Torn(found) => {
                (found.offset, found.header.stored_bytes().min(length - found.offset))
            }
            Piece::Raw { offset, bytes } => (*offset, *bytes),
        }
    }
}

/// Reads a sealed segment piece by piece, whatever its sidecar says of damage.
#[derive(Debug)]
pub(super) struct Pieces {
    reader: SegmentReader,
    length: u64,
}

impl Pieces {
    /// Opens the segment's file, or a copy of it.
    pub(super) fn open(info: &SegmentInfo, path: &Path) -> Result<Pieces, LogError> {
        let stat = LogError::io(path, "find the segment's length");
        let length = std::fs::metadata(path).map_err(stat)?.len();
        let reader = SegmentReader::open_path(path, info.log, info.core, info.id, End::At(length))?;
        Ok(Pieces { reader, length })
    }

    /// Reads only so far: of a segment that is written, what is durable.
    pub(super) fn end_at(&mut self, end: u64) {
        self.length = self.length.min(end);
        self.reader.set_end(End::At(self.length));
    }

    /// Hashes all that is read. To be called first.
    pub(super) fn hash_all(&mut self) {
        self.reader.hash_all();
    }

    /// The hash of the whole file.
    pub(super) fn finish_hash(&mut self) -> Result<String, LogError> {
        let hash = self.reader.finish_hash(self.length)?;
        Ok(hash.map(|hash| hash.to_hex().to_string()).unwrap_or_default())
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn marker(&self) -> u64 {
        self.reader.header().marker
    }

    /// The next piece; None at the end.
    pub(super) fn next(&mut self) -> Result<Option<Piece>, LogError> {
        match self.reader.step() {
            Ok(Some(found)) => Ok(Some(Piece::Whole(found))),
            Ok(None) => Ok(None),
            Err(LogError::Damaged { offset, .. }) => self.damaged(offset).map(Some),
            Err(error) => Err(error),
        }
    }

    fn damaged(&mut self, offset: u64) -> Result<Piece, LogError> {
        let mut bytes = [0; HEADER_BYTES];
        let is_at_hand = offset >= FIRST && offset + HEADER_BYTES as u64 <= self.length;
        if is_at_hand
            && self.reader.file().read_exact_at(&mut bytes, offset).is_ok()
            && let Ok(header) = RecordHeader::decode(&bytes, self.marker())
            && header.kind != Kind::Pad
            && offset + (HEADER_BYTES + header.body_bytes()) as u64 <= self.length
        {
            let found = Found { offset, header };
            self.reader.seek(offset + header.stored_bytes());
            return Ok(Piece::Torn(found));
        }
        let damage = self.reader.resync()?;
        let from = damage.offset.max(FIRST);
        let to = (damage.offset + damage.bytes).min(self.length).max(from);
        Ok(Piece::Raw { offset: from, bytes: to - from })
    }

    /// Extension and payload of the whole record that was found last.
    pub(super) fn body(&self, found: &Found) -> [&[u8]; 2] {
        let record = self.reader.record(found);
        [record.ext.0, record.payload]
    }

    /// Bytes as the file has them.
    pub(super) fn raw(&self, offset: u64, bytes: usize) -> Result<Vec<u8>, LogError> {
        let mut raw = vec![0; bytes];
        let read = LogError::io(self.reader.path(), "read the segment");
        self.reader.file().read_exact_at(&mut raw, offset).map_err(read)?;
        Ok(raw)
    }
}
