//! What can be wrong with a configuration.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// A configuration that can't be used, with the place of the fault and what to do.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A file or folder could not be read or written.
    #[error("{}: {doing}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// A file is larger than any file of its kind.
    #[error("{}: larger than {limit} bytes, so it is not a file of settings", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit.
        limit: u64,
    },
    /// The file is not TOML.
    #[error("{}:{line}: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The parser's words.
        message: String,
    },
    /// There is no such setting.
    #[error("{origin}: there is no setting `{key}`{}", super::nearest::hint(nearest))]
    Unknown {
        /// File and line, or option.
        origin: String,
        /// The name as written.
        key: String,
        /// The known name that looks most like it.
        nearest: Option<&'static str>,
    },
    /// A value that can't be.
    #[error("{origin}: {key} = {value:?}: {problem}")]
    Invalid {
        /// File and line, variable, or option.
        origin: String,
        /// The setting.
        key: String,
        /// The value as written.
        value: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Values that can't be together, or one out of its range.
    #[error("{0}")]
    Conflict(String),
    /// A secret without bytes would let anyone sign tokens.
    #[error("{origin}: an empty token secret would let anyone sign tokens; set one, or remove it to have one made")]
    EmptySecret {
        /// File or variable.
        origin: String,
    },
}
