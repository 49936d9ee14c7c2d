//! `/v1/web/images` and `/v1/mobile/images` on a core: a form comes in, frames go to the log.
//!
//! The body is not kept. What an upload holds are its frames, and they count against the core's budget as they grow; where there is no memory,
//! the connection is not read until there is. Nothing is stored before the form has ended well.

use std::rc::Rc;
use std::time::Duration;

use crate::api::images;
use crate::api::images::{Client, Collected, Limits, Upload};
use crate::api::refusal::{Reason, Refusal};
use crate::api::route::TEMPLATES;
use crate::base::time::monotonic_us;
use crate::config::Config;
use crate::log::format::record::Entry;
use crate::server::core::conn::Conn;
use crate::server::core::state::Core;
use crate::server::dispatch::{Admitted, DRAIN_BYTES_MAX, Next, begin, drain, refuse_body};
use crate::server::io::client::{BodyError, ClientIo, Gone, PIECE_BYTES_MAX};
use crate::server::memory::pool::OverBudget;
use crate::server::request::gate;
use crate::server::request::respond::RequestFacts;
use crate::server::store::charge::Charge;
use crate::server::store::commit::store_all;
use crate::telemetry::Level;

use super::form::{Form, FormError, FormLimits, boundary};

/// How long one upload may compute before others have their turn.
const TURN_US: u64 = 5_000;

/// The pause behind it. The runtime looks for completions only when no task is ready, so that one that merely lets others go first would
/// keep all connections waiting.
const PAUSE: Duration = Duration::from_millis(1);

/// What the parser holds, besides the head of a part: the piece that came last, and what it hands on of it.
const PARSER_BYTES: u64 = 2 * PIECE_BYTES_MAX as u64;

/// What a record takes beside its frame: its name, and what the log keeps of that.
const RECORD_BYTES: u64 = 512;

/// Stores pictures of canvas elements.
pub async fn web(
    io: &mut ClientIo,
    core: &Rc<Core>,
    conn: &Rc<Conn>,
    facts: &mut RequestFacts,
    admitted: &Admitted,
) -> Next {
    take(io, core, conn, facts, admitted, Client::Web).await
}

/// Stores screenshots of a phone.
pub async fn mobile(
    io: &mut ClientIo,
    core: &Rc<Core>,
    conn: &Rc<Conn>,
    facts: &mut RequestFacts,
    admitted: &Admitted,
) -> Next {
    take(io, core, conn, facts, admitted, Client::Mobile).await
}

/// Why an upload is not taken.
enum Stop {
    Form(FormError),
    Refuse(Refusal),
}

impl From<FormError> for Stop {
    fn from(error: FormError) -> Self {
        Self::Form(error)
    }
}

impl From<OverBudget> for Stop {
    fn from(_: OverBudget) -> Self {
        Self::Form(FormError::Body(BodyError::Gone(Gone::NoMemory)))
    }
}

impl From<images::ImagesFault> for Stop {
    fn from(fault: images::ImagesFault) -> Self {
        Self::Refuse(fault.refusal())
    }
}

