//! Admission on a core: who a client is, whether it may go on, and what it is told if not.
//!
//! Limits are looked at when the head has been read: a request that has to wait holds no body, and its client feels it.

use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use crate::api::refusal::{Reason, Refusal};
use crate::api::route::Route;
use crate::client::forwarded;
use crate::client::forwarded::ForwardedFields;
use crate::config::AdmissionMode;
use crate::http::{Framing, Head};
use crate::server::conn::io::Io;
use crate::server::conn::state::{Conn, Presence};
use crate::server::core::state::Core;
use crate::telemetry::Level;
use crate::telemetry::admission::Decision;

use super::admission::{Policy, Upload, Verdict};
use super::dispatch::Admitted;
use super::respond::Seen;

/// How often a request that is held looks whether its client is still there.
const HELD_STEP: Duration = Duration::from_millis(500);

/// A route that gives out sessions.
fn is_start(route: Route) -> bool {
    matches!(route, Route::WebStart | Route::MobileStart | Route::SdkStart)
}

/// Where a request comes from.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// `X-Forwarded-For`, if the peer may send it.
    pub x_forwarded_for: Option<&'a [u8]>,
    /// `X-Real-Ip`, likewise.
    pub x_real_ip: Option<&'a [u8]>,
    /// The peer, or whom its PROXY header names.
    pub peer: IpAddr,
    /// The client, for all limits.
    pub client: IpAddr,
}

/// Reads where a request comes from. What a peer says that is not trusted is not looked at.
pub fn origin<'a>(policy: &Policy, conn: &Conn, head: &'a Head, buf: &'a [u8]) -> Origin<'a> {
    let trusted = &policy.trusted;
    let peer = conn.peer.get();
    if !trusted.contains(peer) {
        return Origin { x_forwarded_for: None, x_real_ip: None, peer, client: peer };
    }
    let ForwardedFields { x_forwarded_for, x_real_ip, client } =
        forwarded::read(head.headers(buf), |address| trusted.contains(address));
    Origin { x_forwarded_for, x_real_ip, peer, client: client.unwrap_or(peer) }
}

/// Whether a request whose head has been read may go on: at once, or when its turn has come.
pub async fn at_head(
    io: &mut Io,
    core: &Rc<Core>,
    conn: &Conn,
    seen: &Seen,
    route: Route,
    admitted: Option<&Admitted>,
) -> Result<(), Refusal> {
    // One that another core has begun was let in there.
    if io.has_body() {
        return Ok(());
    }
    let (client, verdict) = {
        let live = core.live();
        let (policy, mode) = (&live.policy, live.policy.mode);
        // What a start comes to is not known yet, so in shadow mode it is counted once it has been judged.
        if mode == AdmissionMode::Off || is_start(route) && mode == AdmissionMode::Shadow {
            return Ok(());
        }
        let work = io.work();
        let client = origin(policy, conn, &work.head, &work.buf).client;
        let (now_ns, mut admission) = (seen.began_ns(), core.admission.borrow_mut());
        let verdict = if is_start(route) {
            match admission.may_start(policy, now_ns, client) {
                Verdict { decision: Decision::Admitted, .. } => return Ok(()),
                verdict => verdict,
            }
        } else {
            // A recording is far longer than any burst: it is charged as it comes.
            let bytes = match work.head.framing() {
                Framing::Length(bytes) if route != Route::UxtRecording => bytes,
                _ => 0,
            };
            admission.upload(policy, now_ns, &upload(seen, admitted, client, bytes))
        };
        (client, verdict)
    };
    settle(core, conn, seen, client, verdict).await
}

/// Charges the bytes of a body whose head announced no length.
pub fn received(io: &mut Io, core: &Core, seen: &Seen, bytes: u64) {
    if io.work().head.framing() == Framing::Chunked && !is_start(seen.route) {
        piece(io, core, seen, bytes);
    }
}

/// Charges the bytes of a piece that has come.
pub fn piece(io: &mut Io, core: &Core, seen: &Seen, bytes: u64) {
    let conn = io.conn();
    let work = io.work();
    let live = core.live();
    let client = origin(&live.policy, &conn, &work.head, &work.buf).client;
    let upload = Upload { address: client, session: seen.session, project: seen.project, bytes };
    core.admission.borrow_mut().bytes(&live.policy, seen.began_ns(), &upload);
}

/// Whether a start that has been judged may go on. `project` is that of the session it would begin; one that goes on with
/// a session is not charged.
pub async fn start(
    core: &Rc<Core>,
    conn: &Conn,
    seen: &Seen,
    client: IpAddr,
    project: Option<u32>,
    resumed: bool,
) -> Result<(), Refusal> {
    let verdict = {
        let (live, mut admission) = (core.live(), core.admission.borrow_mut());
        let policy = &live.policy;
        match (policy.mode, resumed) {
            (AdmissionMode::Off, _) => return Ok(()),
            // The head of this one would have been enough to turn it away.
            (AdmissionMode::Shadow, true) => admission.may_start(policy, seen.began_ns(), client),
            (AdmissionMode::On, true) => Verdict::ADMITTED,
            (_, false) => admission.start(policy, seen.began_ns(), client, project),
        }
    };
    settle(core, conn, seen, client, verdict).await
}

fn upload(seen: &Seen, admitted: Option<&Admitted>, address: IpAddr, bytes: u64) -> Upload {
    Upload {
        address,
        session: admitted.map_or(seen.session, |admitted| Some(admitted.token.session.0)),
        project: seen.project,
        bytes,
    }
}

/// Counts a verdict and carries it out.
async fn settle(core: &Core, conn: &Conn, seen: &Seen, client: IpAddr, verdict: Verdict) -> Result<(), Refusal> {
    core.metrics.admission.count(verdict.decision, verdict.bucket);
    let Some(bucket) = verdict.bucket else { return Ok(()) };
    if matches!(verdict.decision, Decision::Refused | Decision::WouldRefuse) {
        tell(core, seen, client, verdict);
    }
    match verdict.decision {
        Decision::Admitted | Decision::WouldHold | Decision::WouldRefuse => Ok(()),
        Decision::Held => {
            conn.hold(core.now_ms());
            let mut left = Duration::from_nanos(verdict.wait_ns);
            while !left.is_zero() && conn.presence.get() != Presence::Gone {
                let step = left.min(HELD_STEP);
                monoio::time::sleep(step).await;
                left -= step;
            }
            conn.let_go(core.now_ms());
            Ok(())
        }
        Decision::Refused => {
            let refusal = Refusal::new(429, Reason::RateLimited, bucket.text());
            Err(refusal.retry_after(verdict.retry_after_seconds()))
        }
    }
}

/// Says who is over a limit, now and then.
fn tell(core: &Core, seen: &Seen, client: IpAddr, verdict: Verdict) {
    let Some(untold) = core.limits_told.due(core.now_ms()) else { return };
    let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    let (session, project) = (number(seen.session), number(seen.project.map(u64::from)));
    let (client, untold) = (client.to_string(), untold.to_string());
    let fields = [
        ("bucket", verdict.bucket.map_or("", |bucket| bucket.as_str())),
        ("decision", verdict.decision.as_str()),
        ("client", &*client),
        ("project", &*project),
        ("session", &*session),
        ("untold", &*untold),
    ];
    core.logger.event(Level::Warn, crate::caller!(), "a client is over its limit", &fields);
}
