//! What can be wrong with a batch.

use thiserror::Error;

/// Why and where reading a batch failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("at byte {offset}: {kind}")]
pub struct BatchFault {
    /// The kind of fault.
    pub kind: FaultKind,
    /// The offset of the faulty item, in bytes from the start of the inflated body.
    pub offset: u64,
}

/// The kinds of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FaultKind {
    /// The batch is empty.
    #[error("the batch is empty")]
    Empty,
    /// The batch ends inside a message.
    #[error("the batch ends inside a message")]
    Truncated,
    /// A number takes more than 64 bits.
    #[error("a number exceeds 64 bits")]
    UintOverflow,
    /// A string claims to be longer than readers accept.
    #[error("a string of {bytes} bytes exceeds the limit of {}", super::STRING_BYTES_MAX)]
    StringTooLong {
        /// The claimed length.
        bytes: u64,
    },
    /// A message's size points beyond the end of the batch.
    #[error("a message of {size} bytes overruns the batch")]
    SizeOverrun {
        /// The claimed size.
        size: u32,
    },
    /// The body does not begin with a metadata message.
    #[error("the batch begins with message {id} and not with metadata (80, 81 or 107)")]
    NoMetadata {
        /// The first message's id.
        id: u64,
    },
    /// Metadata comes after other messages.
    #[error("metadata stands behind other messages")]
    MetadataMisplaced,
    /// An unknown id in a batch without sizes, so the message's end cannot be found.
    #[error("message {id} is unknown and carries no size")]
    UnknownUnsized {
        /// The id.
        id: u64,
    },
    /// The split of a `visual` body is not the boundary between two batches.
    #[error("the split at {split} is not where a second batch begins")]
    Split {
        /// The announced length of the first batch.
        split: u64,
    },
}

impl FaultKind {
    /// This fault at an offset.
    pub(super) fn at(self, offset: usize) -> BatchFault {
        BatchFault { kind: self, offset: offset as u64 }
    }
}
