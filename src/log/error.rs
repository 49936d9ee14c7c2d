//! What can go wrong with a log, with everything an operator needs to find the place: path, offset, errno, and what to do.

use std::io;
use std::path::{Path, PathBuf};

/// An error of the log. Each variant keeps the path it concerns; an [`io::Error`] keeps its errno.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// A call to the operating system failed.
    #[error("{path}: cannot {doing}: {source}", path = path.display())]
    Io {
        /// The file or folder that the call was about.
        path: PathBuf,
        /// What was attempted, as a verb phrase ("read the segment header").
        doing: &'static str,
        /// The error of the call.
        source: io::Error,
    },
    /// Another process holds the lock of the data folder.
    #[error("{path}: locked by {holder}; stop that server, or give this one another data folder", path = path.display(), holder = holder(*pid))]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// The process that holds it, where known.
        pid: Option<u32>,
    },
    /// The file was written by a newer takeup.
    #[error("{path}: format version {found}, this takeup reads up to {known}; use a newer takeup", path = path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// The version it says.
        found: u32,
        /// The newest version this build knows.
        known: u32,
    },
    /// The file is not what its name says, or belongs to another log.
    #[error("{path}: {reason}; move it out of the log folder, or let the server set it aside at its next start", path = path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: &'static str,
    },
    /// Bytes that should be valid are not. A reader can go on behind them.
    #[error("{path}: damaged at offset {offset}, {bytes} bytes: {reason}", path = path.display())]
    Damaged {
        /// The segment.
        path: PathBuf,
        /// Where the invalid bytes begin.
        offset: u64,
        /// How many bytes to the next valid record, or to the end; 0 where that is not known yet.
        bytes: u64,
        /// What is wrong with them.
        reason: &'static str,
    },
    /// A core's log takes nothing more, because segment after segment failed.
    #[error("{path}: core {core} takes no more records: {reason}", path = path.display())]
    Poisoned {
        /// The segment that failed last.
        path: PathBuf,
        /// The core.
        core: u16,
        /// The cause, as it was first seen.
        reason: String,
    },
    /// The file system cannot keep the promises of the log.
    #[error("{path}: on {found}: {advice}", path = path.display())]
    FileSystem {
        /// The folder.
        path: PathBuf,
        /// The file system found there.
        found: String,
        /// What to do about it.
        advice: &'static str,
    },
    /// What is durable could not be told for a minute.
    #[error("{path}: the server that holds this log is still starting, or stands still, and what is durable can't be told; try again when it \
             answers, or stop it", path = path.display())]
    Unsettled {
        /// The log's folder.
        path: PathBuf,
    },
    /// A setting that cannot work.
    #[error("log setting {field}: {reason}")]
    Setting {
        /// The name of the setting.
        field: &'static str,
        /// Why it cannot work, and what would.
        reason: String,
    },
    /// A consumer's cursor that can't be believed.
    #[error("{path}: {fault}; as long as it is there it holds every segment back: remove it (`takeup consumers remove`), then add the consumer \
             again at one end of the log", path = path.display())]
    Cursor {
        /// The cursor's file.
        path: PathBuf,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// A consumer that can't be registered, or is not.
    #[error("consumer {name}: {problem}")]
    Consumer {
        /// Its name.
        name: String,
        /// What stands in the way.
        problem: &'static str,
    },
    /// A core's writer was asked for twice, or for a core that this log does not have.
    #[error("core {core} has no writer to give: it is in use, or the log was opened with fewer cores")]
    NoWriter {
        /// The core.
        core: u16,
    },
}

impl LogError {
    /// A closure for `map_err` that keeps the path and what was attempted. It costs nothing where there is no error.
    pub fn io(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> LogError {
        move |source| LogError::Io { path: path.to_path_buf(), doing, source }
    }

    /// The path that the error concerns, where there is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            LogError::Io { path, .. }
            | LogError::Locked { path, .. }
            | LogError::Version { path, .. }
            | LogError::Foreign { path, .. }
            | LogError::Damaged { path, .. }
            | LogError::Poisoned { path, .. }
            | LogError::FileSystem { path, .. }
            | LogError::Unsettled { path }
            | LogError::Cursor { path, .. } => Some(path),
            LogError::Setting { .. } | LogError::Consumer { .. } | LogError::NoWriter { .. } => None,
        }
    }
}

fn holder(pid: Option<u32>) -> String {
    match pid {
        Some(pid) => format!("process {pid}"),
        None => "another process".to_owned(),
    }
}

/// Invalid bytes in a segment, where readers and recovery found and stepped over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The segment file.
    pub path: PathBuf,
    /// The core whose segment it is.
    pub core: u16,
    /// The segment's id; 0 where the file's first page does not tell.
    pub segment: u64,
    /// Where the invalid bytes begin.
    pub offset: u64,
    /// How many bytes to the next valid record, or to the end of what should be valid.
    pub bytes: u64,
    /// What is wrong with them.
    pub reason: &'static str,
}
