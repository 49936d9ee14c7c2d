//! `POST /v1/{web,mobile,sdk}/start`: the session is stored before its token is handed out.

use std::cell::Cell;
use std::rc::Rc;

use crate::api::refusal::{Reason, Refusal};
use crate::api::start;
use crate::api::start::{StartDeps, StartInput, StartKind, StartOutcome, StartScratch, Started, reading};
use crate::config::BUFFER_BYTES_MIN;
use crate::directory::Question;
use crate::http::Field;
use crate::log::format::record::Ext;
use crate::records::{Source, Start};
use crate::server::core::conn::Conn;
use crate::server::core::live::Live;
use crate::server::core::state::Core;
use crate::server::memory::pool::{BodyRange, OverBudget};
use crate::server::request::context::{Context, Parts};
use crate::server::request::facts::RequestFacts;
use crate::server::request::head::RequestHead;
use crate::server::request::outcome::{Answer, Outcome};
use crate::server::request::unknown_project::{LookedUp, look_up, unanswered};
use crate::server::request::{gate, labels, logged_sessions};
use crate::server::store::charge::Charge;
use crate::server::store::commit::{StoreError, store};
use crate::telemetry::Text;

use super::agents::agents_ready;
use super::inflate::{self, CompressedJson};

/// The most bytes that a start can produce: a row of bounded size, a message with the longest texts and the longest head, and an answer.
const OUTPUT_BYTES_MAX: u64 = 192 * 1024;

/// Reads and judges a start, and stores the session.
pub async fn start(cx: &mut Context<'_>, kind: StartKind) -> Outcome {
    let (core, live) = (cx.core, Rc::clone(&cx.live));
    let body = cx.read_body(live.start.json_size_limit, false).await?;
    let mut charge = Charge::new(core, 0);
    let outcome = inflate_and_judge(cx, &live, kind, body, &mut charge).await?;
    // The output is in the request's buffers now, and is counted there.
    drop(charge);
    cx.count_buffers();
    apply_limits(cx, outcome).await?;
    match outcome {
        StartOutcome::NotReady => {
            Err(Refusal::new(503, Reason::StartingUp, "the server is starting, try again").into())
        }
        StartOutcome::Refused(refused) => {
            core.metrics.refused(refused.reason.index());
            Ok(Answer::Prepared(refused.status))
        }
        StartOutcome::Started(started) => {
            if started.record {
                record(cx, body, kind.source(), started).await?;
            }
            core.announce(started.session, started.project);
            Ok(Answer::Prepared(200))
        }
    }
}

/// Charges a start according to its outcome. A session is stored and answered only after this.
async fn apply_limits(cx: &mut Context<'_>, outcome: StartOutcome) -> Result<(), Refusal> {
    let (core, conn) = (cx.core, cx.conn);
    let (project, resumed) = match outcome {
        StartOutcome::NotReady => return Ok(()),
        StartOutcome::Refused(_) => (None, false),
        StartOutcome::Started(started) => (Some(started.project), started.resumed),
    };
    let (head, facts, live) = cx.head();
    let client = gate::origin(&live.policy, conn, head).client;
    let wait = gate::start(core, live, facts, client, project, resumed)?;
    if !wait.is_zero() {
        gate::hold(core, conn, wait).await;
    }
    Ok(())
}

