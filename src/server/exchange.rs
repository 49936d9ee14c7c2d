//! One request and its answer: head, route, handler, append, reply.

use std::rc::Rc;

use crate::api::reply::Refusal;
use crate::api::route::Route;
use crate::api::tags::write_tags;
use crate::http::{Framing, Method, path};
use crate::session::token::{Expiry, Token, TokenError};
use crate::telemetry::{Refusal as Reason, Text};

use super::answer::Seen;
use super::conn::Conn;
use super::core::Core;
use super::io::{BodyError, Gone, Got, Io};
use super::{batch, start};

/// A refused body is read up to this size before the answer, so that the connection can be kept.
const DRAIN_BYTES_MAX: u64 = 256 * 1024;

/// Upstream's text for a body over the limit.
const TOO_LARGE: &str = "http: request body too large";

/// What happens to the connection behind an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The next request may come; this many bytes of the buffer are used up.
    KeepAlive(usize),
    /// Close at once: the client sends nothing more, or has gone.
    Close,
    /// Close, but let the client read the answer first.
    Linger,
    /// No answer: another core, where a place is reserved, serves the request. With its body, if that has been received.
    PassOn(Option<Got>),
}

impl Next {
    /// What follows a request that was read to its end.
    pub fn after(keep_alive: bool, consumed: usize) -> Self {
        if keep_alive { Self::KeepAlive(consumed) } else { Self::Linger }
    }
}

/// A batch that may be sent, before its body is read.
pub struct Admitted {
    /// The client's token.
    pub token: Token,
    /// It has expired less than the period of grace ago.
    pub just_expired: bool,
    /// The session's project, 0 if not known.
    pub project: u32,
    /// The largest body.
    pub limit: u64,
}

/// What is decided from the head alone.
enum Verdict {
    /// Answer without looking at the body.
    Answer(Plain),
    /// Read the body, then start a session.
    Start,
    /// Read the body, then store the batch.
    Batch(Admitted),
}

