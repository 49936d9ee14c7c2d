//! What becomes known about a request while it is answered: for its log line, metrics and admission.

use crate::api::route::Route;
use crate::base::time::monotonic_us;
use crate::http::{Head, Method, Version, path};
use crate::server::memory::pool::RequestBuffers;
use crate::telemetry::{RequestLine, Text};

/// What becomes known about a request while it is answered.
pub struct RequestFacts {
    /// Its route.
    pub route: Route,
    /// Its session, once the token has been read or issued.
    pub session: Option<u64>,
    /// Its project, once found.
    pub project: Option<u32>,
    /// Body bytes as received.
    pub body_bytes: u64,
    /// The tracker's version, from a start.
    pub tracker: Text<32>,
    /// The `batch` parameter.
    pub batch: Text<128>,
    /// The batch's data type.
    pub data_type: Text<24>,
    /// Why it was refused.
    pub error: Text<200>,
    /// Its method.
    pub method: Method,
    /// The HTTP version of the answer.
    pub version: Version,
    /// Its client wants to send more on the connection.
    pub wants_keep_alive: bool,
    began_us: u64,
}

impl RequestFacts {
    /// For a request with this head.
    #[inline]
    pub fn of(head: &Head) -> Self {
        Self::new(head.method(), head.version(), head.keep_alive())
    }

    /// How long answering has taken so far, in us.
    pub fn elapsed_us(&self) -> u64 {
        monotonic_us() - self.began_us
    }

    /// When its head was complete, in ns on the monotonic clock.
    pub fn began_ns(&self) -> u64 {
        self.began_us * 1000
    }

    /// A request whose head could not be read.
    pub fn unreadable() -> Self {
        Self::new(Method::Other, Version::H11, false)
    }

    #[inline]
    fn new(method: Method, version: Version, wants_keep_alive: bool) -> Self {
        Self {
            route: Route::Unknown,
            session: None,
            project: None,
            body_bytes: 0,
            tracker: Text::EMPTY,
            batch: Text::EMPTY,
            data_type: Text::EMPTY,
            error: Text::EMPTY,
            method,
            version,
            wants_keep_alive,
            began_us: monotonic_us(),
        }
    }

    /// The request's log line.
    pub fn line(&self, work: &RequestBuffers, status: u16) -> RequestLine {
        let url = match work.head.is_empty() {
            true => b"",
            false if self.route == Route::UxtRecording => RECORDING,
            false => without_token(work.head.path(&work.buf)),
        };
        RequestLine {
            session: self.session,
            project: self.project,
            tracker: self.tracker,
            url: Text::new(url),
            batch: self.batch,
            data_type: self.data_type,
            error: self.error,
            ..RequestLine::new(crate::caller!(), self.method.as_str(), status)
        }
    }
}

/// The part of an upload's path that may be logged: a token follows.
const RECORDING: &[u8] = b"/v1/web/uxt/recording/";

/// The part of any other path that may be logged. A path that is not clean is answered before its route is known, so a percent-encoded path
/// must not leak a token either.
fn without_token(path: &[u8]) -> &[u8] {
    const WORD: &[u8] = b"recording";
    let names = |path: &[u8]| path.windows(WORD.len()).any(|window| window == WORD);
    let mut decoded = Vec::new();
    let hidden = names(path)
        || path.contains(&b'%') && path::decode(path, &mut decoded).is_ok_and(|decoded| names(decoded.path));
    if hidden { RECORDING } else { path }
}
