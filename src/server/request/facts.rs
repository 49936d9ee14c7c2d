//! What becomes known about a request while it is answered: for its log line, metrics and admission.

use crate::api::batch;
use crate::api::batch::BatchScratch;
use crate::api::route::Route;
use crate::base::time::monotonic_us;
use crate::http::{Field, Head, Method, Version, path};
use crate::server::memory::pool::RequestBuffers;
use crate::telemetry::{RequestLine, Text};

/// Texts for the log line.
#[derive(Default)]
pub struct FactTexts {
    /// The tracker's version, from a start.
    pub tracker: Text<32>,
    /// Why it was refused.
    pub error: Text<200>,
}

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
    /// What only starts and refusals have; small requests are not to carry it around.
    pub texts: Option<Box<FactTexts>>,
    /// It is a web batch whose head was read to the end: its data type and its label are for the log line.
    pub has_labels: bool,
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
    #[inline]
    pub fn elapsed_us(&self) -> u64 {
        monotonic_us() - self.began_us
    }

    /// When its head was complete, in us on the monotonic clock.
    pub fn began_us(&self) -> u64 {
        self.began_us
    }

    /// The same in ns.
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
            texts: None,
            has_labels: false,
            method,
            version,
            wants_keep_alive,
            began_us: monotonic_us(),
        }
    }

    /// Notes why it was refused.
    pub fn refused(&mut self, error: &[u8]) {
        self.texts.get_or_insert_default().error = Text::new(error);
    }

    /// The request's log line. `scratch` is for decoding.
    #[cold]
    pub fn line(&self, work: &RequestBuffers, status: u16, scratch: &mut BatchScratch) -> RequestLine {
        let (mut data_type, mut batch) = (Text::EMPTY, Text::EMPTY);
        if self.has_labels {
            data_type = Text::new(work.head.field(&work.buf, Field::DataType).unwrap_or_default());
            batch = Text::new(batch::label_text(work.head.query(&work.buf), scratch));
        }
        let texts = self.texts.as_deref();
        let url = match work.head.is_empty() {
            true => b"",
            false if self.route == Route::UxtRecording => RECORDING,
            false => without_token(work.head.path(&work.buf)),
        };
        RequestLine {
            session: self.session,
            project: self.project,
            tracker: texts.map_or(Text::EMPTY, |texts| texts.tracker),
            url: Text::new(url),
            batch,
            data_type,
            error: texts.map_or(Text::EMPTY, |texts| texts.error),
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
