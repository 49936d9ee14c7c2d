//! The request buffers of one core: reused in size classes, and counted against the core's budget.
//!
//! A connection that waits for its next request holds nothing from here, so memory follows the requests in flight and not the number of
//! connections.

use std::cell::{Cell, RefCell};

use crate::api::refusal::{Reason, Refusal};
use crate::config::BUFFER_BYTES;
use crate::http::{Buffer, Head, LAST_HEAD_BYTES_MAX};

/// Free buffers kept per class, in bytes. Any more go back to the allocator.
const KEPT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Free buffers per class, in bytes, that are kept however long nobody needs them.
const ALWAYS_KEPT_BYTES: usize = 512 * 1024;

/// Free sets of side buffers kept, at most and always.
const WORKS_KEPT_MAX: usize = 1024;
const WORKS_ALWAYS_KEPT: usize = 128;

/// The list of free buffers keeps room for this many, so that it does not grow and shrink all the time.
const SPARE_LIST_MIN: usize = 256;

/// What a request's side buffers may take before they are counted, and what is kept of them for the next request.
const SIDE_BYTES_FREE: usize = 4 * 1024;

/// What every request takes besides its receive buffer.
const WORK_BYTES: u64 = (size_of::<RequestBuffers>() + OUT_BYTES + EXT_BYTES + LAST_HEAD_BYTES_MAX) as u64;
const OUT_BYTES: usize = 1024;
const EXT_BYTES: usize = 256;

/// The buffers of one request in progress.
pub struct RequestBuffers {
    /// The request line and header fields, as offsets into `buf`.
    pub head: Head,
    /// Bytes as received: head, body, and what is pipelined after them.
    pub buf: Buffer,
    /// The answer being built and sent.
    pub out: Vec<u8>,
    /// The extension of the record that the request becomes.
    pub ext: Vec<u8>,
    /// The payload of the record, where it is not the body itself.
    pub payload: Vec<u8>,
    /// The body of an answer that waits for the log.
    pub answer: Vec<u8>,
    /// How much of the four buffers above is counted against the budget.
    pub side_bytes: u64,
}

impl RequestBuffers {
    fn new() -> Self {
        Self {
            head: Head::new(),
            buf: Buffer::default(),
            out: Vec::with_capacity(OUT_BYTES),
            ext: Vec::with_capacity(EXT_BYTES),
            payload: Vec::new(),
            answer: Vec::new(),
            side_bytes: 0,
        }
    }

    /// The capacity of the side buffers: all but the received bytes.
    fn side_capacity(&self) -> usize {
        self.out.capacity() + self.ext.capacity() + self.payload.capacity() + self.answer.capacity()
    }
}

/// A body in the buffer: where it is, and where the next request begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyRange {
    /// Its first byte.
    pub start: usize,
    /// One past its last byte.
    pub end: usize,
    /// Bytes of the buffer that belong to this request.
    pub consumed: usize,
}

/// Buffers of one core.
pub struct Pool {
    budget_bytes: u64,
    used_bytes: Cell<u64>,
    kept_bytes: Cell<u64>,
    /// The part of these that counts against the budget: all but the smallest buffers. Those are bounded by the number of connections, and
    /// many of them must not keep a larger one from a request that waits for it.
    budgeted_bytes: Cell<u64>,
    free: RefCell<[Spare<Vec<u8>>; BUFFER_BYTES.len()]>,
    works: RefCell<Spare<Box<RequestBuffers>>>,
}

/// Free buffers of one kind, the one that was used last on top.
struct Spare<T> {
    free: Vec<T>,
    /// The fewest that were free since the last look: nobody needed these.
    least: usize,
}

impl<T> Default for Spare<T> {
    fn default() -> Self {
        Self { free: Vec::new(), least: 0 }
    }
}

impl<T> Spare<T> {
    #[inline]
    fn pop(&mut self) -> Option<T> {
        let one = self.free.pop();
        self.least = self.least.min(self.free.len());
        one
    }

    /// Drops half of those that nobody has needed since the last look, but keeps `keep`. Returns how many were dropped.
    fn give_back(&mut self, keep: usize) -> usize {
        let count = self.least.min(self.free.len().saturating_sub(keep)).div_ceil(2);
        self.free.drain(..count);
        if count > 0 {
            self.free.shrink_to((2 * self.free.len()).max(SPARE_LIST_MIN));
        }
        self.least = self.free.len();
        count
    }
}

