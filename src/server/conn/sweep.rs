//! Deadlines of all connections of a core, checked a few times a second instead of with a timer for each read.

use std::rc::Rc;
use std::time::Duration;

use crate::config::Config;
use crate::server::core::conn::{Conn, Order, Phase, WaitOutcome};
use crate::server::core::notices;
use crate::server::core::peer_watch::WATCHED_FROM_MS;
use crate::server::core::state::Core;

/// The time between two sweeps, and so the resolution of deadlines.
const PERIOD: Duration = Duration::from_millis(100);

/// An idle connection keeps its buffer for this long.
const RECLAIM_MS: u64 = 2_000;

/// Buffers reclaimed by one sweep: each wakes a task, and requests wait meanwhile.
const RECLAIMS_MAX: usize = 512;

/// Sweeps from one look for buffers that nobody needs to the next.
const SWEEPS_PER_LOOK: u32 = 10;

/// While the server stops, a new connection has this long to send its first request.
const FIRST_REQUEST_MS: u64 = 1_000;

/// While the server stops, a connection that has been answered has this long to send its next request, and that answer says it was the last
/// one. Closing earlier could cross with such a request. The time counts from the stop at the earliest, so a connection that has been idle
/// for long gets it too.
const NEXT_REQUEST_MS: u64 = 1_000;

/// How long sending an answer may stall on a client that reads nothing.
const WRITE_MS: u64 = 30_000;

/// How long a connection lingers after its last answer.
const LINGER_MS: u64 = 2_000;

/// Sweeps until the core ends.
pub async fn run(core: Rc<Core>) {
    let mut sweeps: u32 = 0;
    loop {
        monoio::time::sleep(PERIOD).await;
        sweeps = sweeps.wrapping_add(1);
        let now_ms = core.tick();
        core.common.heartbeats.beat(core.number);
        core.refresh_poisoned();
        let mut reclaims_left = RECLAIMS_MAX;
        // Read here too, so that a core without requests also applies a change.
        let live = core.live();
        let mut waiting = 0;
        let deadlines_hold = core.deadlines_hold();
        core.conns.for_each(|conn| {
            // Counted before waiters are woken for a retry: for a moment those are in no queue.
            waiting += u64::from(conn.is_waiting());
            if conn.phase.get() == Phase::Storing && now_ms.saturating_sub(conn.since_ms.get()) > WATCHED_FROM_MS {
                core.peer_watch.add(conn);
            }
            if deadlines_hold {
                check_deadline(&core, &live.config, conn, now_ms, &mut reclaims_left);
            }
        });
        core.metrics.waiting.set(waiting);
        core.metrics.abandoned.add(core.peer_watch.inspect(core.waiters.is_memory_short()));
        core.waiters.retry();
        core.waiters.retry_memory();
        core.drain_announcements();
        if core.number == 0 {
            notices::report(&core.common.log, &core.logger);
        }
        if sweeps.is_multiple_of(SWEEPS_PER_LOOK) {
            core.pool.give_back();
        }
        core.metrics.buffer_bytes.set(core.pool.used_bytes());
        core.metrics.kept_bytes.set(core.pool.kept_bytes());
        core.wake_commits();
    }
}

fn check_deadline(core: &Core, config: &Config, conn: &Conn, now_ms: u64, reclaims_left: &mut usize) {
    let age_ms = now_ms.saturating_sub(conn.since_ms.get());
    let head_timeout_ms = config.head_timeout.as_millis() as u64;
    match conn.phase.get() {
        Phase::Greeting if age_ms > head_timeout_ms || core.draining.get() && age_ms > FIRST_REQUEST_MS => {
            conn.interrupt(Order::TimedOut);
        }
        Phase::Idle if conn.closing() => {}
        Phase::Idle
            if core.draining.get()
                && match conn.served.get() {
                    true => age_ms.min(core.drained_ms()) > NEXT_REQUEST_MS,
                    false => age_ms > FIRST_REQUEST_MS,
                } =>
        {
            conn.interrupt(Order::Close);
        }
        Phase::Idle if age_ms > config.idle_timeout.as_millis() as u64 => {
            core.metrics.idle_closed.inc();
            conn.interrupt(Order::Close);
        }
        Phase::Idle if conn.holds_buffer.get() && age_ms > RECLAIM_MS && *reclaims_left > 0 => {
            *reclaims_left -= 1;
            conn.interrupt(Order::Reclaim);
        }
        Phase::Head if age_ms > head_timeout_ms => {
            conn.interrupt(Order::TimedOut);
        }
        // A minimum rate rather than a fixed total: a large upload over a slow line gets through, a stalled one does not.
        Phase::Body => {
            let grace_ms = config.body_grace.as_millis() as u64;
            if conn.is_too_slow(now_ms, grace_ms, config.body_rate_min) {
                conn.interrupt(Order::TimedOut);
            }
        }
        Phase::Storing if age_ms > config.patience.as_millis() as u64 => conn.settle(WaitOutcome::TimedOut),
        Phase::Writing if age_ms > WRITE_MS => conn.abort(),
        Phase::Lingering if age_ms > LINGER_MS => conn.abort(),
        _ => {}
    }
}
