//! Small JSON requests on a core: what leaves a row, and feature flags.

use std::cell::Cell;
use std::rc::Rc;

use crate::api::flags::feature_flags as flags_of;
use crate::api::not_started::{NotStarted, NotStartedDeps, NotStartedInput};
use crate::api::refusal::{Reason, Refusal};
use crate::api::uxt::Step;
use crate::api::{not_started, uxt};
use crate::codec::inflate::{Coding, Plain, Reading};
use crate::records::{Table, TableRow};
use crate::server::core::conn::Conn;
use crate::server::core::state::Core;
use crate::server::dispatch::{Admitted, Next, body};
use crate::server::io::client::ClientIo;
use crate::server::memory::pool::BodyRange;
use crate::server::memory::pool::RequestBuffers;
use crate::server::request::respond::RequestFacts;
use crate::server::request::{gate, labels};
use crate::server::store::commit::{StoreError, store};
use crate::session::SessionId;

use super::inflate::{self, Packed};
use super::start::agents_ready;

/// Stores why a browser does not record.
pub async fn not_started(io: &mut ClientIo, core: &Rc<Core>, conn: &Rc<Conn>, facts: &mut RequestFacts) -> Next {
    let got = match body(io, core, facts, core.live().config.json_size_limit, false).await {
        Ok(got) => got,
        Err(next) => return next,
    };
    agents_ready(core, conn).await;
    let stored = store_not_started(io, core, conn, facts, got).await;
    answer(io, core, conn, facts, got, stored).await
}

async fn store_not_started(
    io: &mut ClientIo,
    core: &Rc<Core>,
    conn: &Rc<Conn>,
    facts: &mut RequestFacts,
    got: BodyRange,
) -> Result<(), Fault> {
    let RequestBuffers { head, buf, payload, ext, beside_bytes, .. } = io.work();
    let live = core.live();
    let origin = gate::origin(&live.policy, conn, head, buf);
    let judge = |body: &[u8]| {
        let input = NotStartedInput {
            body,
            user_agent: head.header(buf, "user-agent"),
            x_real_ip: origin.x_real_ip,
            x_forwarded_for: origin.x_forwarded_for,
            peer: origin.peer,
        };
        let directory = core.directory();
        let mut scratch = core.start.borrow_mut();
        let common = &core.common;
        let mut deps =
            NotStartedDeps { directory: &directory, agents: &common.agents, cache: scratch.agents(), geo: &common.geo };
        not_started::not_started(&input, &mut deps, payload)
    };
    let body = &buf[got.start..got.end];
    let label = head.header(buf, "content-encoding");
    let (judged, reading) = inflated(core, conn, label, body, judge).await;
    if let Ok(NotStarted::Row(project)) = judged {
        facts.project = Some(project);
    }
    labels::note(core, facts, reading, label);
    match judged.map_err(Fault::Refused)? {
        NotStarted::Row(project) => {
            let entry =
                TableRow { table: Table::UnstartedSessions, session: SessionId(0), project, json: payload }.entry(ext);
            core.pool.count_beside(beside_bytes, entry.payload.len() + entry.ext.len());
            store(core, conn, &entry).await.map_err(Fault::Store)
        }
        NotStarted::Refused(refusal) => Err(Fault::Refused(refusal)),
        NotStarted::NotReady => {
            Err(Fault::Refused(Refusal::new(503, Reason::StartingUp, "the server is starting, try again")))
        }
    }
}

/// Stores that a test has begun or ended.
pub async fn test_signal(
    io: &mut ClientIo,
    core: &Rc<Core>,
    conn: &Rc<Conn>,
    facts: &mut RequestFacts,
    admitted: &Admitted,
) -> Next {
    signal(io, core, conn, facts, admitted, Step::Test).await
}

/// Stores that a task has begun or ended.
pub async fn task_signal(
    io: &mut ClientIo,
    core: &Rc<Core>,
    conn: &Rc<Conn>,
    facts: &mut RequestFacts,
    admitted: &Admitted,
) -> Next {
    signal(io, core, conn, facts, admitted, Step::Task).await
}

