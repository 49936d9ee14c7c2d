//! How often the thread looks for more of the log, and how much of the processors it takes.

use std::time::{Duration, Instant};

use super::super::shared::processor_time;

/// It takes no more than one part in so many of the processors' time. A low priority would not do instead: beside requests that take all of a processor
/// it would come too late for what is in memory, and to read the same from the disk costs everybody more.
const SHARE: u32 = 10;
/// So much of it may be saved up.
const SAVED_MAX: Duration = Duration::from_millis(100);

/// How much a look is to find: a small part of what is kept in memory, 64 MiB by default, because the thread may have to wait for a processor besides.
const LOOK_BYTES: u32 = 4 << 20;
/// The pauses between two looks.
const PAUSE_MIN: Duration = Duration::from_millis(5);
const PAUSE_MAX: Duration = Duration::from_millis(40);

/// What the thread may take of the processors.
pub(super) struct Share {
    processors: u32,
    saved: Duration,
    at: Instant,
    used: Duration,
}

impl Share {
    pub(super) fn new() -> Share {
        let processors = std::thread::available_parallelism().map_or(1, |count| count.get() as u32);
        Share { processors, saved: SAVED_MAX, at: Instant::now(), used: processor_time() }
    }

    /// How long to rest for what was taken too much since the last call.
    pub(super) fn debt(&mut self, now: Instant, used: Duration) -> Duration {
        // A rest that was cut short counts as a whole.
        let now = now.max(self.at);
        let earned = now.duration_since(self.at) * self.processors / SHARE;
        let taken = used.saturating_sub(self.used);
        let has = (self.saved + earned).min(SAVED_MAX);
        let rest = taken.saturating_sub(has) * SHARE / self.processors;
        // What is earned meanwhile pays for it.
        (self.at, self.used, self.saved) = (now + rest, used, has.saturating_sub(taken));
        rest
    }
}

/// How long to wait at the end of the log.
pub(super) struct Pace {
    pause: Duration,
    /// When the end was reached last,
    at: Instant,
    /// and what was found since.
    found: usize,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Pace {
        Pace { pause: PAUSE_MAX, at: now, found: 0 }
    }

    pub(super) fn found(&mut self, bytes: usize) {
        self.found = self.found.saturating_add(bytes);
    }

    /// The pause before the next look. It gets shorter at once and longer little by little: a disk makes bursts out of a steady flow, and between two
    /// of them little comes for a moment.
    pub(super) fn pause(&mut self, now: Instant) -> Duration {
        let elapsed = now.duration_since(self.at);
        let found = u32::try_from(std::mem::take(&mut self.found)).unwrap_or(u32::MAX);
        let due = elapsed.saturating_mul(LOOK_BYTES) / found.max(1);
        self.pause = due.clamp(PAUSE_MIN, PAUSE_MAX).min(self.pause + self.pause / 8);
        self.at = now;
        self.pause
    }
}

#[cfg(test)]
mod tests;
