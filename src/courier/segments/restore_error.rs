//! Why a restore ended.

use std::io;
use std::path::PathBuf;

use crate::courier::cause::Cause;
use crate::log::LogError;

/// Why nothing was restored, or not yet all.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The settings do not describe a store.
    #[error("{0}")]
    Settings(String),
    /// The store's fault.
    #[error("{store} {cause}; {}", .cause.trouble.advice())]
    Store {
        /// The store.
        store: String,
        /// The fault.
        cause: Cause,
    },
    /// The new log can't be written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// What was asked for can't be done.
    #[error("{0}")]
    Refused(String),
    /// Nothing can be waited for.
    #[error("no connection can be waited for: {0}")]
    Runtime(io::Error),
    /// A file or folder of this machine.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// The fault.
        error: io::Error,
    },
}
