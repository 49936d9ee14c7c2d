//! What happens when a thread of the log panics: its users must not wait for it for ever.

use super::fault::{Fault, LogThread};
use super::shared::Shared;

/// Held by a thread that serves all cores for as long as it runs. When a panic drops it, the cores that can't go on without the thread are
/// poisoned, for good: appends are refused at once, `/health` says which thread is gone, and what is on its way is still made durable and answered.
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
                // Records are stored without it. The operator is told; if nobody acts, the disk fills, which is told too.
                LogThread::Deleter => core.note_failure(fault, None),
                LogThread::Preparer | LogThread::Keeper | LogThread::Sealer => core.note_end_of_thread(fault),
            }
            core.wake();
        }
    }
}

#[cfg(test)]
mod tests;
