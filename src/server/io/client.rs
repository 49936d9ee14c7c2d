//! Receiving and sending on one connection: buffers from the pool, deadlines from the sweep.

use std::rc::Rc;

use bytes::Bytes;
use monoio::buf::{IoBuf, IoBufMut};
use monoio::net::TcpStream;

use crate::config::BUFFER_BYTES_MIN;
use crate::http::response::CONTINUE;
use crate::http::{Body, BodyStatus, Framing, HeadStatus, Reject, decode_head};
use crate::server::core::conn::{Conn, Order, Phase};
use crate::server::core::inbox::BegunRequest;
use crate::server::core::state::Core;
use crate::server::memory::pool::{BodyRange, Pool, RequestBuffers};
use crate::server::memory::shares::Account;
use crate::server::store::commit::wait_for_memory;

use super::body::{BodyError, Gone, IncomingBody};
use super::proxy_header;
use super::proxy_header::{HeaderError, HeaderStatus};
use super::transport::Transport;

/// The most bytes taken out of the buffer at once.
pub const PIECE_BYTES_MAX: usize = 64 * 1024;

/// Why there is no PROXY header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyHeaderError {
    /// The bytes are not a PROXY header.
    Invalid(HeaderError),
    /// The connection ended.
    Gone {
        /// How.
        gone: Gone,
        /// Part of it had arrived.
        begun: bool,
    },
}

/// The result of waiting for a head.
pub enum Received {
    /// A whole head is at the start of the buffer.
    Head,
    /// The client sent something that is not HTTP.
    Reject(Reject),
    /// The connection ended.
    Gone(Gone),
}

/// One connection's socket with its buffers.
pub struct ClientIo {
    transport: Transport,
    core: Rc<Core>,
    conn: Rc<Conn>,
    work: Option<Box<RequestBuffers>>,
    /// The size that the last request needed, because the next one is likely to need the same.
    hint_bytes: usize,
    /// The body of a request that another core has received.
    body: Option<BodyRange>,
    /// What its buffer takes of its project's share.
    account: Account,
}

impl ClientIo {
    /// Wraps an accepted socket.
    pub fn new(stream: TcpStream, core: Rc<Core>, conn: Rc<Conn>) -> Self {
        Self {
            transport: Transport::new(stream),
            core,
            conn,
            work: None,
            hint_bytes: BUFFER_BYTES_MIN,
            body: None,
            account: Account::default(),
        }
    }

    /// The buffers of the request in progress.
    pub fn work(&mut self) -> &mut RequestBuffers {
        let (core, hint) = (&self.core, self.hint_bytes);
        self.work.get_or_insert_with(|| core.pool.take(hint))
    }

    /// Waits for the next request's head.
    pub async fn receive_head(&mut self) -> Received {
        let limits = self.core.limits;
        self.conn.enter(Phase::Idle, self.core.now_ms());
        loop {
            if let Some(work) = &mut self.work
                && !work.buf.is_empty()
            {
                match decode_head(&work.buf, &limits, &mut work.head) {
                    Ok(HeadStatus::Complete) => return Received::Head,
                    Ok(HeadStatus::Partial) if self.conn.phase.get() == Phase::Idle => {
                        self.conn.enter(Phase::Head, self.core.now_ms());
                    }
                    Ok(HeadStatus::Partial) => {}
                    Err(reject) => return Received::Reject(reject),
                }
            }
            if let Err(gone) = self.fill(0).await {
                return Received::Gone(gone);
            }
        }
    }

    /// Continues a request that another core has begun.
    pub async fn resume(&mut self, request: BegunRequest) -> Received {
        self.conn.resume(request.held_ms, request.served);
        let mut copied = 0;
        while copied < request.bytes.len() {
            if let Err(gone) = self.make_room(request.bytes.len() - copied).await {
                return Received::Gone(gone);
            }
            let buf = &mut self.work().buf;
            let end = request.bytes.len().min(copied + buf.capacity() - buf.len());
            buf.extend_from_slice(&request.bytes[copied..end]);
            copied = end;
        }
        self.body = request.body;
        drop(request);
        self.receive_head().await
    }

    /// The body of the request, if another core has received it. Returned once.
    pub fn take_received_body(&mut self) -> Option<BodyRange> {
        self.body.take()
    }

    /// The connection.
    pub fn conn(&self) -> Rc<Conn> {
        Rc::clone(&self.conn)
    }

