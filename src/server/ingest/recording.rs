//! `PUT /v1/web/uxt/recording/{token}` on a core: the recording of a usability test.
//!
//! A recording is far larger than a request may be in memory, so it is stored as it arrives: one record for each piece, with its offset,
//! and at the end an empty record whose offset is the total length. If that one is missing, the browser went away midway. Each record is
//! stored before more is read, so the browser is never more than one piece ahead of the log.

use crate::api::refusal::{Reason, Refusal};
use crate::records::RecordingPart;
use crate::server::request::context::Context;
use crate::server::request::outcome::{Answer, Outcome, Stop};
use crate::server::store::commit::{StoreError, store};
use crate::session::upload_token::UploadToken;

/// A piece is stored once it has this many bytes: together with its head it fits a pooled buffer.
const PIECE_BYTES: usize = 512 * 1024;

/// Receives and stores a recording.
pub async fn take(cx: &mut Context<'_>, token: UploadToken) -> Outcome {
    let (core, conn) = (cx.core, cx.conn);
    let mut body = cx.begin_body(cx.live.config.recording_size_limit).await?;
    let record_bytes_max = usize::try_from(cx.live.config.batch_bytes_max()).unwrap_or(usize::MAX).max(1);
    // With small log settings there is no room for a large piece.
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
            // A stored piece is progress: the next one gets a patience of its own.
            conn.renew_patience();
            if let Err(error) = stored {
                // Earlier pieces are in this core's log, so the rest cannot go to another core.
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

/// How to answer when a piece could not be stored.
fn stop(error: StoreError) -> Stop {
    match error {
        StoreError::Moves => Refusal::new(503, Reason::LogFailed, "can't save the recording, try again").into(),
        error => error.into(),
    }
}
