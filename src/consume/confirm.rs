//! Receipts, and the position up to which everything is confirmed.
//!
//! Batches wait for their confirmation in a queue, oldest first. The cursor may advance over the confirmed batches at the front of the queue.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::handle::Handle;
use super::mark::Mark;

/// How many batches may wait for confirmation. A handler's own queue should be shorter.
const WAITING_MAX: usize = 1024;

/// Confirms a batch later, from any thread. If it is dropped unconfirmed, the batch is delivered again.
#[derive(Debug)]
#[must_use = "the batch of a receipt that is dropped is delivered again"]
pub struct Receipt {
    confirmations: Confirmations,
    number: u64,
    confirmed: bool,
}

/// The confirmations, shared by the loop and the receipts.
#[derive(Debug, Clone, Default)]
pub(super) struct Confirmations {
    state: Arc<Mutex<State>>,
    /// Woken by each receipt; only tests have none.
    handle: Option<Handle>,
}

#[derive(Debug, Default)]
struct State {
    /// The end of the last batch before which, and including which, everything is confirmed.
    passed: Option<Mark>,
    waiting: VecDeque<Waiting>,
    issued: u64,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    status: Status,
    /// Where it ends; `None` while the handler is still taking from it.
    end: Option<Mark>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Open,
    Confirmed,
    Returned,
}

impl Receipt {
    /// Confirms that the batch is passed.
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
        // It is not found if its batch was withdrawn, or if an earlier batch was returned.
        if let Some(waiting) = state.waiting.iter_mut().find(|waiting| waiting.number == self.number) {
            waiting.status = status;
        }
        drop(state);
        if let Some(handle) = &self.confirmations.handle {
            handle.wake();
        }
    }
}

impl Confirmations {
    /// Confirmations whose receipts wake a consumer.
    pub(super) fn waking(handle: &Handle) -> Self {
        Self { state: Arc::default(), handle: Some(handle.clone()) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Issues a receipt for the current batch.
    pub(super) fn issue(&self) -> Receipt {
        let mut state = self.lock();
        state.issued += 1;
        let number = state.issued;
        state.waiting.push_back(Waiting { number, status: Status::Open, end: None });
        Receipt { confirmations: self.clone(), number, confirmed: false }
    }

    /// Ends the current batch at `end`. Without a receipt it counts as confirmed.
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

    /// Forgets the current batch.
    pub(super) fn withdraw(&self, receipt: Option<u64>) {
        if let Some(number) = receipt {
            self.lock().waiting.retain(|waiting| waiting.number != number);
        }
    }

    /// Starts over: everything before `passed` is passed, and nothing waits.
    pub(super) fn reset(&self, passed: Option<Mark>) {
        let mut state = self.lock();
        state.waiting.clear();
        state.passed = passed;
    }

    /// The end of the last batch before which, and including which, everything is confirmed.
    pub(super) fn passed(&self) -> Option<Mark> {
        let mut state = self.lock();
        while let Some(Waiting { status: Status::Confirmed, end: Some(_), .. }) = state.waiting.front() {
            state.passed = state.waiting.pop_front().and_then(|first| first.end);
        }
        state.passed.clone()
    }

    /// Whether a batch was returned. If so, the queue is cleared, because everything that is not passed will be delivered again.
    pub(super) fn take_returned(&self) -> bool {
        // What was confirmed before it must not be delivered again.
        self.passed();
        let mut state = self.lock();
        let returned = state.waiting.iter().any(|waiting| waiting.status == Status::Returned);
        if returned {
            state.waiting.clear();
        }
        returned
    }

    /// Whether so many batches wait that no more may be handed out.
    pub(super) fn is_full(&self) -> bool {
        self.lock().waiting.len() >= WAITING_MAX
    }
}

#[cfg(test)]
mod tests;
