//! From a request's head to its handler: which route it is for, who sends it, and whether it may proceed.

use std::rc::Rc;

use crate::api::conditions::conditions;
use crate::api::refusal::{Reason, Refusal};
use crate::api::route::{Matched, Route};
use crate::api::start::StartKind;
use crate::api::tags::tags;
use crate::api::uxt;
use crate::config::BUFFER_BYTES_MIN;
use crate::directory::Question;
use crate::http::path::Form;
use crate::http::{Field, Method, path};
use crate::session::upload_token::UploadToken;

use super::core::conn::Conn;
use super::core::state::Core;
use super::ingest::{batch, forms, images, mobile, recording, records, sdk, start, upload, web};
use super::io::client::ClientIo;
use super::memory::pool::OverBudget;
use super::request::context::Context;
use super::request::head::RequestHead;
use super::request::outcome::{Answer, Next, Outcome, Stop};
use super::request::token::{Admitted, admit};
use super::request::unknown_project::{LookedUp, look_up, unanswered};
use super::request::{gate, logged_sessions};
use super::store::charge::Charge;
use super::store::commit::wait_for_memory;

/// What is decided from the head alone.
enum Verdict {
    /// The request is answered without looking at its body.
    Answer(Outcome),
    /// The route's handler takes over.
    Handle(Target),
}

/// Which handler a request goes to, and what that handler has to know.
struct Target {
    route: Route,
    /// What the token says, if the route looks at it.
    admitted: Option<Admitted>,
    /// The request came by a path of earlier trackers.
    legacy: bool,
    /// What the token in the path says, if there is one.
    upload: Option<UploadToken>,
}

/// Answers the request whose head is in the buffer.
pub async fn serve(io: &mut ClientIo, core: &Rc<Core>, conn: &Rc<Conn>) -> Next {
    let mut cx = Context::new(io, core, conn);
    let outcome = outcome_of(&mut cx).await;
    cx.answer(outcome).await
}

async fn outcome_of(cx: &mut Context<'_>) -> Outcome {
    let mut verdict = judge(cx);
    // The session may be in the part of the log that has not been read yet.
    if cx.facts.project.is_none()
        && cx.facts.session.is_some()
        && logged_sessions::wait_until_loaded(cx.core, cx.conn).await
    {
        verdict = judge(cx);
    }
    if asks_for_what_belongs_to_a_project(cx.facts.route)
        && let Some(question) = cx.facts.project.map(Question::Id)
        && !question.is_known(&cx.core.directory())
    {
        match look_up(cx.core, cx.conn, &question).await {
            LookedUp::Known => verdict = judge(cx),
            LookedUp::Absent => {}
            LookedUp::Unanswered => return Err(unanswered().into()),
        }
    }
    let target = match verdict {
        Verdict::Answer(Ok(answer)) if answer.bytes() > BUFFER_BYTES_MIN => return charge_answer(cx, answer).await,
        Verdict::Answer(outcome) => return outcome,
        Verdict::Handle(target) => target,
    };
    let (core, conn) = (cx.core, cx.conn);
    conn.project.set(cx.facts.project.unwrap_or(0));
    // The limits are for clients; what another takeup hands on has passed its own.
    if target.route == Route::Records {
        records::admit(cx)?;
    } else if !cx.was_passed_on() {
        let (head, facts, live) = cx.head();
        let wait = gate::at_head(core, live, conn, head, facts, target.admitted.as_ref())?;
        if !wait.is_zero() {
            gate::hold(core, conn, wait).await;
        }
    }
    handle(cx, target).await
}

/// Whether the answer comes from the directory. A batch is stored whatever the directory has.
fn asks_for_what_belongs_to_a_project(route: Route) -> bool {
    matches!(
        route,
        Route::WebTags
            | Route::WebConditions
            | Route::MobileConditions
            | Route::WebFeatureFlags
            | Route::UxtTest
            | Route::UxtTestSignal
            | Route::UxtTaskSignal
    )
}

/// Each route that takes a body has a handler, in a file for its family.
async fn handle(cx: &mut Context<'_>, target: Target) -> Outcome {
    match (target.route, &target.admitted) {
        (Route::WebBatch, Some(admitted)) => batch::take::<web::WebRoute>(cx, admitted).await,
        (Route::WebStart, _) => start::start(cx, StartKind::Web).await,
        (Route::MobileBatch | Route::MobileLate, Some(admitted)) => {
            batch::take::<mobile::MobileRoute>(cx, admitted).await
        }
        (Route::MobileStart, _) => start::start(cx, StartKind::Mobile { legacy: target.legacy }).await,
        (Route::WebImages, Some(admitted)) => images::web(cx, admitted).await,
        (Route::MobileImages, Some(admitted)) => images::mobile(cx, admitted).await,
        (Route::SdkBatch, Some(admitted)) => batch::take::<sdk::SdkRoute>(cx, admitted).await,
        (Route::SdkStart, _) => start::start(cx, StartKind::Sdk).await,
        (Route::WebNotStarted, _) => forms::not_started(cx).await,
        (Route::WebFeatureFlags, admitted) => forms::feature_flags(cx, admitted.as_ref()).await,
        (Route::UxtTestSignal, Some(admitted)) => forms::test_signal(cx, admitted).await,
        (Route::UxtTaskSignal, Some(admitted)) => forms::task_signal(cx, admitted).await,
        (Route::UxtRecording, _) => match target.upload {
            Some(token) => recording::take(cx, token).await,
            None => Ok(Answer::NotFound),
        },
        (Route::Records, _) => records::take(cx).await,
        // All others are answered from the head alone.
        _ => Ok(Answer::NotFound),
    }
}

