//! The path of a batch, the same for every kind of client: the body is received, judged, made into a record and stored; then it is
//! answered.

use crate::api::body::TOO_LARGE;
use crate::api::judging::{Judged, Unjudged};
use crate::api::refusal::{Reason, Refusal};
use crate::log::format::record::Entry;
use crate::records::mark_unusable;
use crate::server::core::live::Live;
use crate::server::core::state::Core;
use crate::server::request::context::{Context, Parts};
use crate::server::request::facts::RequestFacts;
use crate::server::request::head::RequestHead;
use crate::server::request::labels;
use crate::server::request::outcome::{Answer, Outcome, Stop};
use crate::server::request::token::Admitted;
use crate::server::store::commit::store;

use super::inflate;

/// How the batches of the routes differ.
pub trait BatchRoute {
    /// A batch of this route that has not been judged yet.
    type Batch<'a>: Unjudged<'a>;

    /// The largest body that the client was told it may send, in bytes.
    fn limit(live: &Live, admitted: &Admitted) -> u64;

    /// Reads everything but the contents of the body, and writes the extension of its record to `ext`.
    fn read<'a>(
        core: &Core,
        live: &Live,
        admitted: &Admitted,
        head: RequestHead<'a>,
        body: &'a [u8],
        ext: &mut Vec<u8>,
        facts: &mut RequestFacts,
    ) -> Self::Batch<'a>;
}

/// Reads, judges and stores a batch whose token is valid.
pub async fn take<R: BatchRoute>(cx: &mut Context<'_>, admitted: &Admitted) -> Outcome {
    let (core, conn) = (cx.core, cx.conn);
    let limit = R::limit(&cx.live, admitted);
    // A body that is too large may still be kept as unusable.
    let limit_read = core.quarantine.body_limit(limit, core.now_ms());
    let range = match cx.whole_body(limit_read) {
        Some(range) => range,
        None => cx.read_body(limit_read, admitted.just_expired).await?,
    };
    let Parts { head, body, ext, side_bytes, facts, live, .. } = cx.parts(range);
    let batch = R::read(core, live, admitted, head, body, ext, facts);
    core.pool.count_side_bytes(side_bytes, ext.capacity());
    let judged = if body.len() as u64 > limit {
        batch.refuse(Refusal::new(413, Reason::BodyTooLarge, TOO_LARGE), ext)
    } else {
        match batch.question() {
            None => batch.judge(None, ext),
            Some(question) => match inflate::inspect(core, conn, &question, body).await {
                Ok(found) => batch.judge(Some(found), ext),
                Err(late) => batch.refuse(late, ext),
            },
        }
    };
    if let Some(reading) = judged.reading {
        labels::note(core, facts, reading, head);
    }
    let stored = match entry_of(core, judged) {
        Ok(Some(entry)) => store(core, conn, &entry).await.map_err(Stop::from),
        Ok(None) => Ok(()),
        Err(refusal) => Err(refusal.into()),
    };
    let stored = stored.map(|()| Answer::Empty);
    if admitted.just_expired { as_expired(stored) } else { stored }
}

/// What is stored of a judged batch: a good one as it is; a refused one marked as unusable, if those are kept. Nothing is stored for an empty
/// one.
fn entry_of<'a>(core: &Core, judged: Judged<'a>) -> Result<Option<Entry<'a>>, Refusal> {
    let bytes = judged.entry.payload.len() as u64;
    if judged.set_aside {
        core.metrics.unusable.inc();
        core.metrics.unusable_bytes.add(bytes);
    }
    match judged.refusal {
        None if bytes == 0 => Ok(None),
        None => Ok(Some(judged.entry)),
        Some(refusal) if core.quarantine.try_keep(refusal.reason, bytes, core.now_ms(), &core.metrics) => {
            Ok(Some(mark_unusable(judged.entry)))
        }
        Some(refusal) => Err(refusal),
    }
}

/// What a client is told whose token has just expired: to start a new session. It is told once its batch is stored, and also if the batch
/// itself is at fault.
fn as_expired(stored: Outcome) -> Outcome {
    Err(match stored {
        Ok(_) => Refusal::new(401, Reason::TokenExpired, "token expired").into(),
        Err(Stop::Refused(mut refusal)) => {
            if matches!(refusal.reason, Reason::BodyTooLarge | Reason::Compression) {
                refusal.status = 401;
            }
            Stop::Refused(refusal)
        }
        Err(stop) => stop,
    })
}
