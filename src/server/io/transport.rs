//! What carries the bytes of a connection: the only place that knows it is a TCP socket.
//!
//! A replacement (TLS) offers the same calls. Two things bypass it and use the socket's descriptor: the sweep, which shuts it down and
//! checks whether its client is still there, and passing connections on to another core.

use std::io;
use std::os::fd::{AsRawFd, RawFd};

use monoio::io::AsyncWriteRent;
use monoio::net::TcpStream;
use nix::sys::socket::{MsgFlags, recv, send};

/// A connection's byte stream.
///
/// [`Arrivals`](crate::server::core::arrivals::Arrivals) says when there is something to receive, the runtime when there is room to send. The calls that
/// move bytes are made directly: they cost no more than a submission with its completion, a connection needs no buffer while it waits, and a
/// wait that is given up loses nothing that has arrived.
pub struct Transport {
    stream: TcpStream,
}

impl Transport {
    /// Wraps an accepted socket.
    pub fn new(stream: TcpStream) -> Self {
        Self { stream }
    }

    /// Receives some bytes into `room`, without waiting; 0 at the end of the stream.
    ///
    /// # Errors
    /// `WouldBlock`: nothing has arrived.
    #[inline]
    pub fn receive(&self, room: &mut [u8]) -> io::Result<usize> {
        debug_assert!(!room.is_empty(), "0 would look like the end");
        Ok(recv(self.fd(), room, MsgFlags::MSG_DONTWAIT)?)
    }

    /// Sends some of these bytes, without waiting.
    ///
    /// # Errors
    /// `WouldBlock`: there is no room for any.
    #[inline]
    pub fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        Ok(send(self.fd(), bytes, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL)?)
    }

    /// Waits until there is room to send, or the connection has ended.
    pub fn writable(&self) -> impl Future<Output = io::Result<()>> {
        self.stream.writable(false)
    }

    /// Closes our sending side.
    pub async fn shutdown(&mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }

    /// Whether bytes have arrived that were not received yet.
    pub fn has_arrived(&self) -> bool {
        recv(self.fd(), &mut [0], MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT).is_ok_and(|bytes| bytes > 0)
    }

    fn fd(&self) -> RawFd {
        self.stream.as_raw_fd()
    }
}