async fn take(
    io: &mut ClientIo,
    core: &Rc<Core>,
    conn: &Rc<Conn>,
    facts: &mut RequestFacts,
    admitted: &Admitted,
    client: Client,
) -> Next {
    let live = core.live();
    let config = &live.config;
    let work = io.work();
    let boundary = match boundary(work.head.header(&work.buf, "content-type")) {
        Ok(boundary) => boundary,
        Err(text) => {
            let refusal = Refusal::new(415, Reason::Form, text);
            let drained = drain(io).await;
            let keep_alive = drained.is_some_and(|consumed| facts.keep_alive(io, core, conn, consumed));
            facts.refuse(io, core, &refusal, keep_alive).await;
            return drained.map_or(Next::Linger, |consumed| Next::after(keep_alive, consumed));
        }
    };
    let body = match begin(io, config.file_size_limit).await {
        Ok(body) => body,
        Err(error) => return refuse_body(io, core, facts, error).await,
    };
    let limits = FormLimits {
        parts_max: config.upload_parts_max,
        part_head_bytes: config.part_head_limit,
        field_bytes: config.form_field_limit,
    };
    let mut form = Form::new(body, &boundary, limits);
    let mut held = Charge::new(core, conn.project.get());
    let collected = collect(io, conn, &mut form, client, &mut held, config).await;
    facts.body_bytes = form.received_bytes();
    gate::received(io, core, facts, facts.body_bytes);
    // A form that has ended well may be followed by anything, within the body's own limit.
    let rest_max = if collected.is_ok() { u64::MAX } else { DRAIN_BYTES_MAX };
    let stopped = match collected {
        Err(Stop::Form(FormError::Body(error))) => return refuse_body(io, core, facts, error).await,
        Err(Stop::Form(FormError::Malformed(text))) => Err(Refusal::new(400, Reason::Form, text)),
        Err(Stop::Form(FormError::TooLarge(text))) => Err(Refusal::new(413, Reason::BodyTooLarge, text)),
        Err(Stop::Refuse(refusal)) => Err(refusal),
        Ok(collected) => Ok(collected),
    };
    let consumed = match form.drop_rest(io, rest_max).await {
        Ok(consumed) => Some(consumed),
        Err(FormError::Body(error)) if stopped.is_ok() => return refuse_body(io, core, facts, error).await,
        Err(_) => None,
    };
    let stored = match stopped {
        Ok(collected) => store(core, conn, facts, admitted, client, &collected).await,
        Err(refusal) => Err(refusal),
    };
    drop(held);
    let keep_alive = consumed.is_some_and(|consumed| facts.keep_alive(io, core, conn, consumed));
    match stored {
        Ok(()) => facts.send(io, core, 200, keep_alive, |out, frame| frame.write(out, 200, &[], b"")).await,
        Err(refusal) => facts.refuse(io, core, &refusal, keep_alive).await,
    }
    consumed.map_or(Next::Linger, |consumed| Next::after(keep_alive, consumed))
}

/// Reads the form and packs its pictures.
async fn collect(
    io: &mut ClientIo,
    conn: &Rc<Conn>,
    form: &mut Form,
    client: Client,
    held: &mut Charge,
    config: &Config,
) -> Result<Collected, Stop> {
    let limits = Limits {
        frame_bytes_max: usize::try_from(config.frame_bytes_max()).unwrap_or(usize::MAX),
        message_bytes_max: usize::try_from(config.message_bytes_max()).unwrap_or(usize::MAX),
        inflated_bytes_max: config.upload_bytes_max(),
    };
    let mut upload = Upload::new(client, limits);
    let mut spent_us = 0;
    let parser_bytes = PARSER_BYTES + config.part_head_limit;
    held.hold(conn, parser_bytes).await?;
    while let Some(part) = form.next_part(io).await? {
        let Some(file_name) = part.file_name else {
            let value = form.value(io).await?;
            upload.field(&part.name, &value);
            continue;
        };
        upload.begin_file(&file_name);
        while let Some(bytes) = form.next_bytes(io).await? {
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

/// Stores what an upload leaves, and counts it.
async fn store(
    core: &Rc<Core>,
    conn: &Rc<Conn>,
    facts: &RequestFacts,
    admitted: &Admitted,
    client: Client,
    collected: &Collected,
) -> Result<(), Refusal> {
    let Collected { records, dropped, files } = collected;
    core.metrics.image_files.add(*files);
    if dropped.count > 0 {
        core.metrics.image_names_dropped.add(dropped.count);
        let (count, session) = (dropped.count.to_string(), admitted.token.session.0.to_string());
        let route = TEMPLATES[facts.route.index()];
        let fields = [("url", route), ("session", &*session), ("count", &count), ("first", &dropped.first)];
        core.logger.event(
            Level::Warn,
            crate::caller!(),
            "parts of a form were left out, whose names are of no known form",
            &fields,
        );
    }
    let mut exts = vec![Vec::new(); records.len()];
    let (session, project) = (admitted.token.session, admitted.project);
    let pairs = records.iter().zip(&mut exts);
    let entries: Vec<Entry<'_>> =
        pairs.map(|(packed, ext)| images::record(packed, client, session, project).entry(ext)).collect();
    store_all(core, conn, &entries).await.map_err(|error| error.refusal())?;
    for packed in records {
        core.metrics.image_frames.add(packed.frames.into());
        core.metrics.image_frames_oversized.add(packed.oversized.into());
        core.metrics.image_ends_broken.add(packed.unusable.into());
    }
    Ok(())
}
