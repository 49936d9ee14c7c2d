//! The addresses that may be asked for.

use std::fmt;
use std::str::FromStr;

use url::Url;

use crate::assets::address::{Address, BadAddress};

/// What stands for any sub-domain.
const ANY: &str = "*.";

/// How often a path may be encoded over and over again, and still be seen through.
const ENCODED_MAX: usize = 4;

/// An origin, or all sub-domains of a domain, and the beginning of the path: all that is below it may be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allow {
    scheme: String,
    /// Without the dot at its end. Of sub-domains, what follows the star.
    host: String,
    sub_domains: bool,
    port: u16,
    path: String,
}

/// Why a text allows nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadAllow {
    /// It is not a URL, or of another scheme, or has a login in it.
    #[error("{0}: expected https://HOST/PATH or https://*.DOMAIN/PATH")]
    Address(BadAddress),
    /// It has a query or a fragment.
    #[error("only scheme, host, port and the beginning of the path count: leave out what follows ? or #")]
    Extra,
    /// A star stands where it means nothing.
    #[error("a star stands for sub-domains, as in https://*.shop.example/, and for nothing else")]
    Star,
    /// A star before a domain of one label.
    #[error("a star stands before a domain of at least two labels, as in https://*.shop.example/")]
    Broad,
}

impl FromStr for Allow {
    type Err = BadAllow;

    fn from_str(text: &str) -> Result<Allow, BadAllow> {
        let address = Address::parse(text).map_err(BadAllow::Address)?;
        let url = Url::parse(address.as_str()).map_err(|_| BadAllow::Address(BadAddress::NotAUrl))?;
        if url.query().is_some() || text.contains('#') {
            return Err(BadAllow::Extra);
        }
        let host = plain_host(&url).ok_or(BadAllow::Address(BadAddress::NotAUrl))?;
        let domain = host.strip_prefix(ANY);
        let host = domain.unwrap_or(host);
        if host.contains('*') || url.path().contains('*') {
            return Err(BadAllow::Star);
        }
        if domain.is_some_and(|domain| !domain.contains('.')) {
            return Err(BadAllow::Broad);
        }
        Ok(Allow {
            scheme: url.scheme().to_owned(),
            host: host.to_owned(),
            sub_domains: domain.is_some(),
            port: url.port_or_known_default().unwrap_or_default(),
            path: url.path().to_owned(),
        })
    }
}

impl Allow {
    /// Whether this URL may be asked for.
    pub fn allows(&self, url: &Url) -> bool {
        url.scheme() == self.scheme
            && url.port_or_known_default() == Some(self.port)
            && plain_host(url).is_some_and(|host| self.has_host(host))
            && self.has_path(url.path())
    }

    /// Whether it is asked over TLS.
    pub fn is_tls(&self) -> bool {
        self.scheme == "https"
    }

    fn has_host(&self, host: &str) -> bool {
        match self.sub_domains {
            false => host == self.host,
            true => host.strip_suffix(&*self.host).is_some_and(|sub| sub.len() > 1 && sub.ends_with('.')),
        }
    }

    fn has_path(&self, path: &str) -> bool {
        let below = path.strip_prefix(&*self.path);
        let is_below = below.is_some_and(|rest| rest.is_empty() || self.path.ends_with('/') || rest.starts_with('/'));
        is_below && (self.path == "/" || !climbs(path))
    }
}

impl fmt::Display for Allow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Allow { scheme, host, port, path, .. } = self;
        let any = if self.sub_domains { ANY } else { "" };
        write!(f, "{scheme}://{any}{host}:{port}{path}")
    }
}

/// The host, without the dot that may stand at its end; `None` if that leaves nothing.
fn plain_host(url: &Url) -> Option<&str> {
    let host = url.host_str()?;
    Some(host.strip_suffix('.').unwrap_or(host)).filter(|host| !host.is_empty())
}

