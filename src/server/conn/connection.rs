//! The life of one connection: head, answer, head, answer, rest, close.
//!
//! A task is as large as its future may ever become, for as long as it lives. So what serves requests is a future of its own, which exists
//! only while requests come: a connection that rests has a small task, a socket and its entry in the core's list.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use crate::api::refusal::{Reason, Refusal};
use crate::config::ProxyProtocol;
use crate::http::Reject;
use crate::server::core::conn::Conn;
use crate::server::core::inbox::BegunRequest;
use crate::server::core::runtime::Driver;
use crate::server::core::state::Core;
use crate::server::dispatch::serve as serve_request;
use crate::server::io::body::Gone;
use crate::server::io::client::{ClientIo, ProxyHeaderError, Received};
use crate::server::memory::pool::BodyRange;
use crate::server::request::context::Context;
use crate::server::request::outcome::Next;
use crate::telemetry::Level;

use super::evict;

/// What a client may still send after our last answer before the connection is closed for good.
const LINGER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How often a connection beyond the cap checks for a slot.
const PLACE_POLL: Duration = Duration::from_millis(50);

/// On epoll, a connection pauses for this long after this many requests.
const LEGACY_STRIDE: u32 = 64;
const LEGACY_PAUSE: Duration = Duration::from_millis(1);

/// Serves a connection until it ends. A panic ends only this connection.
pub async fn serve(core: Rc<Core>, io: Box<ClientIo>, conn: Rc<Conn>, key: usize, begun: Option<Box<BegunRequest>>) {
    let mut serving = pin!(run(io, Listed { core: Rc::clone(&core), conn, key }, begun));
    std::future::poll_fn(|cx| {
        catch_unwind(AssertUnwindSafe(|| serving.as_mut().poll(cx))).unwrap_or_else(|_| {
            core.metrics.panics.inc();
            core.logger.event(Level::Error, crate::caller!(), "a connection's handler panicked", &[]);
            Poll::Ready(())
        })
    })
    .await;
}

/// Removes the connection from the core's list before its socket is closed, however it ends: the sweep must never touch a descriptor that
/// has been reused.
struct Listed {
    core: Rc<Core>,
    conn: Rc<Conn>,
    key: usize,
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.core.arrivals.forget(self.conn.fd);
        self.core.conns.remove(self.key);
        if self.conn.over_cap.get() {
            self.core.over_cap_count.set(self.core.over_cap_count.get() - 1);
        }
        self.core.metrics.connections.dec();
    }
}

/// Rests, and serves the requests that come, in turn.
async fn run(mut io: Box<ClientIo>, listed: Listed, mut begun: Option<Box<BegunRequest>>) {
    let Listed { core, conn, .. } = &listed;
    let mut greets = begun.is_none() && core.live().config.proxy_protocol != ProxyProtocol::Off;
    let mut rests = begun.is_none() && !greets;
    loop {
        if rests {
            io.rest().await;
        }
        match Box::pin(serve_requests(&mut io, core, conn, begun.take(), greets)).await {
            Pause::Rests => (rests, greets) = (true, false),
            Pause::Ended => return,
        }
    }
}

/// Why no more requests are served.
enum Pause {
    /// None has come for a while.
    Rests,
    /// The connection is over.
    Ended,
}

/// Serves requests for as long as they come.
async fn serve_requests(
    io: &mut ClientIo,
    core: &Rc<Core>,
    conn: &Rc<Conn>,
    mut begun: Option<Box<BegunRequest>>,
    greets: bool,
) -> Pause {
    if greets && !greet(io, core, conn).await {
        return Pause::Ended;
    }
    let mut requests: u32 = 0;
    loop {
        let received = match begun.take() {
            Some(request) => io.resume(*request).await,
            None => io.receive_head().await,
        };
        let next = match received {
            Received::Head if core.poisoned.get() && core.reserve_migration(conn) => Next::PassOn(None),
            Received::Head if conn.over_cap.get() && !wait_for_slot(core, conn).await => {
                let refusal = Refusal::new(503, Reason::Connections, "too many connections, try again");
                Context::new(io, core, conn).refuse_and_close(refusal).await
            }
            Received::Head => serve_request(io, core, conn).await,
            Received::Reject(reject) => refuse_head(io, core, conn, reject).await,
            Received::Gone(Gone::TimedOut) => {
                let refusal = Refusal::new(408, Reason::HeadTimeout, "the request's head came too slowly");
                Context::unreadable(io, core, conn).refuse_and_close(refusal).await
            }
            Received::Gone(Gone::NoMemory) => {
                let refusal = Refusal::new(503, Reason::BytesInFlight, "too many bytes in flight, try again");
                Context::unreadable(io, core, conn).refuse_and_close(refusal).await
            }
            Received::Gone(Gone::Closed) => Next::Close,
            Received::Nothing => return Pause::Rests,
        };
        match next {
            Next::KeepAlive(consumed) => {
                io.finish_request(consumed);
                requests += 1;
                // On epoll, a client that always has bytes ready would never yield the core.
                if core.common.driver == Driver::Legacy && requests.is_multiple_of(LEGACY_STRIDE) {
                    monoio::time::sleep(LEGACY_PAUSE).await;
                }
            }
            Next::Linger => {
                io.linger(LINGER_BYTES_MAX).await;
                return Pause::Ended;
            }
            Next::PassOn(body) => {
                pass_on(io, core, conn, body);
                return Pause::Ended;
            }
            Next::Close => return Pause::Ended,
        }
    }
}

