//! What can go wrong with an archive.

use std::io;
use std::path::{Path, PathBuf};

use parquet::errors::ParquetError;

use crate::courier::Cause;
use crate::log::LogError;

/// An error of the archive. Each keeps the path that it concerns.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// A call to the operating system failed.
    #[error("{path}: cannot {doing}: {source}", path = path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was attempted, as a verb phrase.
        doing: &'static str,
        /// The error of the call.
        source: io::Error,
    },
    /// A file can't be written or read as Parquet.
    #[error("{path}: {source}", path = path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: ParquetError,
    },
    /// The manifest can't be believed.
    #[error("{path}: {reason}", path = path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// A file is not as it was written.
    #[error("{path}: damaged: its bytes are not those that the manifest has the hash of; put back a copy, or move the archive's folder away while \
             the log still holds the records, and compact again", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// A file that the manifest names is not there.
    #[error("{path}: missing, though the manifest names it; if the archive was changed just now (merged, cut by retention, erased from), run the \
             command again; else put back a copy", path = path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The settings of an object store can't be used.
    #[error("{path}: {reason}", path = path.display())]
    Settings {
        /// The store.
        path: PathBuf,
        /// What is wrong with them.
        reason: String,
    },
    /// An object store does not do what it is asked for.
    #[error("{path}: {cause}; {advice}", path = path.display(), advice = cause.trouble.advice())]
    Store {
        /// The object.
        path: PathBuf,
        /// What is wrong.
        cause: Cause,
    },
    /// The log can't be read, or the compactor's cursor not be kept.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Another process kept the archive locked for longer than it takes to write a chunk.
    #[error("{path}: another process has held this lock for {waited_s} s; see who does (`fuser {path}`), and try again", path = path.display())]
    Locked {
        /// The lock.
        path: PathBuf,
        /// How long it was waited for.
        waited_s: u64,
    },
    /// The caller was told to stop while it waited.
    #[error("stopped")]
    Stopped,
}

impl ArchiveError {
    /// Turns the error of a call into an [`ArchiveError`].
    pub fn io(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { path: path.to_path_buf(), doing, source }
    }

    /// The file or folder that it is about; `None` for an error of the log, or a stop.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Io { path, .. }
            | Self::Parquet { path, .. }
            | Self::Manifest { path, .. }
            | Self::Damaged { path }
            | Self::Missing { path }
            | Self::Settings { path, .. }
            | Self::Store { path, .. }
            | Self::Locked { path, .. } => Some(path),
            Self::Log(_) | Self::Stopped => None,
        }
    }

    /// Whether a single file is at fault: another can be read all the same.
    pub const fn is_of_a_file(&self) -> bool {
        matches!(self, Self::Parquet { .. } | Self::Damaged { .. } | Self::Missing { .. })
    }

    /// Turns the error of a Parquet call into an [`ArchiveError`]; one of the system's that it wraps becomes [`Self::Io`], and one of the file's own
    /// reader what it was.
    pub fn parquet(path: &Path, doing: &'static str) -> impl FnOnce(ParquetError) -> Self {
        move |source| match source {
            ParquetError::External(cause) => match cause.downcast::<io::Error>() {
                Ok(source) => source.downcast::<Self>().unwrap_or_else(|source| Self::Io {
                    path: path.to_path_buf(),
                    doing,
                    source,
                }),
                Err(cause) => Self::Parquet { path: path.to_path_buf(), source: ParquetError::External(cause) },
            },
            source => Self::Parquet { path: path.to_path_buf(), source },
        }
    }
}
