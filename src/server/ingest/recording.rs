//! `PUT /v1/web/uxt/recording/{token}` on a core: the recording of a test with users.
//!
//! A recording is far larger than what a request may hold in memory, so it is stored as it comes: a record for each piece, with its place
//! in the whole, and at the end one without content, whose place is the length of the whole. Where that is missing, the browser
//! went away in between. Each record is stored before more is read, so a browser is never ahead of the log by more than a piece.

use std::rc::Rc;

use crate::api::refusal::{Reason, Refusal};
use crate::records::RecordingPart;
use crate::server::core::conn::Conn;
use crate::server::core::state::Core;
use crate::server::dispatch::{Next, begin, refuse_body};
use crate::server::io::client::ClientIo;
use crate::server::request::gate;
use crate::server::request::respond::RequestFacts;
use crate::server::store::commit::{StoreError, store};
use crate::session::upload_token::UploadToken;

/// A piece is stored once it has so many bytes: with its head it fits a buffer of the pool's.
const PIECE_BYTES: usize = 512 * 1024;

/// Takes a recording.
pub async fn take(
    io: &mut ClientIo,
    core: &Rc<Core>,
    conn: &Rc<Conn>,
    facts: &mut RequestFacts,
    token: UploadToken,
) -> Next {
    let mut body = match begin(io, core.live().config.recording_size_limit).await {
        Ok(body) => body,
        Err(error) => return refuse_body(io, core, facts, error).await,
    };
    let record_bytes_max = usize::try_from(core.live().config.batch_bytes_max()).unwrap_or(usize::MAX).max(1);
    // Small settings of the log leave no room for a large piece.
    let piece_bytes = record_bytes_max.min(PIECE_BYTES);
    let began_ms = core.upload_time_ms();
    let (session, project) = (token.session, facts.project.unwrap_or(0));
    let mut offset = 0;
    loop {
        let ended = match io.next_piece(&mut body, piece_bytes).await {
            Ok(ended) => ended,
            Err(error) => return refuse_body(io, core, facts, error).await,
        };
        let range = body.range();
        let work = io.work();
        let pieces = work.buf[range].chunks(record_bytes_max).chain(ended.then_some(&[][..]));
        for piece in pieces {
            let part = RecordingPart { session, project, began_ms, offset, piece };
            let stored = store(core, conn, &part.entry(&mut work.ext)).await;
            // A piece that is stored is progress: the next one has a patience of its own.
            conn.renew_patience();
            if let Err(error) = stored {
                return refuse(io, core, conn, facts, error).await;
            }
            offset += piece.len() as u64;
        }
        body.take(body.range().len(), &mut work.buf);
        gate::piece(io, core, facts, offset - facts.body_bytes);
        facts.body_bytes = offset;
        if ended {
            break;
        }
    }
    let keep_alive = facts.keep_alive(io, core, conn, body.consumed());
    facts.send(io, core, 200, keep_alive, |out, frame| frame.write(out, 200, &[], b"")).await;
    Next::after(keep_alive, body.consumed())
}

/// What follows a piece that could not be stored. An upload does not move to another core: what it has left is in this one's log.
async fn refuse(
    io: &mut ClientIo,
    core: &Rc<Core>,
    conn: &Rc<Conn>,
    facts: &mut RequestFacts,
    error: StoreError,
) -> Next {
    conn.ticket.borrow_mut().take();
    let refusal = match error {
        StoreError::Moves => Refusal::new(503, Reason::LogFailed, "can't save the recording, try again"),
        error => error.refusal(),
    };
    facts.refuse(io, core, &refusal, false).await;
    Next::Linger
}
