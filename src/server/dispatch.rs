//! One request and its answer: head, route, handler, append, reply.

use std::rc::Rc;

use crate::api::body::TOO_LARGE;
use crate::api::conditions::conditions;
use crate::api::cors::Asked;
use crate::api::refusal::{Reason, Refusal};
use crate::api::route::{Route, TokenRule};
use crate::api::start::StartKind;
use crate::api::tags::tags;
use crate::api::uxt;
use crate::config::BUFFER_BYTES_MIN;
use crate::http::path::Form;
use crate::http::{Body, Framing, Head, Method, path};
use crate::session::token::{Expiry, Token, TokenError};
use crate::session::upload_token::UploadToken;
use crate::telemetry::Text;

use super::core::conn::Conn;
use super::core::state::Core;
use super::ingest::{batch, forms, images, mobile, recording, sdk, start, upload};
use super::io::client::{BodyError, ClientIo, Gone};
use super::memory::pool::BodyRange;
use super::memory::pool::OverBudget;
use super::request::gate;
use super::request::known_sessions;
use super::request::respond::RequestFacts;
use super::store::charge::Charge;
use super::store::commit::wait_for_memory;

/// A refused body is read up to this size before the answer, so that the connection can be kept.
pub const DRAIN_BYTES_MAX: u64 = 256 * 1024;

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
    PassOn(Option<BodyRange>),
}

impl Next {
    /// What follows a request that was read to its end.
    pub fn after(keep_alive: bool, consumed: usize) -> Self {
        if keep_alive { Self::KeepAlive(consumed) } else { Self::Linger }
    }
}

/// A client with a token that the route takes, before its body is read.
#[derive(Debug, Clone, Copy)]
pub struct Admitted {
    /// The client's token.
    pub token: Token,
    /// It has expired less than the period of grace ago, and the route tells the client so.
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
    /// Read the body: the route's handler goes on.
    Handle {
        /// The route.
        route: Route,
        /// What the token says, where the route looks at it.
        admitted: Option<Admitted>,
        /// The path was one of old.
        legacy: bool,
        /// What the token in the path says, where there is one.
        upload: Option<UploadToken>,
    },
}

