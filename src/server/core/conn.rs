//! What a core knows about one connection: enough to sweep it, wake it and close it.

use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::os::fd::RawFd;
use std::rc::Rc;
use std::task::Waker;

use nix::sys::socket::Shutdown;

use super::inbox::Ticket;
use super::known_head::KnownHead;
use super::waker_slot::WakerSlot;
use crate::log::Seq;
use crate::session::SessionId;
use crate::session::token::Token;

/// What a connection is doing; it decides which deadline applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Before the first request: waiting for a PROXY header.
    Greeting,
    /// Between requests, with nothing received yet.
    Idle,
    /// Part of a head has arrived.
    Head,
    /// A body is being received.
    Body,
    /// Waiting for the log, for memory, for a turn or for a slot.
    Storing,
    /// The answer is being sent.
    Writing,
    /// The answer is sent; whatever else the client sends is read and dropped.
    Lingering,
}

/// What the sweep tells a connection that it has interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Go on.
    None,
    /// Give the buffer back and wait without one.
    Reclaim,
    /// The client was too slow: answer 408 and close.
    TimedOut,
    /// Close after finishing what has begun: idle for too long, over the cap, or the server stops.
    Close,
    /// Close and abandon what has begun: others need the room.
    Evict,
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitOutcome {
    /// There is no wait.
    Nothing,
    /// It has not ended.
    Pending,
    /// The record is as safe as `ack` promises.
    Stored,
    /// A segment failed: append the records again, from the first that was lost.
    Lost,
    /// There may be room or memory now: try again.
    Retry,
    /// The request's patience is used up.
    TimedOut,
}

/// Whether the client of a waiting request is still there, as far as its socket tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It is connected.
    Connected,
    /// It has closed its sending side, and memory is short: it is refused at once, for lack of memory.
    HalfClosed,
    /// It has closed or reset the connection and will read no answer.
    Gone,
}

/// What there is to receive on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Arrived {
    /// Nothing, as far as is known.
    Nothing,
    /// Bytes.
    Bytes,
    /// The last bytes, or none, and then the end. The kernel does not tell it a second time.
    End,
}

/// The last token that was verified on a connection. Trackers send the same one with each batch.
pub struct TokenMemo {
    text: [u8; TOKEN_BYTES_MAX],
    len: u8,
    generation: u64,
    token: Token,
}

/// Longer tokens are verified each time. The longest valid one has 89 bytes.
const TOKEN_BYTES_MAX: usize = 120;

impl TokenMemo {
    /// An empty memo.
    pub const fn empty() -> Self {
        Self {
            text: [0; TOKEN_BYTES_MAX],
            len: 0,
            generation: 0,
            token: Token { session: SessionId(0), delay_ms: 0, expires_ms: 0 },
        }
    }

    /// The token, if exactly this text was verified with these secrets.
    #[inline]
    pub fn get(&self, text: &[u8], generation: u64) -> Option<Token> {
        let known = self.len > 0 && self.generation == generation && text == &self.text[..usize::from(self.len)];
        known.then_some(self.token)
    }

    /// Remembers a verified token.
    pub fn set(&mut self, text: &[u8], generation: u64, token: Token) {
        if text.len() <= TOKEN_BYTES_MAX {
            self.text[..text.len()].copy_from_slice(text);
            self.len = text.len() as u8;
            self.generation = generation;
            self.token = token;
        }
    }
}