/// Whether a server that decodes more than the URL standard does could find a step up in the path: an encoded slash beside two dots, or what follows a `;`.
fn climbs(path: &str) -> bool {
    let mut plain = path.to_ascii_lowercase();
    for _ in 0..ENCODED_MAX {
        let next = plain.replace("%25", "%");
        if next == plain {
            break;
        }
        plain = next;
    }
    let plain =
        plain.replace("%2f", "/").replace("%5c", "/").replace('\\', "/").replace("%2e", ".").replace("%3b", ";");
    plain.split('/').any(|segment| segment.split(';').next() == Some(".."))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn allows(allow: &str, url: &str) -> bool {
        allow.parse::<Allow>().unwrap().allows(&Url::parse(url).unwrap())
    }

    #[test]
    fn an_origin_and_the_segments_of_a_path_are_allowed_and_nothing_beside_them() {
        for (allow, url) in [
            ("https://shop.example", "https://shop.example/a/b.css?x=1#y"),
            ("https://shop.example/", "https://SHOP.example.:443//a"),
            ("https://Shop.Example./", "https://shop.example/"),
            ("https://cdn.example/v7", "https://cdn.example/v7"),
            ("https://cdn.example/v7", "https://cdn.example/v7?x"),
            ("https://cdn.example/v7", "https://cdn.example/v7/x"),
            ("https://cdn.example/v7/", "https://cdn.example/v7/x"),
            ("https://cdn.example/v7/", "https://cdn.example/v8/../v7/x"),
            ("https://cdn.example/v7/", "https://cdn.example/v7/a%2Fb..c.png"),
            ("https://cdn.example/", "https://cdn.example/o/..%2fx"),
            ("http://shop.example:8080/", "http://shop.example:8080/x"),
            ("https://bücher.example/", "https://xn--bcher-kva.example/x"),
            ("https://*.shop.example/", "https://a.shop.example/x"),
            ("https://*.shop.example/", "https://a.b.shop.example./x"),
            ("http://127.1/", "http://0x7f.0.0.1/x"),
            ("http://[::ffff:1.2.3.4]/", "http://[0:0:0:0:0:ffff:102:304]/x"),
        ] {
            assert!(allows(allow, url), "{allow} {url}");
        }
        for (allow, url) in [
            ("https://shop.example/", "http://shop.example/a.css"),
            ("https://shop.example/", "https://shop.example:8443/a.css"),
            ("https://shop.example/", "https://shop.example.evil.example/a.css"),
            ("https://shop.example/", "https://evilshop.example/a.css"),
            ("https://shop.example/", "https://a.shop.example/a.css"),
            ("https://shop.example/", "https://evil.example/https://shop.example/"),
            ("https://shop.example/", "https://shop.example@evil.example/"),
            ("http://shop.example:80/", "http://shop.example:8080/x"),
            ("https://cdn.example/v7", "https://cdn.example/v7x"),
            ("https://cdn.example/v7", "https://cdn.example/V7/x"),
            ("https://cdn.example/v7/", "https://cdn.example/v7"),
            ("https://cdn.example/v7", "https://cdn.example/v7/../admin"),
            ("https://cdn.example/v7", "https://cdn.example/v7/%2e%2E/admin"),
            ("https://cdn.example/v7", "https://cdn.example/v7/..%2fadmin"),
            ("https://cdn.example/v7", "https://cdn.example/v7/..%5Cadmin"),
            ("https://cdn.example/v7", "https://cdn.example/v7/%252e%252E%252fadmin"),
            ("https://cdn.example/v7", "https://cdn.example/v7/..;x=1/admin"),
            ("https://*.shop.example/", "https://shop.example/x"),
            ("https://*.shop.example/", "https://.shop.example/x"),
            ("https://*.shop.example/", "https://evilshop.example/x"),
            ("https://*.shop.example/", "https://a.shop.example.evil.example/x"),
        ] {
            assert!(!allows(allow, url), "{allow} {url}");
        }
    }

    #[test]
    fn a_text_that_is_no_prefix_says_why() {
        for (text, why) in [
            ("", "not a URL"),
            ("shop.example", "not a URL"),
            ("*", "not a URL"),
            ("ftp://shop.example/", "not an address of http: or https:"),
            ("https://ada:secret@shop.example/", "with a login in it"),
            ("https://./", "not a URL"),
            ("https://shop.example/?a", "leave out what follows"),
            ("https://shop.example/#a", "leave out what follows"),
            ("https://*/", "a star stands for sub-domains"),
            ("https://a.*.example/", "a star stands for sub-domains"),
            ("https://*.*.example/", "a star stands for sub-domains"),
            ("https://shop.example/*.css", "a star stands for sub-domains"),
            ("https://*.example/", "at least two labels"),
        ] {
            let told = text.parse::<Allow>().unwrap_err().to_string();
            assert!(told.contains(why), "{text}: {told}");
        }
        assert_eq!("https://*.Shop.example/v7".parse::<Allow>().unwrap().to_string(), "https://*.shop.example:443/v7");
    }
}
