//! Receiving a request's body: as a whole, or piece by piece.

use crate::http::response::CONTINUE;
use crate::http::{Body, BodyStatus, Framing};
use crate::server::core::conn::Phase;
use crate::server::io::body::{BodyError, IncomingBody};
use crate::server::memory::pool::BodyRange;

use super::{ClientIo, PIECE_BYTES_MAX};

impl ClientIo {
    /// Begins the body after the head, if it is within `limit`. Sends `100 Continue` if the client waits for it.
    pub async fn begin_body(&mut self, limit: u64) -> Result<IncomingBody, BodyError> {
        // The limit comes first: a body that will be refused must not be asked for.
        let body = self.frame_body(limit)?;
        if self.awaits_continue() {
            self.work().out.extend_from_slice(CONTINUE);
            self.send().await.map_err(BodyError::Gone)?;
        }
        Ok(body)
    }

    /// Reads and drops the body of a request that is answered from its head, and returns where the next request begins in the buffer.
    /// `None` if the body exceeds `limit`, is malformed, or has not been sent.
    pub async fn drain_body(&mut self, limit: u64) -> Option<usize> {
        if let Some(range) = self.take_received_body() {
            return Some(range.consumed);
        }
        let head = &self.work().head;
        if head.framing() == Framing::None {
            return Some(head.len());
        }
        // The client waits to be asked for its body, and we will not ask.
        if self.awaits_continue() {
            return None;
        }
        let body = self.frame_body(limit).ok()?;
        self.receive_body(body).await.ok().map(|range| range.consumed)
    }

    fn frame_body(&mut self, limit: u64) -> Result<IncomingBody, BodyError> {
        let limits = self.core.limits;
        let head = &self.work().head;
        let framed = Body::new(head.framing(), head.len(), limit, &limits).map_err(BodyError::Reject)?;
        Ok(IncomingBody::new(framed))
    }

    /// Whether the client waits for `100 Continue` before it sends its body.
    fn awaits_continue(&mut self) -> bool {
        let work = self.work();
        work.head.expects_continue() && work.buf.len() == work.head.len()
    }

    /// The body of a request that has been received as a whole, if its length was announced and is within `limit`. Nearly every batch
    /// comes like this.
    #[inline]
    pub fn whole_body(&mut self, limit: u64) -> Option<BodyRange> {
        let work = self.work.as_ref()?;
        let Framing::Length(length) = work.head.framing() else { return None };
        let start = work.head.len();
        if length > limit || length > (work.buf.len() - start) as u64 || self.body.is_some() {
            return None;
        }
        let end = start + length as usize;
        self.hint_bytes = end;
        Some(BodyRange { start, end, consumed: end })
    }

    /// Reads the whole body.
    pub async fn receive_body(&mut self, mut body: IncomingBody) -> Result<BodyRange, BodyError> {
        self.conn.enter(Phase::Body, self.core.now_ms());
        loop {
            let work = self.work();
            match body.advance(&mut work.buf)? {
                BodyStatus::Done => {
                    let range = body.range();
                    let consumed = body.consumed();
                    self.hint_bytes = consumed;
                    return Ok(BodyRange { start: range.start, end: range.end, consumed });
                }
                BodyStatus::More { want } => {
                    self.fill(want).await.map_err(BodyError::Gone)?;
                }
            }
            self.conn.progress_bytes.set(body.range().len() as u64);
        }
    }

    /// Drops the first `dropped` bytes of a body that is in the buffer, and receives more of it behind the rest. Returns `true` at its end, with
    /// nothing more; what follows the body in the buffer then begins at [`IncomingBody::consumed`].
    pub async fn receive_more(&mut self, body: &mut IncomingBody, dropped: usize) -> Result<bool, BodyError> {
        if self.conn.phase.get() != Phase::Body {
            self.conn.enter(Phase::Body, self.core.now_ms());
        }
        body.take(dropped, &mut self.work().buf);
        let had = body.range().len();
        loop {
            let work = self.work();
            let head_bytes = work.head.len();
            let status = body.advance(&mut work.buf)?;
            self.conn.progress_bytes.set(body.received());
            if body.range().len() > had {
                return Ok(false);
            }
            match status {
                BodyStatus::Done => {
                    // All of a small one, or the pieces of a large one.
                    let bytes = usize::try_from(body.received()).unwrap_or(PIECE_BYTES_MAX);
                    self.hint_bytes = (head_bytes + bytes).min(PIECE_BYTES_MAX);
                    return Ok(true);
                }
                BodyStatus::More { want } => {
                    self.fill(want).await.map_err(BodyError::Gone)?;
                }
            }
        }
    }

    /// Receives more of a body until `bytes` of it are in the buffer, or until its end (`true`). The caller uses the bytes at the body's
    /// range and then removes them.
    pub async fn fill_piece(&mut self, body: &mut IncomingBody, bytes: usize) -> Result<bool, BodyError> {
        self.conn.enter(Phase::Body, self.core.now_ms());
        loop {
            let status = body.advance(&mut self.work().buf)?;
            let have = body.range().len();
            self.conn.progress_bytes.set(have as u64);
            match status {
                BodyStatus::Done => return Ok(true),
                BodyStatus::More { .. } if have >= bytes => return Ok(false),
                BodyStatus::More { want } => {
                    self.fill(want.min(bytes - have)).await.map_err(BodyError::Gone)?;
                }
            }
        }
    }
}
