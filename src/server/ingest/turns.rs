//! Waiting for a turn to compute, within a request's patience.

use std::rc::Rc;

use crate::server::core::conn::Conn;
use crate::server::core::state::Core;
use crate::server::core::turns::{Lane, Late, PAUSE, Place};
use crate::server::store::commit::wait_for_turn;

/// Waits for the place in a lane.
pub async fn enter<'a>(core: &'a Core, conn: &Rc<Conn>, lane: Lane) -> Result<Place<'a>, Late> {
    let turns = &core.inflaters.turns;
    if let Some(place) = turns.take(lane) {
        return Ok(place);
    }
    let in_line = turns.line_up(conn, lane);
    while in_line.waits() {
        if !wait_for_turn(core, conn).await && in_line.waits() {
            return Err(Late);
        }
    }
    Ok(in_line.come())
}

/// Waits until the lane of a place may go on.
pub async fn turn(core: &Core, conn: &Conn, place: &Place<'_>) -> Result<(), Late> {
    if place.may_go() {
        return Ok(());
    }
    let phase = (conn.phase.get(), conn.since_ms.get());
    conn.begin_hold(core.now_ms());
    let result = loop {
        // A task that only woke itself would run again before the core has looked at what has come in meanwhile.
        monoio::time::sleep(PAUSE).await;
        if place.may_go() {
            break Ok(());
        }
        if conn.has_to_go() || conn.held_ms(core.now_ms()) > core.patience_ms() {
            break Err(Late);
        }
    };
    conn.end_hold(core.now_ms());
    conn.phase.set(phase.0);
    conn.since_ms.set(phase.1);
    result
}
