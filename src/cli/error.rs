//! Why a command failed.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use thiserror::Error;

use crate::assets::AssetsError;
use crate::base::terminal::harmless;
use crate::config::{ConfigError, ConfigErrors};
use crate::load::LoadError;
use crate::log::error::LogError;
use crate::node::NodeError;

/// Why a command failed, worded for the person who ran it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CliError {
    /// A setting is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Settings are wrong, maybe several.
    #[error(transparent)]
    Settings(#[from] ConfigErrors),
    /// The server could not be started, or not be stopped properly.
    #[error(transparent)]
    Server(#[from] NodeError),
    /// The log can't be read or written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Kept assets can't be read or changed.
    #[error(transparent)]
    Assets(#[from] AssetsError),
    /// A load could not be generated, or its ledger not be compared.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The output could not be written.
    #[error("writing the output: {0}")]
    Output(io::Error),
    /// A temporary file can't be written or read.
    #[error("{0}")]
    Temporary(io::Error),
    /// There is no log in the data folder.
    #[error("{}: there is no log in this data folder; name another with --data, or record something with `takeup serve`", .0.display())]
    NoLog(PathBuf),
    /// Anything else, as a complete message.
    #[error("{0}")]
    Other(String),
}

impl CliError {
    /// Whether the reader of the output has gone away, which is no error: it has seen what it wanted.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, CliError::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Prints the error and returns the exit code: `code`, or success if the reader of the output has gone away.
    pub fn report(&self, code: ExitCode) -> ExitCode {
        if self.is_closed_pipe() {
            return ExitCode::SUCCESS;
        }
        // Nothing can be done if stderr is gone as well.
        let _ = writeln!(io::stderr(), "takeup: {}", harmless(&self.to_string()));
        code
    }
}