/// One connection, shared by its task, the sweep and the commit task of its core.
pub struct Conn {
    /// The socket. Valid as long as the connection is in [`Conns`].
    pub fd: RawFd,
    /// The peer's address, or the one given by a PROXY header.
    pub peer: Cell<IpAddr>,
    /// The project of its last request, 0 if unknown.
    pub project: Cell<u32>,
    /// What it is doing.
    pub phase: Cell<Phase>,
    /// When the phase began, on the core's coarse clock.
    pub since_ms: Cell<u64>,
    /// How long the current request has been held in all waits that have ended, in ms.
    held_ms: Cell<u64>,
    /// When the current wait began, on the core's coarse clock.
    hold_began_ms: Cell<Option<u64>>,
    /// Body bytes received, or answer bytes sent, in this phase.
    pub progress_bytes: Cell<u64>,
    /// While a body is received, since when its client counts as too slow: after a grace period it is refused. Received bytes move this
    /// forward, but never beyond the present.
    pub slow_since_ms: Cell<u64>,
    /// How much of the progress has been credited.
    credited_bytes: Cell<u64>,
    /// At least one request has been answered.
    pub served: Cell<bool>,
    /// Accepted beyond the cap: it has to wait for a slot.
    pub over_cap: Cell<bool>,
    /// Set by the sweep, read by the task.
    pub order: Cell<Order>,
    /// The records that the task waits for, first and last; zeros if none.
    pub seqs: Cell<(Seq, Seq)>,
    /// The first of them that was lost; 0 if none so far.
    pub lost_from: Cell<Seq>,
    /// How the wait ended.
    pub outcome: Cell<WaitOutcome>,
    /// Wakes the task.
    waker: WakerSlot,
    /// What was found out about its last head.
    pub known: Cell<KnownHead>,
    /// The last verified token.
    memo: RefCell<Option<Box<TokenMemo>>>,
    /// It waits to receive, and holds what requests need.
    pub holds_buffer: Cell<bool>,
    /// Whether its client is still there.
    pub presence: Cell<Presence>,
    /// Its reservation at another core.
    pub ticket: RefCell<Option<Box<Ticket>>>,
    /// What there is to receive, as far as the kernel has told.
    arrived: Cell<Arrived>,
}

impl Conn {
    /// A connection that has just been accepted.
    pub fn new(fd: RawFd, peer: IpAddr, now_ms: u64, over_cap: bool) -> Self {
        Self {
            fd,
            peer: Cell::new(peer),
            project: Cell::new(0),
            phase: Cell::new(Phase::Idle),
            since_ms: Cell::new(now_ms),
            held_ms: Cell::new(0),
            hold_began_ms: Cell::new(None),
            progress_bytes: Cell::new(0),
            slow_since_ms: Cell::new(now_ms),
            credited_bytes: Cell::new(0),
            served: Cell::new(false),
            over_cap: Cell::new(over_cap),
            order: Cell::new(Order::None),
            seqs: Cell::new((Seq(0), Seq(0))),
            lost_from: Cell::new(Seq(0)),
            outcome: Cell::new(WaitOutcome::Nothing),
            waker: WakerSlot::default(),
            known: Cell::default(),
            memo: RefCell::new(None),
            holds_buffer: Cell::new(false),
            presence: Cell::new(Presence::Connected),
            ticket: RefCell::new(None),
            arrived: Cell::new(Arrived::Nothing),
        }
    }

    /// Forgets what only requests need. It is made again with the next one.
    pub fn rest(&self) {
        self.memo.replace(None);
    }

    /// The last token that was verified on this connection, if exactly this text was verified with these secrets.
    #[inline]
    pub fn known_token(&self, text: &[u8], generation: u64) -> Option<Token> {
        self.memo.borrow().as_ref().and_then(|memo| memo.get(text, generation))
    }

    /// Remembers a verified token.
    pub fn remember_token(&self, text: &[u8], generation: u64, token: Token) {
        self.memo.borrow_mut().get_or_insert_with(|| Box::new(TokenMemo::empty())).set(text, generation, token);
    }

    /// Enters a phase; its deadline starts now.
    #[inline]
    pub fn enter(&self, phase: Phase, now_ms: u64) {
        self.phase.set(phase);
        self.since_ms.set(now_ms);
        self.slow_since_ms.set(now_ms);
        self.credited_bytes.set(0);
        self.progress_bytes.set(0);
    }

    /// Starts a new patience: for a new request, or after a piece of an upload that is stored as it arrives.
    pub fn renew_patience(&self) {
        self.held_ms.set(0);
        self.hold_began_ms.set(None);
        self.presence.set(Presence::Connected);
    }

