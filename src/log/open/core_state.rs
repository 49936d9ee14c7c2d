//! What a core's log is doing, and what keeps it from appending.

use crate::log::format::control::State;
use crate::log::write::shared::Core;

/// A core with a next segment is open, whatever happened to the last one.
pub(super) fn state(core: &Core) -> State {
    match core.control.state() {
        State::Closed | State::Failed if core.is_ready() => State::Open,
        state => state,
    }
}

/// What keeps a core from appending, or will once its segment is full.
pub(super) fn reason(core: &Core) -> Option<String> {
    if let Some(fault) = core.poison() {
        return Some(format!("core {} is poisoned: {fault}", core.index));
    }
    let fault = core.obstacle().filter(|_| core.fresh.is_empty())?;
    Some(format!("core {} gets no new segment: {fault}", core.index))
}
