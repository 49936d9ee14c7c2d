//! The clock that deadlines go by: the time in which this core ran.
//!
//! A suspended machine, a stall of the hypervisor or a `SIGSTOP` leaves requests waiting in the kernel, whole. Their clients were not slow, so
//! such a gap is no part of the time that they have.

use std::cell::Cell;

/// A gap between two looks that is longer than this was a pause of ours. Those of a busy core are shorter.
const GAP_MAX_MS: u64 = 500;

/// What such a gap counts as. More than nothing: a core whose every turn is that long still comes to its deadlines.
const PAUSE_COUNTED_MS: u64 = 100;

/// Deadlines don't hold at a look that comes later than this behind the last one.
const LATE_MS: u64 = 300;

/// ms that only go on while the core runs.
#[derive(Debug, Default)]
pub struct Clock {
    seen_ms: Cell<u64>,
    now_ms: Cell<u64>,
    late: Cell<bool>,
    /// They did not hold at the last sweep.
    put_off: Cell<bool>,
}

impl Clock {
    /// A clock that begins at this time of the machine's.
    pub fn at(machine_ms: u64) -> Self {
        Self { seen_ms: Cell::new(machine_ms), now_ms: Cell::new(machine_ms), ..Self::default() }
    }

    /// Goes on to this time of the machine's, and gives the new time.
    pub fn advance(&self, machine_ms: u64) -> u64 {
        let gap_ms = machine_ms.saturating_sub(self.seen_ms.replace(machine_ms));
        if gap_ms > LATE_MS {
            self.late.set(true);
        }
        let counted_ms = if gap_ms > GAP_MAX_MS { PAUSE_COUNTED_MS } else { gap_ms };
        self.now_ms.set(self.now_ms.get() + counted_ms);
        self.now_ms.get()
    }

    /// Whether deadlines hold at this sweep. Behind a delay of ours they are put off until the next one, so that sockets are read before anybody is
    /// told to have been late; never twice in a row, so that a core which is always late has deadlines too.
    pub fn deadlines_hold(&self) -> bool {
        let put_off = self.late.replace(false) && !self.put_off.get();
        self.put_off.set(put_off);
        !put_off
    }

    /// The time of the last look.
    pub fn now_ms(&self) -> u64 {
        self.now_ms.get()
    }
}

#[cfg(test)]
mod tests;
