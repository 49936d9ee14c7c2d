//! Retention: what is deleted, when and why, and the thread that does it.

pub(super) mod deleter;
pub mod ledger;
pub mod plan;
pub(super) mod shrink;
pub(super) mod stats;

#[cfg(test)]
pub(in crate::log) use deleter::Deleter;
pub(in crate::log) use deleter::run;
pub use plan::*;
pub(in crate::log) use stats::Desk;
pub use stats::{ConsumerLag, Event, Listener, Policy, RetentionStats, Rules};
