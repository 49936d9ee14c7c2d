//! How far the log was read for an answer.
//!
//! What there is, it reads by itself. To follow the log it joins all others who do, and is given what is of its session: see
//! [`feed`](super::super::feed).
//!
//! What a merge has read ahead may be of any session. When records of others are erased it is dropped, and the log is read again from where it was.

use std::sync::Arc;
use std::time::Duration;

use crate::log::LogError;
use crate::log::format::record::Record;
use crate::log::read::merge::{Merge, MergePosition, RepeatWindow};
use crate::log::read::reader::LogReader;

use super::super::feed::Subscription;
use super::super::queues::{Begins, Given};
use super::super::seen::Seen;
use super::super::shared::Shared;

// Circle: the parts of an answer see what it is.
use super::WatchError;

/// What came next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing more, for now.
    End,
    /// A record that is passed over, of this order time: it is of another session, or was there before.
    Passed(u64),
    /// One of the session.
    Taken,
}

/// Reads the log for one session.
pub(super) struct Tail {
    shared: Arc<Shared>,
    source: Source,
    /// Whether to join the others.
    follows: bool,
    seen: Seen,
}

/// Where the next record comes from.
enum Source {
    /// Nowhere: the log was not opened.
    Nothing,
    /// From this place of the log on.
    Place(MergePosition),
    Log(Box<Merge>),
    /// The log, as long as it is not known where the others are,
    Joining(Box<Merge>, Subscription),
    /// and then up to there.
    Nearing(Box<Merge>, Subscription, MergePosition),
    Others(Subscription),
}

impl Tail {
    pub(super) fn new(shared: Arc<Shared>) -> Tail {
        let seen = Seen::new(shared.log_dir.clone());
        Tail { shared, source: Source::Nothing, follows: false, seen }
    }

    /// Begins with what is not older than this order time.
    pub(super) fn open(&mut self, from_us: u64) -> Result<(), LogError> {
        let merge = Merge::since(self.reader()?, from_us)?.with_repeat_window(RepeatWindow::OFF);
        self.source = Source::Log(Box::new(merge));
        Ok(())
    }

    /// Begins where another one was.
    pub(super) fn go_on(&mut self, position: &MergePosition, seen: &Seen) {
        self.source = Source::Place(position.clone());
        self.seen = seen.clone();
    }

    /// How far the log was read, and what was there. `None`: that is not known, because others read it.
    pub(super) fn mark(&self) -> Option<(MergePosition, Seen)> {
        let position = match &self.source {
            Source::Place(position) => position.clone(),
            Source::Log(merge) => merge.position(),
            _ => return None,
        };
        Some((position, self.seen.clone()))
    }

    /// From here on it is one of many who wait for what comes.
    pub(super) fn follow(&mut self) {
        self.follows = true;
    }

    /// Drops what was read ahead of other sessions.
    pub(super) fn forget(&mut self) {
        self.source = match std::mem::replace(&mut self.source, Source::Nothing) {
            Source::Log(merge) | Source::Joining(merge, _) | Source::Nearing(merge, ..) => {
                Source::Place(merge.position())
            }
            source => source,
        };
    }

    /// The next record; one of the session is given to `take`.
    pub(super) fn next(
        &mut self,
        session: u64,
        take: impl FnOnce(&Record<'_>) -> Result<(), WatchError>,
    ) -> Result<Step, WatchError> {
        loop {
            self.prepare(session)?;
            let Tail { source, seen, .. } = self;
            match source {
                Source::Nothing | Source::Place(_) => return Ok(Step::End),
                Source::Log(merge) | Source::Joining(merge, _) => return step(seen, merge.next()?, session, take),
                Source::Nearing(merge, _, to) => {
                    let position = merge.position();
                    if !position.covers(to) {
                        // The place is no moment: of one core it may be far ahead of another. What is read behind it is known again when it is given.
                        return step(seen, merge.next()?, session, take);
                    }
                    seen.pass(&position);
                    self.join();
                }
                Source::Others(others) => match others.next() {
                    Given::Record(record) => return step(seen, Some(record.as_record()), session, take),
                    Given::Nothing => return Ok(Step::End),
                    Given::Ended(position) => self.source = Source::Place(position),
                },
            }
        }
    }

    /// The same of the log itself, until all was read that there is now.
    pub(super) fn next_settled(
        &mut self,
        session: u64,
        take: impl FnOnce(&Record<'_>) -> Result<(), WatchError>,
    ) -> Result<Step, WatchError> {
        self.prepare(session)?;
        let Tail { source: Source::Log(merge), seen, .. } = self else { return Ok(Step::End) };
        step(seen, merge.next_settled()?, session, take)
    }

    /// Waits for what comes next, but no longer than `time`.
    pub(super) fn rest(&self, time: Duration) {
        match &self.source {
            Source::Others(others) => others.wait(time),
            _ => std::thread::sleep(time),
        }
    }

    fn reader(&self) -> Result<LogReader, LogError> {
        Ok(LogReader::open(&self.shared.log_dir)?.with_recent(self.shared.recent.clone()))
    }

    /// Opens the log if it is to be read, and asks to join the others if it is time.
    fn prepare(&mut self, session: u64) -> Result<(), LogError> {
        if let Source::Place(position) = &self.source {
            let merge = Merge::resume(self.reader()?, position)?.with_repeat_window(RepeatWindow::OFF);
            self.source = Source::Log(Box::new(merge));
        }
        self.source = match std::mem::replace(&mut self.source, Source::Nothing) {
            Source::Log(merge) if self.follows => match Subscription::join(&self.shared, session) {
                Ok(others) => Source::Joining(merge, others),
                Err(_) => {
                    // It goes on by itself.
                    self.follows = false;
                    Source::Log(merge)
                }
            },
            Source::Joining(merge, others) => match others.begins() {
                Begins::Soon => Source::Joining(merge, others),
                Begins::At(position) => Source::Nearing(merge, others, position),
                Begins::Never => Source::Log(merge),
            },
            source => source,
        };
        Ok(())
    }

    /// The log is read no more: what comes is given.
    fn join(&mut self) {
        self.source = match std::mem::replace(&mut self.source, Source::Nothing) {
            Source::Nearing(_, others, _) => Source::Others(others),
            source => source,
        };
    }
}

fn step(
    seen: &mut Seen,
    record: Option<Record<'_>>,
    session: u64,
    take: impl FnOnce(&Record<'_>) -> Result<(), WatchError>,
) -> Result<Step, WatchError> {
    let Some(record) = record else { return Ok(Step::End) };
    if record.session != session || !seen.is_new(&record) {
        return Ok(Step::Passed(record.order_us));
    }
    take(&record)?;
    Ok(Step::Taken)
}

#[cfg(test)]
mod many_cores;
#[cfg(test)]
mod tests;
