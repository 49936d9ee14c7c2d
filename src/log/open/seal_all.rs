//! Seals what is open, so that it can be changed as a whole.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use crate::log::names::{OPEN, file_name};
use crate::log::write::shared::Core;

use super::Log;
use super::core_state::reason;

/// How often a core is asked again: its next segment may not have been ready.
const LOOK_PAUSE: Duration = Duration::from_millis(10);

/// What became of a core's open segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedCore {
    /// The core.
    pub core: u16,
    /// How many of its segments with records were open, and are sealed now.
    pub sealed: u64,
    /// Those that could not be sealed in time.
    pub left: Vec<PathBuf>,
    /// Why, if that is known.
    pub reason: Option<String>,
}

/// The open segments of a core that held records when it was asked.
struct Asked<'a> {
    core: &'a Core,
    ids: Vec<u64>,
}

impl Log {
    /// Seals every segment that holds records now, in at most `patience`. Every core goes on in its next segment. Call from a thread of no core.
    pub fn seal_all(&self, patience: Duration) -> Vec<SealedCore> {
        let shared = &self.inner.shared;
        let deadline = Instant::now() + patience;
        let with_records = |core: &Core| {
            let live = core.live().into_iter().filter(|segment| segment.first_us() != 0).map(|segment| segment.id);
            live.collect::<Vec<u64>>()
        };
        let asked: Vec<Asked<'_>> = shared.cores.iter().map(|core| Asked { core, ids: with_records(core) }).collect();
        loop {
            let waiting: Vec<&Asked<'_>> = asked.iter().filter(|asked| !asked.open().is_empty()).collect();
            if waiting.is_empty() || Instant::now() >= deadline || shared.is_closing() {
                break;
            }
            waiting.into_iter().for_each(Asked::ask);
            thread::sleep(LOOK_PAUSE);
        }
        asked.iter().map(Asked::report).collect()
    }
}

impl Asked<'_> {
    /// Those that are still open.
    fn open(&self) -> Vec<PathBuf> {
        self.ids.iter().map(|&id| self.core.dir.join(file_name(id, OPEN))).filter(|path| path.exists()).collect()
    }

    /// Makes the core go on in another segment, if it is still in one of these.
    fn ask(&self) {
        let used = self.core.live().into_iter().rev().find(|segment| segment.first_us() != 0);
        if used.is_some_and(|segment| !segment.is_left() && self.ids.contains(&segment.id)) {
            self.core.age_due.store(true, Ordering::SeqCst);
            self.core.waker.wake();
        }
    }

    fn report(&self) -> SealedCore {
        let left = self.open();
        let reason = if left.is_empty() { None } else { reason(self.core) };
        SealedCore { core: self.core.index, sealed: (self.ids.len() - left.len()) as u64, left, reason }
    }
}
