//! What reading shares among all sources.

use std::sync::Arc;

use crate::cli::replay::order::{Budget, Spill};

use super::counts::ReadCounts;

/// What reading shares among all sources.
#[derive(Debug, Clone)]
pub struct Means {
    /// Memory for records that have to be put in order.
    #[cfg_attr(not(feature = "archive"), expect(dead_code, reason = "only archives need it"))]
    pub budget: Budget,
    /// Where they wait if that is too little.
    #[cfg_attr(not(feature = "archive"), expect(dead_code, reason = "only archives need it"))]
    pub spill: Spill,
    /// How far reading is.
    pub counts: Arc<ReadCounts>,
}
