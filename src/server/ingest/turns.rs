//! Waiting for a turn to compute, within a request's patience.

use std::rc::Rc;

use crate::server::core::conn::Conn;
use crate::server::core::state::Core;
use crate::server::core::turns::{Lane, LanePermit, PAUSE, TurnTimeout};
use crate::server::store::commit::wait_for_turn;

/// Waits for the permit of a lane.
pub async fn enter<'a>(core: &'a Core, conn: &Rc<Conn>, lane: Lane) -> Result<LanePermit<'a>, TurnTimeout> {
    let turns = &core.inflaters.turns;
    if let Some(permit) = turns.try_take(lane) {
        return Ok(permit);
    }
    let queued = turns.enqueue(conn, lane);
    while queued.is_waiting() {
        if !wait_for_turn(core, conn).await && queued.is_waiting() {
            return Err(TurnTimeout);
        }
    }
    Ok(queued.into_permit())
}

/// Waits until the lane of a permit may run.
pub async fn wait_until_runnable(core: &Core, conn: &Conn, permit: &LanePermit<'_>) -> Result<(), TurnTimeout> {
    if permit.may_run() {
        return Ok(());
    }
    let phase = (conn.phase.get(), conn.since_ms.get());
    conn.begin_hold(core.now_ms());
    let result = loop {
        // A task that merely yields would run again before the core has polled for new events.
        monoio::time::sleep(PAUSE).await;
        if permit.may_run() {
            break Ok(());
        }
        if conn.is_abandoned() || conn.held_ms(core.now_ms()) > core.patience_ms() {
            break Err(TurnTimeout);
        }
    };
    conn.end_hold(core.now_ms());
    conn.phase.set(phase.0);
    conn.since_ms.set(phase.1);
    result
}
