//! The keeper's settings.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::config::{Config, RetainLog};
use crate::log::read::merge::RepeatWindow;

/// The settings.
#[derive(Debug, Clone)]
pub struct KeeperOptions {
    /// The data folder.
    pub data: PathBuf,
    /// How far back repeats are recognised.
    pub repeats: RepeatWindow,
    /// Those that can change while it runs.
    pub live: LiveOptions,
}

/// The settings that can change while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveOptions {
    /// How old a chunk's first record gets.
    pub flush: Duration,
    /// The share of one processor, in percent.
    pub budget_percent: u8,
    /// The most bytes a second that are read and written; 0 for any number.
    pub bytes_per_second: u64,
    /// The largest inflated payload; larger ones are kept as received.
    pub inflated_max: usize,
    /// The free space that is left to the log, in bytes.
    pub floor_bytes: u64,
}

impl KeeperOptions {
    /// The keeper's part of the server's settings.
    pub fn of(config: &Config) -> Self {
        // With less, the log counts the disk as nearly full. Only where archiving is what makes room in the log may it use that too.
        let nearly_full = config.reserve_bytes.saturating_add(config.reserve_bytes.max(config.segment_bytes));
        let floor_bytes = match config.retain_log {
            RetainLog::UntilExpired => nearly_full,
            RetainLog::UntilArchived => config.reserve_bytes,
        };
        Self {
            data: config.data.clone(),
            repeats: RepeatWindow::of_bytes(config.repeat_window),
            live: LiveOptions {
                flush: config.archive_flush,
                budget_percent: config.archive_budget_percent,
                bytes_per_second: config.archive_rate_max,
                inflated_max: usize::try_from(config.body_inflated_limit).unwrap_or(usize::MAX),
                floor_bytes,
            },
        }
    }
}

impl LiveOptions {
    /// How long to rest at the end of the log. So few rests fit into the age of a chunk that the consumer's queue of receipts has room for all.
    pub fn rest(&self) -> Duration {
        const RESTS_MAX: u32 = 256;
        let short = (self.flush / 4).min(Duration::from_secs(1));
        short.max(self.flush / RESTS_MAX).max(Duration::from_millis(10))
    }
}

/// Where they are changed.
#[derive(Debug)]
pub struct Live(Mutex<LiveOptions>);

impl Live {
    pub fn new(options: LiveOptions) -> Self {
        Self(Mutex::new(options))
    }

    pub fn set(&self, options: LiveOptions) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = options;
    }

    pub fn get(&self) -> LiveOptions {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_of_any_age_needs_fewer_rests_than_the_queue_of_receipts_has_places() {
        for flush in
            [Duration::from_millis(100), Duration::from_secs(1), Duration::from_secs(300), Duration::from_secs(86_400)]
        {
            let config = Config { archive_flush: flush, ..Config::defaults(PathBuf::new()) };
            let rest = KeeperOptions::of(&config).live.rest();
            assert!(
                rest >= Duration::from_millis(10) && flush.as_nanos() / rest.as_nanos() <= 900,
                "{flush:?}: {rest:?}"
            );
        }
    }
}
