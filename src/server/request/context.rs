//! One request while it is answered: what its handler may ask for and give back.

use std::rc::Rc;

use bytes::Bytes;

use crate::api::body::TOO_LARGE;
use crate::api::refusal::{Reason, Refusal};
use crate::server::core::conn::Conn;
use crate::server::core::state::Core;
use crate::server::io::body::Gone;
use crate::server::io::body::{BodyError, IncomingBody};
use crate::server::io::client::ClientIo;
use crate::server::memory::pool::{BodyRange, RequestBuffers};
use crate::server::store::charge::Charge;

use super::facts::RequestFacts;
use super::gate;
use super::head::RequestHead;
use super::outcome::Stop;

/// A request in progress. Handlers know its core and its connection's state, and never its socket.
pub struct Context<'a> {
    /// The core that serves it.
    pub core: &'a Rc<Core>,
    /// The connection that it came by.
    pub conn: &'a Rc<Conn>,
    /// What is known of it so far.
    pub facts: RequestFacts,
    pub(super) io: &'a mut ClientIo,
    pub(super) body: BodyState,
    /// Memory that is held until the answer has been sent.
    pub(super) charge: Option<Charge>,
}

/// How far the body has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyState {
    /// Not at all.
    Unread,
    /// It was begun, and its end has not come: nothing behind it can be read.
    Begun,
    /// To its end. It stands in the buffer.
    Received(BodyRange),
    /// To its end, piece by piece; the next request begins at this byte of the buffer.
    Consumed(usize),
}

/// The parts of a request whose body has been received, for those who need several at once.
pub struct Parts<'p> {
    /// The head.
    pub head: RequestHead<'p>,
    /// The body.
    pub body: &'p [u8],
    /// For the extension of the request's record.
    pub ext: &'p mut Vec<u8>,
    /// For the record's payload, where that is not the body.
    pub payload: &'p mut Vec<u8>,
    /// For the body of the answer.
    pub answer: &'p mut Vec<u8>,
    /// What of these three the budget knows of, in bytes.
    pub side_bytes: &'p mut u64,
    /// What is known of the request.
    pub facts: &'p mut RequestFacts,
}

impl<'a> Context<'a> {
    /// The request whose head stands in the buffer.
    pub fn new(io: &'a mut ClientIo, core: &'a Rc<Core>, conn: &'a Rc<Conn>) -> Self {
        let facts = RequestFacts::of(&io.work().head);
        Self { core, conn, facts, io, body: BodyState::Unread, charge: None }
    }

    /// A request whose head could not be read. Nothing behind it can be, either.
    pub fn unreadable(io: &'a mut ClientIo, core: &'a Rc<Core>, conn: &'a Rc<Conn>) -> Self {
        io.work().head.reset();
        Self { core, conn, facts: RequestFacts::unreadable(), io, body: BodyState::Begun, charge: None }
    }

    /// The head, and what is known of the request.
    pub fn head(&mut self) -> (RequestHead<'_>, &mut RequestFacts) {
        let RequestBuffers { head, buf, .. } = self.io.work();
        (RequestHead::new(head, buf), &mut self.facts)
    }

