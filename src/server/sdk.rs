//! `POST /v1/sdk/i` on a core: the body becomes a record, and the answer waits for it.

use std::rc::Rc;

use crate::api::sdk_batch::SdkBatchInput;

use super::answer::Seen;
use super::batch::{Moves, answer, keep, within};
use super::conn::Conn;
use super::core::Core;
use super::exchange::{Admitted, Next, body};
use super::io::Io;

/// Stores events of the analytics SDK.
pub async fn batch(io: &mut Io, core: &Rc<Core>, conn: &Rc<Conn>, seen: &mut Seen, admitted: &Admitted) -> Next {
    let allowed = core.told_limit();
    let limit = core.quarantine.body_limit(allowed, core.now_ms());
    let got = match body(io, core, seen, limit, false).await {
        Ok(got) => got,
        Err(next) => return next,
    };
    let work = io.work();
    let input = SdkBatchInput {
        session: admitted.token.session,
        project: admitted.project,
        content_encoding: work.head.header(&work.buf, "content-encoding"),
        body: &work.buf[got.start..got.end],
        inflate: core.inflate_inline(),
    };
    let (mut judged, mut plain) = (within(allowed, input.body), false);
    if let (Ok(()), Some(question)) = (&judged, input.question()) {
        match core.looks.look(core, conn, &question, input.body).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => match input.unreadable(&error) {
                Some(refusal) => judged = Err(refusal),
                None => plain = true,
            },
            Err(late) => judged = Err(late),
        }
    }
    match keep(core, conn, judged, input.entry(plain)).await {
        Ok(stored) => answer(io, core, conn, seen, admitted, stored, got).await,
        Err(Moves) => Next::PassOn(Some(got)),
    }
}
