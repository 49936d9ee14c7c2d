//! The clock for deadlines: the time during which this core was running.
//!
//! A suspended machine, a stalled hypervisor or a `SIGSTOP` leaves whole requests waiting in the kernel. Their clients were not slow, so
//! such a gap does not count against them.

use std::cell::Cell;

/// A longer gap between two updates means that the process was paused. The gaps of a busy core are shorter.
const GAP_MAX_MS: u64 = 500;

/// What such a gap counts as. It is not zero, so that a core whose every turn takes that long still reaches its deadlines.
const PAUSE_COUNTED_MS: u64 = 100;

/// Deadlines are not enforced at an update that comes this long after the previous one.
const LATE_MS: u64 = 300;

/// Milliseconds that advance only while the core runs.
#[derive(Debug, Default)]
pub struct Clock {
    seen_ms: Cell<u64>,
    now_ms: Cell<u64>,
    late: Cell<bool>,
    /// Deadlines were postponed at the last sweep.
    put_off: Cell<bool>,
}

impl Clock {
    /// A clock that starts at this machine time.
    pub fn at(machine_ms: u64) -> Self {
        Self { seen_ms: Cell::new(machine_ms), now_ms: Cell::new(machine_ms), ..Self::default() }
    }

    /// Advances to this machine time and returns the new time.
    pub fn advance(&self, machine_ms: u64) -> u64 {
        let gap_ms = machine_ms.saturating_sub(self.seen_ms.replace(machine_ms));
        if gap_ms > LATE_MS {
            self.late.set(true);
        }
        let counted_ms = if gap_ms > GAP_MAX_MS { PAUSE_COUNTED_MS } else { gap_ms };
        self.now_ms.set(self.now_ms.get() + counted_ms);
        self.now_ms.get()
    }

    /// Whether deadlines are enforced at this sweep. After a delay on our side they are postponed to the next sweep, so that sockets are
    /// read before a client is called late; never twice in a row, so that a core which is always late enforces deadlines too.
    pub fn deadlines_hold(&self) -> bool {
        let put_off = self.late.replace(false) && !self.put_off.get();
        self.put_off.set(put_off);
        !put_off
    }

    /// The time of the last update.
    pub fn now_ms(&self) -> u64 {
        self.now_ms.get()
    }
}

#[cfg(test)]
mod tests;
