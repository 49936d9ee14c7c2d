//! The clock that deadlines go by: the time in which this core ran.
//!
//! A suspended machine, a stall of the hypervisor or a `SIGSTOP` leaves requests waiting in the kernel, whole. Their clients were not slow, so
//! such a gap is no part of the time that they have.

use std::cell::Cell;

/// A gap between two looks that is longer than this was a pause of ours. Those of a busy core are shorter.
const GAP_MAX_MS: u64 = 500;

/// What such a gap counts as. More than nothing: a core whose every turn is that long still comes to its deadlines.
const PAUSE_COUNTS_MS: u64 = 100;

/// ms that only go on while the core runs.
#[derive(Debug, Default)]
pub struct Clock {
    seen_ms: Cell<u64>,
    now_ms: Cell<u64>,
}

impl Clock {
    /// A clock that begins at this time of the machine's.
    pub fn at(machine_ms: u64) -> Self {
        Self { seen_ms: Cell::new(machine_ms), now_ms: Cell::new(machine_ms) }
    }

    /// Goes on to this time of the machine's, and gives the new time.
    pub fn advance(&self, machine_ms: u64) -> u64 {
        let gap_ms = machine_ms.saturating_sub(self.seen_ms.replace(machine_ms));
        let counted_ms = if gap_ms > GAP_MAX_MS { PAUSE_COUNTS_MS } else { gap_ms };
        self.now_ms.set(self.now_ms.get() + counted_ms);
        self.now_ms.get()
    }

    /// The time of the last look.
    pub fn now_ms(&self) -> u64 {
        self.now_ms.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_of_ours_is_no_time_of_the_clients() {
        let clock = Clock::at(5_000);
        assert_eq!(clock.advance(5_100), 5_100);
        assert_eq!(clock.advance(5_600), 5_600, "a busy core's turn counts in full");
        assert_eq!(clock.advance(21_600), 5_700, "16 s of standing still do not");
        assert_eq!(clock.advance(21_700), 5_800);
        assert_eq!(clock.now_ms(), 5_800);
    }

    #[test]
    fn a_core_that_is_always_late_comes_to_its_deadlines() {
        let clock = Clock::at(0);
        let last = (1..=100).map(|turn| clock.advance(turn * 700)).last();
        assert_eq!(last, Some(10_000));
    }
}
