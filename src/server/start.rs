//! `POST /v1/{web,mobile,sdk}/start` on a core: the session is stored before its token is given out.

use std::rc::Rc;
use std::time::Duration;

use crate::api::body::refuse_inflate;
use crate::api::mobile_batch::GZIP_MAGIC;
use crate::api::reply::Refusal;
use crate::api::start::{self, StartDeps, StartInput, StartKind, StartOutcome, Started};
use crate::log::record::{DataType, Encoding, Entry, ExtWriter, Flags, Kind, Topic, ext_type};
use crate::session::inflate::Coding;
use crate::telemetry::{Refusal as Reason, Text};

use super::answer::Seen;
use super::commit::{StoreError, store};
use super::conn::Conn;
use super::core::Core;
use super::exchange::{Next, body};
use super::gate;
use super::io::{Got, Io};
use super::live::Live;

/// How often a start looks whether the user agent expressions are compiled.
const READY_POLL: Duration = Duration::from_millis(5);

/// Reads and judges a start, and stores what it leaves.
pub async fn start(io: &mut Io, core: &Rc<Core>, conn: &Rc<Conn>, seen: &mut Seen, kind: StartKind) -> Next {
    let live = core.live();
    let got = match body(io, core, seen, live.start.json_size_limit, false).await {
        Ok(got) => got,
        Err(next) => return next,
    };
    let plain = match inflated(io, core, &live, kind, got).await {
        Ok(plain) => plain,
        Err(refusal) => {
            let keep_alive = seen.keep_alive(core, conn);
            seen.refuse(io, core, &refusal, keep_alive).await;
            return Next::after(keep_alive, got.consumed);
        }
    };
    let mut outcome = judge(io, core, conn, seen, &live, kind, (got, plain.as_deref()));
    if outcome == StartOutcome::NotReady && agents_ready(core, conn).await {
        outcome = judge(io, core, conn, seen, &live, kind, (got, plain.as_deref()));
    }
    let keep_alive = seen.keep_alive(core, conn);
    if let Err(refusal) = charge(io, core, conn, seen, outcome).await {
        seen.refuse(io, core, &refusal, keep_alive).await;
        return Next::after(keep_alive, got.consumed);
    }
    match outcome {
        StartOutcome::NotReady => {
            let refusal = Refusal::new(503, Reason::StartingUp, "the server is starting, try again");
            seen.refuse(io, core, &refusal, keep_alive).await;
        }
        StartOutcome::Refused(refused) => {
            core.metrics.refused(refused.reason);
            let answer = std::mem::take(&mut io.work().answer);
            seen.send(io, core, refused.status, keep_alive, |out, frame| {
                frame.write_json(out, refused.status, &answer);
            })
            .await;
            io.work().answer = answer;
        }
        StartOutcome::Started(started) => {
            let stored = if started.record { record(io, core, conn, kind.topic(), started).await } else { Ok(()) };
            match stored {
                Ok(()) => {
                    core.announce(started.session, started.project);
                    let answer = std::mem::take(&mut io.work().answer);
                    seen.send(io, core, 200, keep_alive, |out, frame| {
                        frame.write_json(out, 200, &answer);
                    })
                    .await;
                    io.work().answer = answer;
                }
                Err(StoreError::Moves) => return Next::PassOn(Some(got)),
                Err(error) => seen.refuse(io, core, &error.refusal(), keep_alive).await,
            }
        }
    }
    Next::after(keep_alive, got.consumed)
}

/// Waits within the request's patience until the user agent expressions are compiled. False: they are not.
pub async fn agents_ready(core: &Core, conn: &Conn) -> bool {
    conn.hold(core.now_ms());
    while !core.common.agents.ready() && conn.held_ms(core.now_ms()) < core.patience_ms() {
        monoio::time::sleep(READY_POLL).await;
    }
    conn.let_go(core.now_ms());
    core.common.agents.ready()
}

