//! Closing connections when there are too many.
//!
//! Beyond the cap there is a waiting room: a connection in it takes nobody's slot until it sends a request. Which connection goes first is
//! decided in [`crate::server::core::evictions`].

use crate::server::core::conn::{Conn, Order, Phase};
use crate::server::core::evictions::{Need, kind_of};
use crate::server::core::state::Core;

/// A newcomer evicts one connection, and one more for each this many of the cap.
const CAP_PER_EVICTION: usize = 2048;

/// This part of the places beyond the cap (one in four) is kept free by evicting connections that have not sent a request yet, however new
/// they are; accepting never waits for them.
const ROOM_KEPT_PART: usize = 4;

/// Makes room for a newcomer if there are many connections. Those evicted are gone a moment later.
pub fn make_room_for_newcomer(core: &Core) {
    let (count, cap, most) = (core.conns.count(), core.connections_max, core.common.connections.total());
    let kept = (most - cap) / ROOM_KEPT_PART;
    if count >= most {
        evict(core, Need::WaitingRoom, kept);
    } else if count >= most - kept {
        evict(core, Need::WaitingRoom, 1);
    } else if count >= cap {
        evict(core, Need::OverCap, 1);
    }
}

/// Makes room when the evictions so far were not enough.
pub fn make_room_when_full(core: &Core) {
    if !evict(core, Need::WaitingRoom, 1) {
        evict(core, Need::LastResort, 1);
    }
}

/// Makes room when the process or the kernel is out of resources.
pub fn make_room_when_exhausted(core: &Core) {
    evict(core, Need::LastResort, 1);
}

/// Gives a connection beyond the cap the slot of one that may be evicted. Returns `false` if all are busy.
pub fn take_over_slot(core: &Core, conn: &Conn) -> bool {
    let Some(found) = core.evictions.next(&core.conns, core.now_ms(), Need::Slot) else { return false };
    core.conns.with(found, |other| {
        other.over_cap.set(true);
        conn.over_cap.set(false);
    });
    evict_one(core, found);
    true
}

/// Evicts some connections; returns whether there were any.
fn evict(core: &Core, need: Need, least: usize) -> bool {
    for sent in 0..least + core.connections_max / CAP_PER_EVICTION {
        let Some(key) = core.evictions.next(&core.conns, core.now_ms(), need) else { return sent > 0 };
        evict_one(core, key);
    }
    true
}

fn evict_one(core: &Core, key: usize) {
    core.conns.with(key, |conn| {
        let Some(kind) = kind_of(conn, core.now_ms()) else { return };
        core.metrics.evicted.count(kind);
        // A request that an idle connection has sent by now is still answered.
        conn.interrupt(if conn.phase.get() == Phase::Idle { Order::Close } else { Order::Evict });
    });
}
