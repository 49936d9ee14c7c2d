//! What a server takes the time for, as another process finds it.

use std::path::Path;

use crate::log::format::control::{CLOCK_FILE_NAME, boot_us, earliest_time, last_times};

use super::order::{judge_at_start, wall_us};

/// The bounds of the time now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// The earliest that it may be: ages are counted to it.
    pub earliest_us: u64,
    /// The latest that it may be.
    pub latest_us: u64,
}

impl Times {
    /// Of the server that holds the log in a folder; if none does, of one that would start now, with `newest_us` as the order time of the
    /// newest record.
    pub(in crate::log) fn find(log_dir: &Path, is_served: bool, newest_us: u64) -> Times {
        let (path, wall_us) = (log_dir.join(CLOCK_FILE_NAME), wall_us());
        let left = last_times(&path);
        if let (true, Some((known_us, latest_us))) = (is_served, left) {
            let earliest_us = earliest_time(&path).unwrap_or(known_us).min(wall_us);
            return Times { earliest_us, latest_us: latest_us.max(wall_us) };
        }
        let judge = judge_at_start(left.map(|(known_us, _)| known_us), newest_us, wall_us);
        let boot_us = boot_us();
        Times { earliest_us: judge.earliest_us(boot_us), latest_us: judge.latest_us(boot_us) }
    }
}

#[cfg(test)]
mod tests;
