//! Small JSON requests: those that leave a row, and feature flags.

use std::cell::Cell;
use std::rc::Rc;

use crate::api::flags::feature_flags as flags_of;
use crate::api::not_started::{NotStarted, NotStartedDeps, NotStartedInput};
use crate::api::refusal::{Reason, Refusal};
use crate::api::uxt::Step;
use crate::api::{not_started, uxt};
use crate::codec::inflate::{Coding, Plain, Reading};
use crate::http::Field;
use crate::records::{Table, TableRow};
use crate::server::core::conn::Conn;
use crate::server::core::state::Core;
use crate::server::request::context::{Context, Parts};
use crate::server::request::outcome::{Answer, Outcome};
use crate::server::request::token::Admitted;
use crate::server::request::unknown_project::{LookedUp, look_up, unanswered};
use crate::server::request::{gate, labels};
use crate::server::store::commit::store;
use crate::session::SessionId;

use super::agents::agents_ready;
use super::inflate::{self, CompressedJson};

/// Stores why a browser does not record.
pub async fn not_started(cx: &mut Context<'_>) -> Outcome {
    let (core, conn) = (cx.core, cx.conn);
    let range = cx.read_body(cx.live.config.json_size_limit, false).await?;
    agents_ready(core, conn).await;
    let Parts { head, body, ext, payload, side_bytes, facts, .. } = cx.parts(range);
    let origin = gate::origin(&core.live().policy, conn, head);
    let judge = |body: &[u8]| {
        let input = NotStartedInput {
            body,
            user_agent: head.header("user-agent"),
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
    let label = head.field(Field::ContentEncoding);
    let mut judge = judge;
    let (mut judged, mut reading) = judge_inflated(core, conn, label, body, &mut judge).await;
    if let Ok(NotStarted::Unknown(_, question)) = &judged {
        match look_up(core, conn, question).await {
            LookedUp::Known => (judged, reading) = judge_inflated(core, conn, label, body, judge).await,
            LookedUp::Absent => {}
            LookedUp::Unanswered => return Err(unanswered().into()),
        }
    }
    if let Ok(NotStarted::Row(project)) = judged {
        facts.project = Some(project);
    }
    labels::note(core, facts, reading, head);
    match judged? {
        NotStarted::Row(project) => {
            let row = TableRow { table: Table::UnstartedSessions, session: SessionId(0), project, json: payload };
            store_row(core, conn, &row, ext, side_bytes).await
        }
        NotStarted::Refused(refusal) | NotStarted::Unknown(refusal, _) => Err(refusal.into()),
        NotStarted::NotReady => Err(Refusal::new(503, Reason::StartingUp, "the server is starting, try again").into()),
    }
}

/// Stores that a usability test has begun or ended.
pub async fn test_signal(cx: &mut Context<'_>, admitted: &Admitted) -> Outcome {
    signal(cx, admitted, Step::Test).await
}

/// Stores that a task of a usability test has begun or ended.
pub async fn task_signal(cx: &mut Context<'_>, admitted: &Admitted) -> Outcome {
    signal(cx, admitted, Step::Task).await
}

async fn signal(cx: &mut Context<'_>, admitted: &Admitted, step: Step) -> Outcome {
    let (core, conn) = (cx.core, cx.conn);
    let range = cx.read_body(cx.live.config.json_size_limit, false).await?;
    let Parts { head, body, ext, payload, side_bytes, facts, .. } = cx.parts(range);
    let (session, directory, project) = (admitted.token.session, core.directory(), facts.project);
    let judge = |body: &[u8]| uxt::signal(step, body, session, &directory, project, payload);
    let (judged, reading) = judge_inflated(core, conn, head.field(Field::ContentEncoding), body, judge).await;
    labels::note(core, facts, reading, head);
    let project = judged.flatten()?;
    let row = TableRow { table: Table::TestSignals, session, project, json: payload };
    store_row(core, conn, &row, ext, side_bytes).await
}

async fn store_row(
    core: &Rc<Core>,
    conn: &Rc<Conn>,
    row: &TableRow<'_>,
    ext: &mut Vec<u8>,
    side_bytes: &mut u64,
) -> Outcome {
    let entry = row.entry(ext);
    core.pool.count_side_bytes(side_bytes, entry.payload.len() + entry.ext.len());
    store(core, conn, &entry).await?;
    Ok(Answer::Empty)
}

/// Answers with the flags of the session's project. Without a valid token there are none.
pub async fn feature_flags(cx: &mut Context<'_>, admitted: Option<&Admitted>) -> Outcome {
    let (core, conn) = (cx.core, cx.conn);
    let range = cx.read_body(cx.live.config.json_size_limit, false).await?;
    let Parts { head, body, facts, .. } = cx.parts(range);
    let project = admitted.and(facts.project);
    let directory = core.directory();
    let judge = |body: &[u8]| flags_of(body, &directory, project, || core.dice());
    let json = if project.is_some() {
        let (judged, reading) = judge_inflated(core, conn, head.field(Field::ContentEncoding), body, judge).await;
        labels::note(core, facts, reading, head);
        judged.flatten()
    } else {
        // Nothing is inflated for a client that gets nothing.
        judge(body)
    };
    Ok(Answer::Json(json?))
}

/// Judges a JSON body after inflating it, in turns with others, if it is compressed. `label` is its `Content-Encoding`. Also returns how
/// the body was read.
async fn judge_inflated<T>(
    core: &Rc<Core>,
    conn: &Rc<Conn>,
    label: Option<&[u8]>,
    body: &[u8],
    mut judge: impl FnMut(&[u8]) -> T,
) -> (Result<T, Refusal>, Reading) {
    let reading = Cell::new(Coding::of_body(label, Plain::Json, body));
    let judged = match CompressedJson::new(&reading, body, core.live().start.json_inflated_limit) {
        Some(compressed) => inflate::inflate_json(core, conn, &compressed, judge).await,
        None => Ok(judge(body)),
    };
    (judged, reading.get())
}
