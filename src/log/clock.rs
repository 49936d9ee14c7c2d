//! Order time: one for all cores, published in the clock page so that readers in other processes see the same.
//!
//! The monotonic clock plus an offset. Once a second it is brought to the wall clock: forward at once, backward by running slow. It
//! never steps back, and begins behind the newest record that was found, so a record that was appended later never sorts before one
//! that was answered earlier, whatever the wall clock does.

use std::hint;
use std::path::Path;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use super::control::monotonic_us;
use super::error::LogError;
use super::protocol;
use super::segment::SharedPage;

/// How fast order time runs while the wall clock is behind it: 500 parts in a million slow, as `adjtime` does.
const SLEW_BACK_PPM: i64 = -500;

/// How often a reader looks again before it lets other threads run: the keeper may have been stopped in the middle of a change.
const SPINS_MAX: u32 = 1000;

/// The log's clock. Cheap to read from any thread, without a lock.
#[derive(Debug)]
pub struct OrderClock {
    page: SharedPage,
}

impl OrderClock {
    /// Opens the clock page and starts at the wall clock, or behind `newest_us` if that is later.
    pub(super) fn start(path: &Path, newest_us: u64) -> Result<OrderClock, LogError> {
        let page = SharedPage::open(path).map_err(LogError::io(path, "open the clock page"))?;
        let clock = OrderClock { page };
        protocol::start_clock(&clock.page, monotonic_us, wall_us(), newest_us);
        Ok(clock)
    }

    /// Order time now, in microseconds since the Unix epoch.
    #[inline]
    pub fn now_us(&self) -> u64 {
        let mut spins = 0_u32;
        loop {
            if let Some(now) = protocol::try_order_us(&self.page, monotonic_us) {
                return now;
            }
            spins += 1;
            if spins.is_multiple_of(SPINS_MAX) {
                thread::yield_now();
            }
            hint::spin_loop();
        }
    }

    /// Brings order time to the wall clock; the keeper does so once a second.
    pub(super) fn anchor(&self) {
        self.anchor_to(wall_us());
    }

    /// Brings order time to `wall_us`: forward at once, backward by running slow until the wall clock has caught up.
    pub(super) fn anchor_to(&self, wall_us: u64) {
        protocol::set_clock(&self.page, monotonic_us, wall_us, SLEW_BACK_PPM);
    }
}

/// The wall clock in microseconds since the Unix epoch; 0 before it.
pub(super) fn wall_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64)
}

#[cfg(test)]
#[path = "clock_tests.rs"]
mod tests;
