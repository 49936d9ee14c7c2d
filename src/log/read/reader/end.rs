//! Where a segment ends for its readers.

/// Where a segment ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::log) enum End {
    /// Every byte below must belong to a valid record.
    At(u64),
    /// Somewhere below: where the file ends, or where 64 zero bytes take a header's place and no record follows them.
    Within(u64),
}

impl End {
    pub(super) fn limit(self) -> u64 {
        match self {
            End::At(limit) | End::Within(limit) => limit,
        }
    }
}
