//! Deadlines of all connections of a core, looked at a few times a second: no timer a read.

use std::rc::Rc;
use std::time::Duration;

use super::conn::{Conn, Order, Outcome, Phase};
use super::core::Core;

/// The time between two sweeps. Deadlines are this coarse.
const PERIOD: Duration = Duration::from_millis(100);

/// An idle connection keeps its buffer for this long.
const RECLAIM_MS: u64 = 2_000;

/// How long an answer may wait for a client that takes nothing.
const WRITE_MS: u64 = 30_000;

/// How long a connection lingers behind its last answer.
const LINGER_MS: u64 = 2_000;

/// Sweeps until the core ends.
pub async fn run(core: Rc<Core>) {
    loop {
        monoio::time::sleep(PERIOD).await;
        let now_ms = core.tick();
        core.conns.for_each(|conn| look(&core, conn, now_ms));
        core.commits.retry();
        core.metrics.buffer_bytes.set(core.pool.used_bytes());
        core.metrics.waiting.set(core.commits.waiting_count() as u64);
        core.wake_commits();
    }
}

fn look(core: &Core, conn: &Conn, now_ms: u64) {
    let config = &core.common.config;
    let age_ms = now_ms.saturating_sub(conn.since_ms.get());
    match conn.phase.get() {
        Phase::Idle if core.draining.get() => conn.stop_reading(Order::Close),
        Phase::Idle if age_ms > config.idle_timeout.as_millis() as u64 => {
            core.metrics.idle_closed.inc();
            conn.stop_reading(Order::Close);
        }
        Phase::Idle if conn.holds_buffer.get() && age_ms > RECLAIM_MS => conn.reclaim(),
        Phase::Head if age_ms > config.head_timeout.as_millis() as u64 => {
            conn.stop_reading(Order::TimedOut);
        }
        // A minimum rate and no fixed total: a large upload over a slow line gets through, a stalled
        // one does not.
        Phase::Body => {
            let earned_ms = conn.progress_bytes.get() * 1000 / config.body_rate_min.max(1);
            if age_ms > config.body_grace.as_millis() as u64 + earned_ms {
                conn.stop_reading(Order::TimedOut);
            }
        }
        Phase::Storing if age_ms > core.patience_ms() => conn.settle(Outcome::TimedOut),
        Phase::Writing if age_ms > WRITE_MS => conn.abort(),
        Phase::Lingering if age_ms > LINGER_MS => conn.abort(),
        _ => {}
    }
}
