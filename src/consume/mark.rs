//! A position that a consumer has come to.

use crate::log::read::merge::MergePosition;

/// A position, and, if known, the order time up to which everything lies before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) position: MergePosition,
    pub(super) reached_us: Option<u64>,
}
