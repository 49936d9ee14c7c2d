//! What is wrong with an upload of images, and how it is refused.

use crate::api::refusal::{Reason, Refusal};

/// What is wrong with an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ImagesFault {
    /// A picture exceeds its limit.
    #[error("a frame is too large")]
    FrameTooLarge,
    /// The unpacked files exceed their limit.
    #[error("http: request body too large")]
    InflatedTooLarge,
    /// The files would become more records than one upload may.
    #[error("too many files")]
    TooManyFiles,
    /// A gzip stream is broken.
    #[error("can't unpack gzip: {0}")]
    Gzip(&'static str),
    /// A tar archive is broken.
    #[error("can't read tar header: {0}")]
    Tar(&'static str),
    /// The form announced frames, and no file has a name for frames.
    #[error("file name does not end with .frames")]
    NotFrames,
}

impl ImagesFault {
    /// The answer to the client.
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
