//! Repeats among records that are only a part of the log: those of one session, say.
//!
//! A merge that looks for repeats remembers every batch. Who wants a few records of many takes them from a merge that does not
//! ([`RepeatWindow::OFF`]), and looks for repeats among these.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::log::format::record::Record;

use super::repeats::{RepeatWindow, Repeats};

/// Tells repeats among the records that it is shown.
#[derive(Debug, Clone)]
pub struct RepeatFilter {
    log_dir: PathBuf,
    repeats: Repeats,
}

impl RepeatFilter {
    /// For records of the log in this folder. The bytes in the window are those of the records that it is shown.
    pub fn new(log_dir: PathBuf, window: RepeatWindow) -> RepeatFilter {
        RepeatFilter { log_dir, repeats: Repeats::new(window, BTreeMap::new()) }
    }

    /// Whether the same batch was shown before. To be called with each record once, in the order of the log.
    pub fn is_repeat(&mut self, record: &Record<'_>) -> bool {
        let key = self.repeats.key(record);
        let bytes = record.ext.0.len() + record.payload.len();
        self.repeats.admit(&self.log_dir, record, key, bytes as u64, true)
    }
}
