//! `/v1/web/images` and `/v1/mobile/images` on a core: a form is received, and its frames go to the log.
//!
//! The body is parsed in the connection's buffer and not kept. An upload holds its frames, which count against the core's budget as they grow;
//! while there is no memory, the connection is not read. Nothing is stored before the form has ended properly.

use std::rc::Rc;
use std::time::Duration;

use crate::api::images;
use crate::api::images::{Client, Collected, Limits, Upload};
use crate::api::refusal::{Reason, Refusal};
use crate::api::route::TEMPLATES;
use crate::base::time::monotonic_us;
use crate::config::Config;
use crate::log::format::record::Entry;
use crate::server::io::body::{BodyError, Gone};
use crate::server::memory::pool::OverBudget;
use crate::server::request::context::{Context, stopped_by};
use crate::server::request::outcome::{Answer, Outcome};
use crate::server::request::respond::DRAIN_BYTES_MAX;
use crate::server::request::token::Admitted;
use crate::server::store::charge::Charge;
use crate::server::store::commit::store_all;
use crate::telemetry::Level;

use super::form::{Form, FormError, FormLimits, boundary};

/// How long one upload may compute before others get their turn.
const TURN_US: u64 = 5_000;

/// The pause after that. The runtime polls for completions only when no task is ready, so merely yielding would keep all connections
/// waiting.
const PAUSE: Duration = Duration::from_millis(1);

/// What a record takes besides its frame: its name, and what the log keeps for it.
const RECORD_BYTES: u64 = 512;

/// Stores pictures of canvas elements.
pub async fn web(cx: &mut Context<'_>, admitted: &Admitted) -> Outcome {
    take(cx, admitted, Client::Web).await
}

/// Stores screenshots from a phone.
pub async fn mobile(cx: &mut Context<'_>, admitted: &Admitted) -> Outcome {
    take(cx, admitted, Client::Mobile).await
}

/// Why an upload is not accepted.
enum Rejection {
    Form(FormError),
    Refused(Refusal),
}

impl From<FormError> for Rejection {
    fn from(error: FormError) -> Self {
        Self::Form(error)
    }
}

impl From<OverBudget> for Rejection {
    fn from(_: OverBudget) -> Self {
        Self::Form(FormError::Body(BodyError::Gone(Gone::NoMemory)))
    }
}

impl From<images::ImagesFault> for Rejection {
    fn from(fault: images::ImagesFault) -> Self {
        Self::Refused(fault.refusal())
    }
}

async fn take(cx: &mut Context<'_>, admitted: &Admitted, client: Client) -> Outcome {
    let (core, live) = (cx.core, Rc::clone(&cx.live));
    let config = &live.config;
    let (head, ..) = cx.head();
    let boundary = boundary(head.header("content-type")).map_err(|text| Refusal::new(415, Reason::Form, text))?;
    let body = cx.begin_body(config.file_size_limit).await?;
    let limits = FormLimits {
        parts_max: config.upload_parts_max,
        part_head_bytes: config.part_head_limit,
        field_bytes: config.form_field_limit,
    };
    let mut form = Form::new(body, &boundary, limits);
    let mut held = Charge::new(core, cx.conn.project.get());
    let collected = collect(cx, &mut form, client, &mut held, config).await;
    cx.facts.body_bytes = form.received_bytes();
    cx.charge_received(cx.facts.body_bytes);
    let refusal = match collected {
        Ok(collected) => {
            // A form that has ended properly may be followed by anything, within the body's own limit.
            match form.drop_rest(cx, u64::MAX).await {
                Err(FormError::Body(error)) => return Err(stopped_by(error)),
                Ok(()) | Err(_) => return store(cx, admitted, client, &collected).await,
            }
        }
        Err(Rejection::Form(FormError::Body(error))) => return Err(stopped_by(error)),
        Err(Rejection::Form(FormError::Malformed(text))) => Refusal::new(400, Reason::Form, text),
        Err(Rejection::Form(FormError::TooLarge(text))) => Refusal::new(413, Reason::BodyTooLarge, text),
        Err(Rejection::Refused(refusal)) => refusal,
    };
    // If the rest exceeds the bound, the connection is closed after the answer.
    let _ = form.drop_rest(cx, DRAIN_BYTES_MAX).await;
    Err(refusal.into())
}

/// Reads the form and packs its pictures.
async fn collect(
    cx: &mut Context<'_>,
    form: &mut Form,
    client: Client,
    held: &mut Charge,
    config: &Config,
) -> Result<Collected, Rejection> {
    let conn = cx.conn;
    let limits = Limits {
        frame_bytes_max: usize::try_from(config.frame_bytes_max()).unwrap_or(usize::MAX),
        message_bytes_max: usize::try_from(config.message_bytes_max()).unwrap_or(usize::MAX),
        inflated_bytes_max: config.upload_bytes_max(),
    };
    let mut upload = Upload::new(client, limits);
    let mut spent_us = 0;
    // The names of a part.
    let parser_bytes = config.part_head_limit;
    held.hold(conn, parser_bytes).await?;
    while let Some(part) = form.next_part(cx).await? {
        let Some(file_name) = part.file_name else {
            let value = form.value(cx).await?;
            upload.field(&part.name, &value);
            continue;
        };
        upload.begin_file(&file_name);
        while let Some(bytes) = form.next_bytes(cx).await? {
            let mut left = bytes;
            while !left.is_empty() {
                let began_us = monotonic_us();
                left = &left[upload.step(left)?..];
                spent_us += monotonic_us() - began_us;
                held.hold(conn, parser_bytes + upload.held_bytes() as u64).await?;
                if spent_us > TURN_US {
                    monoio::time::sleep(PAUSE).await;
                    spent_us = 0;
                }
            }
        }
        upload.end_file()?;
    }
    held.hold(conn, parser_bytes + upload.held_bytes() as u64 + upload.records() as u64 * RECORD_BYTES).await?;
    Ok(upload.finish()?)
}

/// Stores the records of an upload, and counts them.
async fn store(cx: &Context<'_>, admitted: &Admitted, client: Client, collected: &Collected) -> Outcome {
    let core = cx.core;
    let Collected { records, dropped, files } = collected;
    core.metrics.image_files.add(*files);
    if dropped.count > 0 {
        core.metrics.image_names_dropped.add(dropped.count);
        let (count, session) = (dropped.count.to_string(), admitted.token.session.0.to_string());
        let route = TEMPLATES[cx.facts.route.index()];
        let fields = [("url", route), ("session", &*session), ("count", &count), ("first", &dropped.first)];
        core.logger.event(
            Level::Warn,
            crate::caller!(),
            "parts of a form were left out: their names have no known form",
            &fields,
        );
    }
    let mut exts = vec![Vec::new(); records.len()];
    let (session, project) = (admitted.token.session, admitted.project);
    let pairs = records.iter().zip(&mut exts);
    let entries: Vec<Entry<'_>> =
        pairs.map(|(packed, ext)| images::record(packed, client, session, project).entry(ext)).collect();
    store_all(core, cx.conn, &entries).await?;
    for packed in records {
        core.metrics.image_frames.add(packed.frames.into());
        core.metrics.image_frames_oversized.add(packed.oversized.into());
        core.metrics.image_ends_broken.add(packed.unusable.into());
    }
    Ok(Answer::Empty)
}
