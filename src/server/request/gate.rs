//! Admission on a core: who a client is, whether its request may proceed, and what it is told if not.
//!
//! Limits are checked when the head has been read: a request that has to wait holds no body, and its client feels the back-pressure.

use std::net::IpAddr;
use std::time::Duration;

use crate::api::refusal::{Reason, Refusal};
use crate::api::route::Route;
use crate::client::forwarded;
use crate::client::forwarded::ForwardedFields;
use crate::config::AdmissionMode;
use crate::server::admission::{Policy, Upload, Verdict};
use crate::server::core::conn::{Conn, Presence};
use crate::server::core::live::Live;
use crate::server::core::state::Core;
use crate::telemetry::Level;
use crate::telemetry::admission::{Bucket, Decision};

use super::facts::RequestFacts;
use super::head::{BodyLength, RequestHead};
use super::token::Admitted;

/// How often a held request checks whether its client is still there.
const HELD_STEP: Duration = Duration::from_millis(500);

/// Whether a route hands out sessions.
fn is_start(route: Route) -> bool {
    matches!(route, Route::WebStart | Route::MobileStart | Route::SdkStart)
}

/// Where a request comes from.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// `X-Forwarded-For`, if the peer may send it.
    pub x_forwarded_for: Option<&'a [u8]>,
    /// `X-Real-Ip`, if the peer may send it.
    pub x_real_ip: Option<&'a [u8]>,
    /// The peer's address, or the one given by a PROXY header.
    pub peer: IpAddr,
    /// The client's address, used for all limits.
    pub client: IpAddr,
}

/// Finds out where a request comes from. Headers of untrusted peers are ignored.
pub fn origin<'a>(policy: &Policy, conn: &Conn, head: RequestHead<'a>) -> Origin<'a> {
    let trusted = &policy.trusted;
    let peer = conn.peer.get();
    if !trusted.contains(peer) {
        return Origin { x_forwarded_for: None, x_real_ip: None, peer, client: peer };
    }
    let ForwardedFields { x_forwarded_for, x_real_ip, client } =
        forwarded::read(head.headers(), |address| trusted.contains(address));
    Origin { x_forwarded_for, x_real_ip, peer, client: client.unwrap_or(peer) }
}

/// The client's address, used for all limits.
#[inline]
fn client(policy: &Policy, conn: &Conn, head: RequestHead<'_>) -> IpAddr {
    let known = conn.known.get();
    known.client().unwrap_or_else(|| {
        let client = origin(policy, conn, head).client;
        conn.known.set(known.with_client(client));
        client
    })
}

/// Whether a request whose head has been read may proceed, and how long it has to be held first.
#[inline]
pub fn at_head(
    core: &Core,
    live: &Live,
    conn: &Conn,
    head: RequestHead<'_>,
    facts: &RequestFacts,
    admitted: Option<&Admitted>,
) -> Result<Duration, Refusal> {
    let route = facts.route;
    let (policy, mode) = (&live.policy, live.policy.mode);
    // The outcome of a start is not known yet, so in shadow mode it is counted once it has been judged.
    if mode == AdmissionMode::Off || is_start(route) && mode == AdmissionMode::Shadow {
        return Ok(Duration::ZERO);
    }
    let client = client(policy, conn, head);
    let (now_ns, mut admission) = (facts.began_ns(), core.admission.borrow_mut());
    let verdict = if is_start(route) {
        match admission.may_start(policy, now_ns, client) {
            Verdict { decision: Decision::Admitted, .. } => return Ok(Duration::ZERO),
            verdict => verdict,
        }
    } else {
        // A recording is far larger than any burst, so it is charged as it arrives.
        let bytes = match head.body_length() {
            BodyLength::Known(bytes) if route != Route::UxtRecording => bytes,
            _ => 0,
        };
        admission.upload(policy, now_ns, &upload(facts, admitted, client, bytes))
    };
    drop(admission);
    settle(core, facts, client, verdict)
}

/// Charges the bytes of a body whose head announced no length.
pub fn received(core: &Core, live: &Live, conn: &Conn, head: RequestHead<'_>, facts: &RequestFacts, bytes: u64) {
    if head.body_length() == BodyLength::Unknown && !is_start(facts.route) {
        piece(core, live, conn, head, facts, bytes);
    }
}

