//! The budget: a share of a processor, and bytes a second.

use std::time::{Duration, Instant};

use crate::base::budget::Budget;

/// What was not used within this time is forfeited.
const WINDOW: Duration = Duration::from_secs(1);

/// The budget of the thread that made it.
pub struct Pace {
    budget: Budget,
    bytes_per_second: u64,
    bytes: u64,
    began: Instant,
}

impl Pace {
    /// A share of a processor in percent, and a rate; 0 for any rate. Must be called on the thread that is to be paced.
    pub fn new(percent: u8, bytes_per_second: u64) -> Self {
        Self { budget: Budget::new(percent), bytes_per_second, bytes: 0, began: Instant::now() }
    }

    /// Changes both.
    pub fn set(&mut self, percent: u8, bytes_per_second: u64) {
        self.budget.set(percent);
        self.bytes_per_second = bytes_per_second;
    }

    /// These bytes were read or written.
    pub fn moved(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// How long the thread must pause; `None` if it need not.
    pub fn pause(&mut self) -> Option<Duration> {
        self.budget.pause().max(self.pause_for_bytes())
    }

    fn pause_for_bytes(&mut self) -> Option<Duration> {
        let elapsed = self.began.elapsed();
        let due = match self.bytes_per_second {
            0 => Duration::ZERO,
            rate => Duration::from_secs_f64(self.bytes as f64 / rate as f64),
        };
        let pause = due.saturating_sub(elapsed);
        if elapsed > WINDOW {
            (self.began, self.bytes) = (Instant::now() + pause, 0);
        }
        (pause > Duration::from_millis(2)).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_beyond_the_rate_are_answered_by_a_pause() {
        let mut pace = Pace::new(100, 1000);
        pace.moved(500_000);
        let pause = pace.pause().expect("500 KB at 1 KB/s");
        assert!(pause > Duration::from_secs(400) && pause <= Duration::from_secs(500), "{pause:?}");
        pace.set(100, 0);
        assert_eq!(pace.pause_for_bytes(), None);
    }
}
