//! TLS: the modes, and the parameters that begin with `ssl`.

use std::fmt;
use std::path::PathBuf;

use super::error::UrlError;

/// How TLS is used, with libpq's meanings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SslMode {
    /// Never.
    Disable,
    /// Only if the server refuses a plain connection.
    Allow,
    /// If the server has it.
    #[default]
    Prefer,
    /// Always; the certificate is checked only if `sslrootcert` is given.
    Require,
    /// Always; the certificate must be signed by a trusted authority.
    VerifyCa,
    /// Always; the certificate must also name the host.
    VerifyFull,
}

impl fmt::Display for SslMode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Disable => "disable",
            Self::Allow => "allow",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        })
    }
}

/// Where trusted authorities come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Roots {
    /// The system's.
    #[default]
    System,
    /// `sslrootcert=system`: the same, on purpose.
    SystemNamed,
    /// A file in PEM.
    File(PathBuf),
}

/// Everything about TLS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ssl {
    pub mode: SslMode,
    mode_given: bool,
    pub roots: Roots,
    pub certificate: Option<PathBuf>,
    pub key: Option<PathBuf>,
    pub only_tls13: bool,
    pub only_tls12: bool,
    pub no_sni: bool,
    pub direct: bool,
    pub binding: Binding,
}

/// Channel binding of the password exchange.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Binding {
    Disable,
    #[default]
    Prefer,
    Require,
}

impl Ssl {
    /// Takes one parameter.
    pub fn apply(&mut self, keyword: &str, value: &str) -> Result<(), UrlError> {
        let fault = |expected| UrlError::Value { keyword: keyword.to_owned(), expected };
        match keyword {
            "sslmode" => {
                self.mode_given = true;
                self.mode = match value {
                    "disable" => SslMode::Disable,
                    "allow" => SslMode::Allow,
                    "prefer" => SslMode::Prefer,
                    "require" => SslMode::Require,
                    "verify-ca" => SslMode::VerifyCa,
                    "verify-full" => SslMode::VerifyFull,
                    _ => return Err(fault("disable, allow, prefer, require, verify-ca or verify-full")),
                }
            }
            "sslrootcert" if value == "system" => self.roots = Roots::SystemNamed,
            "sslrootcert" => self.roots = Roots::File(PathBuf::from(value)),
            "sslcert" => self.certificate = Some(PathBuf::from(value)),
            "sslkey" => self.key = Some(PathBuf::from(value)),
            "sslsni" => self.no_sni = !word(value, &[("0", false), ("1", true)]).ok_or_else(|| fault("0 or 1"))?,
            "sslnegotiation" => {
                self.direct =
                    word(value, &[("postgres", false), ("direct", true)]).ok_or_else(|| fault("postgres or direct"))?
            }
            // The older versions are never spoken, so a lower bound among them changes nothing.
            "ssl_min_protocol_version" => {
                let words = [("TLSv1", false), ("TLSv1.1", false), ("TLSv1.2", false), ("TLSv1.3", true)];
                self.only_tls13 = word(value, &words).ok_or_else(|| fault("TLSv1, TLSv1.1, TLSv1.2 or TLSv1.3"))?;
            }
            "ssl_max_protocol_version" => {
                self.only_tls12 = word(value, &[("TLSv1.2", true), ("TLSv1.3", false)])
                    .ok_or_else(|| fault("TLSv1.2 or TLSv1.3: no older version is spoken"))?;
            }
            "sslcertmode" => {
                let words = [("disable", true), ("allow", false), ("require", false)];
                if word(value, &words).ok_or_else(|| fault("disable, allow or require"))? {
                    (self.certificate, self.key) = (None, None);
                }
            }
            "sslcompression" => {}
            "channel_binding" => {
                let words = [("disable", Binding::Disable), ("prefer", Binding::Prefer), ("require", Binding::Require)];
                self.binding = word(value, &words).ok_or_else(|| fault("disable, prefer or require"))?;
            }
            _ => {
                let instead = "there is no such parameter";
                return Err(UrlError::Unsupported { keyword: keyword.to_owned(), instead });
            }
        }
        Ok(())
    }

    /// Settles what depends on several parameters.
    pub fn finish(mut self) -> Result<Self, UrlError> {
        let value = |keyword: &str, expected| Err(UrlError::Value { keyword: keyword.to_owned(), expected });
        if self.roots == Roots::SystemNamed {
            if !self.mode_given {
                self.mode = SslMode::VerifyFull;
            } else if self.mode != SslMode::VerifyFull {
                return value("sslmode", "verify-full when sslrootcert=system");
            }
        }
        // As in libpq, for the sake of old settings: with a root certificate, `require` checks as verify-ca does.
        if self.mode == SslMode::Require && matches!(self.roots, Roots::File(_)) {
            self.mode = SslMode::VerifyCa;
        }
        if self.certificate.is_some() != self.key.is_some() {
            return value("sslkey", "given together with sslcert");
        }
        if self.direct && matches!(self.mode, SslMode::Disable | SslMode::Allow | SslMode::Prefer) {
            return value("sslmode", "require, verify-ca or verify-full when sslnegotiation=direct");
        }
        Ok(self)
    }
}

/// The meaning of one of a few words.
fn word<T: Copy>(value: &str, words: &[(&str, T)]) -> Option<T> {
    words.iter().find(|(word, _)| *word == value).map(|(_, meaning)| *meaning)
}
