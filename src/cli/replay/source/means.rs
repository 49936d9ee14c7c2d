//! What reading shares among all sources.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::cli::replay::order::{Budget, Spill};

use super::counts::ReadCounts;

/// What reading shares among all sources.
#[derive(Debug, Clone)]
pub struct Means {
    /// Memory for records that have to be put in order.
    pub budget: Budget,
    /// Where they wait if that is too little.
    pub spill: Spill,
    /// How far reading is.
    pub counts: Arc<ReadCounts>,
    /// Set once the replay is interrupted.
    pub stop: Arc<AtomicBool>,
    /// Set once nobody takes records from this source any more: a thread may read for long without one to give.
    pub closed: Arc<AtomicBool>,
}

impl Means {
    /// Whether nothing more is wanted.
    pub fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.closed.load(Ordering::Relaxed)
    }
}
