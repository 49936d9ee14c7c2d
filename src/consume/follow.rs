//! The loop that follows the log.

use std::time::{Duration, Instant};

use crate::log::LogError;
use crate::log::cursor::{From, position_at};
use crate::log::read::reader::LogReader;

use super::backoff::Backoff;
use super::batch::{Batch, End};
use super::confirm::{Confirmations, Mark};
use super::consumer::Consumer;
use super::handle::Handle;
use super::handler::{Failure, Handler, Step};
use super::kept;
use super::source::Source;

/// Follows the log on this thread until the handle says stop or the handler says [`Step::End`]. The cursor is kept then.
///
/// Failures to read the log or to keep the cursor end nothing: the handler hears of them, and they are tried again.
///
/// # Errors
/// [`LogError::Consumer`] if a consumer that holds segments back was removed while it followed.
pub fn follow(consumer: &Consumer, handle: &Handle, handler: &mut dyn Handler) -> Result<(), LogError> {
    let follower = Follower {
        consumer,
        handle,
        handler,
        confirmations: Confirmations::default(),
        source: None,
        read_to: None,
        passed: None,
        backoff: Backoff::new(consumer.backoff_first, consumer.backoff_max),
        kept_at: Instant::now(),
    };
    follower.run()
}

struct Follower<'a> {
    consumer: &'a Consumer,
    handle: &'a Handle,
    handler: &'a mut dyn Handler,
    confirmations: Confirmations,
    /// None until the log was opened, and after a failure.
    source: Option<Source>,
    /// Behind the last batch; None if the cursor on disk tells where to begin.
    read_to: Option<Mark>,
    /// What was confirmed when it was last looked at. Only when that changes did the last failure pass.
    passed: Option<Mark>,
    backoff: Backoff,
    kept_at: Instant,
}

/// What comes after a batch.
enum Next {
    Batch,
    Rest(Duration),
    BackOff,
    End,
}

impl Follower<'_> {
    fn run(mut self) -> Result<(), LogError> {
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
                Next::Rest(time) => drop(self.handle.rest(time)),
                Next::BackOff => drop(self.handle.rest(self.backoff.failed())),
                Next::End => break,
            }
        }
        self.keep()
    }

    fn next_batch(&mut self) -> Next {
        if self.confirmations.take_returned() {
            self.source = None;
            self.read_to = self.confirmations.passed();
            return Next::BackOff;
        }
        if self.confirmations.is_full() {
            return Next::Rest(self.consumer.idle);
        }
        let source = match &mut self.source {
            Some(source) => source,
            None => match self.open() {
                Ok(source) => self.source.insert(source),
                Err(error) => return self.fail(&error),
            },
        };
        let mut batch = Batch::new(source, self.consumer.batch, self.handle, &self.confirmations);
        let step = self.handler.take(&mut batch);
        let (taken, end, receipt) = batch.finish();
        let nothing_read = taken.records == 0 && !matches!(end, Some(End::Log));
        if step == Step::Retry || nothing_read {
            self.confirmations.withdraw(receipt);
        } else {
            let reached_us = Some(taken.reached_us).max(self.read_to.as_ref().and_then(|mark| mark.reached_us));
            let mark = Mark { position: source.position(), reached_us };
            self.read_to = Some(mark.clone());
            self.confirmations.end_batch(receipt, mark);
            self.handle.count(taken.records, taken.stored_bytes);
        }
        if let Some(End::Failed(error)) = end {
            return self.fail(&error);
        }
        match step {
            Step::End => Next::End,
            Step::Retry => {
                self.source = None;
                Next::BackOff
            }
            Step::SkipToEnd(pause) => match self.skip_to_end() {
                Ok(()) => Next::Rest(pause),
                Err(error) => self.fail(&error),
            },
            Step::Pause(pause) => Next::Rest(pause),
            Step::Continue if matches!(end, Some(End::Log)) => Next::Rest(self.consumer.idle),
            Step::Continue => Next::Batch,
        }
    }

    fn fail(&mut self, error: &LogError) -> Next {
        self.source = None;
        self.handler.failed(Failure::Read(error));
        Next::BackOff
    }

    /// Opens the log behind the last batch, or where the consumer begins.
    fn open(&mut self) -> Result<Source, LogError> {
        let reader = LogReader::open(&self.consumer.log_dir)?;
        self.handle.set_reader(&reader);
        // A log of another name has taken the place of the one that was read.
        self.read_to = self.read_to.take().filter(|mark| mark.position.log == reader.log_uuid());
        if self.read_to.is_none() {
            let begin = kept::begin(self.consumer, &reader)?;
            self.read_to = begin.map(|position| Mark { position, reached_us: None });
            self.confirmations.reset(self.read_to.clone());
        }
        Source::open(reader, self.read_to.as_ref().map(|mark| &mark.position))
    }

    fn skip_to_end(&mut self) -> Result<(), LogError> {
        let reader = LogReader::open(&self.consumer.log_dir)?;
        let reached_us = Some(reader.now_us());
        let position = position_at(&reader, From::End)?;
        self.source = Some(Source::open(reader, Some(&position))?);
        self.read_to = Some(Mark { position, reached_us });
        self.confirmations.reset(self.read_to.clone());
        Ok(())
    }

    /// Keeps the cursor behind all that is confirmed.
    fn keep(&mut self) -> Result<(), LogError> {
        self.kept_at = Instant::now();
        let Some(passed) = self.confirmations.passed() else { return Ok(()) };
        match kept::keep(self.consumer, &passed.position) {
            Err(error @ LogError::Consumer { .. }) if self.consumer.holds => return Err(error),
            Err(error) => self.handler.failed(Failure::Keep(&error)),
            Ok(()) => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