    /// Continues a connection from another core, where its request was held for `held_ms`.
    pub fn resume(&self, held_ms: u64, served: bool) {
        self.held_ms.set(held_ms);
        self.served.set(served);
    }

    /// Begins a wait for the log, for memory, for a turn or for a slot. All waits of a request share one patience. The time that the client
    /// takes between two waits does not count, so the phase's age is set to the sum of the waits.
    #[inline]
    pub fn begin_hold(&self, now_ms: u64) {
        let held_ms = self.held_ms(now_ms);
        self.held_ms.set(held_ms);
        self.hold_began_ms.set(Some(now_ms));
        self.phase.set(Phase::Storing);
        self.since_ms.set(now_ms.saturating_sub(held_ms));
    }

    /// The wait is over.
    #[inline]
    pub fn end_hold(&self, now_ms: u64) {
        self.held_ms.set(self.held_ms(now_ms));
        self.hold_began_ms.set(None);
        self.outcome.set(WaitOutcome::Nothing);
    }

    /// How long this request has been held so far, in ms.
    #[inline]
    pub fn held_ms(&self, now_ms: u64) -> u64 {
        let running_ms = self.hold_began_ms.get().map_or(0, |began_ms| now_ms.saturating_sub(began_ms));
        self.held_ms.get() + running_ms
    }

    /// Whether the client sends its body too slowly: for longer than `grace_ms` below `rate` bytes a second. A fast beginning earns no
    /// credit for later: a client that holds memory has to keep sending.
    pub fn is_too_slow(&self, now_ms: u64, grace_ms: u64, rate: u64) -> bool {
        let progress = self.progress_bytes.get();
        let earned_ms =
            progress.saturating_sub(self.credited_bytes.replace(progress)).saturating_mul(1000) / rate.max(1);
        let since_ms = self.slow_since_ms.get().saturating_add(earned_ms).min(now_ms);
        self.slow_since_ms.set(since_ms);
        now_ms - since_ms > grace_ms
    }

    /// Whether it waits for the log or for memory. A request that was woken to try again has not got it yet.
    pub fn is_waiting(&self) -> bool {
        self.phase.get() == Phase::Storing && matches!(self.outcome.get(), WaitOutcome::Pending | WaitOutcome::Retry)
    }

    /// The log has settled the record `seq`: it is lost, or as safe as `ack` promises. The last record of the wait ends it. Called in
    /// record order, and also for records that this connection no longer waits for: it may have run out of patience and be waiting for
    /// something else.
    #[inline]
    pub fn on_record_settled(&self, seq: Seq, lost: bool) {
        let (first, last) = self.seqs.get();
        debug_assert!(first <= last, "a wait is for a range of records");
        if self.phase.get() != Phase::Storing || seq < first || last < seq {
            return;
        }
        if lost && self.lost_from.get() == Seq(0) {
            self.lost_from.set(seq);
        }
        if seq == last {
            self.settle(if self.lost_from.get() == Seq(0) { WaitOutcome::Stored } else { WaitOutcome::Lost });
        }
    }

    /// There may be room or memory now: ends the wait if the connection waits for that.
    pub fn retry(&self) {
        if self.seqs.get().1 == Seq(0) {
            self.settle(WaitOutcome::Retry);
        }
    }

    /// Whether [`Conn::retry`] would wake it.
    pub fn waits_for_retry(&self) -> bool {
        self.outcome.get() == WaitOutcome::Pending && self.seqs.get().1 == Seq(0)
    }

    /// Ends the wait with this outcome, if there is one.
    #[inline]
    pub fn settle(&self, outcome: WaitOutcome) {
        debug_assert!(
            !matches!(outcome, WaitOutcome::Nothing | WaitOutcome::Pending),
            "a wait does not end as {outcome:?}"
        );
        if self.outcome.get() == WaitOutcome::Pending {
            self.outcome.set(outcome);
            self.waker.wake();
        }
    }

