//! A consumer's settings.

use std::path::PathBuf;
use std::time::Duration;

use crate::log::cursor::{ConsumerName, From};

/// Who follows a log, and how.
#[derive(Debug, Clone)]
pub struct Consumer {
    /// The folder of the log, `<data>/log`.
    pub log_dir: PathBuf,
    /// The name, which is also that of the cursor's file.
    pub name: ConsumerName,
    /// Where to begin if there is no cursor.
    pub begin: From,
    /// Whether segments are kept until this consumer has passed them.
    pub holds: bool,
    /// When a batch is full.
    pub batch: BatchBounds,
    /// The rest at the end of the log, before looking for new records.
    pub idle: Duration,
    /// How often the cursor is kept. Each time costs a few syncs of small files.
    pub keep_every: Duration,
    /// The pause after a first failure. It doubles with each further one in a row.
    pub backoff_first: Duration,
    /// The longest pause between failures.
    pub backoff_max: Duration,
}

/// When a batch is full. It always takes one record.
#[derive(Debug, Clone, Copy)]
pub struct BatchBounds {
    /// With the record that brings extensions and payloads to this size.
    pub bytes: u64,
    /// This long after its first record.
    pub time: Duration,
}
