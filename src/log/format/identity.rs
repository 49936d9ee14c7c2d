//! `log.json`: which log this is.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::log::error::LogError;
use crate::log::names::LOG_FILE_NAME;

use super::header::VERSION;
use super::record::uuid_text;

/// What `log.json` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFile {
    /// The version of the format.
    pub version: u32,
    /// The log's name for ever.
    #[serde(with = "uuid_text")]
    pub log: Uuid,
}

impl LogFile {
    /// Reads `log.json` in a log's folder.
    pub fn read(log_dir: &Path) -> Result<LogFile, LogError> {
        let path = log_dir.join(LOG_FILE_NAME);
        let text = fs::read(&path).map_err(LogError::io(&path, "read what log this is"))?;
        let file: LogFile = serde_json::from_slice(&text)
            .map_err(|error| LogError::io(&path, "understand what log this is")(io::Error::from(error)))?;
        if file.version > VERSION {
            return Err(LogError::Version { path, found: file.version, known: VERSION });
        }
        Ok(file)
    }
}
