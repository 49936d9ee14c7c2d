//! Waiting, after the server has started, until the sessions in the log have been read.

use std::time::Duration;

use crate::server::core::conn::Conn;
use crate::server::core::state::Core;

/// How soon a waiting request checks again, at first and at most.
const POLL_FIRST: Duration = Duration::from_millis(2);
const POLL_MAX: Duration = Duration::from_millis(40);

/// Waits until all sessions of the log have been read, for at most half of the request's patience, because the log may need the rest.
/// Returns `false` if they had been read before, so that there is no need to look again.
pub async fn wait_until_loaded(core: &Core, conn: &Conn) -> bool {
    if core.logged_sessions_complete.get() {
        return false;
    }
    let mut poll = POLL_FIRST;
    conn.begin_hold(core.now_ms());
    let may_wait = || !conn.is_abandoned() && conn.held_ms(core.now_ms()) < core.patience_ms() / 2;
    while !core.common.logged_sessions.is_complete() && may_wait() {
        monoio::time::sleep(poll).await;
        poll = (poll * 2).min(POLL_MAX);
    }
    conn.end_hold(core.now_ms());
    core.logged_sessions_complete.set(core.common.logged_sessions.is_complete());
    true
}
