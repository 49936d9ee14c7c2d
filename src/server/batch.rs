//! `POST /v1/web/i` on a core: the body becomes a record, and the answer waits for it.

use std::rc::Rc;

use crate::api::batch::{self, BatchInput};
use crate::api::body::{TOO_LARGE, unusable};
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
    let limit = core.quarantine.body_limit(admitted.limit, core.now_ms());
    let got = match body(io, core, seen, limit, admitted.just_expired).await {
        Ok(got) => got,
        Err(next) => return next,
    };
    let work = io.work();
    let config = &core.common.config;
    let input = BatchInput {
        session: admitted.token.session,
        project: admitted.project,
        just_expired: admitted.just_expired,
        data_type: work.head.header(&work.buf, "datatype"),
        content_encoding: work.head.header(&work.buf, "content-encoding"),
        query: work.head.query(&work.buf),
        body: &work.buf[got.start..got.end],
        inflate: config.check_bodies == CheckBodies::Inline,
        inflated_limit: core.inflated_limit,
    };
    seen.data_type = Text::new(input.data_type.unwrap_or_default());
    let mut draft = {
        let mut scratch = core.batch.borrow_mut();
        let draft = batch::draft(&input, &mut scratch, &mut work.ext);
        seen.batch = Text::new(&scratch.batch);
        draft
    };
    let bytes = input.body.len() as u64;
    let judged = if bytes > admitted.limit {
        Err(Refusal::new(413, Reason::BodyTooLarge, TOO_LARGE))
    } else {
        let looked = match draft.question(&input) {
            Some(question) => Some(core.looks.look(&question, input.body).await),
            None => None,
        };
        draft.judge(&input, looked)
    };
    let entry = match judged {
        Ok(()) if bytes == 0 => Ok(None),
        Ok(()) => Ok(Some(draft.entry(&input, &work.ext))),
        Err(refusal) if core.quarantine.takes(refusal.reason, bytes, core.now_ms(), &core.metrics) => {
            Ok(Some(unusable(draft.entry(&input, &work.ext))))
        }
        Err(refusal) => Err(refusal),
    };
    let stored = match entry {
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