/// Judges a start, after inflating it in turns with others if it is compressed: its sender has proved nothing yet. All that remains of the
/// inflated body is the answer and the record, and `charge` holds the memory for these.
async fn inflate_and_judge(
    cx: &mut Context<'_>,
    live: &Live,
    kind: StartKind,
    range: BodyRange,
    charge: &mut Charge,
) -> Result<StartOutcome, Refusal> {
    let (core, conn) = (cx.core, cx.conn);
    let Parts { head, body, answer, payload, ext, facts, .. } = cx.parts(range);
    let reading = Cell::new(reading(kind, head.field(Field::ContentEncoding), body));
    let compressed = CompressedJson::new(&reading, body, live.start.json_inflated_limit);
    let mut asked = false;
    let mut unknown = None;
    loop {
        let mut output = StartOutput { answer, payload, ext, charge: &mut *charge, unknown: &mut unknown };
        let mut judge = |plain: Option<&[u8]>| judge(core, conn, head, facts, live, kind, (body, plain), &mut output);
        let judged = match &compressed {
            Some(compressed) => inflate::inflate_json(core, conn, compressed, |plain| judge(Some(plain))).await?,
            None => judge(None),
        };
        match judged {
            // Once the memory is held, or the expressions are compiled, neither case occurs again.
            Err(OverBudget) => charge.hold(conn, OUTPUT_BYTES_MAX).await?,
            Ok(StartOutcome::NotReady) if agents_ready(core, conn).await => {}
            // The resumed session may be in the part of the log that has not been read yet.
            Ok(StartOutcome::Started(started))
                if started.resumed && !asked && core.project_of(started.session).is_none() =>
            {
                asked = true;
                if !logged_sessions::wait_until_loaded(core, conn).await {
                    labels::note(core, facts, reading.get(), head);
                    return Ok(StartOutcome::Started(started));
                }
            }
            Ok(outcome) => {
                // The directory may learn of the project.
                if let Some(question) = unknown.take() {
                    match look_up(core, conn, &question).await {
                        LookedUp::Known => continue,
                        LookedUp::Absent => {}
                        LookedUp::Unanswered => return Err(unanswered()),
                    }
                }
                labels::note(core, facts, reading.get(), head);
                return Ok(outcome);
            }
        }
    }
}

/// What a start produces: an answer and a record.
struct StartOutput<'a> {
    answer: &'a mut Vec<u8>,
    payload: &'a mut Vec<u8>,
    ext: &'a mut Vec<u8>,
    charge: &'a mut Charge,
    unknown: &'a mut Option<Question>,
}

impl StartOutput<'_> {
    /// Copies it out of the core's scratch buffers: other starts use them while this one waits for the log.
    fn take(&mut self, scratch: &StartScratch) -> Result<(), OverBudget> {
        let bytes = scratch.response.len() + scratch.message.len() + scratch.row.len();
        if bytes > BUFFER_BYTES_MIN && !self.charge.try_hold(bytes as u64) {
            return Err(OverBudget);
        }
        copy(self.answer, &scratch.response);
        copy(self.payload, &scratch.message);
        Start::write_ext(&scratch.row, self.ext);
        Ok(())
    }
}

/// Judges the start by its body, as received or inflated.
#[expect(clippy::too_many_arguments, reason = "one step of `start`")]
fn judge(
    core: &Core,
    conn: &Conn,
    head: RequestHead<'_>,
    facts: &mut RequestFacts,
    live: &Live,
    kind: StartKind,
    (body, plain): (&[u8], Option<&[u8]>),
    output: &mut StartOutput<'_>,
) -> Result<StartOutcome, OverBudget> {
    let origin = gate::origin(&live.policy, conn, head);
    let directory = core.directory();
    let project_of = |session| core.project_of(session);
    let input = StartInput {
        body: plain.unwrap_or(body),
        user_agent: head.header("user-agent"),
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
    let texts = facts.texts.get_or_insert_default();
    texts.tracker = Text::new(scratch.tracker.as_bytes());
    texts.error = Text::new(scratch.error.as_bytes());
    match outcome {
        StartOutcome::Started(started) => {
            facts.session = Some(started.session.0);
            facts.project = Some(started.project);
        }
        StartOutcome::Refused(refused) => facts.project = refused.project,
        StartOutcome::NotReady => {}
    }
    *output.unknown = scratch.unknown.take();
    let taken = output.take(&scratch);
    scratch.give_back(plain.unwrap_or(body).len());
    taken.map(|()| outcome)
}

fn copy(to: &mut Vec<u8>, from: &[u8]) {
    to.clear();
    to.extend_from_slice(from);
}

async fn record(cx: &mut Context<'_>, range: BodyRange, source: Source, started: Started) -> Result<(), StoreError> {
    let (core, conn) = (cx.core, cx.conn);
    let Parts { ext, payload, .. } = cx.parts(range);
    let (session, project) = (started.session, started.project);
    let start = Start { source, session, project, ext: Ext(ext), message: payload };
    store(core, conn, &start.entry()).await
}
