//! What a check comes to.

/// The state of the log, or of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Condition {
    /// Nothing is lost.
    Whole,
    /// Something was lost, and the loss is recorded.
    Known,
    /// There is damage that is not recorded anywhere.
    Damaged,
}