/// Charges a start for what it came to. A session is stored, and answered, only behind this.
async fn charge(io: &mut Io, core: &Rc<Core>, conn: &Conn, seen: &Seen, outcome: StartOutcome) -> Result<(), Refusal> {
    let (project, resumed) = match outcome {
        StartOutcome::NotReady => return Ok(()),
        StartOutcome::Refused(_) => (None, false),
        StartOutcome::Started(started) => (Some(started.project), started.resumed),
    };
    let work = io.work();
    let client = gate::origin(core, conn, &work.head, &work.buf).client;
    gate::start(core, conn, seen, client, project, resumed).await
}

/// The body of a start that is compressed, inflated in turns with others: whoever sends it has shown nothing yet. `None`: it is taken
/// as it is.
async fn inflated(
    io: &mut Io,
    core: &Core,
    live: &Live,
    kind: StartKind,
    got: Got,
) -> Result<Option<Vec<u8>>, Refusal> {
    let work = io.work();
    let body = &work.buf[got.start..got.end];
    let coding = match kind {
        StartKind::Mobile { .. } => body.starts_with(GZIP_MAGIC).then_some(Coding::Gzip),
        StartKind::Web | StartKind::Sdk => Coding::of_header(work.head.header(&work.buf, "content-encoding")),
    };
    let Some(coding) = coding else { return Ok(None) };
    let limit = usize::try_from(live.start.json_inflated_limit).unwrap_or(usize::MAX);
    let mut plain = Vec::new();
    match core.looks.inflate(coding, body, limit, &mut plain).await {
        Ok(()) => Ok(Some(plain)),
        Err(error) if error.is_too_large() || coding.is_binding() => Err(refuse_inflate(&error)),
        Err(_) => Ok(Some(body.to_vec())),
    }
}

/// Judges the start. The answer, and what there is to record, are copied out of the core's buffers:
/// other starts use them while this one waits for the log.
fn judge(
    io: &mut Io,
    core: &Core,
    conn: &Conn,
    seen: &mut Seen,
    live: &Live,
    kind: StartKind,
    (got, plain): (Got, Option<&[u8]>),
) -> StartOutcome {
    let work = io.work();
    let origin = gate::origin(core, conn, &work.head, &work.buf);
    let directory = core.directory();
    let project_of = |session| core.project_of(session);
    let input = StartInput {
        body: &work.buf[got.start..got.end],
        plain,
        content_encoding: work.head.header(&work.buf, "content-encoding"),
        user_agent: work.head.header(&work.buf, "user-agent"),
        x_real_ip: origin.x_real_ip,
        x_forwarded_for: origin.x_forwarded_for,
        peer: origin.peer,
    };
    let common = &core.common;
    let deps = StartDeps {
        directory: &directory,
        secrets: &live.secrets,
        flakes: &common.flakes,
        agents: &common.agents,
        geo: &common.geo,
        settings: &live.start,
        project_of: &project_of,
        now_ms: core.wall_ms(),
        dice: core.dice(),
    };
    let mut scratch = core.start.borrow_mut();
    let outcome = start::start(kind, &input, &deps, &mut scratch);
    seen.tracker = Text::new(scratch.tracker.as_bytes());
    seen.error = Text::new(scratch.error.as_bytes());
    match outcome {
        StartOutcome::Started(started) => {
            seen.session = Some(started.session.0);
            seen.project = Some(started.project);
        }
        StartOutcome::Refused(refused) => seen.project = refused.project,
        StartOutcome::NotReady => return outcome,
    }
    copy(&mut work.answer, &scratch.response);
    copy(&mut work.payload, &scratch.message);
    // The row is cut to far less than an extension holds before it comes here.
    let _ = ExtWriter::new(&mut work.ext).push(ext_type::SESSION_ROW, &scratch.row);
    outcome
}

fn copy(to: &mut Vec<u8>, from: &[u8]) {
    to.clear();
    to.extend_from_slice(from);
}

async fn record(
    io: &mut Io,
    core: &Rc<Core>,
    conn: &Rc<Conn>,
    topic: Topic,
    started: Started,
) -> Result<(), StoreError> {
    let work = io.work();
    let entry = Entry {
        kind: Kind::Start,
        topic,
        data_type: DataType::All,
        encoding: Encoding::Identity,
        session: started.session.0,
        project: started.project,
        split: 0,
        label: None,
        flags: Flags::NONE,
        ext: &work.ext,
        payload: &work.payload,
    };
    store(core, conn, &entry).await
}
