//! `POST /v1/web/i` on a core: the body becomes a record, and the answer waits for it.

use std::rc::Rc;

use crate::api::batch;
use crate::api::batch::BatchInput;
use crate::api::body::TOO_LARGE;
use crate::api::refusal::{Reason, Refusal};
use crate::config::CheckBodies;
use crate::log::format::record::Entry;
use crate::records::mark_unusable;
use crate::server::core::conn::Conn;
use crate::server::core::state::Core;
use crate::server::dispatch::{Admitted, Next, body};
use crate::server::io::client::ClientIo;
use crate::server::memory::pool::BodyRange;
use crate::server::request::labels;
use crate::server::request::respond::RequestFacts;
use crate::server::store::commit::{StoreError, store};
use crate::telemetry::Text;

use super::inflate;

/// Reads and stores a batch whose token is good.
pub async fn web_batch(
    io: &mut ClientIo,
    core: &Rc<Core>,
    conn: &Rc<Conn>,
    facts: &mut RequestFacts,
    admitted: &Admitted,
) -> Next {
    let limit = core.quarantine.body_limit(admitted.limit, core.now_ms());
    let got = match body(io, core, facts, limit, admitted.just_expired).await {
        Ok(got) => got,
        Err(next) => return next,
    };
    let work = io.work();
    let live = core.live();
    let input = BatchInput {
        session: admitted.token.session,
        project: admitted.project,
        just_expired: admitted.just_expired,
        data_type: work.head.header(&work.buf, "datatype"),
        content_encoding: work.head.header(&work.buf, "content-encoding"),
        query: work.head.query(&work.buf),
        body: &work.buf[got.start..got.end],
        inflate: live.config.check_bodies == CheckBodies::Inline,
        inflated_limit: core.inflated_limit(),
    };
    facts.data_type = Text::new(input.data_type.unwrap_or_default());
    let mut draft = {
        let mut scratch = core.batch.borrow_mut();
        let draft = batch::draft(&input, &mut scratch, &mut work.ext);
        facts.batch = Text::new(&scratch.batch);
        scratch.give_back();
        draft
    };
    let judged = match within(admitted.limit, input.body) {
        Err(refusal) => Err(refusal),
        Ok(()) => {
            let looked = match draft.question(&input) {
                Some(question) => inflate::look(core, conn, &question, input.body).await.map(Some),
                None => Ok(None),
            };
            looked.and_then(|looked| draft.judge(&input, looked))
        }
    };
    labels::note(core, facts, draft.reading(), input.content_encoding);
    if draft.is_unusable() {
        core.metrics.unusable.inc();
        core.metrics.unusable_bytes.add(input.body.len() as u64);
    }
    core.pool.count_beside(&mut work.beside_bytes, work.ext.capacity());
    let entry = draft.entry(&input, &work.ext);
    match keep(core, conn, judged, entry).await {
        Ok(stored) => answer(io, core, conn, facts, admitted, stored, got).await,
        Err(Moves) => Next::PassOn(Some(got)),
    }
}

/// The request is another core's from here on.
pub struct Moves;

/// A body is as large as the client was allowed to send.
pub fn within(limit: u64, body: &[u8]) -> Result<(), Refusal> {
    if body.len() as u64 > limit { Err(Refusal::new(413, Reason::BodyTooLarge, TOO_LARGE)) } else { Ok(()) }
}

/// Stores a batch that was judged: a good one as it is, one that can't be used marked and where that is wanted. Nothing is
/// stored of an empty one.
pub async fn keep(
    core: &Core,
    conn: &Rc<Conn>,
    judged: Result<(), Refusal>,
    entry: Entry<'_>,
) -> Result<Result<(), Refusal>, Moves> {
    let bytes = entry.payload.len() as u64;
    let entry = match judged {
        Ok(()) if bytes == 0 => return Ok(Ok(())),
        Ok(()) => entry,
        Err(refusal) if core.quarantine.takes(refusal.reason, bytes, core.now_ms(), &core.metrics) => {
            mark_unusable(entry)
        }
        Err(refusal) => return Ok(Err(refusal)),
    };
    match store(core, conn, &entry).await {
        Err(StoreError::Moves) => Err(Moves),
        stored => Ok(stored.map_err(StoreError::refusal)),
    }
}

/// Answers a batch that has been stored, or has not.
pub async fn answer(
    io: &mut ClientIo,
    core: &Rc<Core>,
    conn: &Conn,
    facts: &mut RequestFacts,
    admitted: &Admitted,
    stored: Result<(), Refusal>,
    got: BodyRange,
) -> Next {
    let keep_alive = facts.keep_alive(io, core, conn, got.consumed);
    match stored {
        Ok(()) if admitted.just_expired => {
            let refusal = Refusal::new(401, Reason::TokenExpired, "token expired");
            facts.refuse(io, core, &refusal, keep_alive).await;
        }
        Ok(()) => facts.send(io, core, 200, keep_alive, |out, frame| frame.write(out, 200, &[], b"")).await,
        Err(mut refusal) => {
            // Within the period of grace the client must start anew, whatever else went wrong.
            if admitted.just_expired && matches!(refusal.reason, Reason::BodyTooLarge | Reason::Compression) {
                refusal.status = 401;
            }
            facts.refuse(io, core, &refusal, keep_alive).await;
        }
    }
    Next::after(keep_alive, got.consumed)
}
