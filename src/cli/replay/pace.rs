//! The pace of a replay.

use std::thread;
use std::time::{Duration, Instant};

/// Paces records at the intervals at which they were recorded, or not at all.
pub struct Pace {
    speed: Option<f64>,
    origin: Option<(Instant, u64)>,
}

/// How often a wait checks whether it has been cancelled.
const NOTICE_AFTER: Duration = Duration::from_millis(100);

impl Pace {
    /// `speed` times faster than recorded; `None`: as fast as possible.
    pub fn new(speed: Option<f64>) -> Pace {
        Pace { speed, origin: None }
    }

    /// Whether a record with this time is due now.
    pub fn is_due(&mut self, order_us: u64) -> bool {
        self.due(order_us).is_none_or(|due| due <= Instant::now())
    }

    /// Waits until a record with this time is due. `false`: `stopped` became true first.
    pub fn wait_for(&mut self, order_us: u64, stopped: impl Fn() -> bool) -> bool {
        let Some(due) = self.due(order_us) else { return !stopped() };
        loop {
            if stopped() {
                return false;
            }
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            thread::sleep(left.min(NOTICE_AFTER));
        }
    }

    /// When a record with this time is due; the first one is due at once.
    fn due(&mut self, order_us: u64) -> Option<Instant> {
        let speed = self.speed?;
        let (began, first_us) = *self.origin.get_or_insert_with(|| (Instant::now(), order_us));
        let recorded = Duration::from_micros(order_us.saturating_sub(first_us));
        // An interval too long for the clock means never; a year's wait is close enough.
        const LONGEST: Duration = Duration::from_secs(365 * 86_400);
        let wait =
            Duration::try_from_secs_f64(recorded.as_secs_f64() / speed).map_or(LONGEST, |wait| wait.min(LONGEST));
        Some(began + wait)
    }
}
