//! Receipts, and how far everything is confirmed.
//!
//! Batches that wait for their confirmation stand in a queue, oldest first. The cursor may follow to the end of the last batch before which all
//! are confirmed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::log::read::merge::MergePosition;

/// How many batches may wait for their confirmation. A handler's own queue should be shorter.
const WAITING_MAX: usize = 1024;

/// A position, and the order time up to which everything lies before it, where that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) position: MergePosition,
    pub(super) reached_us: Option<u64>,
}

/// The promise to say when a batch is passed. Dropping it unconfirmed has the batch delivered again.
#[derive(Debug)]
#[must_use = "a receipt that is dropped has its batch delivered again"]
pub struct Receipt {
    confirmations: Confirmations,
    number: u64,
    confirmed: bool,
}

/// What is confirmed, shared between the loop and the receipts.
#[derive(Debug, Clone, Default)]
pub(super) struct Confirmations {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// Behind everything that is confirmed without a gap.
    passed: Option<Mark>,
    waiting: VecDeque<Waiting>,
    issued: u64,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    status: Status,
    /// Where it ends; None while the handler is still taking from it.
    end: Option<Mark>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Open,
    Confirmed,
    Returned,
}

impl Receipt {
    /// The batch is passed.
    pub fn confirm(mut self) {
        self.confirmed = true;
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        let status = if self.confirmed { Status::Confirmed } else { Status::Returned };
        let mut state = self.confirmations.lock();
        // One that was withdrawn, or came before something that was returned, is not found.
        if let Some(waiting) = state.waiting.iter_mut().find(|waiting| waiting.number == self.number) {
            waiting.status = status;
        }
    }
}

impl Confirmations {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A receipt for the batch that is being taken.
    pub(super) fn issue(&self) -> Receipt {
        let mut state = self.lock();
        state.issued += 1;
        let number = state.issued;
        state.waiting.push_back(Waiting { number, status: Status::Open, end: None });
        Receipt { confirmations: self.clone(), number, confirmed: false }
    }

    /// The batch that was being taken ends here. Without a receipt it counts as confirmed.
    pub(super) fn end_batch(&self, receipt: Option<u64>, end: Mark) {
        let mut state = self.lock();
        match receipt {
            Some(number) => {
                let last = state.waiting.back_mut().filter(|last| last.number == number);
                last.expect("only the loop removes a batch that is being taken").end = Some(end);
            }
            None => {
                state.issued += 1;
                let number = state.issued;
                state.waiting.push_back(Waiting { number, status: Status::Confirmed, end: Some(end) });
            }
        }
    }

    /// The batch that was being taken counts for nothing.
    pub(super) fn withdraw(&self, receipt: Option<u64>) {
        if let Some(number) = receipt {
            self.lock().waiting.retain(|waiting| waiting.number != number);
        }
    }

    /// Everything before this is passed, and nothing waits.
    pub(super) fn reset(&self, passed: Option<Mark>) {
        let mut state = self.lock();
        state.waiting.clear();
        state.passed = passed;
    }

    /// Behind everything that is confirmed without a gap.
    pub(super) fn passed(&self) -> Option<Mark> {
        let mut state = self.lock();
        while let Some(Waiting { status: Status::Confirmed, end: Some(_), .. }) = state.waiting.front() {
            state.passed = state.waiting.pop_front().and_then(|first| first.end);
        }
        state.passed.clone()
    }

    /// Whether a batch was returned. If so, nothing waits any more: all that was not passed is delivered again.
    pub(super) fn take_returned(&self) -> bool {
        // What is confirmed before it need not come again.
        self.passed();
        let mut state = self.lock();
        let returned = state.waiting.iter().any(|waiting| waiting.status == Status::Returned);
        if returned {
            state.waiting.clear();
        }
        returned
    }

    /// Whether no more batches may be handed out for now.
    pub(super) fn is_full(&self) -> bool {
        self.lock().waiting.len() >= WAITING_MAX
    }
}

#[cfg(test)]
mod tests;
