//! Log lines about what clients do, said now and then: who floods a server must not flood its log.

use std::cell::Cell;

/// The time between two lines of a kind.
const PERIOD_MS: u64 = 10_000;

/// One kind of line.
#[derive(Debug, Default)]
pub struct LogThrottle {
    next_ms: Cell<u64>,
    suppressed: Cell<u64>,
}

impl LogThrottle {
    /// Whether a line is due; then, how many were left out since the last one.
    pub fn due(&self, now_ms: u64) -> Option<u64> {
        if now_ms < self.next_ms.get() {
            self.suppressed.set(self.suppressed.get() + 1);
            return None;
        }
        self.next_ms.set(now_ms + PERIOD_MS);
        Some(self.suppressed.replace(0))
    }
}

#[cfg(test)]
mod tests;
