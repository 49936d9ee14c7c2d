//! Where records come from: memory, while they are recent, and the disk. Nothing else in this folder knows that.

use std::collections::BTreeSet;

use crate::log::LogError;
use crate::log::error::Damage;
use crate::log::format::record::Record;
use crate::log::read::merge::{Merge, MergePosition, RepeatWindow, Skipped};
use crate::log::read::reader::LogReader;

/// Reads the log from a position on.
pub(super) struct LogSource {
    reader: LogReader,
    merge: Merge,
    /// The skipped amount at the last call of [`take_skipped`](Self::take_skipped).
    skipped: Skipped,
    /// How many damaged places were reported by [`take_damage`](Self::take_damage).
    damage_seen: usize,
}

impl LogSource {
    /// Begins at a position; `None`: at the oldest record.
    pub(super) fn open(
        reader: LogReader,
        position: Option<&MergePosition>,
        repeats: RepeatWindow,
    ) -> Result<LogSource, LogError> {
        let merge = match position {
            Some(position) => Merge::resume(reader.clone(), position)?,
            None => Merge::new(reader.clone()),
        };
        let merge = merge.with_repeat_window(repeats);
        Ok(LogSource { reader, merge, skipped: Skipped::default(), damage_seen: 0 })
    }

    /// The next record; `None` at the end of the log, or where the next record is not before `limit`.
    pub(super) fn next(&mut self, limit: Option<&MergePosition>) -> Result<Option<Record<'_>>, LogError> {
        match limit {
            None => self.merge.next(),
            Some(limit) => self.merge.next_before(limit),
        }
    }

    /// The position after the last record.
    pub(super) fn position(&self) -> MergePosition {
        self.merge.position()
    }

    /// What was deleted before it could be handed out, since the last call.
    pub(super) fn take_skipped(&mut self) -> Skipped {
        let now = self.merge.skipped();
        let before = std::mem::replace(&mut self.skipped, now);
        Skipped {
            segments: now.segments - before.segments,
            records: now.records - before.records,
            bytes: now.bytes - before.bytes,
        }
    }

    /// The damaged places that were stepped over since the last call.
    pub(super) fn take_damage(&mut self) -> &[Damage] {
        let all = self.merge.damage();
        let seen = std::mem::replace(&mut self.damage_seen, all.len());
        &all[seen..]
    }

    /// The segments with damage that was stepped over since the last call.
    pub(super) fn take_damaged(&mut self) -> BTreeSet<(u16, u64)> {
        self.merge.take_damaged()
    }

    /// The current order time, in microseconds.
    pub(super) fn now_us(&self) -> u64 {
        self.reader.now_us()
    }
}
