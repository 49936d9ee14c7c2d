//! What can be wrong with a batch.

use thiserror::Error;

/// Why a batch can't be read further, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("at byte {offset}: {kind}")]
pub struct BatchFault {
    /// The kind of fault.
    pub kind: FaultKind,
    /// Bytes from the start of the (inflated) body to the item at fault.
    pub offset: u64,
}

/// The kinds of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FaultKind {
    /// There are no bytes.
    #[error("the batch is empty")]
    Empty,
    /// The batch ends inside a message.
    #[error("the batch ends inside a message")]
    Truncated,
    /// A number takes more than 64 bits.
    #[error("a number exceeds 64 bits")]
    UintOverflow,
    /// A string claims more than readers take.
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
    /// Metadata stands behind other messages.
    #[error("metadata stands behind other messages")]
    MetadataMisplaced,
    /// An unknown id where nothing carries a size, so that its end can't be found.
    #[error("message {id} is unknown and carries no size")]
    UnknownUnsized {
        /// The id.
        id: u64,
    },
    /// The split of a `visual` body does not fall between two batches.
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
