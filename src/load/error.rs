//! Why a run could not be made.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a run, or a check of its ledger, could not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The address of the server is not one.
    #[error("--url {url}: {reason}")]
    Url {
        /// As it was given.
        url: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// The server did not let the first visitor in.
    #[error("{what}; nothing more was sent")]
    NotWelcome {
        /// What was asked, what the server said, and what to do.
        what: String,
    },
    /// More sockets are needed than the process may open.
    #[error(
        "{needed} connections are more than this process may open ({allowed}): raise the limit (ulimit -n), or set --connections or fewer --users"
    )]
    Descriptors {
        /// Sockets that the run may have open at once.
        needed: u64,
        /// The limit of the process.
        allowed: u64,
    },
    /// The ledger could not be written or read.
    #[error("{}: {source}", path.display())]
    Ledger {
        /// Its file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A line of the ledger is none.
    #[error("{}:{line}: {reason}", path.display())]
    LedgerLine {
        /// Its file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What was expected.
        reason: String,
    },
    /// The system refused what the generator needs.
    #[error("{what}: {source}")]
    System {
        /// What was being done.
        what: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] crate::log::error::LogError),
}
