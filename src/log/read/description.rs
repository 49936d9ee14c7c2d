//! Describing a segment for its sidecar: it is read, verified, hashed and counted.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

use crate::log::error::LogError;
use crate::log::format::sidecar::{Hole, Sidecar, Tally};
use crate::log::recent::Recent;

use super::reader::{End, SegmentReader};

/// Reads a segment that was cut to its length, hashes it whole, and describes it. Stretches without valid records become its `damage`.
///
/// Every checksum is verified on the way. Bytes that were not written where a record should be (zeros before the end) count as damage too.
pub fn describe(segment: &Path, log: Uuid, core: u16, id: u64) -> Result<Sidecar, LogError> {
    let stat = LogError::io(segment, "find the segment's length");
    let bytes = fs::metadata(segment).map_err(stat)?.len();
    Description::begin(segment, log, core, id, bytes, None)?.finish(bytes, 0)
}

/// A sidecar in the making: a segment is read, verified, hashed and counted piece by piece, as far as it is durable.
#[derive(Debug)]
pub(in crate::log) struct Description {
    reader: SegmentReader,
    tally: Tally,
    damage: Vec<Hole>,
    core: u16,
    id: u64,
    /// How far was read, and the wall clock then, at the latest.
    read_to: u64,
    latest_us: u64,
}

impl Description {
    /// Opens a segment that no longer changes below `end`. What is recent is not read from the file.
    pub(in crate::log) fn begin(
        segment: &Path,
        log: Uuid,
        core: u16,
        id: u64,
        end: u64,
        recent: Option<&Arc<Recent>>,
    ) -> Result<Description, LogError> {
        let mut reader = SegmentReader::open_path(segment, log, core, id, End::At(end))?;
        if let Some(recent) = recent {
            reader.borrow_from(recent);
        }
        reader.hash_all();
        Ok(Description { reader, tally: Tally::default(), damage: Vec::new(), core, id, read_to: 0, latest_us: 0 })
    }

    /// Goes on towards `end`, where a record ends, for some `most` bytes. Returns how far it came. It is `latest_us` at most by the wall clock; 0
    /// where that is not known. Tells `on_block` each time that another block of memory is read; 0 where the file is.
    pub(in crate::log) fn read_to(
        &mut self,
        end: u64,
        most: u64,
        latest_us: u64,
        on_block: &mut dyn FnMut(u64),
    ) -> Result<u64, LogError> {
        if end > self.read_to {
            (self.read_to, self.latest_us) = (end, latest_us);
        }
        self.reader.set_end(End::At(end));
        let enough = self.reader.offset().saturating_add(most);
        let mut block = None;
        while self.reader.offset() < enough {
            let found = self.reader.advance();
            if block != Some(self.reader.block()) {
                block = Some(self.reader.block());
                on_block(self.reader.block());
            }
            match found {
                Ok(Some(found)) => self.tally.add(&found.header),
                Ok(None) => return Ok(end),
                Err(LogError::Damaged { .. }) => {
                    let found = self.reader.resync()?;
                    self.damage.push(Hole::damage(found.offset, found.bytes));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(self.reader.offset().min(end))
    }

    /// Nothing is read for a while: the block of memory that was read last may be filled again.
    pub(in crate::log) fn give_back(&mut self) {
        self.reader.give_back();
    }

    #[cfg(test)]
    pub(in crate::log) fn block(&self) -> u64 {
        self.reader.block()
    }

    /// The file that is read.
    pub(in crate::log) fn file(&self) -> &File {
        self.reader.file()
    }

    /// Reads the rest of a segment of `bytes`, and tells what was found.
    pub(in crate::log) fn finish(mut self, bytes: u64, latest_us: u64) -> Result<Sidecar, LogError> {
        self.read_to(bytes, u64::MAX, latest_us, &mut |_| {})?;
        let hash = self.reader.finish_hash(bytes)?;
        let mut sidecar = self.tally.into_sidecar(self.reader.header().log, self.core, self.id);
        sidecar.bytes = bytes;
        sidecar.blake3 = hash.map(|hash| hash.to_hex().to_string()).unwrap_or_default();
        sidecar.damage = self.damage;
        sidecar.set_received(self.latest_us);
        Ok(sidecar)
    }
}
