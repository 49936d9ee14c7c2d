//! Routes: which one a path belongs to, and what each requires.

use crate::http::Method;

use super::prefix::Prefix;

/// What a route requires of the client's token, checked before anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenRule {
    /// It is ignored.
    None,
    /// It must be valid.
    Good,
    /// It may have expired within the grace period: the request is stored, and the client is told.
    Grace,
    /// It may have expired at any time.
    Late,
    /// It is read if present; without a valid one the answer says less.
    Optional,
}

/// The methods that a route accepts. All accept `OPTIONS`, and those that accept `GET` accept `HEAD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    /// `GET` and `POST`.
    GetAndPost,
    /// `GET`.
    Get,
    /// `POST`.
    Post,
    /// `PUT`.
    Put,
}

impl Allowed {
    /// The `Allow` header in the answer to any other method.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GetAndPost => "GET, HEAD, POST, OPTIONS",
            Self::Get => "GET, HEAD, OPTIONS",
            Self::Post => "POST, OPTIONS",
            Self::Put => "PUT, OPTIONS",
        }
    }

    /// Whether a method is among them.
    pub const fn accepts(self, method: Method) -> bool {
        match method {
            Method::Options => true,
            Method::Get | Method::Head => matches!(self, Self::GetAndPost | Self::Get),
            Method::Post => matches!(self, Self::GetAndPost | Self::Post),
            Method::Put => matches!(self, Self::Put),
            Method::Patch | Method::Delete | Method::Other => false,
        }
    }
}

macro_rules! routes {
    ($( $(#[$doc:meta])* $name:ident = $template:literal, $token:ident, $allowed:ident; )+) => {
        /// The routes that are served.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Route {
            $( $(#[$doc])* $name, )+
        }

        /// Each route's template, as metrics name it, in the order of [`Route`].
        pub const TEMPLATES: &[&str] = &[$($template),+];

        impl Route {
            /// Every route, in order.
            pub const ALL: &'static [Route] = &[$(Route::$name),+];

            /// What it requires of the client's token.
            pub fn token_rule(self) -> TokenRule {
                match self {
                    $(Self::$name => TokenRule::$token,)+
                }
            }

            /// The `Allow` header in the answer to a method that it does not accept.
            pub fn allow(self) -> &'static str {
                self.allowed().as_str()
            }

            /// The methods that it accepts.
            pub fn allowed(self) -> Allowed {
                match self {
                    $(Self::$name => Allowed::$allowed,)+
                }
            }
        }
    };
}

routes! {
    /// `/`, for probes.
    Root = "/", None, GetAndPost;
    /// A browser asks for a session.
    WebStart = "/v1/web/start", None, Post;
    /// A browser sends a batch.
    WebBatch = "/v1/web/i", Grace, Post;
    /// A browser reports why it does not record.
    WebNotStarted = "/v1/web/not-started", None, Post;
    /// A browser asks for feature flags.
    WebFeatureFlags = "/v1/web/feature-flags", Optional, Post;
    /// A browser sends pictures of canvas elements.
    WebImages = "/v1/web/images", Good, Post;
    /// A browser asks which elements to watch for.
    WebTags = "/v1/web/tags", Good, Get;
    /// A browser asks when to start recording.
    WebConditions = "/v1/web/conditions/{project}", Good, Get;
    /// A browser asks for the description of a usability test.
    UxtTest = "/v1/web/uxt/test/{id}", Good, Get;
    /// A user began or ended a usability test.
    UxtTestSignal = "/v1/web/uxt/signals/test", Good, Post;
    /// A user began or ended a task of a usability test.
    UxtTaskSignal = "/v1/web/uxt/signals/task", Good, Post;
    /// A browser asks where to upload the recording of a usability test.
    UxtUploadUrl = "/v1/web/uxt/upload-url", Good, Get;
    /// A browser uploads the recording of a usability test. The token is part of the path, because the client sends no header for it.
    UxtRecording = "/v1/web/uxt/recording/{token}", None, Put;
    /// A phone asks for a session.
    MobileStart = "/v1/mobile/start", None, Post;
    /// A phone sends a batch.
    MobileBatch = "/v1/mobile/i", Grace, Post;
    /// A phone sends what was left when the app ended.
    MobileLate = "/v1/mobile/late", Late, Post;
    /// A phone sends screenshots.
    MobileImages = "/v1/mobile/images", Good, Post;
    /// A phone asks when to start recording.
    MobileConditions = "/v1/mobile/conditions/{project}", Good, Get;
    /// The analytics SDK asks for a session.
    SdkStart = "/v1/sdk/start", None, Post;
    /// The analytics SDK sends events.
    SdkBatch = "/v1/sdk/i", Good, Post;
    /// Another takeup hands on records. It signs each request with a secret that both share.
    Records = "/v1/takeup/records", None, Post;
    /// No such path.
    Unknown = "other", None, GetAndPost;
}

/// The result of matching a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Matched<'p> {
    /// The route.
    pub route: Route,
    /// The path's value for the template's name in braces; empty if there is none.
    pub param: &'p [u8],
    /// One of the old paths, `/v1/ios/…`. Their clients identify themselves differently: see [`StartKind::Mobile`](super::start::StartKind).
    pub legacy: bool,
}

impl Route {
    /// Its position in [`TEMPLATES`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// The route of a percent-decoded path. Every route is served at the root, under `/ingest` (where OpenReplay's ingress has it), and
    /// under the operator's own prefix.
    pub fn of<'p>(path: &'p [u8], prefix: &Prefix) -> Matched<'p> {
        let plain = matched(path);
        if plain.route != Self::Unknown {
            return plain;
        }
        let rests = [path.strip_prefix(b"/ingest"), prefix.strip(path)];
        let mut found = rests.into_iter().flatten().map(matched);
        found.find(|found| !matches!(found.route, Self::Root | Self::Unknown)).unwrap_or(plain)
    }
}