    /// Remembers what wakes the connection's task.
    #[inline]
    pub fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    /// The client has gone or is leaving: ends any wait. Records that were appended stay in the log.
    pub fn abandon(&self, presence: Presence) {
        self.presence.set(presence);
        self.settle(WaitOutcome::TimedOut);
    }

    /// Whether the client is gone or about to be shed, so that waiting is pointless.
    pub fn is_abandoned(&self) -> bool {
        self.presence.get() != Presence::Connected
    }

    /// Bytes have arrived; `ended`: or they were the last.
    #[inline]
    pub fn arrives(&self, ended: bool) {
        let arrived = if ended { Arrived::End } else { Arrived::Bytes };
        self.arrived.set(self.arrived.get().max(arrived));
        self.waker.wake();
    }

    /// Whether a receive may find something.
    #[inline]
    pub fn has_arrived(&self) -> bool {
        self.arrived.get() != Arrived::Nothing
    }

    /// A receive found less than it asked for: whatever comes later is told anew.
    #[inline]
    pub fn has_received_all(&self) {
        if self.arrived.get() == Arrived::Bytes {
            self.arrived.set(Arrived::Nothing);
        }
    }

    /// A receive found nothing at all.
    #[inline]
    pub fn has_nothing(&self) {
        self.arrived.set(Arrived::Nothing);
    }

    /// Makes the task act on an order now, if it waits to receive.
    pub fn interrupt(&self, order: Order) {
        if self.order.replace(order) != order {
            self.waker.wake();
        }
    }

    /// The connection is about to be closed, and its answers say so.
    pub fn closing(&self) -> bool {
        matches!(self.order.get(), Order::Close | Order::Evict)
    }

    /// Aborts the connection.
    pub fn abort(&self) {
        self.order.set(Order::Close);
        let _ = nix::sys::socket::shutdown(self.fd, Shutdown::Both);
    }
}

/// All connections of a core.
#[derive(Default)]
pub struct Conns {
    slots: RefCell<Vec<Option<Rc<Conn>>>>,
    free: RefCell<Vec<usize>>,
    count: Cell<usize>,
    added: Cell<u64>,
}

impl Conns {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.count.get()
    }

    /// How many have ever been added.
    pub fn added(&self) -> u64 {
        self.added.get()
    }

    /// Adds one; the key removes it.
    pub fn insert(&self, conn: Rc<Conn>) -> usize {
        self.count.set(self.count.get() + 1);
        self.added.set(self.added.get() + 1);
        let mut slots = self.slots.borrow_mut();
        if let Some(key) = self.free.borrow_mut().pop() {
            let before = slots[key].replace(conn);
            assert!(before.is_none(), "a free slot is empty");
            return key;
        }
        slots.push(Some(conn));
        slots.len() - 1
    }

    /// Removes one.
    pub fn remove(&self, key: usize) {
        let removed = self.slots.borrow_mut()[key].take();
        debug_assert!(removed.is_some(), "a connection is removed once");
        if removed.is_some() {
            self.count.set(self.count.get() - 1);
            self.free.borrow_mut().push(key);
        }
    }

    /// Calls `visit` for each.
    pub fn for_each(&self, mut visit: impl FnMut(&Rc<Conn>)) {
        for conn in self.slots.borrow().iter().flatten() {
            visit(conn);
        }
    }

    /// Calls `visit` for each, with its key.
    pub fn for_each_key(&self, mut visit: impl FnMut(usize, &Conn)) {
        for (key, conn) in self.slots.borrow().iter().enumerate() {
            if let Some(conn) = conn {
                visit(key, conn);
            }
        }
    }

    /// Applies `look` to the connection with this key, if there is one.
    #[inline]
    pub fn with<T>(&self, key: usize, look: impl FnOnce(&Conn) -> T) -> Option<T> {
        self.slots.borrow().get(key)?.as_deref().map(look)
    }
}

#[cfg(test)]
mod tests;
