//! Which connections of a core may be closed to make room, and in which order.
//!
//! A connection that has never sent a whole request, be it silent or in half a head for ever, costs its client nothing. So under pressure it has a
//! short life, and it goes before any that has sent candidate.
//!
//! Candidates are looked for about once a tick, all in candidate pass, and taken from a list; a flood costs each newcomer next to nothing.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use crate::telemetry::Eviction;

use super::conn::{Conn, Conns, Order, Phase};

/// Under pressure, the time that a connection has for its first request, in ms.
const FIRST_REQUEST_MS: u64 = 1_000;

/// A request in pieces may stall for so long under pressure, in ms.
const STALL_MS: u64 = 2_000;

/// Those found in candidate pass.
const CANDIDATES_MAX: usize = 1024;

/// A further pass within a tick is made when candidate in so many is new: each newcomer then pays for a look at that many.
const RESCAN_PART: usize = 64;

/// What a connection does that may go; `None`: it is busy, or has been told.
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

/// Who goes before whom: strangers, then those that wait for nothing, then requests that stall.
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

/// What somebody has to go for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The cap is passed: strangers whose short life is over.
    OverCap,
    /// The waiting room fills: strangers, the oldest first.
    WaitingRoom,
    /// A request wants a place below the cap.
    Slot,
    /// Nothing more fits.
    LastResort,
}

#[derive(Debug, Clone, Copy)]
struct Candidate {
    rank: u8,
    since_ms: u64,
    key: usize,
}

/// Connections that may go, the first to go in front, as of candidate tick.
#[derive(Debug, Default)]
pub struct Evictions {
    candidates: RefCell<VecDeque<Candidate>>,
    /// The tick.
    scanned_ms: Cell<u64>,
    /// Connections that there had ever been by then.
    added_at_scan: Cell<u64>,
    /// There were more.
    truncated: Cell<bool>,
}

impl Evictions {
    /// The next that may go, if any. It is found once.
    pub fn next(&self, conns: &Conns, now_ms: u64, need: Need) -> Option<usize> {
        if self.scanned_ms.get() != now_ms {
            self.scan(conns, now_ms);
        }
        loop {
            // Before candidate goes that has spoken, a look at those that have come since.
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
            // It may have spoken since, or ended.
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
                // A stalled body has the time that the settings give it, as long as newcomers can wait.
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
