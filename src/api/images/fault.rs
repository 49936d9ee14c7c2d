//! What is wrong with an upload of images, and how it is refused.

use crate::api::refusal::{Reason, Refusal};

/// What is wrong with an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ImagesFault {
    /// A picture is over its limit.
    #[error("a frame is too large")]
    FrameTooLarge,
    /// The files are over their limit when unpacked.
    #[error("http: request body too large")]
    InflatedTooLarge,
    /// The files become more records than an upload may.
    #[error("too many files")]
    TooManyFiles,
    /// The packing is broken.
    #[error("can't unpack gzip: {0}")]
    Gzip(&'static str),
    /// The archive is broken.
    #[error("can't read tar header: {0}")]
    Tar(&'static str),
    /// Frames were announced, and no file is named like frames.
    #[error("file name does not end with .frames")]
    NotFrames,
}

impl ImagesFault {
    /// What the client is told.
    pub fn refusal(self) -> Refusal {
        let (status, reason) = match self {
            Self::FrameTooLarge | Self::InflatedTooLarge | Self::TooManyFiles => (413, Reason::BodyTooLarge),
            Self::Gzip(_) => (400, Reason::Compression),
            Self::Tar(_) => (400, Reason::Form),
            Self::NotFrames => (415, Reason::Form),
        };
        Refusal::new(status, reason, self.to_string())
    }
}
