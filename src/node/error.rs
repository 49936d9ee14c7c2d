//! Why a server could not be started, or not be stopped properly.

use thiserror::Error;

use crate::config::{ConfigError, ConfigErrors};
use crate::log::LogError;

/// Why a server could not be started, or not be stopped properly.
#[derive(Debug, Error)]
pub enum NodeError {
    /// A setting is wrong.
    #[error(transparent)]
    Setting(#[from] ConfigError),
    /// Settings are wrong, maybe several.
    #[error(transparent)]
    Settings(#[from] ConfigErrors),
    /// The log can't be opened or closed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Anything else, as a complete message.
    #[error("{0}")]
    Other(String),
}

impl NodeError {
    /// For errors whose message is complete by itself.
    pub fn other(error: impl std::fmt::Display) -> Self {
        Self::Other(error.to_string())
    }
}
