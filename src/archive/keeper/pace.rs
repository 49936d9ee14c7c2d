//! The budget: a share of a processor, and bytes a second.

use std::time::{Duration, Instant};

use crate::base::budget::Budget;

/// What was not used within this time is forfeited.
const WINDOW: Duration = Duration::from_secs(1);

/// No debt is larger.
const DAY: Duration = Duration::from_secs(86_400);

/// The longest pause at once: settings that change, and a stop, are heeded in between.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// The budget of the thread that made it.
pub struct Pace {
    percent: u8,
    budget: Budget,
    bytes_per_second: u64,
    bytes: u64,
    began: Instant,
    /// When the pause is over that is due.
    until: Option<Instant>,
}

impl Pace {
    /// A share of a processor in percent, and a rate; 0 for any rate. Must be called on the thread that is to be paced.
    pub fn new(percent: u8, bytes_per_second: u64) -> Self {
        Self { percent, budget: Budget::new(percent), bytes_per_second, bytes: 0, began: Instant::now(), until: None }
    }

    /// Changes both. If one is another than before, a pause that is due by the old ones is over.
    pub fn set(&mut self, percent: u8, bytes_per_second: u64) {
        if (percent, bytes_per_second) != (self.percent, self.bytes_per_second) {
            *self = Self::new(percent, bytes_per_second);
        }
    }

    /// These bytes were read or written.
    pub fn moved(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// How long the thread must pause now; `None` if it need not. To be asked again after that: a long pause is cut into short ones.
    pub fn pause(&mut self) -> Option<Duration> {
        let now = Instant::now();
        let left = self.until.map(|until| until.saturating_duration_since(now)).filter(|left| !left.is_zero());
        if left.is_none() {
            self.until = self.budget.pause().max(self.pause_for_bytes()).and_then(|pause| now.checked_add(pause));
        }
        let left = left.or_else(|| self.until.map(|until| until.saturating_duration_since(now)))?;
        Some(left.min(PAUSE_MAX))
    }

    fn pause_for_bytes(&mut self) -> Option<Duration> {
        let elapsed = self.began.elapsed();
        let due = match self.bytes_per_second {
            0 => Duration::ZERO,
            rate => Duration::try_from_secs_f64(self.bytes as f64 / rate as f64).unwrap_or(DAY).min(DAY),
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
        assert_eq!(pace.pause(), Some(PAUSE_MAX), "500 KB at 1 KB/s");
        let left = pace.until.expect("it goes on").saturating_duration_since(Instant::now());
        assert!(left > Duration::from_secs(400) && left <= Duration::from_secs(500), "{left:?}");
        pace.set(100, 1000);
        assert_eq!(pace.pause(), Some(PAUSE_MAX), "nothing has changed");
        pace.set(100, 0);
        assert_eq!(pace.pause_for_bytes(), None);
        assert!(pace.until.is_none(), "a pause by other settings is over");
    }
}
