//! Turns for long computations. While a core inflates it does nothing else, so it measures the time it spends and pauses after too much of
//! it: by time, not by the number of requests.
//!
//! There are lanes, with one request at a time in each. The lanes for starts wait while a lane for batches is occupied: work that anybody
//! may send never goes before that of a session. Short work has its own lanes, so that it does not wait for long work to finish. All waits
//! are within the patience of their requests.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::conn::{Conn, WaitOutcome};
use crate::api::refusal::{Reason, Refusal};

/// How long a core computes before others get their turn. A typical batch takes less.
pub const TURN: Duration = Duration::from_millis(2);

/// How long it then pauses at least: the shortest time that timers support.
pub const PAUSE: Duration = Duration::from_millis(1);

/// The most that one piece of work counts. One that took longer was interrupted, and a pause of the machine is no reason to rest.
const WORK_MAX: Duration = Duration::from_millis(100);

/// The lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// A session's batch, for one turn.
    Batch,
    /// A session's batch that takes longer.
    LongBatch,
    /// A start that inflates to little. Its sender has proved nothing yet.
    Start,
    /// A start that inflates to more.
    LongStart,
}

const LANES: usize = Lane::LongStart as usize + 1;

/// A request's patience ran out before its turn came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TurnTimeout;

impl From<TurnTimeout> for Refusal {
    fn from(TurnTimeout: TurnTimeout) -> Self {
        Self::new(503, Reason::Busy, "too much to look into, try again")
    }
}

/// The turns of a core.
#[derive(Default)]
pub struct Turns {
    pace: Pace,
    lanes: [LaneQueue; LANES],
}

/// Who is in a lane, and who waits for it.
#[derive(Default)]
struct LaneQueue {
    taken: Cell<bool>,
    waiting: RefCell<VecDeque<Rc<Waiter>>>,
}

struct Waiter {
    conn: Rc<Conn>,
    state: Cell<State>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    /// It has been given the permit but has not been polled yet.
    Granted,
    /// It has taken the permit.
    Taken,
    /// It no longer waits.
    Cancelled,
}

impl Turns {
    /// Whether a newcomer could run without waiting.
    pub fn is_free(&self, lane: Lane) -> bool {
        !self.is_taken(lane) && !self.is_blocked(lane) && !self.pace.must_pause(Instant::now())
    }

    /// The permit for a lane, if it is free.
    pub fn try_take(&self, lane: Lane) -> Option<LanePermit<'_>> {
        let is_free = !self.lanes[lane as usize].taken.replace(true);
        // Created only if the lane is free: dropping a permit passes it to the next request.
        is_free.then(|| LanePermit { turns: self, lane })
    }

    /// Joins the queue for a lane.
    pub fn enqueue(&self, conn: &Rc<Conn>, lane: Lane) -> QueuedRequest<'_> {
        let waiting = Rc::new(Waiter { conn: Rc::clone(conn), state: Cell::new(State::Waiting) });
        self.lanes[lane as usize].waiting.borrow_mut().push_back(Rc::clone(&waiting));
        QueuedRequest { turns: self, lane, waiting }
    }

    /// Runs `work` and records how long it took.
    pub fn work<T>(&self, work: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let done = work();
        self.pace.record(began, Instant::now());
        done
    }

    fn is_taken(&self, lane: Lane) -> bool {
        self.lanes[lane as usize].taken.get()
    }

    /// Whether a lane with priority over this one is occupied.
    fn is_blocked(&self, lane: Lane) -> bool {
        match lane {
            Lane::Batch | Lane::LongBatch => false,
            Lane::Start | Lane::LongStart => self.is_taken(Lane::Batch) || self.is_taken(Lane::LongBatch),
        }
    }

    /// Gives the permit to the next request in the queue.
    fn grant_next(&self, lane: Lane) {
        let queue = &self.lanes[lane as usize];
        while let Some(next) = { queue.waiting.borrow_mut().pop_front() } {
            if next.state.get() == State::Waiting {
                next.state.set(State::Granted);
                next.conn.settle(WaitOutcome::Retry);
                return;
            }
        }
        queue.taken.set(false);
    }
}

/// The permit for a lane. Dropping it passes it to the next request.
pub struct LanePermit<'a> {
    turns: &'a Turns,
    lane: Lane,
}

impl LanePermit<'_> {
    /// Whether this lane may run: the core has paused long enough, and no lane with priority is occupied.
    pub fn may_run(&self) -> bool {
        !self.turns.is_blocked(self.lane) && !self.turns.pace.must_pause(Instant::now())
    }
}

impl Drop for LanePermit<'_> {
    fn drop(&mut self) {
        self.turns.grant_next(self.lane);
    }
}

/// A request in the queue for a lane. Once dropped it is skipped; a permit that it has just been given goes to the next one.
pub struct QueuedRequest<'a> {
    turns: &'a Turns,
    lane: Lane,
    waiting: Rc<Waiter>,
}

impl<'a> QueuedRequest<'a> {
    /// Whether its turn has not come yet.
    pub fn is_waiting(&self) -> bool {
        self.waiting.state.get() == State::Waiting
    }

    /// The permit that it was given.
    pub fn into_permit(self) -> LanePermit<'a> {
        debug_assert_eq!(self.waiting.state.get(), State::Granted, "a place is taken by who was given it");
        self.waiting.state.set(State::Taken);
        LanePermit { turns: self.turns, lane: self.lane }
    }
}

impl Drop for QueuedRequest<'_> {
    fn drop(&mut self) {
        if self.waiting.state.replace(State::Cancelled) == State::Granted {
            self.turns.grant_next(self.lane);
        }
    }
}

/// How much of the recent time was spent working.
struct Pace {
    /// When the measured period began.
    began: Cell<Instant>,
    /// How much of it was work.
    spent: Cell<Duration>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { began: Cell::new(Instant::now()), spent: Cell::new(Duration::ZERO) }
    }
}

impl Pace {
    /// Whether others must get their turn first: a third of the time is theirs.
    fn must_pause(&self, now: Instant) -> bool {
        let spent = self.spent.get();
        spent >= TURN && now.saturating_duration_since(self.began.get()) < spent + PAUSE.max(spent / 2)
    }

    fn record(&self, from: Instant, to: Instant) {
        let spent = self.spent.get();
        let stretch = from.saturating_duration_since(self.began.get());
        if stretch >= spent + PAUSE.max(spent / 2) {
            self.began.set(from);
            self.spent.set(Duration::ZERO);
        }
        self.spent.set(self.spent.get() + to.saturating_duration_since(from).min(WORK_MAX));
    }
}

#[cfg(test)]
mod tests;
