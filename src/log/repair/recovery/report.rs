//! What recovery reports.

use std::path::PathBuf;
use std::time::Duration;

use crate::log::error::{Damage, LogError};

/// What recovery did.
#[derive(Debug, Default)]
pub struct Recovery {
    /// Segments that were left open and are sealed now.
    pub segments: u64,
    /// The intact records in them.
    pub records: u64,
    /// Those of them that are batches.
    pub batches: u64,
    /// Bytes that were never acknowledged and are not intact.
    pub dropped_bytes: u64,
    /// Damage below the durable end: something that may have been acknowledged is lost there.
    pub damage: Vec<Damage>,
    /// Files that were moved to quarantine because they are not segments of this log, or cannot be read at all.
    pub quarantined: Vec<PathBuf>,
    /// What could not be done.
    pub problems: Vec<LogError>,
    /// The order time of the newest record in the log; 0 for an empty one. The clock must not start before it.
    pub newest_us: u64,
    /// How long it took.
    pub took: Duration,
}

impl Recovery {
    pub(super) fn add(&mut self, other: Recovery) {
        self.segments += other.segments;
        self.records += other.records;
        self.batches += other.batches;
        self.dropped_bytes += other.dropped_bytes;
        self.damage.extend(other.damage);
        self.quarantined.extend(other.quarantined);
        self.problems.extend(other.problems);
        self.newest_us = self.newest_us.max(other.newest_us);
    }
}
