//! How far the log was read for an answer.
//!
//! What there is, it reads by itself. To follow the log it joins all others who do, and is given what is of its session: see
//! [`feed`](super::super::feed).
//!
//! What a merge has read ahead may be of any session. When records of others are erased it is dropped, and the log is read again from where it was.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::log::LogError;
use crate::log::format::record::Record;
use crate::log::read::merge::{Merge, MergePosition, Place, RepeatFilter, RepeatWindow};
use crate::log::read::reader::LogReader;

use super::super::feed::Subscription;
use super::super::queues::{Begins, Given};
use super::super::shared::Shared;

// Circle: the parts of an answer see what it is.
use super::WatchError;

/// How far back a batch is known again that was sent twice: about fourteen a second for as long as a merge looks back.
const REPEATS: RepeatWindow = RepeatWindow { entries: 1 << 13, time: Duration::from_secs(600), bytes: u64::MAX };

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

/// What was there before.
struct Seen {
    /// In each core's log, the place behind.
    places: BTreeMap<u16, Place>,
    repeats: RepeatFilter,
}

impl Tail {
    pub(super) fn new(shared: Arc<Shared>) -> Tail {
        let repeats = RepeatFilter::new(shared.log_dir.clone(), REPEATS);
        let seen = Seen { places: BTreeMap::new(), repeats };
        Tail { shared, source: Source::Nothing, follows: false, seen }
    }

    /// Begins with what is not older than this order time.
    pub(super) fn open(&mut self, from_us: u64) -> Result<(), LogError> {
        let merge = Merge::since(self.reader()?, from_us)?.with_repeat_window(RepeatWindow::OFF);
        self.source = Source::Log(Box::new(merge));
        Ok(())
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
                Source::Log(merge) | Source::Joining(merge, _) => return seen.step(merge.next()?, session, take),
                Source::Nearing(merge, _, to) => {
                    let position = merge.position();
                    if !position.covers(to) {
                        // The place is no moment: of one core it may be far ahead of another. What is read behind it is known again when it is given.
                        return seen.step(merge.next()?, session, take);
                    }
                    seen.pass(&position);
                    self.join();
                }
                Source::Others(others) => match others.next() {
                    Given::Record(record) => return seen.step(Some(record.as_record()), session, take),
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
        seen.step(merge.next_settled()?, session, take)
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

impl Seen {
    fn step(
        &mut self,
        record: Option<Record<'_>>,
        session: u64,
        take: impl FnOnce(&Record<'_>) -> Result<(), WatchError>,
    ) -> Result<Step, WatchError> {
        let Some(record) = record else { return Ok(Step::End) };
        if record.session != session || !self.enter(&record) || self.repeats.is_repeat(&record) {
            return Ok(Step::Passed(record.order_us));
        }
        take(&record)?;
        Ok(Step::Taken)
    }

    /// Whether it comes for the first time.
    fn enter(&mut self, record: &Record<'_>) -> bool {
        let place = Place { segment: record.id.segment, offset: record.id.offset };
        let next = self.places.entry(record.id.core).or_insert(place);
        let is_new = place >= *next;
        if is_new {
            *next = Place { offset: place.offset + 1, ..place };
        }
        is_new
    }

    /// Everything before this position was there.
    fn pass(&mut self, position: &MergePosition) {
        for (core, place) in &position.cores {
            let next = self.places.entry(*core).or_insert(*place);
            *next = (*next).max(*place);
        }
    }
}

#[cfg(test)]
mod many_cores;
#[cfg(test)]
mod tests;
