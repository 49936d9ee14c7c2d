//! The pace of a replay.

use std::time::{Duration, Instant};

/// Paces records at the intervals at which they were recorded, or not at all.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    speed: Option<f64>,
    origin: Option<(Instant, u64)>,
}

impl Pace {
    /// `speed` times faster than recorded; `None`: as fast as possible.
    pub fn new(speed: Option<f64>) -> Pace {
        Pace { speed, origin: None }
    }

    /// When a record with this time is due; the first one is due at once. `None`: all are due at once.
    pub fn due(&mut self, due_us: u64) -> Option<Instant> {
        let speed = self.speed?;
        let (began, first_us) = *self.origin.get_or_insert_with(|| (Instant::now(), due_us));
        let recorded = Duration::from_micros(due_us.saturating_sub(first_us));
        // An interval too long for the clock means never; a year's wait is close enough.
        const LONGEST: Duration = Duration::from_secs(365 * 86_400);
        let wait =
            Duration::try_from_secs_f64(recorded.as_secs_f64() / speed).map_or(LONGEST, |wait| wait.min(LONGEST));
        Some(began + wait)
    }
}
