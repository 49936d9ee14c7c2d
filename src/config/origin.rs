//! Where a value comes from.

use std::fmt;
use std::path::{Path, PathBuf};

/// The place where a value was set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Origin {
    /// Nowhere: it is the default.
    #[default]
    Default,
    /// A line of `takeup.toml`.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// An environment variable, or several that together make one value.
    Variable(Vec<String>),
    /// A line of the file that `CONFIG_FILE_PATH` names, which stands in for environment variables.
    VariableFile {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// An option of the command line, as written.
    Option(String),
}

impl Origin {
    /// One variable.
    pub(super) fn variable(name: &str) -> Origin {
        Origin::Variable(vec![name.to_owned()])
    }

    /// Precedence: a higher number wins.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Origin::Default => 0,
            Origin::File { .. } => 1,
            Origin::Variable(_) | Origin::VariableFile { .. } => 2,
            Origin::Option(_) => 3,
        }
    }

    /// The file and the line.
    pub fn place(&self) -> (Option<&Path>, Option<usize>) {
        match self {
            Origin::File { path, line } | Origin::VariableFile { path, line } => (Some(path), Some(*line)),
            _ => (None, None),
        }
    }

    /// The environment variables behind it, if any.
    pub fn variables(&self) -> &[String] {
        match self {
            Origin::Variable(names) => names,
            _ => &[],
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { path, line } | Origin::VariableFile { path, line } => {
                write!(f, "{}:{line}", path.display())
            }
            Origin::Variable(names) => {
                let plural = if names.len() == 1 { "" } else { "s" };
                write!(f, "environment variable{plural} {}", names.join(" and "))
            }
            Origin::Option(text) => f.write_str(text),
        }
    }
}
