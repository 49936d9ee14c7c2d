//! Reading the token secrets: from `TOKEN_SECRET`, else from the file in the data folder.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::error::ConfigError;
use super::sources::Sources;
use super::token_secrets::TokenSecrets;

/// The secrets file, inside the data folder.
pub const SECRETS_FILE: &str = "secrets/token";

/// A larger file is not a secrets file.
const FILE_BYTES_MAX: u64 = 64 * 1024;

impl Sources {
    /// Whether the token secrets are read from the file.
    pub fn has_secrets_file(&self) -> bool {
        Environment::of(self).even_empty("TOKEN_SECRET").is_none()
    }
}

impl TokenSecrets {
    /// The secrets in a file, one a line; blank lines and surrounding white space are ignored.
    pub fn read(path: &Path) -> Result<TokenSecrets, ConfigError> {
        let text = super::file::read_bounded(path, FILE_BYTES_MAX)?;
        if text.contains(&0) {
            return Err(ConfigError::BlankSecret { path: path.to_owned() });
        }
        let secrets = TokenSecrets::of_lines(&text);
        if secrets.is_empty() {
            return Err(ConfigError::EmptySecret { origin: path.display().to_string() });
        }
        Ok(secrets)
    }

    /// A server's secrets: from `TOKEN_SECRET`, else from its data folder.
    pub fn find(sources: &Sources) -> Result<TokenSecrets, ConfigError> {
        // Unset and empty differ here: an empty secret must not silently be replaced by another one.
        match Environment::of(sources).even_empty("TOKEN_SECRET") {
            Some((secret, _)) => TokenSecrets::one(secret.as_bytes()),
            None => TokenSecrets::read(&TokenSecrets::path(&sources.data)),
        }
    }

    /// Checks whether other users may read or change the secrets file. Its group may read it, because Kubernetes mounts secrets that way.
    pub fn exposed(path: &Path) -> Option<ConfigError> {
        let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o7777;
        let may = match mode {
            mode if mode & 0o022 != 0 => "change",
            mode if mode & 0o004 != 0 => "read",
            _ => return None,
        };
        Some(ConfigError::SecretExposed { path: path.to_owned(), mode, may })
    }

    /// The path of a data folder's secrets file.
    pub fn path(data: &Path) -> PathBuf {
        data.join(SECRETS_FILE)
    }
}
