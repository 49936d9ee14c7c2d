//! How far the archive is behind the log, as it was last measured. Measuring takes the disk; showing does not.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::consume::{Handle, Lag};

/// Measurements this young are not repeated.
const FRESH: Duration = Duration::from_millis(500);

/// Measurements older than this are not shown: the disk has not answered since.
const STALE: Duration = Duration::from_secs(10);

/// When it was measured, and what was found.
#[derive(Debug, Default)]
pub struct Measured(Mutex<Option<(Instant, Option<Lag>)>>);

impl Measured {
    /// Measures, unless that was done just now. Reads the log's folder.
    pub fn measure(&self, handle: &Handle) {
        if self.latest().is_some_and(|(at, _)| at.elapsed() < FRESH) {
            return;
        }
        let lag = handle.lag().ok().flatten();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), lag));
    }

    /// What was found; `None` if that is not known.
    pub fn lag(&self) -> Option<Lag> {
        self.latest().filter(|(at, _)| at.elapsed() < STALE).and_then(|(_, lag)| lag)
    }

    fn latest(&self) -> Option<(Instant, Option<Lag>)> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