/// Charges the bytes of a piece that has arrived.
pub fn piece(core: &Core, live: &Live, conn: &Conn, head: RequestHead<'_>, facts: &RequestFacts, bytes: u64) {
    let client = client(&live.policy, conn, head);
    let upload = Upload { address: client, session: facts.session, project: facts.project, bytes };
    core.admission.borrow_mut().bytes(&live.policy, facts.began_ns(), &upload);
}

/// Whether a start that has been judged may proceed, and how long it has to be held first. `project` is that of the session it would begin; a
/// start that resumes a session is not charged.
pub fn start(
    core: &Core,
    live: &Live,
    facts: &RequestFacts,
    client: IpAddr,
    project: Option<u32>,
    resumed: bool,
) -> Result<Duration, Refusal> {
    let verdict = {
        let mut admission = core.admission.borrow_mut();
        let policy = &live.policy;
        match (policy.mode, resumed) {
            (AdmissionMode::Off, _) => return Ok(Duration::ZERO),
            // This one could have been turned away by its head alone.
            (AdmissionMode::Shadow, true) => admission.may_start(policy, facts.began_ns(), client),
            (AdmissionMode::On, true) => Verdict::ADMITTED,
            (_, false) => admission.start(policy, facts.began_ns(), client, project),
        }
    };
    settle(core, facts, client, verdict)
}

#[inline]
fn upload(facts: &RequestFacts, admitted: Option<&Admitted>, address: IpAddr, bytes: u64) -> Upload {
    Upload {
        address,
        session: admitted.map_or(facts.session, |admitted| Some(admitted.token.session.0)),
        project: facts.project,
        bytes,
    }
}

/// Counts a verdict, and says what follows from it.
#[inline]
fn settle(core: &Core, facts: &RequestFacts, client: IpAddr, verdict: Verdict) -> Result<Duration, Refusal> {
    core.metrics.admission.count(verdict.decision, verdict.bucket);
    match verdict.bucket {
        None => Ok(Duration::ZERO),
        Some(bucket) => settle_limited(core, facts, client, verdict, bucket),
    }
}

/// The same for a client that is over a limit, or close to it.
#[cold]
fn settle_limited(
    core: &Core,
    facts: &RequestFacts,
    client: IpAddr,
    verdict: Verdict,
    bucket: Bucket,
) -> Result<Duration, Refusal> {
    if matches!(verdict.decision, Decision::Refused | Decision::WouldRefuse) {
        log_over_limit(core, facts, client, verdict);
    }
    match verdict.decision {
        Decision::Admitted | Decision::WouldHold | Decision::WouldRefuse => Ok(Duration::ZERO),
        Decision::Held => Ok(Duration::from_nanos(verdict.wait_ns)),
        Decision::Refused => {
            let refusal = Refusal::new(429, Reason::RateLimited, bucket.text());
            Err(refusal.retry_after(verdict.retry_after_seconds()))
        }
    }
}

/// Holds a request until its turn has come, or its client has gone.
pub async fn hold(core: &Core, conn: &Conn, wait: Duration) {
    conn.begin_hold(core.now_ms());
    let mut left = wait;
    while !left.is_zero() && conn.presence.get() != Presence::Gone {
        let step = left.min(HELD_STEP);
        monoio::time::sleep(step).await;
        left -= step;
    }
    conn.end_hold(core.now_ms());
}

/// Logs which client is over a limit, rate-limited.
fn log_over_limit(core: &Core, facts: &RequestFacts, client: IpAddr, verdict: Verdict) {
    let Some(suppressed) = core.limits_log.due(core.now_ms()) else { return };
    let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    let (session, project) = (number(facts.session), number(facts.project.map(u64::from)));
    let (client, suppressed) = (client.to_string(), suppressed.to_string());
    let fields = [
        ("bucket", verdict.bucket.map_or("", |bucket| bucket.as_str())),
        ("decision", verdict.decision.as_str()),
        ("client", &*client),
        ("project", &*project),
        ("session", &*session),
        ("suppressed", &*suppressed),
    ];
    core.logger.event(Level::Warn, crate::caller!(), "a client is over its limit", &fields);
}
