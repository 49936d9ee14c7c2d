//! Receiving and sending on one connection: buffers from the pool, deadlines from the sweep.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use monoio::net::TcpStream;

use crate::config::{BUFFER_BYTES, BUFFER_BYTES_MIN};
use crate::http::{HeadStatus, Reject, decode_head};
use crate::server::core::conn::{Conn, Order, Phase};
use crate::server::core::inbox::BegunRequest;
use crate::server::core::state::Core;
use crate::server::memory::pool::{BodyRange, Pool, RequestBuffers};
use crate::server::memory::shares::Account;
use crate::server::store::commit::wait_for_memory;

use super::body::Gone;
use super::proxy_header;
use super::proxy_header::{HeaderError, HeaderStatus};
use super::transport::Transport;

mod bodies;

/// The most that is expected of a body that is not kept, so that it is received in as few pieces as are worth their memory.
const PIECE_BYTES_MAX: usize = BUFFER_BYTES[1];

/// A client that always has bytes ready gives way to others after so many receives.
const STREAK_MAX: u32 = 16;

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
    /// Nothing has come for a while, and the connection holds what others may need: it rests.
    Nothing,
    /// The connection ended.
    Gone(Gone),
}

/// How an attempt to receive ended.
enum Filled {
    /// Some bytes have come.
    Bytes,
    /// None have come for a while, and none are waited for: the connection is idle.
    Idle,
}

