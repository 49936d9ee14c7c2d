//! Which connections of a core may be closed to make room, and in which order.
//!
//! A connection that has never sent a whole request, be it silent or in half a head for ever, costs its client nothing. So under pressure it has a
//! short life, and it goes before any that has sent one.
//!
//! Candidates are looked for about once a tick, all in one pass, and taken from a list; a flood costs each newcomer next to nothing.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use crate::telemetry::Eviction;

use super::conn::{Conn, Conns, Order, Phase};

/// Under pressure, the time that a connection has for its first request, in ms.
const FIRST_REQUEST_MS: u64 = 1_000;

/// A request in pieces may stall for so long under pressure, in ms.
const STALL_MS: u64 = 2_000;

/// Those found in one pass.
const FOUND_MAX: usize = 1024;

/// A further pass within a tick is made when one in so many is new: each newcomer then pays for a look at that many.
const PASS_PART: usize = 64;

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
        Eviction::Silent | Eviction::Head => STRANGERS,
        Eviction::Idle => 1,
        Eviction::LaterHead => 2,
        Eviction::Body => BODIES,
    }
}

const STRANGERS: u8 = 0;
const BODIES: u8 = 3;

/// What somebody has to go for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The cap is passed: strangers whose short life is over.
    Calm,
    /// The waiting room fills: strangers, the oldest first.
    Room,
    /// A request wants a place below the cap.
    Place,
    /// Nothing more fits.
    Anything,
}

#[derive(Debug, Clone, Copy)]
struct Found {
    rank: u8,
    since_ms: u64,
    key: usize,
}

/// Connections that may go, the first to go in front, as of one tick.
#[derive(Debug, Default)]
pub struct Evictions {
    found: RefCell<VecDeque<Found>>,
    /// The tick.
    at_ms: Cell<u64>,
    /// Connections that there had ever been by then.
    at_added: Cell<u64>,
    /// There were more.
    more: Cell<bool>,
}

impl Evictions {
    /// The next that may go, if any. It is found once.
    pub fn next(&self, conns: &Conns, now_ms: u64, need: Need) -> Option<usize> {
        if self.at_ms.get() != now_ms {
            self.look(conns, now_ms);
        }
        loop {
            // Before one goes that has spoken, a look at those that have come since.
            let stale = (conns.added() - self.at_added.get()) as usize > conns.count() / PASS_PART;
            if let Some(key) = self.take(conns, now_ms, need, stale) {
                return Some(key);
            }
            let all_used = self.more.get() && self.found.borrow().is_empty();
            if !(stale || all_used) {
                return None;
            }
            self.look(conns, now_ms);
        }
    }

    fn take(&self, conns: &Conns, now_ms: u64, need: Need, only_strangers: bool) -> Option<usize> {
        let mut found = self.found.borrow_mut();
        let mut at = 0;
        while let Some(&one) = found.get(at) {
            // It may have spoken since, or ended.
            let over_cap = conns.with(one.key, |conn| {
                let same = kind_of(conn, now_ms).map(rank) == Some(one.rank);
                (same && conn.since_ms.get() == one.since_ms).then(|| conn.over_cap.get())
            });
            let Some(over_cap) = over_cap.flatten() else {
                found.remove(at);
                continue;
            };
            let may_go = match need {
                _ if only_strangers && one.rank != STRANGERS => false,
                Need::Calm => one.rank == STRANGERS && now_ms.saturating_sub(one.since_ms) > FIRST_REQUEST_MS,
                Need::Room => one.rank == STRANGERS,
                Need::Place if over_cap => {
                    at += 1;
                    continue;
                }
                // A stalled body has the time that the settings give it, as long as newcomers can wait.
                Need::Place => one.rank < BODIES,
                Need::Anything => true,
            };
            if may_go {
                found.remove(at);
            }
            return may_go.then_some(one.key);
        }
        None
    }

    fn look(&self, conns: &Conns, now_ms: u64) {
        let mut all = Vec::new();
        conns.for_each_key(|key, conn| {
            if let Some(kind) = kind_of(conn, now_ms) {
                all.push(Found { rank: rank(kind), since_ms: conn.since_ms.get(), key });
            }
        });
        let order = |one: &Found| (one.rank, one.since_ms, one.key);
        self.more.set(all.len() > FOUND_MAX);
        if self.more.get() {
            all.select_nth_unstable_by_key(FOUND_MAX, order);
            all.truncate(FOUND_MAX);
        }
        all.sort_unstable_by_key(order);
        *self.found.borrow_mut() = all.into();
        self.at_ms.set(now_ms);
        self.at_added.set(conns.added());
    }
}

#[cfg(test)]
mod tests;
