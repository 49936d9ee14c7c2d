//! Which records are wanted.

use std::collections::HashSet;
use std::sync::Arc;

use crate::log::format::record::{Record, RecordId};

/// Which records of a source are wanted.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Received at this time or later, in microseconds.
    pub from_us: u64,
    /// Received before this time.
    pub until_us: u64,
    /// Of this project.
    pub project: Option<u32>,
    /// Of one of these sessions.
    pub sessions: Option<Arc<HashSet<u64>>>,
    /// Behind this one, in the order of all sources.
    pub after: Option<(u64, RecordId)>,
    /// Up to and including this one.
    pub up_to: Option<(u64, RecordId)>,
    /// Of these tables of an archive.
    #[cfg_attr(not(feature = "archive"), expect(dead_code, reason = "only archives have tables"))]
    pub tables: Tables,
    /// Repeats, too.
    pub with_repeats: bool,
    /// What a damaged file of an archive seems to have, too.
    #[cfg_attr(not(feature = "archive"), expect(dead_code, reason = "only archives have such files"))]
    pub unproven: bool,
}

/// Which tables of an archive are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tables {
    /// Batches.
    Batches,
    /// Batches, and all other records.
    All,
}

/// Where a record lies with respect to what is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lies {
    /// Before it.
    Before,
    /// Within it.
    Within,
    /// Behind it, as everything that follows does.
    Behind,
}

impl Wanted {
    /// Where a record of this time lies.
    pub fn lies(&self, order_us: u64, id: RecordId) -> Lies {
        if order_us >= self.until_us || self.up_to.is_some_and(|last| (order_us, id) > last) {
            return Lies::Behind;
        }
        if order_us < self.from_us || self.after.is_some_and(|last| (order_us, id) <= last) {
            return Lies::Before;
        }
        Lies::Within
    }

    /// The first time that is wanted.
    pub fn first_us(&self) -> u64 {
        self.from_us.max(self.after.map_or(0, |(order_us, _)| order_us))
    }

    /// The last time that is wanted.
    pub fn last_us(&self) -> u64 {
        self.until_us.saturating_sub(1).min(self.up_to.map_or(u64::MAX, |(order_us, _)| order_us))
    }

    /// Whether a record's session and project are chosen.
    pub fn chooses(&self, record: &Record<'_>) -> bool {
        self.project.is_none_or(|project| project == record.project)
            && self.sessions.as_ref().is_none_or(|sessions| sessions.contains(&record.session))
    }
}
