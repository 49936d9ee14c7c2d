//! Forgets what is in memory of segments whose files were changed.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use crate::log::format::control::at;
use crate::log::options::{Ack, Way};
use crate::log::write::shared::{Core, Shared};

use super::Log;

/// How often a core is asked again: what it has answered may not be in its segment yet.
const LOOK_PAUSE: Duration = Duration::from_millis(10);

impl Log {
    /// Forgets what is in memory of sealed segments, because their files were changed: it is read from there. Where this memory lies in files (direct
    /// writes with [`Ack::Memory`]), they are removed, for which the cores have until `deadline`. Returns the cores of which some are left. Call
    /// from a thread of no core.
    pub fn forget_recent(&self, deadline: Instant) -> Vec<u16> {
        let shared = &*self.inner.shared;
        for core in &shared.cores {
            core.recent.forget(core.control.word(at::SEGMENT).load(Ordering::SeqCst));
        }
        if (shared.options.way, shared.options.ack) != (Way::Direct, Ack::Memory) {
            return Vec::new();
        }
        let asked: Vec<(&Core, u64)> =
            shared.cores.iter().map(|core| (&**core, core.forget_asked.fetch_add(1, Ordering::SeqCst) + 1)).collect();
        let has_files = |(core, number): &&(&Core, u64)| core.forgotten.load(Ordering::SeqCst) < *number;
        while asked.iter().filter(has_files).map(|(core, _)| core.waker.wake()).count() > 0 {
            if Instant::now() >= deadline || shared.is_closing() {
                break;
            }
            thread::sleep(LOOK_PAUSE);
        }
        let is_left = |of: &&(&Core, u64)| has_files(of) || !are_gone_for_good(shared, of.0);
        asked.iter().filter(is_left).map(|(core, _)| core.index).collect()
    }
}

/// A power cut must not bring the files back.
fn are_gone_for_good(shared: &Shared, core: &Core) -> bool {
    shared.disk.sync_dir(&core.dir).is_ok()
}
