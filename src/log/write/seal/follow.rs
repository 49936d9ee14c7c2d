//! Describes segments while they grow, and releases their memory.
//!
//! The sealer reads behind each core's durable end. What was written a moment ago is still in memory, in the page cache of a mapped segment
//! and among the recent groups of a directly written one, so it costs no disk access; and when the segment is full nothing is left to read. Pages further back are given back: a container's memory limit counts them, and a segment is large.

use std::num::NonZeroU64;
use std::sync::{Arc, Weak};
use std::time::Duration;

use rustix::fs::Advice;

use crate::log::disk::page::PAGE_BYTES;
use crate::log::read::description::Description;
use crate::log::write::segment::{RECORDS_FROM, Segment};
use crate::log::write::shared::{Core, Shared};

/// How much stays in memory behind the durable end, for readers that follow the log.
const KEPT_BYTES: u64 = 8 << 20;

/// How much each look should find: the pause between two looks is adjusted to it.
const LOOK_BYTES: u64 = 1 << 20;
const PAUSE_MIN: Duration = Duration::from_millis(4);
const PAUSE_MAX: Duration = Duration::from_millis(50);

/// The segments in use, as far as they have been read. At most one for each mapped segment with records.
#[derive(Debug)]
pub(super) struct Followers {
    list: Vec<Follower>,
    pause: Duration,
}

#[derive(Debug)]
struct Follower {
    core: u16,
    segment: Weak<Segment>,
    id: u64,
    /// None after an error: sealing will read the segment from the start, and report the error.
    description: Option<Description>,
    read_to: u64,
    let_go_to: u64,
}

impl Default for Followers {
    fn default() -> Followers {
        Followers { list: Vec::new(), pause: PAUSE_MAX }
    }
}

impl Followers {
    /// Reads what has become durable since the last call; returns how long to wait until the next.
    pub(super) fn follow(&mut self, shared: &Shared) -> Duration {
        self.list.retain(|follower| follower.segment.strong_count() > 0);
        let mut most = 0;
        for core in &shared.cores {
            for segment in core.live().into_iter().filter(|segment| segment.durable() > RECORDS_FROM) {
                most = most.max(self.follower(shared, core, &segment).read_to(segment.durable(), shared));
            }
        }
        let due = self.pause.as_secs_f64() * LOOK_BYTES as f64 / most.max(1) as f64;
        self.pause = Duration::from_secs_f64(due.clamp(PAUSE_MIN.as_secs_f64(), PAUSE_MAX.as_secs_f64()));
        self.pause
    }

    /// What is known about a segment that is to be sealed now.
    pub(super) fn take(&mut self, core: u16, id: u64) -> Option<Description> {
        let at = self.list.iter().position(|follower| (follower.core, follower.id) == (core, id))?;
        self.list.swap_remove(at).description
    }

    fn follower(&mut self, shared: &Shared, core: &Core, segment: &Arc<Segment>) -> &mut Follower {
        let known = self.list.iter().position(|follower| (follower.core, follower.id) == (core.index, segment.id));
        let at = known.unwrap_or_else(|| {
            self.list.push(Follower::new(shared, core, segment));
            self.list.len() - 1
        });
        &mut self.list[at]
    }
}

impl Follower {
    fn new(shared: &Shared, core: &Core, segment: &Arc<Segment>) -> Follower {
        let begun = Description::begin(
            &segment.path,
            shared.log,
            core.index,
            segment.id,
            segment.durable(),
            Some(&core.recent),
        );
        // Read-ahead would bring in pages that are not prepared yet, as large folios: see `crate::log::write::segment`.
        let random = |begun: &Description| rustix::fs::fadvise(begun.file(), 0, None, Advice::Random).is_ok();
        Follower {
            core: core.index,
            segment: Arc::downgrade(segment),
            id: segment.id,
            description: begun.ok().filter(random),
            read_to: 0,
            let_go_to: 0,
        }
    }

    /// Returns how many bytes were new.
    fn read_to(&mut self, durable: u64, shared: &Shared) -> u64 {
        let new_bytes = durable.saturating_sub(self.read_to);
        if new_bytes == 0 {
            return 0;
        }
        self.read_to = durable;
        let latest_us = shared.clock.latest_us();
        if self.description.as_mut().is_some_and(|description| description.read_to(durable, latest_us).is_err()) {
            self.description = None;
        }
        self.let_go();
        new_bytes
    }

    /// Only clean pages that nobody has mapped are dropped, so this costs a late reader a read, and nobody else anything.
    fn let_go(&mut self) {
        let to = self.read_to.saturating_sub(KEPT_BYTES) / PAGE_BYTES * PAGE_BYTES;
        let (Some(description), Some(bytes)) = (&self.description, NonZeroU64::new(to.saturating_sub(self.let_go_to)))
        else {
            return;
        };
        if rustix::fs::fadvise(description.file(), self.let_go_to, Some(bytes), Advice::DontNeed).is_ok() {
            self.let_go_to = to;
        }
    }
}

#[cfg(test)]
mod tests;
