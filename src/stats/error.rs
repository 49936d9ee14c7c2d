//! What can go wrong.

use thiserror::Error;

#[cfg(feature = "archive")]
use crate::archive::error::ArchiveError;
use crate::base::units::thousands;
use crate::log::error::LogError;

use super::collector::{SESSIONS_MAX, TooMany};

/// Why nothing was counted.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StatsError {
    /// The log can't be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The archive can't be read.
    #[cfg(feature = "archive")]
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// There are too many sessions.
    #[error("more than {} sessions; narrow them with --project, --from and --until", thousands(SESSIONS_MAX as u64))]
    TooMany,
}

impl From<TooMany> for StatsError {
    fn from(TooMany: TooMany) -> StatsError {
        StatsError::TooMany
    }
}
