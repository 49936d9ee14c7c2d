//! `PUT /v1/web/uxt/recording/{token}` on a core: the recording of a test with users.
//!
//! A recording is far larger than what a request may hold in memory, so it is stored as it comes: a record for each piece, with its place
//! in the whole, and at the end one without content, whose place is the length of the whole. Where that is missing, the browser
//! went away in between. Each record is stored before more is read, so a browser is never ahead of the log by more than a piece.

use crate::api::refusal::{Reason, Refusal};
use crate::records::RecordingPart;
use crate::server::request::context::Context;
use crate::server::request::outcome::{Answer, Outcome, Stop};
use crate::server::store::commit::{StoreError, store};
use crate::session::upload_token::UploadToken;

/// A piece is stored once it has so many bytes: with its head it fits a buffer of the pool's.
const PIECE_BYTES: usize = 512 * 1024;

/// Takes a recording.
pub async fn take(cx: &mut Context<'_>, token: UploadToken) -> Outcome {
    let (core, conn) = (cx.core, cx.conn);
    let mut body = cx.begin_body(core.live().config.recording_size_limit).await?;
    let record_bytes_max = usize::try_from(core.live().config.batch_bytes_max()).unwrap_or(usize::MAX).max(1);
    // Small settings of the log leave no room for a large piece.
    let piece_bytes = record_bytes_max.min(PIECE_BYTES);
    let began_ms = core.upload_time_ms();
    let (session, project) = (token.session, cx.facts.project.unwrap_or(0));
    let mut offset = 0;
    loop {
        let ended = cx.fill_piece(&mut body, piece_bytes).await?;
        let (received, ext) = cx.piece(&body);
        for piece in received.chunks(record_bytes_max).chain(ended.then_some(&[][..])) {
            let part = RecordingPart { session, project, began_ms, offset, piece };
            let stored = store(core, conn, &part.entry(ext)).await;
            // A piece that is stored is progress: the next one has a patience of its own.
            conn.renew_patience();
            if let Err(error) = stored {
                // What it has left is in this core's log: it goes to no other.
                conn.ticket.borrow_mut().take();
                return Err(stop(error));
            }
            offset += piece.len() as u64;
        }
        cx.drop_piece(&mut body, ended);
        cx.charge_piece(offset - cx.facts.body_bytes);
        cx.facts.body_bytes = offset;
        if ended {
            return Ok(Answer::Empty);
        }
    }
}

/// What follows a piece that could not be stored.
fn stop(error: StoreError) -> Stop {
    match error {
        StoreError::Moves => Refusal::new(503, Reason::LogFailed, "can't save the recording, try again").into(),
        error => error.into(),
    }
}
