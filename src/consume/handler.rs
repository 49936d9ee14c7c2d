//! What a consumer implements.

use std::time::Duration;

use crate::log::LogError;

use super::batch::Batch;

/// Takes the records of a log.
pub trait Handler {
    /// Takes records from the batch, as many as it likes. It is also called at the end of the log, with a batch in which there is nothing.
    ///
    /// It should not block for longer than a stop may take; [`Batch::is_stopping`] tells when to give up.
    fn take(&mut self, batch: &mut Batch<'_>) -> Step;

    /// Hears of a failure. What failed is tried again after a pause.
    fn failed(&mut self, failure: Failure<'_>);
}

/// How to go on after a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// With the next batch; at the end of the log after the usual rest.
    Continue,
    /// With the next batch, after this pause.
    Pause(Duration),
    /// With what is received from now on: everything before is left out. First comes this pause.
    SkipToEnd(Duration),
    /// With the same batch again, after backing off. A receipt for it is void.
    Retry,
    /// Not at all: [`follow`](super::follow()) keeps the cursor and returns.
    End,
}

/// What failed.
#[derive(Debug)]
pub enum Failure<'a> {
    /// The log or the consumer's cursor could not be read.
    Read(&'a LogError),
    /// The cursor could not be kept. Until it can be, a crash repeats more.
    Keep(&'a LogError),
}
