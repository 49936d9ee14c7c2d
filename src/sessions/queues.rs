//! What was read of the log for those who watch sessions live: a queue for each of them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::log::format::record::{OwnedRecord, Record};
use crate::log::read::merge::MergePosition;

/// What waits in a queue takes no more than this, or is one record.
const QUEUE_BYTES_MAX: usize = 4 << 20;

/// Who watches, and what waits for them.
#[derive(Debug, Default)]
pub(super) struct Queues {
    state: Mutex<State>,
    /// Notified when there is something in a queue, or it has begun or ended;
    given: Condvar,
    /// and when somebody has joined or left.
    asked: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// There is a thread.
    runs: bool,
    queues: BTreeMap<u64, Queue>,
    /// The number of the next queue.
    next: u64,
}

#[derive(Debug)]
struct Queue {
    session: u64,
    /// What was passed over before the first record that it may hold; `None` as long as the thread does not know of it. If it ends before it does, the
    /// queue goes.
    from: Option<MergePosition>,
    records: VecDeque<OwnedRecord>,
    bytes: usize,
    /// It gets nothing more. Every record before this place was put into it, and maybe some behind it.
    ended: Option<MergePosition>,
}

/// What a queue has.
#[derive(Debug)]
pub(super) enum Given {
    Record(OwnedRecord),
    /// Nothing, for now.
    Nothing,
    /// Nothing any more: the log is to be read from here. Records from here on may have been given before.
    Ended(MergePosition),
}

/// Where a queue begins.
#[derive(Debug)]
pub(super) enum Begins {
    /// That is not known yet.
    Soon,
    /// With the first record behind this.
    At(MergePosition),
    /// The thread has ended before it knew of it.
    Never,
}

impl Queues {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a queue. Returns its number, and whether a thread is to be started that fills it.
    pub(super) fn add(&self, session: u64) -> (u64, bool) {
        let mut state = self.lock();
        let number = state.add(session);
        let runs = std::mem::replace(&mut state.runs, true);
        drop(state);
        self.asked.notify_all();
        (number, !runs)
    }

    pub(super) fn remove(&self, number: u64) {
        self.lock().queues.remove(&number);
        self.asked.notify_all();
    }

    /// Where a queue begins.
    pub(super) fn begins(&self, number: u64) -> Begins {
        match self.lock().queues.get(&number) {
            Some(queue) => queue.from.clone().map_or(Begins::Soon, Begins::At),
            None => Begins::Never,
        }
    }

    /// The next record of a queue.
    pub(super) fn next(&self, number: u64) -> Given {
        let mut state = self.lock();
        let Some(queue) = state.queues.get_mut(&number) else { return Given::Nothing };
        match queue.records.pop_front() {
            Some(record) => {
                queue.bytes -= record.bytes();
                Given::Record(record)
            }
            None => queue.ended.clone().map_or(Given::Nothing, Given::Ended),
        }
    }

    /// Waits until there is something new in a queue, but no longer than `time`.
    pub(super) fn wait(&self, number: u64, time: Duration) {
        let is_idle = |state: &mut State| {
            let queue = state.queues.get(&number);
            queue.is_some_and(|queue| queue.records.is_empty() && queue.ended.is_none())
        };
        drop(self.given.wait_timeout_while(self.lock(), time, is_idle));
    }

    /// Lets those in who have joined. Returns the sessions that are watched, with the number of each one's queue.
    pub(super) fn let_in(&self, position: &MergePosition) -> Vec<(u64, u64)> {
        let mut state = self.lock();
        let mut wanted = Vec::new();
        for (number, queue) in state.queues.iter_mut().filter(|(_, queue)| queue.ended.is_none()) {
            queue.from.get_or_insert_with(|| position.clone());
            wanted.push((queue.session, *number));
        }
        wanted
    }

    /// Gives a record to one who watches, unless their queue is full or gone. `position`: what comes again if it is.
    pub(super) fn put(&self, number: u64, record: &Record<'_>, position: &MergePosition) {
        let mut state = self.lock();
        let Some(queue) = state.queues.get_mut(&number).filter(|queue| queue.ended.is_none()) else { return };
        let bytes = size_of::<OwnedRecord>() + record.ext.0.len() + record.payload.len();
        if queue.bytes > 0 && queue.bytes + bytes > QUEUE_BYTES_MAX {
            queue.ended = Some(position.clone());
            return;
        }
        queue.bytes += bytes;
        queue.records.push_back(OwnedRecord::from(record));
    }

    /// Something was put into a queue.
    pub(super) fn tell(&self) {
        self.given.notify_all();
    }

    /// What waits in a queue, and whether it gets nothing more.
    #[cfg(test)]
    pub(super) fn bytes_of(&self, number: u64) -> Option<(usize, bool)> {
        self.lock().queues.get(&number).map(|queue| (queue.bytes, queue.ended.is_some()))
    }

    /// Waits for more of the log, or for somebody who joins or leaves.
    pub(super) fn rest(&self, known: usize, time: Duration) {
        let is_same = |state: &mut State| {
            let open = || state.queues.values().filter(|queue| queue.ended.is_none());
            open().count() == known && open().all(|queue| queue.from.is_some())
        };
        drop(self.asked.wait_timeout_while(self.lock(), time, is_same));
    }

    /// The thread has ended. `position`: everything before it was put in, where somebody was let in.
    pub(super) fn end(&self, position: Option<&MergePosition>) {
        let mut state = self.lock();
        state.runs = false;
        state.queues.retain(|_, queue| queue.from.is_some());
        if let Some(position) = position {
            for queue in state.queues.values_mut() {
                queue.ended.get_or_insert_with(|| position.clone());
            }
        }
        drop(state);
        self.tell();
    }

    /// Adds a queue, after this was done `meanwhile`, in which time nobody is let in.
    #[cfg(test)]
    pub(super) fn add_after(&self, session: u64, meanwhile: impl FnOnce()) -> u64 {
        let mut state = self.lock();
        meanwhile();
        state.add(session)
    }
}

impl State {
    fn add(&mut self, session: u64) -> u64 {
        let number = self.next;
        self.next += 1;
        let queue = Queue { session, from: None, records: VecDeque::new(), bytes: 0, ended: None };
        self.queues.insert(number, queue);
        number
    }
}

#[cfg(test)]
mod tests;
