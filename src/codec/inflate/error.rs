//! Why a body does not inflate.

use super::coding::Coding;
use super::decoder::DecodeFault;
use super::gzip::{GunzipError, GzipBodyError};

/// Why a body was not inflated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InflateError {
    /// gzip, in Go's words.
    #[error(transparent)]
    Gzip(#[from] GzipBodyError),
    /// Another coding.
    #[error("can't read {coding} body: {fault}")]
    Other {
        /// The coding.
        coding: Coding,
        /// What is wrong.
        fault: DecodeFault,
    },
}

impl InflateError {
    /// The body may be intact, but it inflates to more than the limit.
    pub const fn is_too_large(&self) -> bool {
        matches!(
            self,
            Self::Gzip(GzipBodyError::Read(GunzipError::TooLarge) | GzipBodyError::Open(GunzipError::TooLarge))
                | Self::Other { fault: DecodeFault::TooLarge, .. }
        )
    }

    pub(super) const fn too_large(coding: Coding) -> Self {
        match coding {
            Coding::Gzip => Self::Gzip(GzipBodyError::Read(GunzipError::TooLarge)),
            coding => Self::Other { coding, fault: DecodeFault::TooLarge },
        }
    }
}
