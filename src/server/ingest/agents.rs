//! Waiting until the user agent expressions are compiled, which takes a moment after the start.

use std::time::Duration;

use crate::server::core::conn::Conn;
use crate::server::core::state::Core;

/// How often a request checks whether they are.
const READY_POLL: Duration = Duration::from_millis(5);

/// Waits within the request's patience until the user agent expressions are compiled. Returns `false` if they are not.
pub async fn agents_ready(core: &Core, conn: &Conn) -> bool {
    conn.begin_hold(core.now_ms());
    let may_wait = || !conn.is_abandoned() && conn.held_ms(core.now_ms()) < core.patience_ms();
    while !core.common.agents.ready() && may_wait() {
        monoio::time::sleep(READY_POLL).await;
    }
    conn.end_hold(core.now_ms());
    core.common.agents.ready()
}
