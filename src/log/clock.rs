//! Order time: one for all cores, published in the clock page so that readers in other processes see the same.
//!
//! The monotonic clock plus an offset. Once a second it is brought to the wall clock: forward at once, backward by running slow. It
//! never steps back, and begins behind the newest record that was found, so a record that was appended later never sorts before one
//! that was answered earlier, whatever the wall clock does.

use std::hint;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use super::control::{CLOCK_MAGIC, VERSION, clock_at, monotonic_us};
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
        clock.word(clock_at::VERSION).store(u64::from(VERSION), Ordering::Relaxed);
        clock.set(wall_us().max(newest_us.saturating_add(1)), 0);
        clock.word(clock_at::MAGIC).store(CLOCK_MAGIC, Ordering::Release);
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
    fn anchor_to(&self, wall_us: u64) {
        self.set(wall_us, SLEW_BACK_PPM);
    }

    fn set(&self, target_us: u64, rate_behind: i64) {
        protocol::set_clock(&self.page, monotonic_us, target_us, rate_behind);
    }

    #[inline]
    fn word(&self, at: usize) -> &AtomicU64 {
        self.page.word(at)
    }
}

/// The wall clock in microseconds since the Unix epoch; 0 before it.
pub(super) fn wall_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_US: u64 = 3_600_000_000;

    fn clock(newest_us: u64) -> (tempfile::TempDir, OrderClock) {
        let dir = tempfile::tempdir().unwrap();
        let clock = OrderClock::start(&dir.path().join("clock"), newest_us).unwrap();
        (dir, clock)
    }

    #[test]
    fn order_time_follows_the_wall_clock() {
        let (_dir, clock) = clock(0);
        assert!(clock.now_us().abs_diff(wall_us()) < 1_000_000);
    }

    #[test]
    fn it_begins_behind_the_newest_record() {
        let newest = wall_us() + 365 * 24 * HOUR_US;
        let (_dir, clock) = clock(newest);
        assert!(clock.now_us() > newest);
        clock.anchor();
        assert!(clock.now_us() > newest, "an anchor does not step back to the wall clock");
    }

    #[test]
    fn a_wall_clock_that_steps_forward_is_followed_at_once() {
        let (_dir, clock) = clock(0);
        let ahead = wall_us() + HOUR_US;
        clock.anchor_to(ahead);
        assert!(clock.now_us() >= ahead);
    }

    #[test]
    fn a_wall_clock_that_steps_back_is_approached_without_stepping() {
        let (_dir, clock) = clock(0);
        let before = clock.now_us();
        clock.anchor_to(before - HOUR_US);
        let after = clock.now_us();
        assert!(after >= before && after < before + 1_000_000);
        assert_eq!(clock.word(clock_at::RATE_PPM).load(Ordering::Relaxed) as i64, SLEW_BACK_PPM);
    }

    #[test]
    fn it_never_steps_back_for_readers_beside_a_restless_keeper() {
        let (_dir, clock) = clock(0);
        thread::scope(|scope| {
            let keeper = scope.spawn(|| {
                for turn in 0..20_000_u64 {
                    let now = clock.now_us();
                    clock.anchor_to(if turn % 3 == 0 { now + 5 } else { now - 1_000 });
                }
            });
            let mut last = 0;
            while !keeper.is_finished() {
                let now = clock.now_us();
                assert!(now >= last, "{now} after {last}");
                last = now;
            }
        });
    }

    #[test]
    fn the_page_tells_other_processes_the_same_time() {
        let (dir, clock) = clock(0);
        let view = crate::log::control::ClockView::open(&dir.path().join("clock")).unwrap();
        let (before, seen, after) = (clock.now_us(), view.now_us().unwrap(), clock.now_us());
        assert!(before <= seen && seen <= after);
    }

    #[test]
    fn a_page_left_by_a_killed_server_is_set_up_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("clock");
        let old = OrderClock::start(&path, 0).unwrap();
        old.word(clock_at::SEQ).fetch_add(1, Ordering::SeqCst);
        drop(old);
        let clock = OrderClock::start(&path, 0).unwrap();
        assert!(clock.now_us().abs_diff(wall_us()) < 1_000_000);
    }
}
