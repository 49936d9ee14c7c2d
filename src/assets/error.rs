//! What can go wrong with kept assets.

use std::io;
use std::path::{Path, PathBuf};

/// Why assets can't be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum AssetsError {
    /// The system's error.
    #[error("{}: cannot {doing}: {source}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// The cause.
        source: io::Error,
    },
    /// An index is not what takeup has written.
    #[error("{}: {why}: remove it, and push or fetch the project's assets again", .path.display())]
    Index {
        /// The index.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A content does not have the hash that it is named by.
    #[error("{}: it is not what was kept: push or fetch it again", .0.display())]
    Damaged(PathBuf),
    /// Somebody else changes the store.
    #[error("{}: another takeup has been changing the assets for a minute: try again", .0.display())]
    Locked(PathBuf),
}

impl AssetsError {
    pub(super) fn io(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> AssetsError {
        let path = path.to_owned();
        move |source| AssetsError::Io { path, doing, source }
    }
}
