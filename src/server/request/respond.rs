//! Sending an answer, and telling the log and the metrics of it.

use std::rc::Rc;

use crate::api::refusal::Refusal;
use crate::api::reply::Frame;
use crate::api::route::Route;
use crate::base::time::monotonic_us;
use crate::http::{Method, Version, path};
use crate::server::core::conn::{Conn, Presence};
use crate::server::core::state::Core;
use crate::server::io::client::ClientIo;
use crate::telemetry::{RequestLine, Text};

/// What becomes known of a request while it is answered.
pub struct RequestFacts {
    /// Its route.
    pub route: Route,
    /// Its session, once the token is read or issued.
    pub session: Option<u64>,
    /// Its project, once found.
    pub project: Option<u32>,
    /// Body bytes as received.
    pub body_bytes: u64,
    /// The tracker's version, of a start.
    pub tracker: Text<32>,
    /// The `batch` parameter.
    pub batch: Text<128>,
    /// The batch's data type.
    pub data_type: Text<24>,
    /// Why it was refused.
    pub error: Text<200>,
    method: Method,
    version: Version,
    wants_keep_alive: bool,
    began_us: u64,
}

impl RequestFacts {
    /// Takes note of the head that stands in the buffer.
    pub fn begin(io: &mut ClientIo) -> Self {
        let head = &io.work().head;
        Self::new(head.method(), head.version(), head.keep_alive())
    }

    /// When its head was there, in ns on the monotonic clock.
    pub fn began_ns(&self) -> u64 {
        self.began_us * 1000
    }

    /// A request whose head could not be read.
    pub fn unreadable() -> Self {
        Self::new(Method::Other, Version::H11, false)
    }

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

    /// Whether the connection may stay open behind the answer.
    /// While the server stops, the last of the requests that have come is told that it is the last one; `consumed` bytes of the buffer are
    /// this one's.
    pub fn keep_alive(&self, io: &ClientIo, core: &Core, conn: &Conn, consumed: usize) -> bool {
        self.wants_keep_alive && (!core.draining.get() && !conn.closing() || io.has_more(consumed))
    }

    /// Writes an answer into the out buffer by `write`, sends it, logs it and counts it.
    pub async fn send(
        &self,
        io: &mut ClientIo,
        core: &Rc<Core>,
        status: u16,
        keep_alive: bool,
        write: impl FnOnce(&mut Vec<u8>, &Frame<'_>),
    ) {
        let date = core.date.get();
        let live = core.live();
        let frame = Frame {
            version: self.version,
            keep_alive,
            head_only: self.method == Method::Head,
            date: date.as_bytes(),
            cors: &live.cors,
        };
        write(&mut io.work().out, &frame);
        core.metrics.sent_bytes.add(io.work().out.len() as u64);
        core.logger.request(live.log_requests, status, || self.line(io, status));
        core.metrics.request(self.route.index(), status, self.body_bytes, monotonic_us() - self.began_us);
        // A client that has gone does not read its answer; the connection's next read ends it.
        let _ = io.send().await;
    }

    /// Sends a refusal.
    pub async fn refuse(&mut self, io: &mut ClientIo, core: &Rc<Core>, refusal: &Refusal, keep_alive: bool) {
        // Nobody is there to be refused.
        if io.conn().presence.get() == Presence::Gone {
            return;
        }
        core.metrics.refused(refusal.reason.index());
        self.error = Text::new(refusal.text.as_bytes());
        let status = refusal.status;
        self.send(io, core, status, keep_alive, |out, frame| frame.write_refusal(out, refusal)).await;
    }

    fn line(&self, io: &mut ClientIo, status: u16) -> RequestLine {
        let work = io.work();
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

/// The path of an upload as far as anybody may read it: a token follows.
const RECORDING: &[u8] = b"/v1/web/uxt/recording/";

/// Any other path as far as anybody may read it. One that is not clean is answered before its route is known, so whatever it comes to
/// when its percent signs are taken for what they stand for, it is not to show a token.
fn without_token(path: &[u8]) -> &[u8] {
    const WORD: &[u8] = b"recording";
    let names = |path: &[u8]| path.windows(WORD.len()).any(|window| window == WORD);
    let mut decoded = Vec::new();
    let hidden = names(path)
        || path.contains(&b'%') && path::decode(path, &mut decoded).is_ok_and(|decoded| names(decoded.path));
    if hidden { RECORDING } else { path }
}
