//! Why an erasure could not be done, or not be finished.

use std::io;
use std::path::{Path, PathBuf};

use crate::log::LogError;

/// Why an erasure ended early. What was noted as pending is finished by the next one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EraseError {
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The archive.
    #[cfg(feature = "archive")]
    #[error(transparent)]
    Archive(#[from] crate::archive::error::ArchiveError),
    /// A copy of a segment in an object store, or the store.
    #[cfg(feature = "object-store")]
    #[error(transparent)]
    Copies(#[from] crate::courier::segments::CopyFault),
    /// The object store of the archive's copy.
    #[cfg(feature = "object-store")]
    #[error("{store} {cause}; {}", .cause.trouble.advice())]
    Store {
        /// The store.
        store: String,
        /// The fault.
        cause: crate::courier::Cause,
    },
    /// Another file.
    #[error("{path}: cannot {doing}: {source}", path = path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was attempted, as a verb phrase.
        doing: &'static str,
        /// The error of the call.
        source: io::Error,
    },
    /// Another erasure runs.
    #[error("{path}: another erasure runs on this data folder; wait for its end", path = path.display())]
    Busy {
        /// The lock.
        path: PathBuf,
    },
    /// The note of an erasure that was not finished can't be read.
    #[error("{path}: {reason}; it names the sessions of an erasure that was not finished: name them again, then remove the file", path = path.display())]
    Pending {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// There are more sessions than fit into memory.
    #[error("more than {0} sessions match: erase them in parts")]
    TooMany(usize),
    /// The server does not take part.
    #[error("{0}")]
    Server(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl EraseError {
    /// Turns the error of a call into an [`EraseError`].
    pub fn io(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { path: path.to_path_buf(), doing, source }
    }
}
