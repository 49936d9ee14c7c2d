//! Where records come from. Nothing else in this folder knows that they are read from the disk.

use crate::log::LogError;
use crate::log::format::record::Record;
use crate::log::read::merge::{Merge, MergePosition, Skipped};
use crate::log::read::reader::LogReader;

/// The log from some position on.
pub(super) struct Source {
    reader: LogReader,
    merge: Merge,
    /// What had been skipped when it was last asked for.
    skipped: Skipped,
}

impl Source {
    /// From a position on; None: from the oldest record.
    pub(super) fn open(reader: LogReader, position: Option<&MergePosition>) -> Result<Source, LogError> {
        let merge = match position {
            Some(position) => Merge::resume(reader.clone(), position)?,
            None => Merge::new(reader.clone()),
        };
        Ok(Source { reader, merge, skipped: Skipped::default() })
    }

    /// The next record; None at the end of the log.
    pub(super) fn next(&mut self) -> Result<Option<Record<'_>>, LogError> {
        self.merge.next()
    }

    /// The position behind the last record.
    pub(super) fn position(&self) -> MergePosition {
        self.merge.position()
    }

    /// What was deleted before it could be handed out, since this was last called.
    pub(super) fn take_skipped(&mut self) -> Skipped {
        let now = self.merge.skipped();
        let before = std::mem::replace(&mut self.skipped, now);
        Skipped {
            segments: now.segments - before.segments,
            records: now.records - before.records,
            bytes: now.bytes - before.bytes,
        }
    }

    /// Order time now, in microseconds.
    pub(super) fn now_us(&self) -> u64 {
        self.reader.now_us()
    }
}
