//! The pace of a replay.

use std::thread;
use std::time::{Duration, Instant};

/// Lets records pass at the distances at which they were recorded, or at once.
pub struct Pace {
    speed: Option<f64>,
    origin: Option<(Instant, u64)>,
}

/// How soon a wait notices that nobody needs it any more.
const NOTICE_AFTER: Duration = Duration::from_millis(100);

impl Pace {
    /// `speed` times faster than recorded; `None`: at once.
    pub fn new(speed: Option<f64>) -> Pace {
        Pace { speed, origin: None }
    }

    /// Waits until a record of this time is due. `false`: `stopped` said so first.
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

    /// When a record of this time is due; the first one is at once.
    fn due(&mut self, order_us: u64) -> Option<Instant> {
        let speed = self.speed?;
        let (began, first_us) = *self.origin.get_or_insert_with(|| (Instant::now(), order_us));
        let recorded = Duration::from_micros(order_us.saturating_sub(first_us));
        // A distance that no clock holds is never due, which a year's wait comes close enough to.
        const LONGEST: Duration = Duration::from_secs(365 * 86_400);
        let wait =
            Duration::try_from_secs_f64(recorded.as_secs_f64() / speed).map_or(LONGEST, |wait| wait.min(LONGEST));
        Some(began + wait)
    }
}
