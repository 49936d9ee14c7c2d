//! Where pictures, fonts and style sheets of a recorded site come from.

use std::fmt;
use std::sync::Arc;

use url::Url;

/// Knows what is kept of a recorded site.
pub trait KeptAssets: Send + Sync {
    /// Where a player finds what this URL had; `None` if it is not kept. Made of characters that mean nothing in HTML, in CSS and in a `srcset`.
    fn place_of(&self, url: &Url) -> Option<String>;
}

/// Where pictures, fonts and style sheets come from.
#[derive(Clone, Default)]
pub struct Assets {
    kept: Option<Arc<dyn KeptAssets>>,
    fetched: bool,
    modified: bool,
}

impl Assets {
    /// From nowhere: nothing is asked for.
    pub const WITHHELD: Assets = Assets { kept: None, fetched: false, modified: false };

    /// From where the page had them.
    pub const FETCHED: Assets = Assets { kept: None, fetched: true, modified: false };

    /// The same, for a browser that knows `referrer-policy(…)` in CSS. Chromium tells with what styles ask for where they are, whatever the document's policy.
    pub const FETCHED_QUIETLY: Assets = Assets { kept: None, fetched: true, modified: true };

    /// The same, but what is kept comes from there.
    #[must_use]
    pub fn with_kept(self, kept: Arc<dyn KeptAssets>) -> Assets {
        Assets { kept: Some(kept), ..self }
    }

    /// Whether none may be shown.
    pub(super) fn are_withheld(&self) -> bool {
        self.kept.is_none() && !self.fetched
    }

    /// Whether any address of the web may be asked for.
    pub(super) fn are_fetched(&self) -> bool {
        self.fetched
    }

    /// Whether CSS is to say that no referrer is sent.
    pub(super) fn are_modified(&self) -> bool {
        self.modified
    }

    /// Where that of a URL of the web comes from; `None`: it is not shown.
    pub(super) fn place_of(&self, url: &Url) -> Option<String> {
        self.place_of_kept(url).or_else(|| self.fetched.then(|| url.to_string()))
    }

    /// The same of one that is kept. A drawing's fragment names a part of it.
    pub(super) fn place_of_kept(&self, url: &Url) -> Option<String> {
        let place = self.kept.as_ref()?.place_of(url)?;
        Some(match url.fragment().filter(|fragment| fragment.bytes().all(is_harmless)) {
            Some(fragment) => format!("{place}#{fragment}"),
            None => place,
        })
    }
}

fn is_harmless(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'=' | b'&' | b'%')
}

impl fmt::Debug for Assets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assets")
            .field("kept", &self.kept.is_some())
            .field("fetched", &self.fetched)
            .finish_non_exhaustive()
    }
}
