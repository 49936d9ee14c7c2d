//! When the records of a segment were received, where order time does not say it.

use std::path::Path;

use crate::log::format::control::{CLOCK_FILE_NAME, ClockView, last_times};
use crate::log::format::sidecar::{APART_US_MAX, Sidecar};
use crate::log::names;
use crate::log::names::{core_dir, file_name};

/// The wall clock when all records of a segment that were read so far had been received, at the latest, in microseconds; `None` where their order time says
/// it, within a minute.
pub fn received_us(log_dir: &Path, core: u16, segment: u64) -> Option<u64> {
    let path = core_dir(log_dir, core).join(file_name(segment, names::SEALED));
    if let Ok(Some(sidecar)) = Sidecar::read(&path) {
        return (sidecar.received_us != 0).then_some(sidecar.received_us);
    }
    // It is still being written, or was when its server ended.
    let clock = log_dir.join(CLOCK_FILE_NAME);
    let order_us = ClockView::open(&clock)?.now_us()?;
    let (_, latest_us) = last_times(&clock)?;
    (latest_us.abs_diff(order_us) > APART_US_MAX).then_some(latest_us)
}

#[cfg(test)]
mod tests;
