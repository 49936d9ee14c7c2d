//! The secrets that sign and verify tokens.

use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::error::ConfigError;
use super::load::Sources;

/// The file of the secrets, inside the data folder.
pub const SECRETS_FILE: &str = "secrets/token";

/// More than this is not a file of secrets.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// A setting that is a secret. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: &str) -> Secret {
        Secret(text.to_owned())
    }

    /// The text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// Token secrets, none of them empty: the first signs, all verify. Never printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TokenSecrets(Vec<Vec<u8>>);

impl TokenSecrets {
    /// One secret, taken as it is: blanks count, as they do for OpenReplay.
    pub fn one(secret: &[u8]) -> Result<TokenSecrets, ConfigError> {
        if secret.is_empty() {
            return Err(ConfigError::EmptySecret { origin: "TOKEN_SECRET".to_owned() });
        }
        Ok(TokenSecrets(vec![secret.to_vec()]))
    }

    /// The secrets in a file, one a line; blank lines and the blanks around a line do not count.
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

    /// The secrets in a text, one a line; maybe none. A mark of the byte order, which some editors put before a text, is none of it.
    pub(super) fn of_lines(text: &[u8]) -> TokenSecrets {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let lines = text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
        TokenSecrets(lines.filter(|line| !line.is_empty() && !line.contains(&0)).map(<[u8]>::to_vec).collect())
    }

    /// Those of `known` that are not among these.
    pub fn lacking(&self, known: &TokenSecrets) -> Vec<Vec<u8>> {
        known.0.iter().filter(|secret| !self.0.contains(secret)).cloned().collect()
    }

    /// These, and behind them others that verify as long as they are there.
    #[must_use]
    pub fn with(&self, others: impl IntoIterator<Item = Vec<u8>>) -> TokenSecrets {
        let mut all = self.clone();
        for other in others {
            if !all.0.contains(&other) {
                all.0.push(other);
            }
        }
        all
    }

    /// Whether the last secret is the beginning of a longer one of `known`: a file that was read in the middle of being written.
    pub fn is_cut(&self, known: &TokenSecrets) -> bool {
        let Some(last) = self.0.last().filter(|last| !known.0.contains(last)) else { return false };
        known.0.iter().any(|secret| secret.starts_with(last))
    }

    /// The secrets of a server: `TOKEN_SECRET`, else those in its data folder.
    pub fn find(sources: &Sources) -> Result<TokenSecrets, ConfigError> {
        // Unset and empty differ here: an empty secret must not quietly become another one.
        match Environment::of(sources).even_empty("TOKEN_SECRET") {
            Some((secret, _)) => TokenSecrets::one(secret.as_bytes()),
            None => TokenSecrets::read(&TokenSecrets::path(&sources.data)),
        }
    }

    /// Looks whether others may read or change the file of the secrets. Its group may read it: so does Kubernetes mount it.
    pub fn exposed(path: &Path) -> Option<ConfigError> {
        let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o7777;
        let may = match mode {
            mode if mode & 0o022 != 0 => "change",
            mode if mode & 0o004 != 0 => "read",
            _ => return None,
        };
        Some(ConfigError::SecretExposed { path: path.to_owned(), mode, may })
    }

    /// Where the secrets of a data folder are.
    pub fn path(data: &Path) -> PathBuf {
        data.join(SECRETS_FILE)
    }

    /// The secrets, the signing one first.
    pub fn to_vec(&self) -> Vec<Vec<u8>> {
        self.0.clone()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none, as in [`Config::defaults`](super::Config::defaults).
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for TokenSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenSecrets({} hidden)", self.0.len())
    }
}
