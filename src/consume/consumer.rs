//! A consumer's settings.

use std::path::PathBuf;
use std::time::Duration;

use crate::log::RecentRecords;
use crate::log::cursor::{ConsumerName, From};
use crate::log::read::merge::{MergePosition, RepeatWindow};

use super::handle::Handle;

/// Who follows a log, and how.
#[derive(Debug, Clone)]
pub struct Consumer {
    /// The folder of the log, `<data>/log`.
    pub log_dir: PathBuf,
    /// The name, which the cursor's file has too.
    pub name: ConsumerName,
    /// Where to begin if there is no saved cursor.
    pub begin: From,
    /// Whether segments are retained until this consumer has passed them.
    pub holds: bool,
    /// Where to begin instead of at the saved cursor, for a consumer that keeps its position elsewhere, and saves an earlier one
    /// ([`Handle::hold_at`]).
    pub resume: Option<MergePosition>,
    /// What an open log of this process still has in memory, so that it need not be read from the disk.
    pub recent: Option<RecentRecords>,
    /// How far back repeats are recognised, which are not delivered. [`RepeatWindow::OFF`] delivers every record.
    pub repeats: RepeatWindow,
    /// Another consumer of the same log, in the same process, whose confirmed position this one never passes.
    pub behind: Option<Handle>,
    /// When a batch is full.
    pub batch: BatchBounds,
    /// The pause at the end of the log before it looks for new records.
    pub idle: Duration,
    /// How often the cursor is saved. Each time costs a few syncs of small files.
    pub keep_every: Duration,
    /// The pause after the first failure. It doubles with each further failure in a row.
    pub backoff_first: Duration,
    /// The longest pause after a failure.
    pub backoff_max: Duration,
}

/// When a batch is full. It always has room for one record.
#[derive(Debug, Clone, Copy)]
pub struct BatchBounds {
    /// Full once its extensions and payloads have this size.
    pub bytes: u64,
    /// Full this long after its first record.
    pub time: Duration,
}