async fn signal(
    io: &mut ClientIo,
    core: &Rc<Core>,
    conn: &Rc<Conn>,
    facts: &mut RequestFacts,
    admitted: &Admitted,
    step: Step,
) -> Next {
    let got = match body(io, core, facts, core.live().config.json_size_limit, false).await {
        Ok(got) => got,
        Err(next) => return next,
    };
    let RequestBuffers { head, buf, payload, ext, beside_bytes, .. } = io.work();
    let (session, directory) = (admitted.token.session, core.directory());
    let body = &buf[got.start..got.end];
    let label = head.header(buf, "content-encoding");
    let project = facts.project;
    let judge = |body: &[u8]| uxt::signal(step, body, session, &directory, project, payload);
    let (judged, reading) = inflated(core, conn, label, body, judge).await;
    labels::note(core, facts, reading, label);
    let stored = match judged.flatten() {
        Ok(project) => {
            let entry = TableRow { table: Table::TestSignals, session, project, json: payload }.entry(ext);
            core.pool.count_beside(beside_bytes, entry.payload.len() + entry.ext.len());
            store(core, conn, &entry).await.map_err(Fault::Store)
        }
        Err(refusal) => Err(Fault::Refused(refusal)),
    };
    answer(io, core, conn, facts, got, stored).await
}

/// Judges a JSON body by what it is inflated, in turns with others where it is compressed. `label`: its `Content-Encoding`. Also says how the body
/// was read.
async fn inflated<T>(
    core: &Rc<Core>,
    conn: &Rc<Conn>,
    label: Option<&[u8]>,
    body: &[u8],
    mut judge: impl FnMut(&[u8]) -> T,
) -> (Result<T, Refusal>, Reading) {
    let reading = Cell::new(Coding::of_body(label, Plain::Json, body));
    let judged = match Packed::new(&reading, body, core.live().start.json_inflated_limit) {
        Some(packed) => inflate::start(core, conn, &packed, judge).await,
        None => Ok(judge(body)),
    };
    (judged, reading.get())
}

/// Why a row was not stored.
enum Fault {
    Refused(Refusal),
    Store(StoreError),
}

/// Answers 200 without a body to who has sent a row, or why it was not stored.
async fn answer(
    io: &mut ClientIo,
    core: &Rc<Core>,
    conn: &Rc<Conn>,
    facts: &mut RequestFacts,
    got: BodyRange,
    stored: Result<(), Fault>,
) -> Next {
    let keep_alive = facts.keep_alive(io, core, conn, got.consumed);
    match stored {
        Ok(()) => facts.send(io, core, 200, keep_alive, |out, frame| frame.write(out, 200, &[], b"")).await,
        Err(Fault::Store(StoreError::Moves)) => return Next::PassOn(Some(got)),
        Err(Fault::Store(error)) => facts.refuse(io, core, &error.refusal(), keep_alive).await,
        Err(Fault::Refused(refusal)) => facts.refuse(io, core, &refusal, keep_alive).await,
    }
    Next::after(keep_alive, got.consumed)
}

/// Answers the flags of the session's project. Who has no good token has none.
pub async fn feature_flags(
    io: &mut ClientIo,
    core: &Rc<Core>,
    conn: &Rc<Conn>,
    facts: &mut RequestFacts,
    admitted: Option<&Admitted>,
) -> Next {
    let got = match body(io, core, facts, core.live().config.json_size_limit, false).await {
        Ok(got) => got,
        Err(next) => return next,
    };
    let project = admitted.and(facts.project);
    let RequestBuffers { head, buf, .. } = io.work();
    let directory = core.directory();
    let judge = |body: &[u8]| flags_of(body, &directory, project, || core.dice());
    let body = &buf[got.start..got.end];
    let label = head.header(buf, "content-encoding");
    let answer = if project.is_some() {
        let (judged, reading) = inflated(core, conn, label, body, judge).await;
        labels::note(core, facts, reading, label);
        judged.flatten()
    } else {
        // Nothing is inflated for who gets nothing.
        judge(body)
    };
    let keep_alive = facts.keep_alive(io, core, conn, got.consumed);
    match answer {
        Ok(json) => facts.send(io, core, 200, keep_alive, move |out, frame| frame.write_json(out, 200, &json)).await,
        Err(refusal) => facts.refuse(io, core, &refusal, keep_alive).await,
    }
    Next::after(keep_alive, got.consumed)
}