/// The budget for bytes in flight is used up: wait, then refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverBudget;

impl From<OverBudget> for Refusal {
    fn from(OverBudget: OverBudget) -> Self {
        Self::new(503, Reason::BytesInFlight, "too many bytes in flight, try again")
    }
}

impl Pool {
    /// A pool that lends at most `budget_bytes` at a time, not counting the smallest buffers.
    pub fn new(budget_bytes: u64) -> Self {
        Self {
            budget_bytes,
            used_bytes: Cell::new(0),
            kept_bytes: Cell::new(0),
            budgeted_bytes: Cell::new(0),
            free: RefCell::default(),
            works: RefCell::default(),
        }
    }

    /// Bytes lent at this moment.
    pub fn used_bytes(&self) -> u64 {
        self.used_bytes.get()
    }

    /// Bytes of free buffers kept for the next requests.
    pub fn kept_bytes(&self) -> u64 {
        self.kept_bytes.get() + self.works.borrow().free.len() as u64 * WORK_BYTES
    }

    /// Takes the buffers for a request, with a receive buffer of at least `bytes` if the budget allows it. The smallest class is always
    /// granted: connections have a cap of their own, and even a request that will be refused has to be read.
    pub fn take(&self, bytes: usize) -> Box<RequestBuffers> {
        let mut work = self.works.borrow_mut().pop().unwrap_or_else(|| Box::new(RequestBuffers::new()));
        self.used_bytes.set(self.used_bytes.get() + WORK_BYTES);
        work.buf = Buffer::over(self.buffer(bytes, 0).unwrap_or_else(|_| self.lend(0)));
        work
    }

    /// What a buffer for `bytes` takes of the budget. One of the smallest class takes nothing, because it is always granted.
    pub fn cost(bytes: usize) -> u64 {
        class_of(bytes).map_or(u64::MAX, cost_of)
    }

    /// Takes all buffers of a request back.
    pub fn put(&self, mut work: Box<RequestBuffers>) {
        self.put_buffer(std::mem::take(&mut work.buf).into_memory());
        work.head.reset();
        self.clear_side_buffers(&mut work);
        debug_assert_eq!(work.side_bytes, 0, "cleared side buffers are not counted");
        debug_assert!(self.used_bytes.get() >= WORK_BYTES, "what is given back was lent");
        self.used_bytes.set(self.used_bytes.get().saturating_sub(WORK_BYTES));
        let mut works = self.works.borrow_mut();
        if works.free.len() < WORKS_KEPT_MAX {
            works.free.push(work);
        }
    }

    /// Gives free buffers back to the allocator that have not been needed since the last call: a burst leaves nothing behind for long.
    pub fn give_back(&self) {
        self.works.borrow_mut().give_back(WORKS_ALWAYS_KEPT);
        for (class, spare) in self.free.borrow_mut().iter_mut().enumerate() {
            let bytes = (spare.give_back(ALWAYS_KEPT_BYTES / BUFFER_BYTES[class]) * BUFFER_BYTES[class]) as u64;
            self.kept_bytes.set(self.kept_bytes.get().saturating_sub(bytes));
        }
    }

    /// Grows `buf` to hold at least `bytes`, and keeps its content.
    pub fn grow(&self, buf: &mut Buffer, bytes: usize) -> Result<(), OverBudget> {
        if buf.capacity() >= bytes {
            return Ok(());
        }
        // The old buffer comes back at once, so its cost is available to the new one.
        let larger = self.buffer(bytes, class_of(buf.capacity()).map_or(0, cost_of))?;
        self.put_buffer(buf.move_into(larger));
        Ok(())
    }

    /// Counts the side buffers of a request. They are bounded by what the request was allowed to have, and by the texts of answers.
    #[inline]
    pub fn count(&self, work: &mut RequestBuffers) {
        let bytes = work.side_capacity();
        self.count_side_bytes(&mut work.side_bytes, bytes);
    }

    /// The same while parts of a [`RequestBuffers`] are borrowed: `counted` is its `side_bytes`.
    #[inline]
    pub fn count_side_bytes(&self, counted: &mut u64, bytes: usize) {
        if bytes > SIDE_BYTES_FREE || *counted > 0 {
            self.recount(counted, if bytes > SIDE_BYTES_FREE { bytes as u64 } else { 0 });
        }
    }

