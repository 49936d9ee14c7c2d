//! Describes segments while they grow, and releases their memory.
//!
//! The hasher's thread reads behind each core's durable end. What was written a moment ago is still in memory, in the page cache of a mapped
//! segment and among the recent groups of a directly written one, so it costs no disk access; and when the segment is full nothing is left to
//! read. Pages further back are given back: a container's memory limit counts them, and a segment is large.
//!
//! This thread waits for no disk as long as it keeps up. A writer that fills memory faster than it is read here waits for it, a block at a time:
//! from the disk it could not be read at that rate either.

use std::num::NonZeroU64;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, select};
use rustix::fs::Advice;

use crate::log::disk::page::PAGE_BYTES;
use crate::log::read::description::Description;

use super::fault::LogThread;
use super::retired::Retired;
use super::seal::Described;
use super::segment::{RECORDS_FROM, Segment};
use super::shared::{Core, Shared};
use super::wake::For;
use super::watch::Watch;

/// How much stays in memory behind the durable end, for readers that follow the log.
const KEPT_BYTES: u64 = 8 << 20;

/// How much each look should find: the pause between two looks is adjusted to it.
const LOOK_BYTES: u64 = 1 << 20;
/// How much is read for a core before the others have their turn: their writers may wait, and this takes some 2 ms.
const SLICE_BYTES: u64 = 4 << 20;

const PAUSE_MIN: Duration = Duration::from_millis(4);
const PAUSE_MAX: Duration = Duration::from_millis(50);

/// The thread. It hands full segments on to the sealer, described, and ends when all writers and the log have dropped its queue, and the queue is
/// empty.
pub(in crate::log) fn run(shared: &Shared, queue: &Receiver<Retired>, sealer: &Sender<Described>) {
    let _watch = Watch::new(shared, LogThread::Hasher);
    let mut followers = Followers::default();
    loop {
        let pause = followers.follow(shared);
        select! {
            recv(queue) -> retired => {
                let Ok(retired) = retired else { return };
                let description = followers.complete(shared, &retired);
                // If the sealer has died, the next start seals the file.
                let _ = sealer.send(Described { retired, description });
            }
            recv(shared.hash_now.1) -> _ => {}
            default(pause) => {}
        }
    }
}

/// The segments in use, as far as they have been read. At most one for each mapped segment with records.
#[derive(Debug)]
struct Followers {
    list: Vec<Follower>,
    pause: Duration,
    /// How much the core with the most had, since the last pause.
    found: u64,
}

#[derive(Debug)]
struct Follower {
    core: u16,
    segment: Weak<Segment>,
    id: u64,
    /// None after an error: sealing will read the segment from the start, and report the error. None as well when it was handed on.
    description: Option<Description>,
    read_to: u64,
    let_go_to: u64,
}

impl Default for Followers {
    fn default() -> Followers {
        Followers { list: Vec::new(), pause: PAUSE_MAX, found: 0 }
    }
}

impl Followers {
    /// Reads what has become durable since the last call, a slice of each core's; returns how long to wait until the next.
    fn follow(&mut self, shared: &Shared) -> Duration {
        self.list.retain(|follower| follower.segment.strong_count() > 0);
        let (mut most, mut is_awaited, mut is_left) = (0, false, false);
        for core in &shared.cores {
            let mut new_bytes = 0;
            for segment in core.live().into_iter().filter(|segment| segment.durable() > RECORDS_FROM) {
                let (durable, slice) = (segment.durable(), SLICE_BYTES.saturating_sub(new_bytes));
                let follower = self.follower(shared, core, &segment);
                new_bytes += follower.read_to(durable, slice, shared, core);
                if follower.read_to < durable {
                    // Younger segments come later: what is held of memory is what comes after the place that is read.
                    is_left = true;
                    break;
                }
            }
            most = most.max(new_bytes);
            if core.wait.what() == Some(For::Hasher) {
                is_awaited = true;
                if new_bytes == 0 {
                    // All that is durable was read: what the writer wants to let go is on its way to the disk, was lost, or can't be read.
                    core.recent.release();
                    core.wake_if_waiting();
                }
            }
        }
        self.found += most;
        if is_left {
            return Duration::ZERO;
        }
        let found = std::mem::take(&mut self.found);
        let due = self.pause.as_secs_f64() * LOOK_BYTES as f64 / found.max(1) as f64;
        self.pause = Duration::from_secs_f64(due.clamp(PAUSE_MIN.as_secs_f64(), PAUSE_MAX.as_secs_f64()));
        if is_awaited { PAUSE_MIN } else { self.pause }
    }

    /// Reads the rest of a segment that is to be sealed now, and gives away what is known about it. The other cores have their turns meanwhile.
    ///
    /// The follower stays on the list as long as anyone has the segment, or the next look would read it again.
    fn complete(&mut self, shared: &Shared, retired: &Retired) -> Option<Description> {
        let durable = retired.segment.durable();
        if durable <= RECORDS_FROM {
            return None;
        }
        loop {
            let follower = self.follower(shared, &retired.core, &retired.segment);
            follower.read_to(durable, SLICE_BYTES, shared, &retired.core);
            if follower.read_to == durable {
                let description = follower.description.take();
                // It may wait for the sealer for long.
                return description.map(|mut description| {
                    description.give_back();
                    description
                });
            }
            self.follow(shared);
        }
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

    /// Reads on for about `most` bytes; returns how many were new.
    fn read_to(&mut self, durable: u64, most: u64, shared: &Shared, core: &Core) -> u64 {
        let before = self.read_to;
        if before >= durable {
            return 0;
        }
        let latest_us = shared.clock.latest_us();
        let mut on_block = |block| {
            core.recent.hold_from(block);
            if core.wait.what() == Some(For::Hasher) && !core.recent.is_held() {
                core.wake_if_waiting();
            }
        };
        let Some(description) = &mut self.description else {
            self.read_to = durable;
            return 0;
        };
        match description.read_to(durable, most, latest_us, &mut on_block) {
            Ok(to) => self.read_to = to,
            Err(_) => (self.description, self.read_to) = (None, durable),
        }
        self.let_go();
        self.read_to - before
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
