//! What can be wrong with a configuration.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::origin::Origin;

/// An unusable configuration: where the fault is, and what to do about it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A file or folder could not be read or written.
    #[error("{}: {doing}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The operation that failed.
        doing: &'static str,
        /// The system's error.
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
        /// The parser's message.
        message: String,
    },
    /// An unknown setting.
    #[error("{origin}: there is no setting `{key}`{}", super::nearest::hint(nearest))]
    Unknown {
        /// Where it stands.
        origin: Origin,
        /// The name as written.
        key: String,
        /// The known name most similar to it.
        nearest: Option<&'static str>,
    },
    /// An invalid value.
    #[error("{origin}: {key} = {value:?}: {problem}")]
    Invalid {
        /// Where it stands.
        origin: Origin,
        /// The setting.
        key: String,
        /// The value as written.
        value: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Values that contradict each other, or one that is out of range.
    #[error("{origin}{problem}")]
    Conflict {
        /// The places of the values that are not defaults, followed by a colon and a space; or empty.
        origin: String,
        /// The conflict.
        problem: String,
    },
    /// A secrets file that other users can read, or that someone besides its owner can change.
    #[error("{}: mode {mode:04o}: others may {may} the token secrets; chmod 600 it", path.display())]
    SecretExposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
        /// What others may do.
        may: &'static str,
    },
    /// A file that used to hold settings is empty, without even a comment, or gone.
    #[error(
        "{}: this file is empty or gone, and held {settings} setting{}; to go back to the defaults write a comment into it",
        path.display(), if *settings == 1 { "" } else { "s" }
    )]
    Emptied {
        /// The file.
        path: PathBuf,
        /// How many settings it held.
        settings: usize,
    },
    /// A file is gone that every data folder gets on its first start.
    #[error(
        "{}: this file is gone, and this folder is not new; a new one would have {loss}. Put it back{}",
        path.display(), copied(copy.as_deref())
    )]
    Gone {
        /// The file.
        path: PathBuf,
        /// What creating a new one would cause.
        loss: &'static str,
        /// Where a copy of it is.
        copy: Option<PathBuf>,
    },
    /// A secrets file that ends in the middle of a secret.
    #[error("{}: the last line ends in the middle of a secret that is known; write the file as a whole", path.display())]
    CutSecret {
        /// The file.
        path: PathBuf,
    },
    /// A secrets file with zero bytes, as a power cut may leave it: a secret that anyone can guess.
    #[error("{}: there are zero bytes in it, as a power cut leaves a file that was being written; write it anew", path.display())]
    BlankSecret {
        /// The file.
        path: PathBuf,
    },
    /// An empty secret, with which anyone could sign tokens.
    #[error("{origin}: an empty token secret would let anyone sign tokens; write one into it")]
    EmptySecret {
        /// File or variable.
        origin: String,
    },
}

fn copied(copy: Option<&Path>) -> String {
    copy.map(|copy| format!("; {} is as it last was", copy.display())).unwrap_or_default()
}

impl ConfigError {
    /// The file and line of the fault, where there is one.
    pub fn place(&self) -> (Option<&Path>, Option<usize>) {
        match self {
            ConfigError::Io { path, .. }
            | ConfigError::TooLarge { path, .. }
            | ConfigError::Emptied { path, .. }
            | ConfigError::Gone { path, .. }
            | ConfigError::CutSecret { path }
            | ConfigError::BlankSecret { path }
            | ConfigError::SecretExposed { path, .. } => (Some(path), None),
            ConfigError::Syntax { path, line, .. } => (Some(path), Some(*line)),
            ConfigError::Unknown { origin, .. } | ConfigError::Invalid { origin, .. } => origin.place(),
            ConfigError::Conflict { .. } | ConfigError::EmptySecret { .. } => (None, None),
        }
    }

    /// The environment variables that the fault is about.
    pub fn variables(&self) -> &[String] {
        match self {
            ConfigError::Unknown { origin, .. } | ConfigError::Invalid { origin, .. } => origin.variables(),
            _ => &[],
        }
    }
}

/// All faults of a configuration; at least one.
#[derive(Debug, Error)]
pub struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    /// `Ok` if nothing is wrong.
    ///
    /// # Errors
    /// All of `faults`.
    pub fn none_of(faults: Vec<ConfigError>) -> Result<(), ConfigErrors> {
        if faults.is_empty() { Ok(()) } else { Err(ConfigErrors(faults)) }
    }

    /// The faults in order.
    pub fn all(&self) -> &[ConfigError] {
        &self.0
    }
}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> ConfigErrors {
        ConfigErrors(vec![error])
    }
}

/// A single fault is shown by itself; several are counted and take a line each.
impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [only] = &self.0[..] {
            return only.fmt(f);
        }
        write!(f, "{} faults in the settings:", self.0.len())?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}