    /// Clears the side buffers of a request, and releases large ones.
    #[inline]
    pub fn clear_side_buffers(&self, work: &mut RequestBuffers) {
        work.out.clear();
        if work.side_capacity() > SIDE_BYTES_FREE {
            let RequestBuffers { head, buf, side_bytes, .. } = std::mem::replace(work, RequestBuffers::new());
            (work.head, work.buf, work.side_bytes) = (head, buf, side_bytes);
        }
        self.count(work);
    }

    fn recount(&self, counted: &mut u64, bytes: u64) {
        let before = std::mem::replace(counted, bytes);
        debug_assert!(self.budgeted_bytes.get() >= before, "what is counted was added once");
        for total in [&self.used_bytes, &self.budgeted_bytes] {
            total.set(total.get().saturating_sub(before) + bytes);
        }
    }

    /// Counts `bytes` that a request holds outside the pool.
    pub fn reserve(&self, bytes: u64) -> Result<(), OverBudget> {
        if self.budgeted_bytes.get() + bytes > self.budget_bytes {
            return Err(OverBudget);
        }
        self.used_bytes.set(self.used_bytes.get() + bytes);
        self.budgeted_bytes.set(self.budgeted_bytes.get() + bytes);
        Ok(())
    }

    /// Gives back what was reserved.
    pub fn unreserve(&self, bytes: u64) {
        debug_assert!(self.budgeted_bytes.get() >= bytes, "what is given back was reserved");
        self.used_bytes.set(self.used_bytes.get().saturating_sub(bytes));
        self.budgeted_bytes.set(self.budgeted_bytes.get().saturating_sub(bytes));
    }

    /// Replaces an empty buffer that is larger than `bytes` needs by a smaller one. Returns `true` if memory was released.
    pub fn shrink(&self, buf: &mut Buffer, bytes: usize) -> bool {
        if !buf.is_empty() || class_of(buf.capacity()) <= class_of(bytes) {
            return false;
        }
        match self.buffer(bytes, 0) {
            Ok(smaller) => {
                self.put_buffer(buf.move_into(smaller));
                true
            }
            Err(OverBudget) => false,
        }
    }

    fn buffer(&self, bytes: usize, returned_bytes: u64) -> Result<Vec<u8>, OverBudget> {
        let class = class_of(bytes).ok_or(OverBudget)?;
        if class > 0 && self.budgeted_bytes.get() + cost_of(class) > self.budget_bytes + returned_bytes {
            return Err(OverBudget);
        }
        Ok(self.lend(class))
    }

    fn lend(&self, class: usize) -> Vec<u8> {
        let kept = self.free.borrow_mut()[class].pop();
        if kept.is_some() {
            self.kept_bytes.set(self.kept_bytes.get().saturating_sub(BUFFER_BYTES[class] as u64));
        }
        let buf = kept.unwrap_or_else(|| vec![0; BUFFER_BYTES[class]]);
        self.used_bytes.set(self.used_bytes.get() + BUFFER_BYTES[class] as u64);
        self.budgeted_bytes.set(self.budgeted_bytes.get() + cost_of(class));
        buf
    }

    fn put_buffer(&self, buf: Vec<u8>) {
        let Some(class) = class_of(buf.capacity()).filter(|_| buf.capacity() > 0) else {
            return;
        };
        debug_assert_eq!(buf.len(), BUFFER_BYTES[class], "buffers keep the size of their class");
        debug_assert!(self.used_bytes.get() >= BUFFER_BYTES[class] as u64, "what is given back was lent");
        debug_assert!(self.budgeted_bytes.get() >= cost_of(class), "what is given back was lent");
        self.used_bytes.set(self.used_bytes.get().saturating_sub(BUFFER_BYTES[class] as u64));
        self.budgeted_bytes.set(self.budgeted_bytes.get().saturating_sub(cost_of(class)));
        let mut free = self.free.borrow_mut();
        if (free[class].free.len() + 1) * BUFFER_BYTES[class] <= KEPT_BYTES_MAX {
            free[class].free.push(buf);
            self.kept_bytes.set(self.kept_bytes.get() + BUFFER_BYTES[class] as u64);
        }
    }
}

/// What a buffer of this class takes of the budget.
fn cost_of(class: usize) -> u64 {
    if class == 0 { 0 } else { BUFFER_BYTES[class] as u64 }
}

/// The smallest class that holds `bytes`.
fn class_of(bytes: usize) -> Option<usize> {
    BUFFER_BYTES.iter().position(|&size| size >= bytes)
}

#[cfg(test)]
mod tests;
