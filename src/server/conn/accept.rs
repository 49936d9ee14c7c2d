//! Accepting connections, and the end of it.

use std::net::{IpAddr, SocketAddr, TcpListener as StdListener};
use std::rc::Rc;
use std::time::Duration;

use monoio::io::Canceller;
use monoio::net::{TcpListener, TcpStream};

use crate::server::core::conn::Conn;
use crate::server::core::inbox::BegunRequest;
use crate::server::core::runtime::Driver;
use crate::server::core::state::Core;
use crate::telemetry::Level;

use super::connection::serve;
use super::evict;

/// The pause behind an `accept` that failed for want of descriptors or memory. Without it the loop
/// would spin: the connection stays in the queue.
const BACK_OFF: Duration = Duration::from_millis(20);

/// How often a full core looks for a free place.
const FULL_POLL: Duration = Duration::from_millis(10);

/// Accepts until the server stops, then takes what still waits in the queue: closing a listener
/// resets the connections whose handshake has finished.
pub async fn run(core: Rc<Core>, listener: StdListener) -> std::io::Result<()> {
    let queue = listener.try_clone()?;
    // io_uring hands EAGAIN of a non-blocking socket to us; epoll needs it.
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
    // Beyond that they would take the descriptors by which the log is brought to its end.
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
            // One connection that broke before it was taken; those behind it wait.
            Err(_) => core.metrics.accept_errors.inc(),
        }
    }
    Ok(())
}

async fn admit(core: &Rc<Core>, stream: TcpStream, peer: SocketAddr) {
    core.metrics.accepted.inc();
    start_connection(core, stream, peer.ip(), None).await;
}

/// Takes a connection, with the request that another core has begun, if one has. At the cap its first request
/// takes the place of a connection that may go; if all are busy, it waits for one with that request in hand.
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
    // Answers are written in one piece: waiting for more would only hold them up.
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
    monoio::spawn(serve(Rc::clone(core), stream, conn, key, begun));
}

/// Errors that pass when something is given back.
fn is_exhausted(error: &std::io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}
