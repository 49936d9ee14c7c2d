//! `POST /v1/mobile/i` and `late` on a core: the body becomes a record, and the answer waits for it.

use std::rc::Rc;

use crate::api::mobile_batch::{MobileBatchInput, unreadable};
use crate::server::core::conn::Conn;
use crate::server::core::state::Core;
use crate::server::dispatch::{Admitted, Next, body};
use crate::server::io::client::ClientIo;
use crate::server::request::respond::RequestFacts;

use super::batch::{Moves, answer, keep, within};
use super::inflate;

/// Stores a batch of a phone.
pub async fn batch(
    io: &mut ClientIo,
    core: &Rc<Core>,
    conn: &Rc<Conn>,
    facts: &mut RequestFacts,
    admitted: &Admitted,
) -> Next {
    let allowed = core.told_limit();
    let limit = core.quarantine.body_limit(allowed, core.now_ms());
    let got = match body(io, core, facts, limit, admitted.just_expired).await {
        Ok(got) => got,
        Err(next) => return next,
    };
    let work = io.work();
    let input = MobileBatchInput {
        session: admitted.token.session,
        project: admitted.project,
        just_expired: admitted.just_expired,
        body: &work.buf[got.start..got.end],
        inflate: core.inflate_inline(),
    };
    let judged = match (within(allowed, input.body), input.question()) {
        (Ok(()), Some(question)) => {
            let looked = inflate::look(core, conn, &question, input.body).await;
            looked.and_then(|facts| facts.map(|_| ()).map_err(|error| unreadable(&error)))
        }
        (judged, _) => judged,
    };
    match keep(core, conn, judged, input.record().entry()).await {
        Ok(stored) => answer(io, core, conn, facts, admitted, stored, got).await,
        Err(Moves) => Next::PassOn(Some(got)),
    }
}
