//! Accepting connections, and draining the accept queue when the server stops.

use std::net::{IpAddr, SocketAddr, TcpListener as StdListener};
use std::rc::Rc;
use std::time::Duration;

use monoio::io::Canceller;
use monoio::net::{TcpListener, TcpStream};

use crate::server::core::conn::Conn;
use crate::server::core::inbox::BegunRequest;
use crate::server::core::runtime::Driver;
use crate::server::core::state::Core;
use crate::server::io::client::ClientIo;
use crate::telemetry::Level;

use super::connection::serve;
use super::evict;

/// The pause after an `accept` that failed for lack of descriptors or memory. Without it the loop would spin, because the connection stays
/// in the queue.
const BACK_OFF: Duration = Duration::from_millis(20);

/// How often a full core checks for a free slot.
const FULL_POLL: Duration = Duration::from_millis(10);

/// Accepts until the server stops, then takes what is still in the queue: closing a listener resets connections whose handshake has
/// finished.
pub async fn run(core: Rc<Core>, listener: StdListener) -> std::io::Result<()> {
    let queue = listener.try_clone()?;
    // With a non-blocking socket io_uring returns EAGAIN to us; epoll needs one.
    let nonblocking = core.common.driver == Driver::Legacy;
    listener.set_nonblocking(nonblocking)?;
    let listener = TcpListener::from_std(listener)?;
    let canceller = Canceller::new();
    let handle = canceller.handle();
    let stopper = Rc::clone(&core);
    monoio::spawn(async move {
        stopper.stopped().await;
        canceller.cancel();
    });
    while !core.stopping() {
        match listener.cancelable_accept(handle.clone()).await {
            Ok((stream, peer)) => admit(&core, stream, peer).await,
            Err(_) if core.stopping() => break,
            Err(error) => {
                core.metrics.accept_errors.inc();
                if is_exhausted(&error) {
                    evict::make_room_when_exhausted(&core);
                    monoio::time::sleep(BACK_OFF).await;
                }
            }
        }
    }
    core.drain();
    queue.set_nonblocking(true)?;
    // More connections would take the descriptors that the log needs to shut down cleanly.
    while core.conns.count() < core.common.connections.total() {
        match queue.accept() {
            Ok((stream, peer)) => {
                let stream = stream.set_nonblocking(nonblocking).and_then(|()| TcpStream::from_std(stream));
                if let Ok(stream) = stream {
                    admit(&core, stream, peer).await;
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) if is_exhausted(&error) => {
                core.metrics.accept_errors.inc();
                return Ok(());
            }
            // This connection broke before it was accepted; others may wait behind it.
            Err(_) => core.metrics.accept_errors.inc(),
        }
    }
    Ok(())
}

async fn admit(core: &Rc<Core>, stream: TcpStream, peer: SocketAddr) {
    core.metrics.accepted.inc();
    start_connection(core, stream, peer.ip(), None).await;
}

/// Starts to serve a connection, with the request that another core has begun, if any. At the cap, its first request takes over the slot of
/// a connection that may be evicted; if all are busy, it waits for a slot with that request received.
pub(in crate::server) async fn start_connection(
    core: &Rc<Core>,
    stream: TcpStream,
    peer: IpAddr,
    begun: Option<BegunRequest>,
) {
    evict::make_room_for_newcomer(core);
    while core.conns.count() >= core.common.connections.total() && !core.stopping() {
        monoio::time::sleep(FULL_POLL).await;
        if core.conns.count() >= core.common.connections.total() {
            evict::make_room_when_full(core);
        }
    }
    let over_cap = core.conns.count() - core.over_cap_count.get() >= core.connections_max;
    // Answers are written in one piece, so delaying them for more data would only cost time.
    if let Err(error) = stream.set_nodelay(true) {
        let text = error.to_string();
        core.logger.event(Level::Warn, crate::caller!(), "TCP_NODELAY could not be set", &[("error", &text)]);
    }
    core.metrics.connections.inc();
    if over_cap {
        core.over_cap_count.set(core.over_cap_count.get() + 1);
    }
    let fd = std::os::fd::AsRawFd::as_raw_fd(&stream);
    let conn = Rc::new(Conn::new(fd, peer, core.now_ms(), over_cap));
    let key = core.conns.insert(Rc::clone(&conn));
    if core.arrivals.watch(fd, key).is_err() {
        core.metrics.accept_errors.inc();
        // Its task finds the end.
        conn.abort();
        conn.arrives(true);
    }
    let io = Box::new(ClientIo::new(stream, Rc::clone(core), Rc::clone(&conn)));
    monoio::spawn(serve(Rc::clone(core), io, conn, key, begun.map(Box::new)));
}

/// Errors that go away once some resource is released.
fn is_exhausted(error: &std::io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}
