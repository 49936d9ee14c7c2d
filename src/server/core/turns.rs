//! Turns of what takes long to compute. A core does nothing else while it inflates, so it measures what it spends on that, and rests when
//! it was much: by time, however many requests it was spent on.
//!
//! There are lanes, and one request at a time is in each. The lanes of starts wait while one of those of batches has somebody: work that anybody
//! may send never stands before that of a session. What is short has lanes of its own, so that it does not wait for the end of what is long.
//! All waits are within the patience of their requests.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::conn::{Conn, WaitOutcome};
use crate::api::refusal::{Reason, Refusal};

/// How long a core goes on before others have their turn. A usual batch takes less.
pub const TURN: Duration = Duration::from_millis(2);

/// How long it then rests at least: the shortest that timers know.
pub const PAUSE: Duration = Duration::from_millis(1);

/// What a piece of work counts at most. One that took longer was interrupted: nobody has to rest from a pause of the machine.
const WORK_MAX: Duration = Duration::from_millis(100);

/// Whose work it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// A session's batch, for one turn.
    Batch,
    /// One that takes more.
    LongBatch,
    /// A start that inflates to little. Whoever sends it has shown nothing yet.
    Start,
    /// One that inflates to more.
    LongStart,
}

const LANES: usize = Lane::LongStart as usize + 1;

/// The patience of a request was used up before its turn came.
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
    /// The place is its own, and it does not know yet.
    Granted,
    /// It is there.
    Taken,
    /// It waits no longer.
    Cancelled,
}

impl Turns {
    /// Whether nobody would have to wait who came now.
    pub fn is_free(&self, lane: Lane) -> bool {
        !self.is_taken(lane) && !self.is_blocked(lane) && !self.pace.must_pause(Instant::now())
    }

    /// The place in a lane, if it is free.
    pub fn try_take(&self, lane: Lane) -> Option<LanePermit<'_>> {
        let is_free = !self.lanes[lane as usize].taken.replace(true);
        // Made only where it is free: a place that is dropped goes to the next.
        is_free.then(|| LanePermit { turns: self, lane })
    }

    /// Stands in line for a lane.
    pub fn enqueue(&self, conn: &Rc<Conn>, lane: Lane) -> QueuedRequest<'_> {
        let waiting = Rc::new(Waiter { conn: Rc::clone(conn), state: Cell::new(State::Waiting) });
        self.lanes[lane as usize].waiting.borrow_mut().push_back(Rc::clone(&waiting));
        QueuedRequest { turns: self, lane, waiting }
    }

    /// Works, and takes note of how long.
    pub fn work<T>(&self, work: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let done = work();
        self.pace.record(began, Instant::now());
        done
    }

    fn is_taken(&self, lane: Lane) -> bool {
        self.lanes[lane as usize].taken.get()
    }

    /// Whether somebody is in a lane that comes before this one.
    fn is_blocked(&self, lane: Lane) -> bool {
        match lane {
            Lane::Batch | Lane::LongBatch => false,
            Lane::Start | Lane::LongStart => self.is_taken(Lane::Batch) || self.is_taken(Lane::LongBatch),
        }
    }

    /// Gives the place to who waits for it.
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

/// The place in a lane. The next has it when this is dropped.
pub struct LanePermit<'a> {
    turns: &'a Turns,
    lane: Lane,
}

impl LanePermit<'_> {
    /// Whether this lane may go on: the core has rested, and nobody is in a lane before it.
    pub fn may_run(&self) -> bool {
        !self.turns.is_blocked(self.lane) && !self.turns.pace.must_pause(Instant::now())
    }
}

impl Drop for LanePermit<'_> {
    fn drop(&mut self) {
        self.turns.grant_next(self.lane);
    }
}

/// A request in the line for a lane. Once this is dropped it is passed over; a place that it has just been given goes to the next.
pub struct QueuedRequest<'a> {
    turns: &'a Turns,
    lane: Lane,
    waiting: Rc<Waiter>,
}

impl<'a> QueuedRequest<'a> {
    /// Whether its turn has not come.
    pub fn is_waiting(&self) -> bool {
        self.waiting.state.get() == State::Waiting
    }

    /// The place that it was given.
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

/// How much of the time goes by with work.
struct Pace {
    /// When the stretch began that is looked at.
    began: Cell<Instant>,
    /// What of it was work.
    spent: Cell<Duration>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { began: Cell::new(Instant::now()), spent: Cell::new(Duration::ZERO) }
    }
}

impl Pace {
    /// Whether others have to have their turn first: a third of the time is theirs.
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
