//! The secrets that sign and verify tokens.

use std::fmt;

use super::error::ConfigError;

/// Token secrets, none of them empty: the first signs, all verify. Never printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TokenSecrets(Vec<Vec<u8>>);

impl TokenSecrets {
    /// A single secret, byte for byte: white space counts, as in OpenReplay.
    pub fn one(secret: &[u8]) -> Result<TokenSecrets, ConfigError> {
        if secret.is_empty() {
            return Err(ConfigError::EmptySecret { origin: "TOKEN_SECRET".to_owned() });
        }
        Ok(TokenSecrets(vec![secret.to_vec()]))
    }

    /// The secrets in a text, one a line; maybe none. A byte order mark, which some editors write, is ignored.
    pub(super) fn of_lines(text: &[u8]) -> TokenSecrets {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let lines = text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
        TokenSecrets(lines.filter(|line| !line.is_empty() && !line.contains(&0)).map(<[u8]>::to_vec).collect())
    }

    /// The secrets of `known` that are not among these.
    pub fn lacking(&self, known: &TokenSecrets) -> Vec<Vec<u8>> {
        known.0.iter().filter(|secret| !self.0.contains(secret)).cloned().collect()
    }

    /// These, followed by `others`, which are only used to verify.
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

    /// Whether the last secret is a prefix of a longer one in `known`: the file was read while it was being written.
    pub fn is_cut(&self, known: &TokenSecrets) -> bool {
        let Some(last) = self.0.last().filter(|last| !known.0.contains(last)) else { return false };
        known.0.iter().any(|secret| secret.starts_with(last))
    }

    /// The secrets; the signing one comes first.
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
