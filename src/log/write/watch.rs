//! What happens when one of the log's threads panics: nothing that uses it may wait forever.

use super::fault::{Fault, LogThread};
use super::shared::Shared;

/// Held by a thread that serves all cores for as long as it runs. When a panic drops it, the cores that can't work without the thread are
/// poisoned for good: appends are refused at once, `/health` names the thread that died, and what is in flight is still made durable and
/// answered.
pub(in crate::log) struct Watch<'a> {
    shared: &'a Shared,
    thread: LogThread,
}

impl Watch<'_> {
    pub(in crate::log) fn new(shared: &Shared, thread: LogThread) -> Watch<'_> {
        Watch { shared, thread }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let fault = Fault::Thread(self.thread);
        for core in &self.shared.cores {
            match self.thread {
                // Records are stored without it. The operator gets a report; if nobody acts, the disk fills up, which is reported too.
                LogThread::Deleter => core.note_failure(fault, None),
                LogThread::Preparer | LogThread::Keeper | LogThread::Sealer | LogThread::Hasher => {
                    core.note_end_of_thread(fault);
                }
            }
            core.wake();
        }
    }
}

#[cfg(test)]
mod tests;
