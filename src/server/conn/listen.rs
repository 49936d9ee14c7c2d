//! The listening sockets: one per core, all on one port.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections whose handshake has finished and that wait to be accepted. The kernel caps this at net.core.somaxconn.
const BACKLOG: i32 = 4096;

/// After `kill -9` the kernel takes a while to tear down the ring, and the old listener with it.
const BIND_PATIENCE: Duration = Duration::from_millis(500);

/// The address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another process uses it.
    #[error("{addr} is in use by another process. Stop it, or choose another address with --listen ADDRESS:PORT")]
    InUse {
        /// The address.
        addr: SocketAddr,
    },
    /// Any other error.
    #[error("can't listen on {addr}: {source}")]
    Io {
        /// The address.
        addr: SocketAddr,
        /// The cause.
        source: io::Error,
    },
}

/// Opens `count` listeners on one address. The address is probed without SO_REUSEPORT first: with it, a second server would silently take
/// half of the connections.
pub fn listen(addr: SocketAddr, count: usize) -> Result<Vec<TcpListener>, ListenError> {
    let error = |source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => ListenError::InUse { addr },
        _ => ListenError::Io { addr, source },
    };
    let deadline = Instant::now() + BIND_PATIENCE;
    let probe = loop {
        match bind(addr, false) {
            Ok(probe) => break probe,
            Err(e) if e.kind() == io::ErrorKind::AddrInUse && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(2));
            }
            Err(e) => return Err(error(e)),
        }
    };
    let bound = probe.local_addr().ok().and_then(|a| a.as_socket()).unwrap_or(addr);
    drop(probe);
    let open = || {
        let socket = bind(bound, true)?;
        socket.listen(BACKLOG)?;
        Ok(TcpListener::from(socket))
    };
    (0..count).map(|_| open().map_err(error)).collect()
}

fn bind(addr: SocketAddr, reuse_port: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if reuse_port {
        socket.set_reuse_port(true)?;
    }
    socket.bind(&addr.into())?;
    Ok(socket)
}

#[cfg(test)]
mod tests;
