//! Order time: one for all cores, published in the clock page so that readers in other processes see the same.
//!
//! The monotonic clock plus an offset. Once a second it is adjusted to the wall clock, as far as that is trusted (`wall.rs`): forward at once,
//! backward by running slow. It never steps back, and begins after the newest record found, so a record that was appended later never sorts
//! before one that was answered earlier, whatever the wall clock does. For the same reason it may stay ahead for good: deletion, and what
//! clients are told, go by the wall clock and not by order time.

use std::hint;
use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::log::disk::shared_page::SharedPage;
use crate::log::error::LogError;
use crate::log::format::control::{boot_us, clock_at, last_times, monotonic_us};
use crate::log::format::protocol;

use super::wall::{ClockDoubt, Judge, is_plausible};

/// How fast order time runs while the wall clock is behind it: 500 parts in a million slow, as `adjtime` does.
const SLEW_BACK_PPM: i64 = -500;

/// A sidecar that tells of a newest record further ahead of the wall clock than this is not believed: a start reads the segment before order
/// time may begin behind that record, and retention keeps the segment.
pub(in crate::log) const NEWEST_AHEAD_US_MAX: u64 = 24 * 3600 * 1_000_000;

/// How often a reader looks again before it lets other threads run: the keeper may have been stopped in the middle of a change.
const SPINS_MAX: u32 = 1000;

/// The log's clock. Cheap to read from any thread, without a lock.
#[derive(Debug)]
pub struct OrderClock {
    page: SharedPage,
    judge: Mutex<Judge>,
    /// Served wall time less CLOCK_MONOTONIC, in microseconds.
    served: AtomicI64,
    /// How far forward the wall clock may jump without the operator's word, in microseconds.
    jump_max_us: AtomicU64,
}

/// What `clock_jump_max` is unless it is set.
const JUMP_MAX: Duration = Duration::from_secs(24 * 3600);

impl OrderClock {
    /// Opens the clock page and starts at the wall clock, or behind `newest_us` if that is later.
    pub(in crate::log) fn start(path: &Path, newest_us: u64) -> Result<OrderClock, LogError> {
        let left = last_times(path).map(|(known_us, _)| known_us);
        let page = SharedPage::open(path).map_err(LogError::io(path, "open the clock page"))?;
        let wall_us = wall_us();
        let judge = judge_at_start(left, newest_us, wall_us);
        let jump_max_us = AtomicU64::new(JUMP_MAX.as_micros() as u64);
        let clock = OrderClock { page, judge: Mutex::new(judge), served: AtomicI64::new(0), jump_max_us };
        protocol::start_clock(&clock.page, monotonic_us, wall_us, newest_us);
        clock.publish(&clock.judge());
        Ok(clock)
    }

    /// The wall clock as far as it is believed, in ms since the Unix epoch: what ids, tokens and answers go by.
    #[inline]
    pub fn wall_ms(&self) -> i64 {
        self.wall_ms_at(monotonic_us())
    }

    /// The same at a reading of CLOCK_MONOTONIC, in microseconds.
    #[inline]
    pub fn wall_ms_at(&self, monotonic_us: u64) -> i64 {
        (monotonic_us as i64).saturating_add(self.served.load(Ordering::Relaxed)) / 1000
    }

    /// The earliest that it may be, in microseconds: what is older than that is old.
    pub fn earliest_us(&self) -> u64 {
        self.judge().earliest_us(boot_us())
    }

    /// The latest that it may be, in microseconds: what has been received was received before.
    pub fn latest_us(&self) -> u64 {
        self.judge().latest_us(boot_us())
    }

    /// How far the wall clock may jump forward and be believed, once it has held for ten minutes. More takes a larger limit.
    pub fn set_jump_max(&self, limit: Duration) {
        self.jump_max_us.store(u64::try_from(limit.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Whether the wall clock is not believed, by records, ids and tokens.
    pub fn doubt(&self) -> Option<ClockDoubt> {
        self.judge().served_doubt(self.jump_max())
    }

    /// Whether it is not believed by what decides what is old enough to be deleted.
    pub fn deletion_doubt(&self) -> Option<ClockDoubt> {
        self.judge().known_doubt(self.jump_max())
    }

    fn jump_max(&self) -> Duration {
        Duration::from_micros(self.jump_max_us.load(Ordering::Relaxed))
    }

    fn judge(&self) -> MutexGuard<'_, Judge> {
        self.judge.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the cores what is believed, and the next start.
    fn publish(&self, judge: &Judge) {
        let boot_us = boot_us();
        let served = (judge.served_us(boot_us) as i64).saturating_sub(monotonic_us() as i64);
        self.served.store(served, Ordering::Relaxed);
        self.page.word(clock_at::LATEST_US).store(judge.latest_us(boot_us), Ordering::Relaxed);
        self.page.word(clock_at::EARLIEST_US).store(judge.earliest_us(boot_us), Ordering::Relaxed);
        self.page.word(clock_at::KNOWN_US).store(judge.known_us(boot_us), Ordering::Relaxed);
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

    /// Brings order time to the wall clock, as far as that is believed; the keeper does so once a second.
    pub(in crate::log) fn anchor(&self) {
        self.anchor_by(wall_us());
    }

    /// The same by a wall clock that shows `wall_us`.
    pub(in crate::log) fn anchor_by(&self, wall_us: u64) {
        let mut judge = self.judge();
        judge.look(boot_us(), wall_us, self.jump_max());
        self.publish(&judge);
        let served_us = judge.served_us(boot_us());
        drop(judge);
        self.anchor_to(served_us);
    }

    /// Brings order time to a wall clock that is believed: forward at once, backward by running slow until the wall clock has caught up.
    pub(in crate::log) fn anchor_to(&self, wall_us: u64) {
        protocol::set_clock(&self.page, monotonic_us, wall_us, SLEW_BACK_PPM);
    }
}

/// What a start believes: `left_us` is when the log last knew the time, by the clock page; `newest_us` the order time of its newest record.
pub(super) fn judge_at_start(left_us: Option<u64>, newest_us: u64, wall_us: u64) -> Judge {
    // Records bear served time, which an earlier start may have had from a wrong clock: they tell the time only where no page does. Order
    // time may be ahead for good; then it tells nothing of the wall clock.
    let newest = Some(newest_us).filter(|&us| us <= wall_us);
    let known_us = [left_us, newest].into_iter().flatten().find(|&us| is_plausible(us));
    Judge::start(boot_us(), wall_us, known_us)
}

/// The wall clock in microseconds since the Unix epoch; 0 before it.
pub(in crate::log) fn wall_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64)
}

#[cfg(test)]
mod tests;
