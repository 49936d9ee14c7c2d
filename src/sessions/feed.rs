//! One reading of the log for all who watch sessions live.
//!
//! A thread passes over the log once, and puts copies of the records of the sessions that are watched into a queue for each who watches. It begins
//! with the first of them, at the log's end, and ends with the last.
//!
//! Nobody depends on it. Who joins goes on reading the log as far as the thread had come by then, however far behind that one is: the others do not
//! wait for it. The thread ends at whatever comes in its way: the log cannot be read, records are erased, the server stops; and it gives up a queue
//! that is full, because it waits for nobody. The queue's owner then takes what is in it, reads the log from the place that the thread tells, and
//! joins again.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::log::LogError;
use crate::log::read::merge::{Merge, MergePosition, RepeatWindow};
use crate::log::read::reader::LogReader;

mod pace;

use pace::{Pace, Share};

use super::queues::{Begins, Given};
use super::shared::{Shared, processor_time};

/// How many records are passed over between two looks at who watches, at an erasure and at the stop,
const STRIDE: u32 = 1024;
/// and how many bytes: how large a record is, a client decides.
const STRIDE_BYTES: usize = 4 << 20;

/// Whose queue it is. It is given back when this is dropped.
#[derive(Debug)]
pub(super) struct Subscription {
    shared: Arc<Shared>,
    number: u64,
}

impl Subscription {
    /// Joins those who watch a session. If nobody does yet, the thread begins here.
    ///
    /// # Errors
    /// The thread could not be started.
    pub(super) fn join(shared: &Arc<Shared>, session: u64) -> io::Result<Subscription> {
        let (number, is_first) = shared.queues.add(session);
        let subscription = Subscription { shared: Arc::clone(shared), number };
        if !is_first {
            return Ok(subscription);
        }
        // From here on an erasure waits for it.
        let erasures = {
            let mut state = shared.lock();
            state.feed_heard = Some(state.erasures);
            state.erasures
        };
        let mut reading = Reading { shared: Arc::clone(shared), position: None };
        // What could not be read, they will find out who read it themselves.
        let run = move || _ = reading.run(erasures);
        // If it is not started, the reading is dropped with it.
        std::thread::Builder::new().name("session-feed".into()).spawn(run)?;
        Ok(subscription)
    }

    /// Where it begins.
    pub(super) fn begins(&self) -> Begins {
        self.shared.queues.begins(self.number)
    }

    /// The next record.
    pub(super) fn next(&self) -> Given {
        self.shared.queues.next(self.number)
    }

    /// Waits until there is something new, but no longer than `time`.
    pub(super) fn wait(&self, time: Duration) {
        self.shared.queues.wait(self.number, time);
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.shared.queues.remove(self.number);
    }
}

/// The thread's reading of the log. When it is dropped, those who watch are told where to go on.
#[derive(Debug)]
struct Reading {
    shared: Arc<Shared>,
    /// Everything before this place was given, to who was let in.
    position: Option<MergePosition>,
}

impl Reading {
    /// Reads until nobody watches, or something comes in its way.
    fn run(&mut self, erasures: u64) -> Result<(), LogError> {
        let shared = Arc::clone(&self.shared);
        let reader = LogReader::open(&shared.log_dir)?.with_recent(shared.recent.clone());
        // Only the place: what lies between it and the present is given, too.
        let end = Merge::since(reader.clone(), reader.now_us())?.position();
        let mut merge = Merge::resume(reader, &end)?.with_repeat_window(RepeatWindow::OFF);
        let mut share = Share::new();
        let mut pace = Pace::new(Instant::now());
        loop {
            let debt = share.debt(Instant::now(), processor_time());
            if !debt.is_zero() {
                shared.rest(debt, erasures);
            }
            let position = merge.position();
            let wanted = shared.queues.let_in(&position);
            self.position = Some(position.clone());
            // Asked last: who came in after an erasure must not get what was read before it.
            if wanted.is_empty() || shared.is_stopping() || shared.lock().erasures != erasures {
                return Ok(());
            }
            let (mut at_end, mut gave, mut stride_bytes) = (false, false, 0_usize);
            for _ in 0..STRIDE {
                if stride_bytes >= STRIDE_BYTES {
                    break;
                }
                let Some(record) = merge.next()? else {
                    at_end = true;
                    break;
                };
                stride_bytes += record.payload.len();
                for (_, number) in wanted.iter().filter(|(session, _)| *session == record.session) {
                    shared.queues.put(*number, &record, &position);
                    gave = true;
                }
            }
            if gave {
                shared.queues.tell();
            }
            pace.found(stride_bytes);
            if at_end {
                shared.queues.rest(wanted.len(), pace.pause(Instant::now()));
            }
        }
    }
}

#[cfg(test)]
impl Subscription {
    /// Has the thread come to let others in, does this `meanwhile`, has records erased, and joins. Returns when the thread has ended.
    #[cfg(test)]
    pub(super) fn join_as_records_are_erased(
        shared: &Arc<Shared>,
        session: u64,
        meanwhile: impl FnOnce(),
    ) -> Subscription {
        let erasures = shared.lock().erasures;
        let mut reading = Reading { shared: Arc::clone(shared), position: None };
        let mut thread = None;
        let number = shared.queues.add_after(session, || {
            thread = Some(std::thread::spawn(move || reading.run(erasures).unwrap()));
            meanwhile();
            std::thread::sleep(Duration::from_millis(100));
            shared.lock().erasures += 1;
        });
        thread.unwrap().join().unwrap();
        Subscription { shared: Arc::clone(shared), number }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        // It holds nothing any more, even if it has panicked.
        self.shared.lock().feed_heard = None;
        self.shared.queues.end(self.position.as_ref());
    }
}
