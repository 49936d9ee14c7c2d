//! One request while it is answered: what its handler may ask for and return.

use std::rc::Rc;

use crate::api::body::TOO_LARGE;
use crate::api::refusal::{Reason, Refusal};
use crate::server::core::conn::Conn;
use crate::server::core::live::Live;
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

/// A request in progress. Handlers know its core and the state of its connection, but never its socket.
pub struct Context<'a> {
    /// The core that serves it.
    pub core: &'a Rc<Core>,
    /// The connection that it came on.
    pub conn: &'a Rc<Conn>,
    /// What is known about it so far.
    pub facts: RequestFacts,
    /// The settings that it goes by, from its head to its answer.
    pub live: Rc<Live>,
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
    /// It has begun and not ended, so nothing after it can be read.
    Begun,
    /// To its end. It is in the buffer.
    Received(BodyRange),
    /// To its end, piece by piece; the next request begins at this byte of the buffer.
    Consumed(usize),
}

/// The parts of a request whose body has been received, for callers that need several of them at once.
pub struct Parts<'p> {
    /// The head.
    pub head: RequestHead<'p>,
    /// The body.
    pub body: &'p [u8],
    /// For the extension of the request's record.
    pub ext: &'p mut Vec<u8>,
    /// For the record's payload, if that is not the body.
    pub payload: &'p mut Vec<u8>,
    /// For the body of the answer.
    pub answer: &'p mut Vec<u8>,
    /// How much of these three buffers is counted against the budget, in bytes.
    pub side_bytes: &'p mut u64,
    /// What is known about the request.
    pub facts: &'p mut RequestFacts,
    /// The settings that the request goes by.
    pub live: &'p Live,
}

impl<'a> Context<'a> {
    /// The request whose head is in the buffer.
    #[inline]
    pub fn new(io: &'a mut ClientIo, core: &'a Rc<Core>, conn: &'a Rc<Conn>) -> Self {
        let (head, live) = (&io.work().head, core.live());
        conn.known.set(conn.known.get().next(head.repeats(), live.generation));
        let facts = RequestFacts::of(head);
        Self { core, conn, facts, live, io, body: BodyState::Unread, charge: None }
    }

    /// A request whose head could not be read, and so nothing after it either.
    pub fn unreadable(io: &'a mut ClientIo, core: &'a Rc<Core>, conn: &'a Rc<Conn>) -> Self {
        io.work().head.reset();
        Self {
            core,
            conn,
            facts: RequestFacts::unreadable(),
            live: core.live(),
            io,
            body: BodyState::Begun,
            charge: None,
        }
    }

    /// The head, what is known about the request, and the settings that it goes by.
    #[inline]
    pub fn head(&mut self) -> (RequestHead<'_>, &mut RequestFacts, &Live) {
        let RequestBuffers { head, buf, .. } = self.io.work();
        (RequestHead::new(head, buf), &mut self.facts, &self.live)
    }

    /// The parts of a request whose body was received.
    #[inline]
    pub fn parts(&mut self, body: BodyRange) -> Parts<'_> {
        let RequestBuffers { head, buf, ext, payload, answer, side_bytes, .. } = self.io.work();
        let body = &buf[body.start..body.end];
        Parts {
            head: RequestHead::new(head, buf),
            body,
            ext,
            payload,
            answer,
            side_bytes,
            facts: &mut self.facts,
            live: &self.live,
        }
    }

    /// Whether another core has received the request's body, and so has already admitted it.
    pub fn was_passed_on(&self) -> bool {
        self.io.has_received_body()
    }

    /// The body, if it has been received with its head, is within `limit`, and its length was announced. That is how most batches come;
    /// others take [`Context::read_body`].
    #[inline]
    pub fn whole_body(&mut self, limit: u64) -> Option<BodyRange> {
        let range = self.io.whole_body(limit)?;
        self.body = BodyState::Received(range);
        self.facts.body_bytes = (range.end - range.start) as u64;
        Some(range)
    }

    /// Reads the whole body. Sends `100 Continue` if the client waits for it. With `just_expired` the token has just expired, and a body
    /// that is too large is answered with 401.
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

    /// Counts the bytes of a body of unannounced length against the limits of its session, project and address.
    pub fn charge_received(&mut self, bytes: u64) {
        let RequestBuffers { head, buf, .. } = self.io.work();
        gate::received(self.core, &self.live, self.conn, RequestHead::new(head, buf), &self.facts, bytes);
    }

    /// The same for a piece of a body that is charged as it arrives.
    pub fn charge_piece(&mut self, bytes: u64) {
        let RequestBuffers { head, buf, .. } = self.io.work();
        gate::piece(self.core, &self.live, self.conn, RequestHead::new(head, buf), &self.facts, bytes);
    }

    async fn receive_body(&mut self, limit: u64) -> Result<BodyRange, BodyError> {
        if let Some(range) = self.io.take_received_body() {
            return Ok(range);
        }
        self.body = BodyState::Begun;
        let body = self.io.begin_body(limit).await?;
        self.io.receive_body(body).await
    }

    /// Begins a body that is read piece by piece. Sends `100 Continue` if the client waits for it.
    pub async fn begin_body(&mut self, limit: u64) -> Result<IncomingBody, Stop> {
        self.body = BodyState::Begun;
        self.io.begin_body(limit).await.map_err(stopped_by)
    }

    /// What has been received of a body and not dropped.
    pub fn received(&mut self, body: &IncomingBody) -> &[u8] {
        &self.io.work().buf[body.range()]
    }

    /// Drops the first `dropped` bytes of a body and receives more of it. Returns `true` at its end, with nothing more.
    pub async fn receive_more(&mut self, body: &mut IncomingBody, dropped: usize) -> Result<bool, BodyError> {
        let ended = self.io.receive_more(body, dropped).await?;
        if ended {
            self.body = BodyState::Consumed(body.consumed());
        }
        Ok(ended)
    }

    /// Receives more until `bytes` of the body are in the buffer, or until its end (`true`).
    pub async fn fill_piece(&mut self, body: &mut IncomingBody, bytes: usize) -> Result<bool, Stop> {
        self.io.fill_piece(body, bytes).await.map_err(stopped_by)
    }

    /// The part of a body that is in the buffer, and a buffer for the extension of its record.
    pub fn piece(&mut self, body: &IncomingBody) -> (&[u8], &mut Vec<u8>) {
        let RequestBuffers { buf, ext, .. } = self.io.work();
        (&buf[body.range()], ext)
    }

    /// Drops the part of a body that is in the buffer. `ended`: nothing more of it follows.
    pub fn drop_piece(&mut self, body: &mut IncomingBody, ended: bool) {
        body.take(body.range().len(), &mut self.io.work().buf);
        if ended {
            self.body = BodyState::Consumed(body.consumed());
        }
    }

    /// Counts the side buffers of the request, before it has to wait.
    pub fn count_buffers(&mut self) {
        self.io.count();
    }

    /// Keeps memory charged until the answer has been sent.
    pub fn hold_until_answered(&mut self, charge: Charge) {
        self.charge = Some(charge);
    }
}

/// How a request ends whose body could not be read.
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
