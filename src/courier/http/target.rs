//! `forward_url`: where the other takeup is.

use std::fmt;

use reqwest::Url;

/// The route, below the URL that is given.
const PATH: &str = "v1/takeup/records";

/// The address of another takeup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    url: Url,
}

/// Why a text is no such address. Says nothing of the text, which may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadTarget {
    /// Not a URL of HTTP.
    #[error("expected http://HOST:PORT or https://HOST, with any path prefix")]
    Url,
    /// There is a user name, a password, a query or a fragment in it.
    #[error("it has a user name, a password, a query or a fragment: only host, port and path prefix are used")]
    Extra,
}

impl Target {
    /// Parses the address.
    ///
    /// # Errors
    /// It can't be used.
    pub fn parse(text: &str) -> Result<Self, BadTarget> {
        let mut url = Url::parse(text).map_err(|_| BadTarget::Url)?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(BadTarget::Url);
        }
        let is_plain = url.username().is_empty() && url.password().is_none();
        if !is_plain || url.query().is_some() || url.fragment().is_some() {
            return Err(BadTarget::Extra);
        }
        let path = format!("{}/{PATH}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        Ok(Self { url })
    }

    /// Where records are sent.
    pub(super) fn records_url(&self) -> Url {
        self.url.clone()
    }

    /// Whether it is spoken to over TLS.
    pub(super) fn is_tls(&self) -> bool {
        self.url.scheme() == "https"
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.url.as_str();
        write!(f, "takeup {}", text.strip_suffix(PATH).unwrap_or(text).trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_have_a_prefix_and_nothing_secret() {
        for (text, sent_to, shown) in [
            ("http://10.0.0.2:8080", "http://10.0.0.2:8080/v1/takeup/records", "takeup http://10.0.0.2:8080"),
            (
                "https://a.example/ingest/",
                "https://a.example/ingest/v1/takeup/records",
                "takeup https://a.example/ingest",
            ),
        ] {
            let target = Target::parse(text).unwrap();
            assert_eq!((target.records_url().as_str(), &*target.to_string()), (sent_to, shown));
        }
        for text in ["", "10.0.0.2:8080", "ftp://a", "http://", "unix:/run/takeup"] {
            assert_eq!(Target::parse(text), Err(BadTarget::Url), "{text}");
        }
        for text in ["http://user:secret@a", "http://a/?x=1", "http://a/#b"] {
            assert_eq!(Target::parse(text), Err(BadTarget::Extra), "{text}");
        }
    }
}
