//! `POST /v1/web/i` on a core: the body becomes a record, and the answer waits for it.

use std::rc::Rc;

use crate::api::batch::{self, BatchInput};
use crate::api::reply::Refusal;
use crate::config::CheckBodies;
use crate::telemetry::{Refusal as Reason, Text};

use super::answer::Seen;
use super::commit::{StoreError, store};
use super::conn::Conn;
use super::core::Core;
use super::exchange::{Admitted, Next, body};
use super::io::Io;

/// Reads and stores a batch whose token is good.
pub async fn web_batch(io: &mut Io, core: &Rc<Core>, conn: &Rc<Conn>, seen: &mut Seen, admitted: &Admitted) -> Next {
    let got = match body(io, core, seen, admitted.limit, admitted.just_expired).await {
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
    seen.data_type = Text::new(input.data_type.unwrap_or_default());
    let judged = {
        let mut scratch = core.batch.borrow_mut();
        let judged = batch::web_batch(&input, &mut scratch, &mut work.ext);
        seen.batch = Text::new(&scratch.batch);
        judged
    };
    let stored = match judged {
        Ok(None) => Ok(()),
        Ok(Some(entry)) => match store(core, conn, &entry).await {
            Err(StoreError::Moves) => return Next::PassOn(Some(got)),
            stored => stored.map_err(StoreError::refusal),
        },
        Err(refusal) => Err(refusal),
    };
    let keep_alive = seen.keep_alive(core, conn);
    match stored {
        Ok(()) if admitted.just_expired => {
            let refusal = Refusal::new(401, Reason::TokenExpired, "token expired");
            seen.refuse(io, core, &refusal, keep_alive).await;
        }
        Ok(()) => seen.send(io, core, 200, keep_alive, |out, frame| frame.write(out, 200, &[], b"")).await,
        Err(mut refusal) => {
            // Within the period of grace the client must start anew, whatever else went wrong.
            if admitted.just_expired && refusal.status == 413 {
                refusal.status = 401;
            }
            seen.refuse(io, core, &refusal, keep_alive).await;
        }
    }
    Next::after(keep_alive, got.consumed)
}
