//! Which connections of a core may be closed to make room, and in which order.
//!
//! A connection that has never sent a whole request, whether it is silent or stuck in half a head, costs its client nothing. So under
//! pressure it has a short life, and it goes before any that has sent one.
//!
//! Candidates are collected about once a tick, in one pass over all connections, and then taken from a list, so a flood costs each newcomer
//! next to nothing.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use crate::telemetry::Eviction;

use super::conn::{Conn, Conns, Order, Phase};

/// Under pressure, how long a connection has to send its first request, in ms.
const FIRST_REQUEST_MS: u64 = 1_000;

/// Under pressure, how long a request that arrives in pieces may stall, in ms.
const STALL_MS: u64 = 2_000;

/// The most candidates collected in one pass.
const CANDIDATES_MAX: usize = 1024;

/// Within a tick there is another pass only once one connection in this many is new, so a pass costs each newcomer about that many looks.
const RESCAN_PART: usize = 64;

/// What kind of eviction a connection is a candidate for; `None` if it is busy or has already been told to go.
pub fn kind_of(conn: &Conn, now_ms: u64) -> Option<Eviction> {
    let (order, phase) = (conn.order.get(), conn.phase.get());
    let told = matches!(order, Order::TimedOut | Order::Evict) || phase == Phase::Idle && order == Order::Close;
    if told {
        return None;
    }
    let (served, age_ms) = (conn.served.get(), now_ms.saturating_sub(conn.since_ms.get()));
    match phase {
        Phase::Idle if served => Some(Eviction::Idle),
        Phase::Idle | Phase::Greeting => Some(Eviction::Silent),
        Phase::Head if !served => Some(Eviction::Head),
        Phase::Head if age_ms > STALL_MS => Some(Eviction::LaterHead),
        Phase::Body if now_ms.saturating_sub(conn.slow_since_ms.get()) > STALL_MS => Some(Eviction::Body),
        _ => None,
    }
}

/// The order of eviction: connections without a request first, then idle ones, then stalled requests.
fn rank(kind: Eviction) -> u8 {
    match kind {
        Eviction::Silent | Eviction::Head => UNPROVEN,
        Eviction::Idle => 1,
        Eviction::LaterHead => 2,
        Eviction::Body => STALLED_BODY,
    }
}

const UNPROVEN: u8 = 0;
const STALLED_BODY: u8 = 3;

/// Why a connection has to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The cap is exceeded: connections whose time for a first request has run out.
    OverCap,
    /// The waiting room fills up: connections without a request, oldest first.
    WaitingRoom,
    /// A request needs a slot below the cap.
    Slot,
    /// Nothing else is left: any candidate.
    LastResort,
}

#[derive(Debug, Clone, Copy)]
struct Candidate {
    rank: u8,
    since_ms: u64,
    key: usize,
}

/// The connections that may be closed, first to go in front, as of one tick.
#[derive(Debug, Default)]
pub struct Evictions {
    candidates: RefCell<VecDeque<Candidate>>,
    /// The tick of the last pass.
    scanned_ms: Cell<u64>,
    /// How many connections had ever been added by then.
    added_at_scan: Cell<u64>,
    /// There were more candidates than the list holds.
    truncated: Cell<bool>,
}

impl Evictions {
    /// The next connection to evict, if any. Each is returned once.
    pub fn next(&self, conns: &Conns, now_ms: u64, need: Need) -> Option<usize> {
        if self.scanned_ms.get() != now_ms {
            self.scan(conns, now_ms);
        }
        loop {
            // Before one that has sent a request is evicted, look for newer ones that have not.
            let stale = (conns.added() - self.added_at_scan.get()) as usize > conns.count() / RESCAN_PART;
            if let Some(key) = self.take(conns, now_ms, need, stale) {
                return Some(key);
            }
            let all_used = self.truncated.get() && self.candidates.borrow().is_empty();
            if !(stale || all_used) {
                return None;
            }
            self.scan(conns, now_ms);
        }
    }

    fn take(&self, conns: &Conns, now_ms: u64, need: Need, only_unproven: bool) -> Option<usize> {
        let mut candidates = self.candidates.borrow_mut();
        let mut at = 0;
        while let Some(&candidate) = candidates.get(at) {
            // It may have sent something since, or ended.
            let over_cap = conns.with(candidate.key, |conn| {
                let same = kind_of(conn, now_ms).map(rank) == Some(candidate.rank);
                (same && conn.since_ms.get() == candidate.since_ms).then(|| conn.over_cap.get())
            });
            let Some(over_cap) = over_cap.flatten() else {
                candidates.remove(at);
                continue;
            };
            let may_go = match need {
                _ if only_unproven && candidate.rank != UNPROVEN => false,
                Need::OverCap => {
                    candidate.rank == UNPROVEN && now_ms.saturating_sub(candidate.since_ms) > FIRST_REQUEST_MS
                }
                Need::WaitingRoom => candidate.rank == UNPROVEN,
                Need::Slot if over_cap => {
                    at += 1;
                    continue;
                }
                // A stalled body keeps the time that the settings allow, as long as newcomers can wait.
                Need::Slot => candidate.rank < STALLED_BODY,
                Need::LastResort => true,
            };
            if may_go {
                candidates.remove(at);
            }
            return may_go.then_some(candidate.key);
        }
        None
    }

    fn scan(&self, conns: &Conns, now_ms: u64) {
        let mut all = Vec::new();
        conns.for_each_key(|key, conn| {
            if let Some(kind) = kind_of(conn, now_ms) {
                all.push(Candidate { rank: rank(kind), since_ms: conn.since_ms.get(), key });
            }
        });
        let order = |candidate: &Candidate| (candidate.rank, candidate.since_ms, candidate.key);
        self.truncated.set(all.len() > CANDIDATES_MAX);
        if self.truncated.get() {
            all.select_nth_unstable_by_key(CANDIDATES_MAX, order);
            all.truncate(CANDIDATES_MAX);
        }
        all.sort_unstable_by_key(order);
        *self.candidates.borrow_mut() = all.into();
        self.scanned_ms.set(now_ms);
        self.added_at_scan.set(conns.added());
    }
}

#[cfg(test)]
mod tests;
