//! `POST /v1/mobile/i` and `late` on a core: the body becomes a record, and the answer waits for it.

use std::rc::Rc;

use crate::api::mobile_batch::{MobileBatchInput, mobile_batch};

use super::answer::Seen;
use super::batch::answer;
use super::commit::{StoreError, store};
use super::conn::Conn;
use super::core::Core;
use super::exchange::{Admitted, Next, body};
use super::io::Io;

/// Stores a batch of a phone.
pub async fn batch(io: &mut Io, core: &Rc<Core>, conn: &Rc<Conn>, seen: &mut Seen, admitted: &Admitted) -> Next {
    let got = match body(io, core, seen, core.told_limit(), admitted.just_expired).await {
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
    let judged = mobile_batch(&input, &mut core.inflater.borrow_mut());
    let stored = match judged {
        Ok(None) => Ok(()),
        Ok(Some(entry)) => match store(core, conn, &entry).await {
            Err(StoreError::Moves) => return Next::PassOn(Some(got)),
            stored => stored.map_err(StoreError::refusal),
        },
        Err(refusal) => Err(refusal),
    };
    answer(io, core, conn, seen, admitted, stored, got).await
}