/// One connection's socket with its buffers.
pub struct ClientIo {
    transport: Transport,
    core: Rc<Core>,
    conn: Rc<Conn>,
    work: Option<Box<RequestBuffers>>,
    /// The size that the last request needed, because the next one is likely to need the same.
    hint_bytes: usize,
    /// Receives in a row without a wait.
    streak: u32,
    /// The body of a request that another core has received. That is rare, so it takes little room.
    body: Option<Box<BodyRange>>,
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
            streak: 0,
            body: None,
            account: Account::default(),
        }
    }

    /// The buffers of the request in progress.
    #[inline]
    pub fn work(&mut self) -> &mut RequestBuffers {
        if self.work.is_none() {
            self.take_work();
        }
        self.work.as_mut().expect("it was just taken")
    }

    #[cold]
    fn take_work(&mut self) {
        self.work = Some(self.core.pool.take(self.hint_bytes));
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
            match self.fill(0).await {
                Ok(Filled::Bytes) => {}
                Ok(Filled::Idle) => return Received::Nothing,
                Err(gone) => return Received::Gone(gone),
            }
        }
    }

    /// Gives back what requests need, and waits until there is something to receive or to do.
    pub async fn rest(&mut self) {
        self.release();
        self.hint_bytes = BUFFER_BYTES_MIN;
        self.conn.rest();
        self.wait_for_arrival(Order::None).await;
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
        self.body = request.body.map(Box::new);
        drop(request);
        self.receive_head().await
    }

    /// The body of the request, if another core has received it. Returned once.
    pub fn take_received_body(&mut self) -> Option<BodyRange> {
        self.body.take().map(|body| *body)
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

    /// Receives some bytes after those in the buffer, with room for at least `want` more.
    async fn fill(&mut self, want: usize) -> Result<Filled, Gone> {
        loop {
            let order = self.conn.order.get();
            match order {
                Order::TimedOut => return Err(Gone::TimedOut),
                Order::Evict => return Err(Gone::Closed),
                // A request that has begun is finished; bytes that have already arrived are still read.
                Order::Close if self.idle() && !self.transport.has_arrived() => return Err(Gone::Closed),
                Order::Reclaim => {
                    self.conn.order.set(Order::None);
                    if self.idle() {
                        return Ok(Filled::Idle);
                    }
                    continue;
                }
                Order::Close | Order::None => {}
            }
            if !self.conn.has_arrived() || self.streak >= STREAK_MAX {
                self.conn.holds_buffer.set(true);
                let arrived = self.wait_for_arrival(order).await;
                self.conn.holds_buffer.set(false);
                if !arrived {
                    continue;
                }
            }
            if !self.has_room(want) {
                self.make_room(want).await?;
            }
            let Self { transport, conn, work: Some(work), streak, .. } = self else { continue };
            let room = work.buf.room();
            let asked = room.len();
            *streak += 1;
            match transport.receive(room) {
                Ok(0) => return Err(Gone::Closed),
                Ok(received) => {
                    if received < asked {
                        conn.has_received_all();
                    }
                    work.buf.received(received);
                    self.core.metrics.received_bytes.add(received as u64);
                    return Ok(Filled::Bytes);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => conn.has_nothing(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(Gone::Closed),
            }
        }
    }

    /// Waits until there is something to receive; after many receives in a row, until the others have had their turn. Returns `false` as soon as the order
    /// is another one than `seen`.
    async fn wait_for_arrival(&mut self, seen: Order) -> bool {
        let gives_way = std::mem::take(&mut self.streak) >= STREAK_MAX;
        Arrival { conn: &self.conn, seen, gives_way }.await
    }

    /// Whether more has come from the client than the request in the buffer, which takes `consumed` bytes of it.
    pub fn has_pipelined_input(&self, consumed: usize) -> bool {
        self.work.as_ref().is_some_and(|work| work.buf.len() > consumed) || self.transport.has_arrived()
    }

    fn idle(&self) -> bool {
        self.conn.phase.get() == Phase::Idle && self.work.as_ref().is_none_or(|work| work.buf.is_empty())
    }

    /// How large the buffer should be to receive `want` more bytes. Memory follows what has arrived, not what was announced: a large
    /// Content-Length alone gets no large buffer.
    #[inline]
    fn needed(len: usize, want: usize) -> usize {
        (len + want.clamp(1, 3 * len.max(BUFFER_BYTES_MIN))).max(BUFFER_BYTES_MIN)
    }

    /// Whether a buffer of the smallest class, which is counted for nobody, is there and has room.
    #[inline]
    fn has_room(&mut self, want: usize) -> bool {
        let Some(work) = &mut self.work else { return false };
        let (len, capacity) = (work.buf.len(), work.buf.capacity());
        let needed = Self::needed(len, want);
        let has = capacity == BUFFER_BYTES_MIN && needed <= capacity;
        if has {
            work.buf.make_room(needed - len);
        }
        has
    }

    async fn make_room(&mut self, want: usize) -> Result<(), Gone> {
        loop {
            let core = Rc::clone(&self.core);
            let work = self.work();
            let len = work.buf.len();
            let needed = Self::needed(len, want);
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
        let Self { transport, core, conn, work, .. } = self;
        let Some(work) = work else { return Ok(()) };
        let mut sent = 0;
        while sent < work.out.len() {
            match transport.send(&work.out[sent..]) {
                Ok(0) => return Err(Gone::Closed),
                Ok(bytes) => sent += bytes,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    transport.writable().await.map_err(|_| Gone::Closed)?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(Gone::Closed),
            }
            conn.since_ms.set(core.now_ms());
        }
        work.out.clear();
        Ok(())
    }

    /// Counts the side buffers of the request, before it has to wait.
    #[inline]
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

/// Waits until there is something to receive: [`ClientIo::wait_for_arrival`]. Each request polls it, and the standard library does not mark
/// the poll of `poll_fn` to be inlined.
struct Arrival<'a> {
    conn: &'a Conn,
    seen: Order,
    gives_way: bool,
}

impl Future for Arrival<'_> {
    type Output = bool;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<bool> {
        self.conn.register(cx.waker());
        if std::mem::take(&mut self.gives_way) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        match self.conn.order.get() {
            order if order != self.seen => Poll::Ready(false),
            _ if self.conn.has_arrived() => Poll::Ready(true),
            _ => Poll::Pending,
        }
    }
}
