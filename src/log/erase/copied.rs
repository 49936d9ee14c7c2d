//! A copy of a segment that is to take the segment's place.

use std::fs::File;
use std::path::PathBuf;

use crate::log::format::sidecar::Sidecar;

/// A copy that is on disk and was checked.
pub(super) struct Copied {
    pub(super) path: PathBuf,
    /// The new sidecar; None where the segment had none that could be used.
    pub(super) sidecar: Option<Sidecar>,
    /// The file that was copied.
    pub(super) original: File,
}