/// Decides what can be decided from the head alone.
fn judge(cx: &mut Context<'_>) -> Verdict {
    let (core, conn) = (cx.core, cx.conn);
    let (head, facts, live) = cx.head();
    let method = head.method();
    let mut scratch = core.path.borrow_mut();
    let (decoded, found, doubled) = match conn.known.get().route() {
        Some(route) => (head.path(), Matched { route, param: b"", legacy: false }, false),
        None => {
            let decoded = match path::decode(head.path(), &mut scratch) {
                Ok(decoded) => decoded,
                Err(reject) => {
                    let refusal = Refusal::new(reject.status, Reason::Framing, reject.reason);
                    return Verdict::Answer(Err(refusal.into()));
                }
            };
            if decoded.path == b"*" {
                return Verdict::Answer(Ok(Answer::Empty));
            }
            if decoded.form == Form::Unclean {
                return Verdict::Answer(Ok(Answer::MovedPermanently(clean_target(head, decoded.path))));
            }
            let found = Route::of(decoded.path, &live.prefix);
            if decoded.path == head.path() && found.param.is_empty() && !found.legacy && found.route != Route::Unknown {
                conn.known.set(conn.known.get().with_route(found.route));
            }
            (decoded.path, found, decoded.form == Form::Doubled)
        }
    };
    let route = found.route;
    facts.route = route;
    match method {
        _ if route == Route::Unknown && doubled => {
            return Verdict::Answer(Ok(Answer::MovedPermanently(clean_target(head, decoded))));
        }
        _ if route == Route::Unknown => return Verdict::Answer(Ok(Answer::NotFound)),
        Method::Options => return Verdict::Answer(Ok(Answer::Preflight)),
        _ if route == Route::Root => return Verdict::Answer(Ok(Answer::Empty)),
        _ if !route.allowed().accepts(method) => return Verdict::Answer(Ok(Answer::WrongMethod(route.allow()))),
        _ => {}
    }
    let admitted = match admit(route.token_rule(), head.field(Field::Authorization), core, live, conn, facts) {
        Ok(admitted) => admitted,
        Err(refusal) => return Verdict::Answer(Err(refusal.into())),
    };
    let project = facts.project;
    let session = admitted.map(|admitted| admitted.token.session);
    let answer = match route {
        Route::Records if live.forward_secret.is_none() => return Verdict::Answer(Ok(Answer::NotFound)),
        Route::WebTags => tags(&core.directory(), project),
        Route::WebConditions | Route::MobileConditions => conditions(found.param, &core.directory(), project),
        Route::UxtTest => uxt::test(found.param, &core.directory(), project),
        Route::UxtUploadUrl => upload::url(head, decoded, session, core),
        Route::UxtRecording => match upload::token(found.param, core, facts) {
            Ok(token) => return Verdict::Handle(Target { route, admitted, legacy: found.legacy, upload: Some(token) }),
            Err(refusal) => Err(refusal),
        },
        _ => return Verdict::Handle(Target { route, admitted, legacy: found.legacy, upload: None }),
    };
    Verdict::Answer(answer.map(Answer::Json).map_err(Stop::Refused))
}

/// The redirect target for a path that is not served as it stands: its clean form, with the query.
fn clean_target(head: RequestHead<'_>, decoded: &[u8]) -> Vec<u8> {
    let mut location = Vec::new();
    path::clean_into(decoded, &mut location);
    if let Some(query) = head.query() {
        location.push(b'?');
        location.extend_from_slice(query);
    }
    location
}

/// Charges a large answer. It exists until the client has sent its body, and a second time until it has been sent, so it is charged twice.
/// If there is no memory it is dropped, and made again once there is.
async fn charge_answer(cx: &mut Context<'_>, mut answer: Answer) -> Outcome {
    let project = cx.facts.project.unwrap_or(0);
    cx.conn.project.set(project);
    let mut charge = Charge::new(cx.core, project);
    while !charge.try_hold(2 * answer.bytes() as u64) {
        drop(answer);
        if !wait_for_memory(cx.core, cx.conn).await {
            return Err(OverBudget.into());
        }
        answer = match judge(cx) {
            Verdict::Answer(outcome) => outcome?,
            // The settings have just changed.
            Verdict::Handle(_) => return Err(OverBudget.into()),
        };
    }
    cx.hold_until_answered(charge);
    Ok(answer)
}
