//! Closing connections where there are too many.
//!
//! Beyond the cap there is a waiting room: who stands there takes nobody's place by being there, and that of another by a request. Who goes first is
//! decided in [`crate::server::core::evictions`].

use crate::server::core::conn::{Conn, Order, Phase};
use crate::server::core::evictions::{Need, kind_of};
use crate::server::core::state::Core;

/// Connections that go at once for a newcomer: one, and one more for each so many of the cap.
const CAP_PER_EVICTION: usize = 2048;

/// Of those beyond the cap, one in so many places is kept free by sending away those that have not spoken yet, however new they are: accepting waits
/// for none of them.
const ROOM_KEPT_PART: usize = 4;

/// Makes room for a newcomer, where the connections are that many. Those told to go are gone in a moment.
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

/// Makes room where those told to go were not enough.
pub fn make_room_when_full(core: &Core) {
    if !evict(core, Need::WaitingRoom, 1) {
        evict(core, Need::LastResort, 1);
    }
}

/// Makes room when the process or the kernel has none.
pub fn make_room_when_exhausted(core: &Core) {
    evict(core, Need::LastResort, 1);
}

/// Has a connection beyond the cap take the place of one that may go. False: all are busy.
pub fn take_over_slot(core: &Core, conn: &Conn) -> bool {
    let Some(found) = core.evictions.next(&core.conns, core.now_ms(), Need::Slot) else { return false };
    core.conns.with(found, |other| {
        other.over_cap.set(true);
        conn.over_cap.set(false);
    });
    evict_one(core, found);
    true
}

/// Sends some away; whether there were any.
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
        // What an idle one has sent by now is still answered.
        conn.interrupt(if conn.phase.get() == Phase::Idle { Order::Close } else { Order::Evict });
    });
}
