//! What carries the bytes of a connection: the one place that knows it is a TCP socket.
//!
//! Whatever takes its place (TLS) offers the same calls. Two things reach past it to the socket itself, by its descriptor: the sweep, which shuts it
//! down and watches whether its client is still there, and the passing on of connections to another core.

use std::io;
use std::os::fd::{AsRawFd, RawFd};

use monoio::buf::{IoBuf, IoBufMut};
use monoio::io::{AsyncWriteRent, CancelHandle, CancelableAsyncReadRent};
use monoio::net::TcpStream;
use nix::sys::socket::MsgFlags;

/// A connection's byte stream.
pub struct Transport {
    stream: TcpStream,
}

impl Transport {
    /// Over an accepted socket.
    pub fn new(stream: TcpStream) -> Self {
        Self { stream }
    }

    /// Receives some bytes into `buf`, and gives it back. Cancelled, it fails with `ECANCELED` and has lost nothing that has arrived.
    pub async fn read<B: IoBufMut>(&mut self, buf: B, cancel: CancelHandle) -> (io::Result<usize>, B) {
        self.stream.cancelable_read(buf, cancel).await
    }

    /// Sends some bytes of `buf`, and gives it back.
    pub async fn write<B: IoBuf>(&mut self, buf: B) -> (io::Result<usize>, B) {
        self.stream.write(buf).await
    }

    /// Waits until there is something to read, without a buffer.
    pub async fn readable(&mut self) -> io::Result<()> {
        self.stream.readable(false).await
    }

    /// Ends our side.
    pub async fn shutdown(&mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }

    /// Whether bytes have arrived that were not received yet.
    pub fn has_arrived(&self) -> bool {
        let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
        nix::sys::socket::recv(self.fd(), &mut [0], flags).is_ok_and(|bytes| bytes > 0)
    }

    fn fd(&self) -> RawFd {
        self.stream.as_raw_fd()
    }
}
