//! The loop that follows the log.

use std::time::{Duration, Instant};

use crate::log::LogError;
use crate::log::cursor::{From, position_at};
use crate::log::read::reader::LogReader;

use super::backoff::Backoff;
use super::batch::{Batch, BatchEnd, Limit};
use super::confirm::Confirmations;
use super::consumer::Consumer;
use super::handle::Handle;
use super::handler::{AfterBatch, Failure, Handler};
use super::mark::Mark;
use super::source::LogSource;
use super::{kept, lag};
use crate::log::read::merge::MergePosition;

/// Follows the log on this thread until the handle is stopped or the handler returns [`AfterBatch::End`], then saves the cursor.
///
/// A failure to read the log or to save the cursor does not end it: the handler is told, and the operation is tried again.
///
/// # Errors
/// [`LogError::Consumer`] if a consumer that holds segments back was removed while it followed.
pub fn follow(consumer: &Consumer, handle: &Handle, handler: &mut dyn Handler) -> Result<(), LogError> {
    let follower = Follower {
        consumer,
        handle,
        handler,
        confirmations: Confirmations::waking(handle),
        source: None,
        read_to: None,
        rewind: None,
        failing: false,
        passed: None,
        backoff: Backoff::new(consumer.backoff_first, consumer.backoff_max),
        kept_at: Instant::now(),
        reopened: 0,
    };
    follower.run()
}

struct Follower<'a> {
    consumer: &'a Consumer,
    handle: &'a Handle,
    handler: &'a mut dyn Handler,
    confirmations: Confirmations,
    /// `None` until the log was opened, and after a failure.
    source: Option<LogSource>,
    /// The end of the last batch; `None` if the cursor on disk decides where to begin.
    read_to: Option<Mark>,
    /// Where to go on, asked for and not done yet; `Some(None)` for the oldest record.
    rewind: Option<Option<MergePosition>>,
    /// Whether the log could not be read at the last attempt.
    failing: bool,
    /// The confirmed position at the last look. When it advances, the back-off starts over.
    passed: Option<Mark>,
    backoff: Backoff,
    kept_at: Instant,
    /// The last request to read again for which the files were opened anew.
    reopened: u64,
}

/// What comes after a batch.
enum Next {
    Batch,
    /// Until a receipt, or the consumer that goes first, gives it something to do; at most this long.
    Idle(Duration),
    Rest(Duration),
    BackOff,
    End,
}