fn matched(path: &[u8]) -> Matched<'_> {
    let found = |route, param, legacy| Matched { route, param, legacy };
    let route = match path {
        b"/v1/web/i" => Route::WebBatch,
        b"/v1/web/start" => Route::WebStart,
        b"/" => Route::Root,
        _ => match path.strip_prefix(b"/v1/") {
            Some(rest) => return below_version(rest, found),
            None => Route::Unknown,
        },
    };
    found(route, b"", false)
}

fn below_version<'p>(rest: &'p [u8], found: impl Fn(Route, &'p [u8], bool) -> Matched<'p>) -> Matched<'p> {
    let plain = match rest {
        b"web/tags" => Route::WebTags,
        b"web/images" => Route::WebImages,
        b"web/feature-flags" => Route::WebFeatureFlags,
        b"web/not-started" => Route::WebNotStarted,
        b"web/uxt/signals/test" => Route::UxtTestSignal,
        b"web/uxt/signals/task" => Route::UxtTaskSignal,
        b"web/uxt/upload-url" => Route::UxtUploadUrl,
        b"mobile/start" => Route::MobileStart,
        b"mobile/i" => Route::MobileBatch,
        b"mobile/late" => Route::MobileLate,
        b"mobile/images" => Route::MobileImages,
        b"sdk/start" => Route::SdkStart,
        b"sdk/i" => Route::SdkBatch,
        b"takeup/records" => Route::Records,
        b"ios/start" => return found(Route::MobileStart, b"", true),
        b"ios/i" | b"ios/append" => return found(Route::MobileBatch, b"", true),
        b"ios/late" => return found(Route::MobileLate, b"", true),
        b"ios/images" => return found(Route::MobileImages, b"", true),
        _ => Route::Unknown,
    };
    if plain != Route::Unknown {
        return found(plain, b"", false);
    }
    let named: [(&[u8], Route); 4] = [
        (b"web/conditions/", Route::WebConditions),
        (b"mobile/conditions/", Route::MobileConditions),
        (b"web/uxt/test/", Route::UxtTest),
        (b"web/uxt/recording/", Route::UxtRecording),
    ];
    for (head, route) in named {
        if let Some(param) = rest.strip_prefix(head)
            && !param.is_empty()
            && !param.contains(&b'/')
        {
            return found(route, param, false);
        }
    }
    found(Route::Unknown, b"", false)
}

#[cfg(test)]
mod tests;
