//! Beginning somewhere in time, instead of at a kept place.

use std::collections::BTreeMap;
use std::io;

use crate::log::clock::order::wall_us;
use crate::log::error::LogError;
use crate::log::format::control::{CLOCK_FILE_NAME, ClockView};
use crate::log::format::header::PAGE_BYTES;
use crate::log::read::reader::{LogReader, SegmentInfo, SegmentReader};

use super::Merge;
use crate::log::format::position::{MergePosition, Place};

impl LogReader {
    /// Order time now, in microseconds: by the log's clock; by the wall clock where no server has set it since the machine came up.
    pub fn now_us(&self) -> u64 {
        let clock = ClockView::open(&self.dir().join(CLOCK_FILE_NAME));
        clock.and_then(|clock| clock.now_us()).unwrap_or_else(wall_us)
    }
}

impl Merge {
    /// Begins with the first record whose order time is at least `order_us`. What is older counts for nothing, so that a repeat of it is
    /// handed out.
    ///
    /// Reads a few pages of each core's log, and the sidecars' names, however much lies before.
    pub fn since(reader: LogReader, order_us: u64) -> Result<Merge, LogError> {
        let mut cores = BTreeMap::new();
        for segment in reader.segments()?.iter().rev() {
            // The newest first: the first one found with an older record has the place.
            if segment.bytes > PAGE_BYTES as u64
                && !cores.contains_key(&segment.core)
                && let Some(offset) = offset_before(segment, order_us)?
            {
                cores.insert(segment.core, Place { segment: segment.id, offset });
            }
        }
        let position = MergePosition { log: reader.log_uuid(), cores, behind: BTreeMap::new() };
        Ok(Merge { since_us: order_us, ..Merge::resume(reader, &position)? })
    }
}

fn offset_before(segment: &SegmentInfo, order_us: u64) -> Result<Option<u64>, LogError> {
    let opened = match SegmentReader::open(segment) {
        // Sealed since it was listed, or deleted.
        Err(LogError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            let Some(sealed) = segment.sealed_since() else { return Ok(None) };
            SegmentReader::open(&sealed)
        }
        opened => opened,
    };
    match opened {
        Ok(mut reader) => reader.seek_before(order_us),
        // Not a segment, whatever its name says: the merge notes it as damage if it comes across it.
        Err(LogError::Foreign { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
