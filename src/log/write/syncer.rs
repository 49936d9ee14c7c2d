//! Group commit: one thread per core makes closed groups durable, one at a time, and wakes the core once per group.
//!
//! It has a thread of its own because a sync blocks, and a sync on the core's ring holds up the ring for milliseconds under heavy writing.

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::time::Instant;

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::fault::Fault;
use super::job::Job;
use super::shared::{Core, Shared};

/// The thread. It ends with the writer.
pub(in crate::log) fn run(shared: &Shared, core: &Core, jobs: &Receiver<Job>) {
    // However this thread ends, nobody may be left waiting for it.
    let _leave = Leave { shared, core };
    let mut alarm: Option<Instant> = None;
    loop {
        let job = match alarm {
            None => jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(at) => jobs.recv_deadline(at),
        };
        match job {
            Ok(job) => {
                if work(shared, core, job, &mut alarm).is_break() {
                    return;
                }
            }
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                alarm = None;
                core.alarm.store(false, Ordering::SeqCst);
                core.wake();
            }
        }
    }
}

/// Does one job; breaks after the last.
pub(in crate::log) fn work(shared: &Shared, core: &Core, job: Job, alarm: &mut Option<Instant>) -> ControlFlow<()> {
    match job {
        Job::Group { segment, from, to, pages } => {
            // The segment keeps a failure, where the core finds it.
            let _ = core.sync_group(&segment, from, to, pages.as_ref(), shared.options.slow_sync);
            core.groups_done.fetch_add(1, Ordering::Release);
            core.wake();
            // The core may be asleep while the window runs low after this group.
            if segment.ready().saturating_sub(segment.cursor()) < shared.options.window_bytes / 4 * 3 {
                shared.wake_keeper();
            }
        }
        Job::Alarm(after) => *alarm = Some(Instant::now() + after),
        Job::Finish(writer) => {
            writer.finish();
            return ControlFlow::Break(());
        }
        Job::Stop => return ControlFlow::Break(()),
    }
    ControlFlow::Continue(())
}

/// Counts the core as finished, and turns a panic of the syncer into a failure that the core sees, so that it does not wait forever.
struct Leave<'a> {
    shared: &'a Shared,
    core: &'a Core,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for segment in self.core.live() {
                segment.fail(Fault::Syncer);
            }
            // Everything handed over counts as settled, with a failure.
            self.core.groups_done.store(u64::MAX, Ordering::Release);
            self.core.note_end_of_thread(Fault::Syncer);
            self.core.wake();
        }
        self.shared.cores_running.fetch_sub(1, Ordering::SeqCst);
        self.shared.wake_keeper();
    }
}
