//! The courier's file for the upload under way.

/// The file in the data folder that notes the upload under way.
pub(super) const UPLOAD_FILE_NAME: &str = "segments-upload.json";
