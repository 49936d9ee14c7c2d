//! `POST /v1/sdk/i` on a core: the body becomes a record, and the answer waits for it.

use std::rc::Rc;

use crate::api::sdk_batch::SdkBatchInput;
use crate::server::core::conn::Conn;
use crate::server::core::state::Core;
use crate::server::dispatch::{Admitted, Next, body};
use crate::server::io::client::ClientIo;
use crate::server::request::labels;
use crate::server::request::respond::RequestFacts;

use super::batch::{Moves, answer, keep, within};
use super::inflate;

/// Stores events of the analytics SDK.
pub async fn batch(
    io: &mut ClientIo,
    core: &Rc<Core>,
    conn: &Rc<Conn>,
    facts: &mut RequestFacts,
    admitted: &Admitted,
) -> Next {
    let allowed = core.told_limit();
    let limit = core.quarantine.body_limit(allowed, core.now_ms());
    let got = match body(io, core, facts, limit, false).await {
        Ok(got) => got,
        Err(next) => return next,
    };
    let work = io.work();
    let input = SdkBatchInput {
        session: admitted.token.session,
        project: admitted.project,
        content_encoding: work.head.header(&work.buf, "content-encoding"),
        body: &work.buf[got.start..got.end],
        inflate: core.inflate_inline().is_some(),
        inflated_limit: core.inflated_limit(),
    };
    let (mut judged, mut reading) = (within(allowed, input.body), input.reading());
    if let (Ok(()), Some(question)) = (&judged, input.question(reading)) {
        match inflate::look(core, conn, &question, input.body).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => judged = input.unreadable(&mut reading, &error),
            Err(late) => judged = Err(late),
        }
    }
    labels::note(core, facts, reading, input.content_encoding);
    match keep(core, conn, judged, input.record(reading).entry()).await {
        Ok(stored) => answer(io, core, conn, facts, admitted, stored, got).await,
        Err(Moves) => Next::PassOn(Some(got)),
    }
}
