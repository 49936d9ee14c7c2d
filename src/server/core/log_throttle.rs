//! Rate-limited log lines about what clients do: a client that floods the server must not flood its log.

use std::cell::Cell;

/// The minimum time between two lines of one kind.
const PERIOD_MS: u64 = 10_000;

/// One kind of line.
#[derive(Debug, Default)]
pub struct LogThrottle {
    next_ms: Cell<u64>,
    suppressed: Cell<u64>,
}

impl LogThrottle {
    /// Returns, if a line is due, how many have been suppressed since the last one.
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
