//! `POST /v1/takeup/records`: records that another takeup hands on. They are stored as they are, and answered once all of them are.

use std::sync::Arc;

use crate::api::refusal::{Reason, Refusal};
use crate::http::Field;
use crate::log::format::record::{Entry, HEADER_BYTES, Kind};
use crate::records::{NotFramed, read_framed};
use crate::server::request::context::{Context, Parts};
use crate::server::request::head::BodyLength;
use crate::server::request::outcome::{Answer, Outcome};
use crate::server::store::charge::Charge;
use crate::server::store::commit::store_all_or_move;
use crate::session::forward_secret::BodyDigest;
use crate::session::{SessionId, forward_path};

/// What a record takes beside its payload: its header, and an extension of usual size.
const RECORD_OVERHEAD_BYTES: u64 = HEADER_BYTES as u64 + 64 * 1024;

/// Checks by the head that the sender has our secret, and that the records did not begin here. Never 401, which tells a client to start a new session.
pub fn admit(cx: &mut Context<'_>) -> Result<(), Refusal> {
    signed_body(cx)?;
    let path = Arc::clone(&cx.core.common.forward_path);
    let heard = path.hear(cx.head().0.header(forward_path::HEADER).unwrap_or_default());
    heard.map_err(|error| Refusal::new(508, Reason::ForwardLoop, error.to_string()))
}

/// What the signature says the body is.
fn signed_body(cx: &mut Context<'_>) -> Result<BodyDigest, Refusal> {
    let core = cx.core;
    let (head, _, live) = cx.head();
    let not_signed = |text: String| Refusal::new(403, Reason::ForwardSignature, text);
    // The settings were another ones a moment ago.
    let Some(secret) = &live.forward_secret else { return Err(not_signed("forward_secret is not set".to_owned())) };
    let bytes = match head.body_length() {
        BodyLength::None => 0,
        BodyLength::Known(bytes) => bytes,
        BodyLength::Unknown => return Err(not_signed("the length of the body is not announced".to_owned())),
    };
    let authorization = head.field(Field::Authorization).unwrap_or_default();
    secret.verify(authorization, bytes, core.wall_ms()).map_err(|error| not_signed(error.to_string()))
}

/// Stores the records. After an error some of them may be stored; they come again.
pub async fn take(cx: &mut Context<'_>) -> Outcome {
    let (core, conn) = (cx.core, cx.conn);
    let signed = signed_body(cx)?;
    let limit = cx.live.config.batch_bytes_max().saturating_add(RECORD_OVERHEAD_BYTES);
    let range = cx.read_body(limit, false).await?;
    let Parts { body, .. } = cx.parts(range);
    if BodyDigest::of(body) != signed {
        let text = "the body is not what was signed: something in between changes it";
        return Err(Refusal::new(400, Reason::ForwardForm, text).into());
    }
    let count = read_framed(body).count();
    let mut charge = Charge::new(core, 0);
    charge.hold(conn, (count * size_of::<Entry<'_>>()) as u64).await?;
    let mut entries = Vec::with_capacity(count);
    for entry in read_framed(body) {
        entries.push(entry.map_err(unreadable)?);
    }
    store_all_or_move(core, conn, &entries).await?;
    for start in entries.iter().filter(|entry| entry.kind == Kind::Start) {
        core.announce(SessionId(start.session), start.project);
    }
    Ok(Answer::Json(format!("{{\"stored\":{count}}}").into_bytes()))
}

/// The body is what was signed, so its sender has another version of the form.
fn unreadable(error: NotFramed) -> Refusal {
    Refusal::new(422, Reason::ForwardForm, format!("{error}; is the other takeup newer?"))
}
