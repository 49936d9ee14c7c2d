//! The waiting requests of a core: for the log to confirm a record, for room in the log, for memory.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::Waker;

use crate::base::time::monotonic_us;
use crate::log::{Progress, Seq};
use crate::server::memory::shares::{Shares, interleave_projects};

use super::conn::Conn;
use super::waker_slot::WakerSlot;

/// Initial capacity of the queues; they grow if more requests wait.
const QUEUE_CAPACITY: usize = 1024;

/// How many of those waiting for memory are examined when some is released.
const MEMORY_WAITERS_SCANNED: usize = 64;

/// Which requests wait for what.
pub struct Waiters {
    /// Waiting for records, in record order.
    for_records: RefCell<VecDeque<(Seq, Rc<Conn>)>>,
    /// Waiting for room in the log: they try again when there may be some.
    for_room: RefCell<VecDeque<Rc<Conn>>>,
    /// Waiting for memory.
    for_memory: RefCell<VecDeque<Rc<Conn>>>,
    waker: WakerSlot,
    woken: Cell<bool>,
    /// When records were last settled, in us on the monotonic clock.
    settled_us: Cell<u64>,
}

impl Default for Waiters {
    fn default() -> Self {
        Self {
            for_records: RefCell::new(VecDeque::with_capacity(QUEUE_CAPACITY)),
            for_room: RefCell::new(VecDeque::with_capacity(QUEUE_CAPACITY)),
            for_memory: RefCell::new(VecDeque::with_capacity(QUEUE_CAPACITY)),
            waker: WakerSlot::default(),
            woken: Cell::new(false),
            settled_us: Cell::new(0),
        }
    }
}

impl Waiters {
    /// A request waits for the record `seq`. Called in record order.
    pub fn wait_for_record(&self, seq: Seq, conn: &Rc<Conn>) {
        let mut waiting = self.for_records.borrow_mut();
        debug_assert!(waiting.back().is_none_or(|(last, _)| *last < seq), "records are numbered in their order");
        waiting.push_back((seq, Rc::clone(conn)));
    }

    /// A request waits for room in the log.
    pub fn wait_for_room(&self, conn: &Rc<Conn>) {
        debug_assert!(conn.waits_for_retry(), "it would never be woken");
        self.for_room.borrow_mut().push_back(Rc::clone(conn));
    }

    /// A request waits for memory.
    pub fn wait_for_memory(&self, conn: &Rc<Conn>) {
        debug_assert!(conn.waits_for_retry(), "it would never be woken");
        self.for_memory.borrow_mut().push_back(Rc::clone(conn));
    }

    /// Schedules the commit task behind everything that is ready now. Called with each append; wakes it once a turn.
    #[inline]
    pub fn wake(&self) {
        if !self.woken.replace(true) {
            self.waker.wake();
        }
    }

    /// Called by the commit task itself.
    pub fn set_waker(&self, waker: &Waker) {
        self.woken.set(false);
        self.waker.register(waker);
    }

    /// Lets all requests that found no room in the log try again.
    pub fn retry(&self) {
        let mut for_room = self.for_room.borrow_mut();
        interleave_projects(&mut for_room, |conn| conn.project.get());
        for conn in for_room.drain(..) {
            conn.retry();
        }
    }

    /// Memory was released: wakes the longest-waiting request whose project is still within its share, or the first, if none of those looked at is. It
    /// wakes one, however much was released; that one's own release, or the sweep, wakes the next.
    pub fn memory_came_back(&self, shares: &Shares) {
        let mut for_memory = self.for_memory.borrow_mut();
        let may_have = |conn: &Rc<Conn>| !shares.is_exhausted(conn.project.get());
        let first = for_memory.iter().take(MEMORY_WAITERS_SCANNED).position(may_have).unwrap_or(0);
        if let Some(conn) = for_memory.remove(first) {
            conn.retry();
        }
    }

    /// Whether any request waits for memory.
    pub fn is_memory_short(&self) -> bool {
        !self.for_memory.borrow().is_empty()
    }

    /// Lets all requests that found no memory try again.
    pub fn retry_memory(&self) {
        for conn in self.for_memory.borrow_mut().drain(..) {
            conn.retry();
        }
    }

    /// When the wait for a record ended that has just ended, in us on the monotonic clock. One reading serves all records of a group.
    pub fn settled_us(&self) -> u64 {
        self.settled_us.get()
    }

    /// Ends the waits for all records that the log has settled.
    pub fn settle(&self, progress: &Progress) {
        let mut for_records = self.for_records.borrow_mut();
        if !for_records.is_empty() {
            self.settled_us.set(monotonic_us());
        }
        while let Some((seq, conn)) = for_records.front() {
            let lost = progress.lost.is_some_and(|(from, to)| from <= *seq && *seq <= to);
            if !lost && *seq > progress.acked {
                break;
            }
            conn.on_record_settled(*seq, lost);
            for_records.pop_front();
        }
    }
}
