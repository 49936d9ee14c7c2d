//! How far the log was read for an answer.
//!
//! What a merge has read ahead may be of any session. When records of others are erased it is dropped, and the log is read again from where it was.

use std::sync::Arc;

use crate::log::LogError;
use crate::log::format::record::Record;
use crate::log::read::merge::{Merge, MergePosition};
use crate::log::read::reader::LogReader;

use super::super::shared::Shared;

// Circle: the parts of an answer see what it is.
use super::WatchError;

/// What came next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing more, for now.
    End,
    /// A record of another session, of this order time.
    Passed(u64),
    /// One of the session.
    Taken,
}

/// Reads the log for one session.
pub(super) struct Tail {
    shared: Arc<Shared>,
    merge: Option<Merge>,
    /// Where to go on, if there is no merge.
    position: Option<MergePosition>,
}

impl Tail {
    pub(super) fn new(shared: Arc<Shared>) -> Tail {
        Tail { shared, merge: None, position: None }
    }

    /// Begins with what is not older than this order time.
    pub(super) fn open(&mut self, from_us: u64) -> Result<(), LogError> {
        self.merge = Some(Merge::since(self.reader()?, from_us)?);
        Ok(())
    }

    /// Drops what was read ahead.
    pub(super) fn forget(&mut self) {
        if let Some(merge) = self.merge.take() {
            self.position = Some(merge.position());
        }
    }

    /// The next record; one of the session is given to `take`.
    pub(super) fn next(
        &mut self,
        session: u64,
        take: impl FnOnce(&Record<'_>) -> Result<(), WatchError>,
    ) -> Result<Step, WatchError> {
        let Some(merge) = self.merge()? else { return Ok(Step::End) };
        step(merge.next()?, session, take)
    }

    /// The same, until all was read that there is now.
    pub(super) fn next_settled(
        &mut self,
        session: u64,
        take: impl FnOnce(&Record<'_>) -> Result<(), WatchError>,
    ) -> Result<Step, WatchError> {
        let Some(merge) = self.merge()? else { return Ok(Step::End) };
        step(merge.next_settled()?, session, take)
    }

    fn reader(&self) -> Result<LogReader, LogError> {
        Ok(LogReader::open(&self.shared.log_dir)?.with_recent(self.shared.recent.clone()))
    }

    fn merge(&mut self) -> Result<Option<&mut Merge>, LogError> {
        if let Some(position) = &self.position {
            self.merge = Some(Merge::resume(self.reader()?, position)?);
            self.position = None;
        }
        Ok(self.merge.as_mut())
    }
}

fn step(
    record: Option<Record<'_>>,
    session: u64,
    take: impl FnOnce(&Record<'_>) -> Result<(), WatchError>,
) -> Result<Step, WatchError> {
    let Some(record) = record else { return Ok(Step::End) };
    if record.session != session {
        return Ok(Step::Passed(record.order_us));
    }
    take(&record)?;
    Ok(Step::Taken)
}
