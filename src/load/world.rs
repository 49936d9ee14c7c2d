//! What all visitors of one thread share.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::alarm::Alarms;
use super::connection::Pool;
use super::ledger::Ledger;
use super::plan::Plan;
use super::profile::Profile;
use super::tally::Tally;

/// What all visitors of one thread share.
pub struct World {
    /// What is to be done.
    pub plan: Arc<Plan>,
    /// The visit that each plays.
    pub profile: Arc<Profile>,
    /// How many times as fast.
    pub speed: f64,
    /// Tells this run's visitors from those of others.
    pub run: String,
    /// The value of `User-Agent`.
    pub agent: String,
    /// Wakes visitors.
    pub alarms: Rc<Alarms>,
    /// What happened since it was taken last.
    pub tally: RefCell<Tally>,
    /// Takes note of what was acknowledged.
    pub ledger: Option<Ledger>,
    /// The connections of all visitors, if their number is bounded.
    pub shared: Option<Rc<Pool>>,
    /// Nothing is due from then on.
    pub end: Cell<Instant>,
    /// Exchanges, and waits between tries, under way.
    pub busy: Cell<u64>,
    /// Visits under way.
    pub open: Cell<u64>,
    /// When each batch was due that is not done with yet.
    pub waiting: RefCell<HashMap<u64, Instant>>,
    /// The number of the last batch.
    pub last: Cell<u64>,
}

/// The most connections that a browser opens to one server.
const CONNECTIONS_OF_A_BROWSER: usize = 6;

impl World {
    /// The connections of a new visitor.
    pub fn pool(&self) -> Rc<Pool> {
        match &self.shared {
            Some(shared) => Rc::clone(shared),
            None => Rc::new(Pool::new(self.plan.target.addr(), CONNECTIONS_OF_A_BROWSER)),
        }
    }

    /// Waits until then, and notes how late it has become if it waited. `false`: the run ends before.
    pub async fn wait_until(&self, due: Instant) -> bool {
        if due >= self.end.get() {
            return false;
        }
        if Instant::now() < due {
            self.alarms.at(due).await;
            let late = due.elapsed();
            if due >= self.end.get() {
                return false;
            }
            self.tally.borrow_mut().lag.record(late);
        }
        true
    }

    /// A real time as long as visits play it.
    pub fn played(&self, recorded: Duration) -> Duration {
        recorded.div_f64(self.speed)
    }

    /// Notes that a batch is due.
    pub fn begin_batch(self: &Rc<Self>, due: Instant) -> Waiting {
        let number = self.last.get() + 1;
        self.last.set(number);
        self.waiting.borrow_mut().insert(number, due);
        self.tally.borrow_mut().counts.batches_due += 1;
        Waiting { world: Rc::clone(self), number, due }
    }

    /// Counts something that the end of the run waits for, as long as what is returned is kept.
    pub fn begin(self: &Rc<Self>) -> Busy {
        self.busy.set(self.busy.get() + 1);
        Busy(Rc::clone(self))
    }
}

/// Something that the end of the run waits for.
pub struct Busy(Rc<World>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.set(self.0.busy.get() - 1);
    }
}

/// A batch that waits for its acknowledgement.
pub struct Waiting {
    world: Rc<World>,
    number: u64,
    due: Instant,
}

impl Waiting {
    /// The batch's number within the run, unique within its thread.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// It was acknowledged, or given up.
    pub fn end(self) {
        if self.world.waiting.borrow_mut().remove(&self.number).is_some() {
            self.world.tally.borrow_mut().batches.record(self.due.elapsed());
        }
    }
}

/// The wall clock, Unix ms.
pub fn now_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}
