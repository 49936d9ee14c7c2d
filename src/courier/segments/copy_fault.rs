//! Why a copy of a segment could not be worked on.

use std::io;
use std::path::PathBuf;

use crate::courier::cause::Cause;
use crate::log::LogError;

/// Why a copy could not be worked on.
#[derive(Debug, thiserror::Error)]
pub enum CopyFault {
    /// The settings do not describe a store.
    #[error("{store}: {reason}")]
    Settings {
        /// The store.
        store: String,
        /// What is wrong.
        reason: String,
    },
    /// The store's fault.
    #[error("{store} {cause}; {}", .cause.trouble.advice())]
    Store {
        /// The store.
        store: String,
        /// The fault.
        cause: Cause,
    },
    /// This copy is not what its name says, or can't be read. Others can be worked on.
    #[error("{object}: {reason}")]
    Unlike {
        /// The object.
        object: String,
        /// What is wrong.
        reason: String,
    },
    /// The segment that was brought here can't be written or read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// This machine's.
    #[error("{0}")]
    Local(Cause),
    /// A file or folder of this machine.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// The fault.
        error: io::Error,
    },
}
