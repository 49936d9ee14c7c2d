//! Readings of the kernel's clocks.

use rustix::time::{ClockId, clock_gettime};

/// CLOCK_MONOTONIC in microseconds.
#[inline]
pub fn monotonic_us() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000 + now.tv_nsec as u64 / 1000
}

/// The wall clock in microseconds since 1970.
#[inline]
pub fn wall_us() -> u64 {
    let now = clock_gettime(ClockId::Realtime);
    now.tv_sec as u64 * 1_000_000 + now.tv_nsec as u64 / 1000
}