    /// The parts of a request whose body was received.
    pub fn parts(&mut self, body: BodyRange) -> Parts<'_> {
        let RequestBuffers { head, buf, ext, payload, answer, side_bytes, .. } = self.io.work();
        let body = &buf[body.start..body.end];
        Parts { head: RequestHead::new(head, buf), body, ext, payload, answer, side_bytes, facts: &mut self.facts }
    }

    /// Whether another core has received the request's body: then that core has let it in as well.
    pub fn was_passed_on(&self) -> bool {
        self.io.has_received_body()
    }

    /// Reads the whole body, with `100 Continue` where the client waits for it. `just_expired`: its token has, so that a body which is too
    /// large is answered by that.
    pub async fn read_body(&mut self, limit: u64, just_expired: bool) -> Result<BodyRange, Stop> {
        match self.receive_body(limit).await {
            Ok(range) => {
                self.body = BodyState::Received(range);
                self.facts.body_bytes = (range.end - range.start) as u64;
                self.charge_received(self.facts.body_bytes);
                Ok(range)
            }
            Err(error) => Err(match stopped_by(error) {
                Stop::Refused(mut refusal) if just_expired && refusal.status == 413 => {
                    refusal.status = 401;
                    Stop::Refused(refusal)
                }
                stop => stop,
            }),
        }
    }

    /// Counts bytes of a body whose length was not announced towards the limits of their session, project and address.
    pub fn charge_received(&mut self, bytes: u64) {
        let RequestBuffers { head, buf, .. } = self.io.work();
        gate::received(self.core, self.conn, RequestHead::new(head, buf), &self.facts, bytes);
    }

    /// The same for a piece of a body that is charged as it comes.
    pub fn charge_piece(&mut self, bytes: u64) {
        let RequestBuffers { head, buf, .. } = self.io.work();
        gate::piece(self.core, self.conn, RequestHead::new(head, buf), &self.facts, bytes);
    }

    async fn receive_body(&mut self, limit: u64) -> Result<BodyRange, BodyError> {
        if let Some(range) = self.io.take_received_body() {
            return Ok(range);
        }
        self.body = BodyState::Begun;
        let body = self.io.begin_body(limit).await?;
        self.io.receive_body(body).await
    }

    /// Begins a body that is read piece by piece, with `100 Continue` where the client waits for it.
    pub async fn begin_body(&mut self, limit: u64) -> Result<IncomingBody, Stop> {
        self.body = BodyState::Begun;
        self.io.begin_body(limit).await.map_err(stopped_by)
    }

    /// The next piece of a body that is not kept. `None`: that was all.
    pub async fn next_piece(&mut self, body: &mut IncomingBody) -> Result<Option<Bytes>, BodyError> {
        let piece = self.io.receive_piece(body).await?;
        if piece.is_none() {
            self.body = BodyState::Consumed(body.consumed());
        }
        Ok(piece)
    }

    /// Reads on until `bytes` of a body stand in the buffer, or its end has come (true).
    pub async fn fill_piece(&mut self, body: &mut IncomingBody, bytes: usize) -> Result<bool, Stop> {
        self.io.fill_piece(body, bytes).await.map_err(stopped_by)
    }

    /// What of a body stands in the buffer, and a buffer for the extension of its record.
    pub fn piece(&mut self, body: &IncomingBody) -> (&[u8], &mut Vec<u8>) {
        let RequestBuffers { buf, ext, .. } = self.io.work();
        (&buf[body.range()], ext)
    }

    /// Drops what of a body stands in the buffer. `ended`: nothing more of it follows.
    pub fn drop_piece(&mut self, body: &mut IncomingBody, ended: bool) {
        body.take(body.range().len(), &mut self.io.work().buf);
        if ended {
            self.body = BodyState::Consumed(body.consumed());
        }
    }

    /// Counts what the request holds beside its received bytes, before it has to wait.
    pub fn count_buffers(&mut self) {
        self.io.count();
    }

    /// Keeps memory charged until the answer has been sent.
    pub fn hold_until_answered(&mut self, charge: Charge) {
        self.charge = Some(charge);
    }
}

/// What a body that could not be read does to its request.
pub fn stopped_by(error: BodyError) -> Stop {
    Stop::Refused(match error {
        BodyError::Gone(Gone::Closed) => return Stop::Gone,
        BodyError::Reject(reject) if reject.status == 413 => Refusal::new(413, Reason::BodyTooLarge, TOO_LARGE),
        BodyError::Reject(reject) => Refusal::new(reject.status, Reason::Framing, reject.reason),
        BodyError::Gone(Gone::TimedOut) => Refusal::new(408, Reason::BodyTimeout, "the body came too slowly"),
        BodyError::Gone(Gone::NoMemory) => {
            Refusal::new(503, Reason::BytesInFlight, "too many bytes in flight, try again")
        }
    })
}
