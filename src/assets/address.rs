//! URLs as they are compared.

use url::Url;

/// The longest URL that is kept.
pub const URL_BYTES_MAX: usize = 2048;

/// A URL of an asset: `http:` or `https:`, without a fragment and without a login, as the URL standard writes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(String);

/// Why a URL is none of an asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// It does not parse.
    #[error("not a URL")]
    NotAUrl,
    /// It is of another scheme.
    #[error("not an address of http: or https:")]
    Scheme,
    /// It has a name or a password in it.
    #[error("with a login in it")]
    Login,
    /// It is too long.
    #[error("longer than {URL_BYTES_MAX} bytes")]
    Long,
}

impl Address {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`BadAddress`].
    pub fn parse(text: &str) -> Result<Address, BadAddress> {
        if text.len() > 2 * URL_BYTES_MAX {
            return Err(BadAddress::Long);
        }
        Address::of(&Url::parse(text).map_err(|_| BadAddress::NotAUrl)?)
    }

    /// The address of a URL.
    ///
    /// # Errors
    /// [`BadAddress`].
    pub fn of(url: &Url) -> Result<Address, BadAddress> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(BadAddress::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BadAddress::Login);
        }
        let text = match url.fragment() {
            None => url.as_str().to_owned(),
            Some(_) => {
                let mut url = url.clone();
                url.set_fragment(None);
                url.into()
            }
        };
        if text.len() > URL_BYTES_MAX { Err(BadAddress::Long) } else { Ok(Address(text)) }
    }

    /// The same without its query; `None` if it has none.
    pub fn without_query(&self) -> Option<Address> {
        self.0.split_once('?').map(|(head, _)| Address(head.to_owned()))
    }

    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn one_resource_has_one_address() {
        for text in [
            "https://Shop.Example/a/../css/a.css",
            "https://shop.example:443/css/a.css#x",
            " https://shop.example/css/./a.css",
            "https://shop.example/c\tss/a.css#?q",
            "HTTPS:\\\\shop.example\\css\\a.css",
        ] {
            assert_eq!(Address::parse(text).unwrap().as_str(), "https://shop.example/css/a.css", "{text}");
        }
        let asked = Address::parse("https://shop.example/a.css?v=2#x").unwrap();
        assert_eq!(asked.as_str(), "https://shop.example/a.css?v=2");
        assert_eq!(asked.without_query().unwrap().as_str(), "https://shop.example/a.css");
        assert_eq!(asked.without_query().unwrap().without_query(), None);
    }

    #[test]
    fn nothing_but_a_plain_address_of_the_web_is_one() {
        for (text, fault) in [
            ("a.css", BadAddress::NotAUrl),
            ("", BadAddress::NotAUrl),
            ("file:///etc/passwd", BadAddress::Scheme),
            ("data:text/css,a", BadAddress::Scheme),
            ("javascript:alert(1)", BadAddress::Scheme),
            ("https://ada:secret@shop.example/a.css", BadAddress::Login),
            ("https://ada@shop.example/a.css", BadAddress::Login),
        ] {
            assert_eq!(Address::parse(text), Err(fault), "{text}");
        }
        let long = format!("https://shop.example/{}", "a".repeat(URL_BYTES_MAX));
        assert_eq!(Address::parse(&long), Err(BadAddress::Long));
        assert_eq!(Address::parse(&long.repeat(3)), Err(BadAddress::Long));
    }
}