    /// Receives the PROXY header at the start of the connection, and takes over the client's address from it.
    pub async fn receive_proxy_header(&mut self) -> Result<(), ProxyHeaderError> {
        self.conn.enter(Phase::Greeting, self.core.now_ms());
        loop {
            let buf = &mut self.work().buf;
            match proxy_header::read(buf).map_err(ProxyHeaderError::Invalid)? {
                HeaderStatus::Complete { bytes, client } => {
                    buf.remove(0..bytes);
                    if let Some(client) = client {
                        self.conn.peer.set(client);
                    }
                    return Ok(());
                }
                HeaderStatus::Partial => {
                    let begun = !buf.is_empty();
                    self.fill(0).await.map_err(|gone| ProxyHeaderError::Gone { gone, begun })?;
                }
            }
        }
    }

    /// Whether another core has received the request's body.
    pub fn has_received_body(&self) -> bool {
        self.body.is_some()
    }

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
                BodyStatus::More { want } => self.fill(want).await.map_err(BodyError::Gone)?,
            }
            self.conn.progress_bytes.set(body.range().len() as u64);
        }
    }

    /// The next piece of a body that is not kept: it is removed from the buffer. `None` at the end; what follows the body in the buffer
    /// begins at [`IncomingBody::consumed`].
    pub async fn receive_piece(&mut self, body: &mut IncomingBody) -> Result<Option<Bytes>, BodyError> {
        if self.conn.phase.get() != Phase::Body {
            self.conn.enter(Phase::Body, self.core.now_ms());
        }
        loop {
            let work = self.work();
            let status = body.advance(&mut work.buf)?;
            let range = body.range();
            let count = range.len().min(PIECE_BYTES_MAX);
            if count > 0 {
                let piece = Bytes::copy_from_slice(&work.buf[range.start..range.start + count]);
                body.take(count, &mut work.buf);
                self.conn.progress_bytes.set(body.received());
                return Ok(Some(piece));
            }
            match status {
                BodyStatus::Done => return Ok(None),
                BodyStatus::More { want } => self.fill(want).await.map_err(BodyError::Gone)?,
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

    /// Receives some bytes after those in the buffer, with room for at least `want` more.
    async fn fill(&mut self, want: usize) -> Result<(), Gone> {
        let mut woken = false;
        loop {
            match self.conn.order.get() {
                Order::TimedOut => return Err(Gone::TimedOut),
                Order::Evict => return Err(Gone::Closed),
                // A request that has begun is finished; bytes that have already arrived are still read.
                Order::Close if self.idle() && !woken && !self.transport.has_arrived() => return Err(Gone::Closed),
                Order::Reclaim => {
                    self.conn.order.set(Order::None);
                    if self.idle() {
                        self.wait_without_buffer().await?;
                        woken = true;
                    }
                }
                Order::Close | Order::None => {}
            }
            self.make_room(want).await?;
            let buf = self.work().buf.lend();
            let (begin, end) = (buf.len(), buf.capacity());
            let handle = self.conn.canceller.borrow().as_ref().map(|c| c.handle());
            let Some(handle) = handle else { return Err(Gone::Closed) };
            self.conn.holds_buffer.set(true);
            let (result, slice) = self.transport.read(buf.slice_mut(begin..end), handle).await;
            self.conn.holds_buffer.set(false);
            self.work().buf.take_back(slice.into_inner());
            match result {
                Ok(0) => return Err(Gone::Closed),
                Ok(received) => {
                    self.core.metrics.received_bytes.add(received as u64);
                    return Ok(());
                }
                Err(error) if error.raw_os_error() == Some(libc::ECANCELED) => {}
                Err(_) => return Err(Gone::Closed),
            }
        }
    }

    /// Whether more has come from the client than the request in the buffer, which takes `consumed` bytes of it.
    pub fn has_pipelined_input(&self, consumed: usize) -> bool {
        self.work.as_ref().is_some_and(|work| work.buf.len() > consumed) || self.transport.has_arrived()
    }

    fn idle(&self) -> bool {
        self.conn.phase.get() == Phase::Idle && self.work.as_ref().is_none_or(|work| work.buf.is_empty())
    }

    /// An idle connection owns no buffer: it releases it and waits for readiness instead.
    async fn wait_without_buffer(&mut self) -> Result<(), Gone> {
        self.release();
        self.hint_bytes = BUFFER_BYTES_MIN;
        self.transport.readable().await.map_err(|_| Gone::Closed)
    }

    async fn make_room(&mut self, want: usize) -> Result<(), Gone> {
        loop {
            let core = Rc::clone(&self.core);
            let work = self.work();
            // Memory follows what has arrived, not what was announced: a large Content-Length alone gets no large buffer.
            let len = work.buf.len();
            let needed = (len + want.clamp(1, 3 * len.max(BUFFER_BYTES_MIN))).max(BUFFER_BYTES_MIN);
            // If that is not available, room for the next bytes is enough. No request waits while it has room for them.
            if self.grow(needed) || len < self.work().buf.capacity() || self.grow(len + 1) {
                self.work().buf.make_room(needed - len);
                return Ok(());
            }
            if !wait_for_memory(&core, &self.conn).await {
                return Err(Gone::NoMemory);
            }
        }
    }

    /// Grows the buffer, if the budget and its project's share allow it now.
    fn grow(&mut self, needed: usize) -> bool {
        let core = Rc::clone(&self.core);
        let grows = needed > self.work().buf.capacity();
        let (project, cost) = (self.conn.project.get(), Pool::cost(needed));
        let grown = (!grows || core.shares.allow(&self.account, project, cost))
            && core.pool.grow(&mut self.work().buf, needed).is_ok();
        if grown {
            self.note_share();
        }
        grown
    }

    /// Updates what the buffer takes of its project's share.
    fn note_share(&mut self) {
        let bytes = self.work.as_ref().map_or(0, |work| Pool::cost(work.buf.capacity()));
        self.core.shares.note(&mut self.account, self.conn.project.get(), bytes);
    }

    /// Removes the first `consumed` bytes: the request has been answered.
    pub fn finish_request(&mut self, consumed: usize) {
        let hint = self.hint_bytes;
        let core = Rc::clone(&self.core);
        self.conn.served.set(true);
        self.conn.renew_patience();
        if self.conn.order.get() == Order::TimedOut {
            // It was late, but it arrived.
            self.conn.order.set(Order::None);
        }
        let Some(work) = &mut self.work else { return };
        work.head.reset();
        if consumed >= work.buf.len() {
            work.buf.clear();
            if core.pool.shrink(&mut work.buf, hint) {
                core.waiters.memory_came_back(&core.shares);
            }
        } else {
            work.buf.remove(0..consumed);
        }
        core.pool.clear_side_buffers(work);
        self.note_share();
    }

    /// Sends the out buffer.
    pub async fn send(&mut self) -> Result<(), Gone> {
        self.conn.enter(Phase::Writing, self.core.now_ms());
        self.count();
        let mut out = std::mem::take(&mut self.work().out);
        let mut sent = 0;
        while sent < out.len() {
            let (result, slice) = self.transport.write(out.slice(sent..)).await;
            out = slice.into_inner();
            match result {
                Ok(0) | Err(_) => return Err(Gone::Closed),
                Ok(n) => sent += n,
            }
            self.conn.since_ms.set(self.core.now_ms());
        }
        out.clear();
        self.work().out = out;
        Ok(())
    }

    /// Counts the side buffers of the request, before it has to wait.
    pub fn count(&mut self) {
        if let Some(work) = &mut self.work {
            self.core.pool.count(work);
        }
    }

    /// Closes our sending side, then reads and drops what the client still sends, within `limit_bytes` and the sweep's deadline: closing at
    /// once would reset the connection and could lose the answer.
    pub async fn linger(&mut self, limit_bytes: usize) {
        self.conn.enter(Phase::Lingering, self.core.now_ms());
        self.conn.order.set(Order::None);
        // Others need the large buffer of a refused request.
        self.release();
        self.hint_bytes = BUFFER_BYTES_MIN;
        if self.transport.shutdown().await.is_err() {
            return;
        }
        let mut dropped = 0;
        while dropped < limit_bytes {
            let work = self.work();
            work.buf.clear();
            if self.fill(1).await.is_err() {
                return;
            }
            dropped += self.work().buf.len();
        }
    }

    /// Gives the buffers back to the pool.
    pub fn release(&mut self) {
        if let Some(work) = self.work.take() {
            self.core.pool.put(work);
            self.core.shares.note(&mut self.account, 0, 0);
            self.core.waiters.memory_came_back(&self.core.shares);
        }
    }
}

impl Drop for ClientIo {
    fn drop(&mut self) {
        self.release();
    }
}
