//! What a consumer implements.

use std::time::Duration;

use crate::log::LogError;

use super::batch::Batch;

/// Takes the log's records.
pub trait Handler {
    /// Takes as many records from the batch as it likes. It is also called at the end of the log, with an empty batch.
    ///
    /// It should not block for longer than a stop may take; [`Batch::is_stopping`] tells when to give up.
    fn take(&mut self, batch: &mut Batch<'_>) -> AfterBatch;

    /// Is told about a failure. The operation is tried again after a pause.
    fn failed(&mut self, failure: Failure<'_>);

    /// Is told that the log can be read again after [`Failure::Read`].
    fn recovered(&mut self) {}

    /// Whether it keeps records after [`take`](Self::take), and so answers by itself when it is asked to read again: see
    /// [`Handle::ask_to_reread`](super::Handle::ask_to_reread).
    fn keeps_records(&self) -> bool {
        false
    }
}

/// What to do after a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterBatch {
    /// Continue with the next batch; at the end of the log, after the idle pause.
    Continue,
    /// Continue with the next batch after this pause.
    Pause(Duration),
    /// Skip to the end of the log: continue, after this pause, with what is received from now on.
    SkipToEnd(Duration),
    /// Deliver the same batch again after backing off. A receipt for it becomes void.
    Retry,
    /// Stop: [`follow`](super::follow()) saves the cursor and returns.
    End,
}

/// What failed.
#[derive(Debug)]
pub enum Failure<'a> {
    /// The log or the consumer's cursor could not be read.
    Read(&'a LogError),
    /// The cursor could not be saved. Until it is, a crash repeats more records.
    Keep(&'a LogError),
}