/// Answers that need no body.
enum Plain {
    Ok,
    Json(Vec<u8>),
    Preflight,
    NotFound,
    Moved(Vec<u8>),
    WrongMethod(&'static str),
    Refuse(Refusal),
}

impl Plain {
    /// What it holds until it is sent.
    fn bytes(&self) -> usize {
        match self {
            Self::Json(bytes) | Self::Moved(bytes) => bytes.capacity(),
            _ => 0,
        }
    }
}

/// Answers the request whose head stands in the buffer.
pub async fn exchange(io: &mut ClientIo, core: &Rc<Core>, conn: &Rc<Conn>) -> Next {
    let mut facts = RequestFacts::begin(io);
    let mut verdict = judge(io, core, conn, &mut facts);
    // Whose session this is may stand in the log, and not be read yet.
    if facts.project.is_none() && facts.session.is_some() && known_sessions::wait(core, conn).await {
        verdict = judge(io, core, conn, &mut facts);
    }
    match verdict {
        Verdict::Answer(plain) if plain.bytes() > BUFFER_BYTES_MIN => {
            answer_large(io, core, conn, &mut facts, plain).await
        }
        Verdict::Answer(plain) => answer(io, core, conn, &mut facts, plain).await,
        Verdict::Handle { route, upload: Some(token), .. } => {
            conn.project.set(facts.project.unwrap_or(0));
            match gate::at_head(io, core, conn, &facts, route, None).await {
                Ok(()) => recording::take(io, core, conn, &mut facts, token).await,
                Err(refusal) => answer(io, core, conn, &mut facts, Plain::Refuse(refusal)).await,
            }
        }
        Verdict::Handle { route, admitted, legacy, .. } => {
            handle(io, core, conn, &mut facts, route, admitted, legacy).await
        }
    }
}

/// Each route that takes a body has a handler, in a file for its family.
async fn handle(
    io: &mut ClientIo,
    core: &Rc<Core>,
    conn: &Rc<Conn>,
    facts: &mut RequestFacts,
    route: Route,
    admitted: Option<Admitted>,
    legacy: bool,
) -> Next {
    conn.project.set(facts.project.unwrap_or(0));
    if let Err(refusal) = gate::at_head(io, core, conn, facts, route, admitted.as_ref()).await {
        return answer(io, core, conn, facts, Plain::Refuse(refusal)).await;
    }
    match (route, &admitted) {
        (Route::WebBatch, Some(admitted)) => batch::web_batch(io, core, conn, facts, admitted).await,
        (Route::WebStart, _) => start::start(io, core, conn, facts, StartKind::Web).await,
        (Route::MobileBatch | Route::MobileLate, Some(admitted)) => {
            mobile::batch(io, core, conn, facts, admitted).await
        }
        (Route::MobileStart, _) => start::start(io, core, conn, facts, StartKind::Mobile { legacy }).await,
        (Route::WebImages, Some(admitted)) => images::web(io, core, conn, facts, admitted).await,
        (Route::MobileImages, Some(admitted)) => images::mobile(io, core, conn, facts, admitted).await,
        (Route::SdkBatch, Some(admitted)) => sdk::batch(io, core, conn, facts, admitted).await,
        (Route::SdkStart, _) => start::start(io, core, conn, facts, StartKind::Sdk).await,
        (Route::WebNotStarted, _) => forms::not_started(io, core, conn, facts).await,
        (Route::WebFeatureFlags, admitted) => forms::feature_flags(io, core, conn, facts, admitted.as_ref()).await,
        (Route::UxtTestSignal, Some(admitted)) => forms::test_signal(io, core, conn, facts, admitted).await,
        (Route::UxtTaskSignal, Some(admitted)) => forms::task_signal(io, core, conn, facts, admitted).await,
        // All others are answered from the head alone.
        _ => answer(io, core, conn, facts, Plain::NotFound).await,
    }
}

fn judge(io: &mut ClientIo, core: &Core, conn: &Conn, facts: &mut RequestFacts) -> Verdict {
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
    if decoded.path == b"*" {
        return Verdict::Answer(Plain::Ok);
    }
    if decoded.form == Form::Unclean {
        return Verdict::Answer(Plain::Moved(clean_target(head, buf, decoded.path)));
    }
    let (decoded, doubled) = (decoded.path, decoded.form == Form::Doubled);
    let live = core.live();
    let found = Route::of(decoded, &live.prefix);
    let route = found.route;
    facts.route = route;
    match method {
        _ if route == Route::Unknown && doubled => {
            return Verdict::Answer(Plain::Moved(clean_target(head, buf, decoded)));
        }
        _ if route == Route::Unknown => return Verdict::Answer(Plain::NotFound),
        Method::Options => return Verdict::Answer(Plain::Preflight),
        _ if route == Route::Root => return Verdict::Answer(Plain::Ok),
        _ if !takes(route, method) => return Verdict::Answer(Plain::WrongMethod(route.allow())),
        _ => {}
    }
    let admitted = match admit(route.token_rule(), head.header(buf, "authorization"), core, conn, facts) {
        Ok(admitted) => admitted,
        Err(refusal) => return Verdict::Answer(Plain::Refuse(refusal)),
    };
    let (directory, project) = (core.directory(), facts.project);
    let session = admitted.map(|admitted| admitted.token.session);
    let answer = match route {
        Route::WebTags => tags(&directory, project),
        Route::WebConditions | Route::MobileConditions => conditions(found.param, &directory, project),
        Route::UxtTest => uxt::test(found.param, &directory, project),
        Route::UxtUploadUrl => upload::url(head, buf, decoded, session, core),
        Route::UxtRecording => match upload::token(found.param, core, facts) {
            Ok(token) => return Verdict::Handle { route, admitted, legacy: found.legacy, upload: Some(token) },
            Err(refusal) => Err(refusal),
        },
        _ => return Verdict::Handle { route, admitted, legacy: found.legacy, upload: None },
    };
    Verdict::Answer(answer.map_or_else(Plain::Refuse, Plain::Json))
}

/// Where a path that is not served as it stands is sent on to: its clean form, with the query.
fn clean_target(head: &Head, buf: &[u8], decoded: &[u8]) -> Vec<u8> {
    let mut location = Vec::new();
    path::clean_into(decoded, &mut location);
    if let Some(query) = head.query(buf) {
        location.push(b'?');
        location.extend_from_slice(query);
    }
    location
}

/// Whether a route takes this method. A `GET` route takes `HEAD` too.
fn takes(route: Route, method: Method) -> bool {
    let name = if method == Method::Head { Method::Get } else { method }.as_str();
    // Byte by byte: a search for a text costs more than the few names.
    route.allow().as_bytes().split(|&byte| byte == b',').any(|allowed| allowed.trim_ascii_start() == name.as_bytes())
}

/// Inflaters at the token. A 401 tells the client to start a new session, so it is given for tokens alone.
fn admit(
    rule: TokenRule,
    authorization: Option<&[u8]>,
    core: &Core,
    conn: &Conn,
    facts: &mut RequestFacts,
) -> Result<Option<Admitted>, Refusal> {
    match rule {
        TokenRule::None => Ok(None),
        TokenRule::Optional => Ok(read_token(rule, authorization, core, conn, facts).ok()),
        TokenRule::Good | TokenRule::Grace | TokenRule::Late => {
            read_token(rule, authorization, core, conn, facts).map(Some)
        }
    }
}

fn read_token(
    rule: TokenRule,
    authorization: Option<&[u8]>,
    core: &Core,
    conn: &Conn,
    facts: &mut RequestFacts,
) -> Result<Admitted, Refusal> {
    let text = authorization
        .and_then(|value| value.strip_prefix(b"Bearer "))
        .ok_or_else(|| Refusal::new(401, Reason::TokenMissing, "missing token"))?;
    let live = core.live();
    let secrets = &live.secrets;
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
    facts.session = Some(token.session.0);
    let just_expired = match (token.expiry(core.wall_ms()), rule) {
        (Expiry::Valid, _) | (_, TokenRule::Late) => false,
        (Expiry::JustExpired, TokenRule::Grace) => true,
        (Expiry::JustExpired, _) => return Err(Refusal::new(401, Reason::TokenExpired, "token just expired")),
        (Expiry::Expired, _) => return Err(Refusal::new(401, Reason::TokenExpired, "token expired")),
    };
    facts.project = core.project_of(token.session);
    Ok(Admitted { token, just_expired, project: facts.project.unwrap_or(0), limit: core.batch_limit(facts.project) })
}

/// Answers with much from the head alone. The answer is there until the client has sent its body, and once more until it has been taken: it is charged for
/// that, or goes and is made again when there is memory.
async fn answer_large(
    io: &mut ClientIo,
    core: &Rc<Core>,
    conn: &Rc<Conn>,
    facts: &mut RequestFacts,
    mut plain: Plain,
) -> Next {
    let project = facts.project.unwrap_or(0);
    conn.project.set(project);
    let mut charge = Charge::new(core, project);
    while !charge.try_hold(2 * plain.bytes() as u64) {
        drop(plain);
        if !wait_for_memory(core, conn).await {
            plain = Plain::Refuse(OverBudget.into());
            break;
        }
        plain = match judge(io, core, conn, facts) {
            Verdict::Answer(plain) => plain,
            // The settings have just changed.
            Verdict::Handle { .. } => Plain::Refuse(OverBudget.into()),
        };
    }
    answer(io, core, conn, facts, plain).await
}

/// Answers from the head alone. The body, if one comes, is read and dropped within a bound, so that
/// the client gets the answer and not a reset.
async fn answer(io: &mut ClientIo, core: &Rc<Core>, conn: &Conn, facts: &mut RequestFacts, plain: Plain) -> Next {
    let drained = drain(io).await;
    let keep_alive = drained.is_some_and(|consumed| facts.keep_alive(io, core, conn, consumed));
    match plain {
        Plain::Ok => facts.send(io, core, 200, keep_alive, |out, frame| frame.write(out, 200, &[], b"")).await,
        Plain::Json(body) => {
            facts.send(io, core, 200, keep_alive, move |out, frame| frame.write_json(out, 200, &body)).await;
        }
        Plain::Preflight => {
            let work = io.work();
            let fields = work.head.header(&work.buf, "access-control-request-headers");
            let private_network = work.head.header(&work.buf, "access-control-request-private-network");
            let asked = Asked::new(fields, private_network);
            core.preflight.borrow_mut().ask(&core.live().cors, asked);
            facts.send(io, core, 200, keep_alive, |out, frame| core.preflight.borrow().write(out, frame)).await;
        }
        Plain::NotFound => {
            core.metrics.refused(Reason::NotFound.index());
            facts.error = Text::from("no such path");
            let headers: [(&str, &[u8]); 2] =
                [("Content-Type", b"text/plain; charset=utf-8"), ("X-Content-Type-Options", b"nosniff")];
            let body = b"404 page not found\n";
            facts.send(io, core, 404, keep_alive, |out, frame| frame.write(out, 404, &headers, body)).await;
        }
        Plain::Moved(location) => {
            let headers: [(&str, &[u8]); 1] = [("Location", &location)];
            facts.send(io, core, 301, keep_alive, |out, frame| frame.write(out, 301, &headers, b"")).await;
        }
        Plain::WrongMethod(allow) => {
            core.metrics.refused(Reason::Method.index());
            facts.error = Text::from("the route does not take this method");
            let headers: [(&str, &[u8]); 1] = [("Allow", allow.as_bytes())];
            facts.send(io, core, 405, keep_alive, |out, frame| frame.write(out, 405, &headers, b"")).await;
        }
        Plain::Refuse(refusal) => facts.refuse(io, core, &refusal, keep_alive).await,
    }
    drained.map_or(Next::Linger, |consumed| Next::after(keep_alive, consumed))
}

/// What a client is told whose body could not be read; `None`: there is nobody to tell.
fn body_refusal(error: BodyError) -> Option<Refusal> {
    Some(match error {
        BodyError::Gone(Gone::Closed) => return None,
        BodyError::Reject(reject) if reject.status == 413 => Refusal::new(413, Reason::BodyTooLarge, TOO_LARGE),
        BodyError::Reject(reject) => Refusal::new(reject.status, Reason::Framing, reject.reason),
        BodyError::Gone(Gone::TimedOut) => Refusal::new(408, Reason::BodyTimeout, "the body came too slowly"),
        BodyError::Gone(Gone::NoMemory) => {
            Refusal::new(503, Reason::BytesInFlight, "too many bytes in flight, try again")
        }
    })
}

/// Answers a client whose body could not be read.
pub async fn refuse_body(io: &mut ClientIo, core: &Rc<Core>, facts: &mut RequestFacts, error: BodyError) -> Next {
    let Some(refusal) = body_refusal(error) else { return Next::Close };
    facts.refuse(io, core, &refusal, false).await;
    Next::Linger
}

/// Reads and drops the body of a request that is answered from its head, and says where the next one begins in the buffer. `None`: the
/// body is too large for that, broken, or has not been sent.
pub async fn drain(io: &mut ClientIo) -> Option<usize> {
    if let Some(got) = io.body_at_hand() {
        return Some(got.consumed);
    }
    let work = io.work();
    if work.head.framing() == Framing::None {
        return Some(work.head.len());
    }
    // The client has not been told to send its body, and must not be taken by surprise.
    if work.head.expects_continue() && work.buf.len() == work.head.len() {
        return None;
    }
    let body = io.begin_body(DRAIN_BYTES_MAX).ok()?;
    io.receive_body(body).await.ok().map(|got| got.consumed)
}

/// Reads the body, with `100 Continue` where the client waits for it. An error has been answered.
pub async fn body(
    io: &mut ClientIo,
    core: &Rc<Core>,
    facts: &mut RequestFacts,
    limit: u64,
    just_expired: bool,
) -> Result<BodyRange, Next> {
    let error = match receive(io, limit).await {
        Ok(got) => {
            facts.body_bytes = (got.end - got.start) as u64;
            gate::received(io, core, facts, facts.body_bytes);
            return Ok(got);
        }
        Err(error) => error,
    };
    let Some(mut refusal) = body_refusal(error) else { return Err(Next::Close) };
    if just_expired && refusal.status == 413 {
        refusal.status = 401;
    }
    facts.refuse(io, core, &refusal, false).await;
    Err(Next::Linger)
}

async fn receive(io: &mut ClientIo, limit: u64) -> Result<BodyRange, BodyError> {
    if let Some(got) = io.body_at_hand() {
        return Ok(got);
    }
    let body = begin(io, limit).await?;
    io.receive_body(body).await
}

/// Begins the body, with `100 Continue` where the client waits for it.
pub async fn begin(io: &mut ClientIo, limit: u64) -> Result<Body, BodyError> {
    // The limit is looked at first: a body that will be refused must not be asked for.
    let body = io.begin_body(limit).map_err(BodyError::Reject)?;
    let work = io.work();
    if work.head.expects_continue() && work.buf.len() == work.head.len() {
        work.out.extend_from_slice(crate::http::response::CONTINUE);
        io.send().await.map_err(BodyError::Gone)?;
    }
    Ok(body)
}
