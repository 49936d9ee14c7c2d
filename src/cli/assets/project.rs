//! The project that the user named.

use std::path::Path;

use crate::cli::error::CliError;
use crate::cli::project_key;

/// Its number, which is not 0.
pub(super) fn number(text: &str, data: &Path) -> Result<u32, CliError> {
    match project_key::number(text, data)? {
        0 => Err(CliError::Other(format!("--project {text}: there is no such project"))),
        number => Ok(number),
    }
}
