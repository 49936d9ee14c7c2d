//! The folder of a new log.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use uuid::Uuid;

use crate::log::disk::{calls, small_file};
use crate::log::error::LogError;
use crate::log::format::header::VERSION;
use crate::log::format::identity::LogFile;
use crate::log::names::LOG_FILE_NAME;

/// Makes the folder of a new log, which must not hold one yet, and says which log it is.
pub(in crate::log) fn create_log(log_dir: &Path, log: Uuid) -> Result<(), LogError> {
    let mut builder = fs::DirBuilder::new();
    builder
        .recursive(true)
        .mode(0o700)
        .create(log_dir)
        .map_err(LogError::io(log_dir, "make the folder of the new log"))?;
    let path = log_dir.join(LOG_FILE_NAME);
    let doing = "write what log this is";
    if path.exists() {
        return Err(LogError::io(&path, doing)(io::ErrorKind::AlreadyExists.into()));
    }
    let mut text = serde_json::to_vec(&LogFile { version: VERSION, log })
        .map_err(|error| LogError::io(&path, doing)(error.into()))?;
    text.push(b'\n');
    small_file::replace(calls::REAL, &path, &text, doing)
}