impl Follower<'_> {
    fn run(mut self) -> Result<(), LogError> {
        if let Some(first) = &self.consumer.behind {
            first.add_behind(self.handle);
        }
        while !self.handle.is_stopping() {
            let next = self.next_batch();
            let passed = self.confirmations.passed();
            if passed != self.passed {
                self.handle.set_passed(passed.clone());
                self.passed = passed;
                self.backoff.reset();
            }
            if self.kept_at.elapsed() > self.consumer.keep_every {
                self.keep()?;
            }
            match next {
                Next::Batch => {}
                Next::Idle(time) => self.handle.rest_until_woken(time),
                Next::Rest(time) => self.handle.rest_unless_reread(time, self.reopened),
                Next::BackOff => self.handle.rest_unless_reread(self.backoff.failed(), self.reopened),
                Next::End => break,
            }
        }
        self.keep()
    }

    fn next_batch(&mut self) -> Next {
        let (asked, rewinds) = self.handle.take_rewind();
        self.rewind = asked.or(self.rewind.take());
        if let Some(to) = self.rewind.clone() {
            if let Err(error) = self.rewind(to) {
                return self.fail(&error);
            }
            self.rewind = None;
        }
        if let Some(number) = self.handle.wants_reread().filter(|number| *number > self.reopened) {
            // Its buffers may hold records that were erased.
            self.source = None;
            self.reopened = number;
            if !self.handler.keeps_records() {
                self.handle.set_reread(number);
            }
        }
        if self.confirmations.take_returned() {
            self.source = None;
            self.read_to = self.confirmations.passed();
            return Next::BackOff;
        }
        if self.confirmations.is_full() {
            return Next::Idle(self.consumer.idle);
        }
        let source = match &mut self.source {
            Some(source) => source,
            None => match self.open() {
                Ok(source) => self.source.insert(source),
                Err(error) => return self.fail(&error),
            },
        };
        let limit = match &self.consumer.behind {
            None => Limit::None,
            Some(first) => first.passed().map_or(Limit::Nothing, Limit::Before),
        };
        let mut batch = Batch::new(source, self.consumer.batch, self.handle, &self.confirmations, limit, rewinds);
        let step = self.handler.take(&mut batch);
        let (taken, end, receipt) = batch.finish();
        let nothing_read = taken.records == 0 && !matches!(end, Some(BatchEnd::Log | BatchEnd::Limit));
        if step == AfterBatch::Retry || nothing_read {
            self.confirmations.withdraw(receipt);
        } else {
            let reached_us = Some(taken.reached_us).max(self.read_to.as_ref().and_then(|mark| mark.reached_us));
            let mark = Mark { position: source.position(), reached_us };
            let begun = self.read_to.replace(mark.clone());
            let bytes = lag::bytes_between(begun.as_ref().map(|mark| &mark.position), &mark.position);
            self.confirmations.end_batch(receipt, mark);
            self.handle.count(taken.records, bytes.max(taken.stored_bytes));
        }
        if let Some(BatchEnd::Failed(error)) = end {
            return self.fail(&error);
        }
        if std::mem::take(&mut self.failing) {
            self.handler.recovered();
        }
        match step {
            AfterBatch::End => Next::End,
            AfterBatch::Retry => {
                self.source = None;
                Next::BackOff
            }
            AfterBatch::SkipToEnd(pause) => match self.skip_to_end() {
                Ok(()) => Next::Rest(pause),
                Err(error) => self.fail(&error),
            },
            AfterBatch::Pause(pause) => Next::Rest(pause),
            AfterBatch::Continue if matches!(end, Some(BatchEnd::Log | BatchEnd::Limit)) => {
                Next::Idle(self.consumer.idle)
            }
            AfterBatch::Continue => Next::Batch,
        }
    }

    fn fail(&mut self, error: &LogError) -> Next {
        (self.source, self.failing) = (None, true);
        self.handler.failed(Failure::Read(error));
        Next::BackOff
    }

    fn reader(&self) -> Result<LogReader, LogError> {
        Ok(LogReader::open(&self.consumer.log_dir)?.with_recent(self.consumer.recent.clone()))
    }

    /// Opens the log at the end of the last batch, or where the consumer begins.
    fn open(&mut self) -> Result<LogSource, LogError> {
        let reader = self.reader()?;
        self.handle.set_reader(&reader);
        // A position in another log, whose place this one has taken, means nothing here.
        self.read_to = self.read_to.take().filter(|mark| mark.position.log == reader.log_uuid());
        if self.read_to.is_none() {
            let saved = kept::begin(self.consumer, &reader)?;
            // Where it has come to since the position that is saved, if its owner knows.
            let begin = self.consumer.resume.clone().filter(|at| at.log == reader.log_uuid()).or(saved);
            self.read_to = begin.map(|position| Mark { position, reached_us: None });
            self.confirmations.reset(self.read_to.clone());
        }
        // Those behind this consumer may go as far as it has come before.
        self.handle.set_passed(self.confirmations.passed());
        LogSource::open(reader, self.read_to.as_ref().map(|mark| &mark.position), self.consumer.repeats)
    }

    /// Goes on at an earlier position, and forgets every receipt.
    fn rewind(&mut self, to: Option<MergePosition>) -> Result<(), LogError> {
        let position = match to {
            Some(position) => position,
            None => position_at(&LogReader::open(&self.consumer.log_dir)?, From::Start)?,
        };
        self.source = None;
        self.read_to = Some(Mark { position, reached_us: None });
        self.confirmations.reset(self.read_to.clone());
        Ok(())
    }

    fn skip_to_end(&mut self) -> Result<(), LogError> {
        let reader = self.reader()?;
        let reached_us = Some(reader.now_us());
        let position = position_at(&reader, From::End)?;
        self.source = Some(LogSource::open(reader, Some(&position), self.consumer.repeats)?);
        self.read_to = Some(Mark { position, reached_us });
        self.confirmations.reset(self.read_to.clone());
        Ok(())
    }

    /// Saves the cursor at the confirmed position.
    fn keep(&mut self) -> Result<(), LogError> {
        self.kept_at = Instant::now();
        let Some(passed) = self.confirmations.passed() else { return Ok(()) };
        let position = self.handle.held().unwrap_or(passed.position);
        match kept::keep(self.consumer, &position) {
            Err(error @ LogError::Consumer { .. }) if self.consumer.holds => return Err(error),
            Err(error) => self.handler.failed(Failure::Keep(&error)),
            Ok(()) => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
