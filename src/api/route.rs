//! Which handler a path belongs to.

use super::prefix::Prefix;

/// The routes that are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// `/`, for those who look whether something is there.
    Root,
    /// A browser asks for a session.
    WebStart,
    /// A browser sends a batch.
    WebBatch,
    /// A browser asks which elements to watch for.
    WebTags,
    /// A browser asks for feature flags.
    WebFeatureFlags,
    /// No such path.
    Unknown,
}

/// The template of each route, as metrics name it. The order is that of [`Route`].
pub const TEMPLATES: &[&str] = &["/", "/v1/web/start", "/v1/web/i", "/v1/web/tags", "/v1/web/feature-flags", "other"];

impl Route {
    /// Its place in [`TEMPLATES`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// `Allow` for a request with another method.
    pub fn allow(self) -> &'static str {
        match self {
            Self::WebStart | Self::WebBatch | Self::WebFeatureFlags => "POST, OPTIONS",
            Self::WebTags => "GET, HEAD, OPTIONS",
            Self::Root | Self::Unknown => "GET, HEAD, POST, OPTIONS",
        }
    }

    fn of_plain(path: &[u8]) -> Self {
        match path {
            b"/v1/web/i" => Self::WebBatch,
            b"/v1/web/start" => Self::WebStart,
            b"/v1/web/tags" => Self::WebTags,
            b"/v1/web/feature-flags" => Self::WebFeatureFlags,
            b"/" => Self::Root,
            _ => Self::Unknown,
        }
    }

    /// The route of a path that has been percent-decoded. The paths stand alone, under `/ingest`
    /// (where OpenReplay's ingress has them), and under the operator's own prefix.
    pub fn of(path: &[u8], prefix: &Prefix) -> Self {
        let plain = Self::of_plain(path);
        if plain != Self::Unknown {
            return plain;
        }
        let rests = [path.strip_prefix(b"/ingest"), prefix.strip(path)];
        let routes = rests.into_iter().flatten().map(Self::of_plain);
        routes.into_iter().find(|route| !matches!(route, Self::Root | Self::Unknown)).unwrap_or(Self::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_answer_bare_under_ingest_and_under_the_prefix() {
        let prefix = Prefix::new("/media/v2");
        for start in ["/v1/web/start", "/ingest/v1/web/start", "/media/v2/v1/web/start"] {
            assert_eq!(Route::of(start.as_bytes(), &prefix), Route::WebStart, "{start}");
        }
        for none in ["/v1/web/start/", "/V1/web/start", "/ingest", "/ingest/", "/media/v2", "/media/v2x/v1/web/i"] {
            assert_eq!(Route::of(none.as_bytes(), &prefix), Route::Unknown, "{none}");
        }
        assert_eq!(Route::of(b"/ingestion/v1/web/i", &Prefix::new("/ingestion")), Route::WebBatch);
        assert_eq!(Route::of(b"/", &prefix), Route::Root);
        assert_eq!(Route::of(b"/v1/web/i", &Prefix::new("")), Route::WebBatch);
        assert_eq!(Route::of(b"v1/web/i", &Prefix::new("")), Route::Unknown);
    }

    #[test]
    fn every_route_has_its_template() {
        assert_eq!(TEMPLATES.len(), Route::Unknown.index() + 1);
        assert_eq!(TEMPLATES[Route::WebBatch.index()], "/v1/web/i");
    }
}