/// Sends the connection to the core where it has a reservation. `body` is the body of the request in the buffer, if it was received.
fn pass_on(io: &mut ClientIo, core: &Core, conn: &Conn, body: Option<BodyRange>) {
    let Some(ticket) = conn.ticket.borrow_mut().take() else { return };
    let bytes = io.work().buf.to_vec();
    let body = body.or_else(|| io.take_received_body());
    ticket.send(conn.peer.get(), bytes, body, conn.held_ms(core.now_ms()), conn.served.get());
    core.metrics.handed_over.inc();
}

/// Receives the PROXY header, where proxies send one. Returns `false` if the connection has to be closed.
async fn greet(io: &mut ClientIo, core: &Core, conn: &Conn) -> bool {
    let peer = conn.peer.get();
    let is_trusted = {
        let live = core.live();
        if live.config.proxy_protocol == ProxyProtocol::Off {
            return true;
        }
        live.policy.trusted.contains(peer)
    };
    let (reason, fault) = if !is_trusted {
        (Reason::ProxyPeer, "it comes from none of the trusted_proxies".to_owned())
    } else {
        match io.receive_proxy_header().await {
            Ok(()) => return true,
            // Load balancers check this way whether the server is up.
            Err(ProxyHeaderError::Gone { begun: false, gone: Gone::Closed }) => return false,
            Err(ProxyHeaderError::Gone { gone: Gone::TimedOut, .. }) => {
                (Reason::HeadTimeout, "its PROXY header came too slowly".to_owned())
            }
            Err(ProxyHeaderError::Gone { .. }) => (Reason::ProxyHeader, "it ended within its PROXY header".to_owned()),
            Err(ProxyHeaderError::Invalid(broken)) => (Reason::ProxyHeader, broken.to_string()),
        }
    };
    core.metrics.refused(reason.index());
    if let Some(suppressed) = core.headers_log.due(core.now_ms()) {
        let (peer, suppressed) = (peer.to_string(), suppressed.to_string());
        let fields = [("peer", &*peer), ("error", &*fault), ("suppressed", &*suppressed)];
        core.logger.event(Level::Warn, crate::caller!(), "a connection was closed", &fields);
    }
    false
}

/// Takes a slot below the cap, or that of a connection that may be evicted; if all are busy, waits for one within the request's patience.
async fn wait_for_slot(core: &Core, conn: &Conn) -> bool {
    // Neither idle nor slow, so this connection is not itself evicted.
    conn.begin_hold(core.now_ms());
    // While draining no new connections come, so the waiting ones are all served.
    while core.conns.count() - core.over_cap_count.get() >= core.connections_max && !core.draining.get() {
        if !conn.is_abandoned() && evict::take_over_slot(core, conn) {
            conn.end_hold(core.now_ms());
            return true;
        }
        if conn.is_abandoned() || conn.held_ms(core.now_ms()) > core.patience_ms() {
            conn.end_hold(core.now_ms());
            return false;
        }
        monoio::time::sleep(PLACE_POLL).await;
    }
    conn.end_hold(core.now_ms());
    core.over_cap_count.set(core.over_cap_count.get() - 1);
    conn.over_cap.set(false);
    true
}

/// Answers bytes that are not a valid request.
async fn refuse_head(io: &mut ClientIo, core: &Rc<Core>, conn: &Rc<Conn>, reject: Reject) -> Next {
    let reason = match reject.status {
        413 => Reason::BodyTooLarge,
        414 => Reason::TargetTooLong,
        417 => Reason::Expectation,
        431 => Reason::HeadTooLarge,
        501 | 505 => Reason::Unsupported,
        _ => Reason::Framing,
    };
    let refusal = Refusal::new(reject.status, reason, reject.reason);
    Context::unreadable(io, core, conn).refuse_and_close(refusal).await
}

#[cfg(test)]
mod tests;