/// Answers that need no body.
enum Plain {
    Ok,
    Tags,
    Flags,
    Preflight,
    NotFound,
    Moved(Vec<u8>),
    WrongMethod(&'static str),
    Refuse(Refusal),
}

/// Answers the request whose head stands in the buffer.
pub async fn exchange(io: &mut Io, core: &Rc<Core>, conn: &Rc<Conn>) -> Next {
    conn.begin_request();
    let mut seen = Seen::begin(io);
    match judge(io, core, conn, &mut seen) {
        Verdict::Answer(plain) => answer(io, core, conn, &mut seen, plain).await,
        Verdict::Start => start::web_start(io, core, conn, &mut seen).await,
        Verdict::Batch(admitted) => batch::web_batch(io, core, conn, &mut seen, &admitted).await,
    }
}

fn judge(io: &mut Io, core: &Core, conn: &Conn, seen: &mut Seen) -> Verdict {
    let work = io.work();
    let (head, buf) = (&work.head, &work.buf[..]);
    let method = head.method();
    let mut scratch = core.path.borrow_mut();
    let decoded = match path::decode(head.path(buf), &mut scratch) {
        Ok(decoded) => decoded,
        Err(reject) => {
            let refusal = Refusal::new(reject.status, Reason::Framing, reject.reason);
            return Verdict::Answer(Plain::Refuse(refusal));
        }
    };
    if decoded == b"*" {
        return Verdict::Answer(Plain::Ok);
    }
    if !path::is_clean(decoded) {
        let mut location = Vec::new();
        path::clean_into(decoded, &mut location);
        if let Some(query) = head.query(buf) {
            location.push(b'?');
            location.extend_from_slice(query);
        }
        return Verdict::Answer(Plain::Moved(location));
    }
    let route = Route::of(decoded, &core.common.prefix);
    seen.route = route;
    match (route, method) {
        (Route::Unknown, _) => Verdict::Answer(Plain::NotFound),
        (_, Method::Options) => Verdict::Answer(Plain::Preflight),
        (Route::Root, _) => Verdict::Answer(Plain::Ok),
        (Route::WebStart, Method::Post) => Verdict::Start,
        // No project has flags yet; the tracker takes that for an answer.
        (Route::WebFeatureFlags, Method::Post) => Verdict::Answer(Plain::Flags),
        (Route::WebTags, Method::Get | Method::Head) => {
            match admit(head.header(buf, "authorization"), core, conn, seen) {
                Ok(admitted) if !admitted.just_expired => Verdict::Answer(Plain::Tags),
                Ok(_) => Verdict::Answer(Plain::Refuse(Refusal::new(401, Reason::TokenExpired, "token just expired"))),
                Err(refusal) => Verdict::Answer(Plain::Refuse(refusal)),
            }
        }
        (Route::WebBatch, Method::Post) => match admit(head.header(buf, "authorization"), core, conn, seen) {
            Ok(admitted) => Verdict::Batch(admitted),
            Err(refusal) => Verdict::Answer(Plain::Refuse(refusal)),
        },
        (route, _) => Verdict::Answer(Plain::WrongMethod(route.allow())),
    }
}

/// Looks at the token. A 401 tells the client to start a new session, so it is given for tokens alone.
fn admit(authorization: Option<&[u8]>, core: &Core, conn: &Conn, seen: &mut Seen) -> Result<Admitted, Refusal> {
    let text = authorization
        .and_then(|value| value.strip_prefix(b"Bearer "))
        .ok_or_else(|| Refusal::new(401, Reason::TokenMissing, "missing token"))?;
    let secrets = &core.common.secrets;
    let known = conn.memo.borrow().get(text, secrets.generation());
    let token = match known {
        Some(token) => token,
        None => {
            let token = secrets.verify(text).map_err(|error| {
                let reason = match error {
                    TokenError::Signature => Reason::TokenSignature,
                    _ => Reason::TokenFormat,
                };
                Refusal::new(401, reason, error.to_string())
            })?;
            conn.memo.borrow_mut().set(text, secrets.generation(), token);
            token
        }
    };
    seen.session = Some(token.session.0);
    let just_expired = match token.expiry(core.wall_ms()) {
        Expiry::Valid => false,
        Expiry::JustExpired => true,
        Expiry::Expired => return Err(Refusal::new(401, Reason::TokenExpired, "token expired")),
    };
    seen.project = core.project_of(token.session);
    Ok(Admitted { token, just_expired, project: seen.project.unwrap_or(0), limit: core.batch_limit(seen.project) })
}

/// Answers from the head alone. The body, if one comes, is read and dropped within a bound, so that
/// the client gets the answer and not a reset.
async fn answer(io: &mut Io, core: &Rc<Core>, conn: &Conn, seen: &mut Seen, plain: Plain) -> Next {
    let at_hand = io.body_at_hand();
    let work = io.work();
    let waits = work.head.expects_continue() && work.buf.len() == work.head.len();
    let drained = match (at_hand, work.head.framing()) {
        (Some(got), _) => Ok(got.consumed),
        (None, Framing::None) => Ok(work.head.len()),
        // The client has not been told to send its body, and must not be taken by surprise.
        _ if waits => Err(()),
        _ => match io.begin_body(DRAIN_BYTES_MAX) {
            Ok(body) => io.receive_body(body).await.map(|got| got.consumed).map_err(|_| ()),
            Err(_) => Err(()),
        },
    };
    let keep_alive = seen.keep_alive(core, conn) && drained.is_ok();
    match plain {
        Plain::Ok => seen.send(io, core, 200, keep_alive, |out, frame| frame.write(out, 200, &[], b"")).await,
        Plain::Tags => {
            let mut body = Vec::new();
            write_tags(&mut body, &core.directory(), seen.project);
            seen.send(io, core, 200, keep_alive, |out, frame| frame.write_json(out, 200, &body)).await;
        }
        Plain::Flags => {
            let body = br#"{"flags":[]}"#;
            seen.send(io, core, 200, keep_alive, |out, frame| frame.write_json(out, 200, body)).await;
        }
        Plain::Preflight => {
            let work = io.work();
            let asked = work.head.header(&work.buf, "access-control-request-headers");
            core.preflight.borrow_mut().ask(&core.common.cors, asked);
            seen.send(io, core, 200, keep_alive, |out, frame| core.preflight.borrow().write(out, frame)).await;
        }
        Plain::NotFound => {
            core.metrics.refused(Reason::NotFound);
            seen.error = Text::from("no such path");
            let headers: [(&str, &[u8]); 2] =
                [("Content-Type", b"text/plain; charset=utf-8"), ("X-Content-Type-Options", b"nosniff")];
            let body = b"404 page not found\n";
            seen.send(io, core, 404, keep_alive, |out, frame| frame.write(out, 404, &headers, body)).await;
        }
        Plain::Moved(location) => {
            let headers: [(&str, &[u8]); 1] = [("Location", &location)];
            seen.send(io, core, 301, keep_alive, |out, frame| frame.write(out, 301, &headers, b"")).await;
        }
        Plain::WrongMethod(allow) => {
            core.metrics.refused(Reason::Method);
            seen.error = Text::from("the route does not take this method");
            let headers: [(&str, &[u8]); 1] = [("Allow", allow.as_bytes())];
            seen.send(io, core, 405, keep_alive, |out, frame| frame.write(out, 405, &headers, b"")).await;
        }
        Plain::Refuse(refusal) => seen.refuse(io, core, &refusal, keep_alive).await,
    }
    drained.map_or(Next::Linger, |consumed| Next::after(keep_alive, consumed))
}

/// Reads the body, with `100 Continue` where the client waits for it. An error has been answered.
pub async fn body(io: &mut Io, core: &Rc<Core>, seen: &mut Seen, limit: u64, just_expired: bool) -> Result<Got, Next> {
    let error = match receive(io, limit).await {
        Ok(got) => {
            seen.body_bytes = (got.end - got.start) as u64;
            return Ok(got);
        }
        Err(error) => error,
    };
    let mut refusal = match error {
        BodyError::Gone(Gone::Closed) => return Err(Next::Close),
        BodyError::Reject(reject) if reject.status == 413 => Refusal::new(413, Reason::BodyTooLarge, TOO_LARGE),
        BodyError::Reject(reject) => Refusal::new(reject.status, Reason::Framing, reject.reason),
        BodyError::Gone(Gone::TimedOut) => Refusal::new(408, Reason::BodyTimeout, "the body came too slowly"),
        BodyError::Gone(Gone::NoMemory) => {
            Refusal::new(503, Reason::BytesInFlight, "too many bytes in flight, try again")
        }
    };
    if just_expired && refusal.status == 413 {
        refusal.status = 401;
    }
    seen.refuse(io, core, &refusal, false).await;
    Err(Next::Linger)
}

async fn receive(io: &mut Io, limit: u64) -> Result<Got, BodyError> {
    if let Some(got) = io.body_at_hand() {
        return Ok(got);
    }
    // The limit is looked at first: a body that will be refused must not be asked for.
    let body = io.begin_body(limit).map_err(BodyError::Reject)?;
    let work = io.work();
    if work.head.expects_continue() && work.buf.len() == work.head.len() {
        work.out.extend_from_slice(crate::http::response::CONTINUE);
        io.send().await.map_err(BodyError::Gone)?;
    }
    io.receive_body(body).await
}
