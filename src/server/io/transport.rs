//! What carries the bytes of a connection: the only place that knows it is a TCP socket.
//!
//! A replacement (TLS) offers the same calls. Two things bypass it and use the socket's descriptor: the sweep, which shuts it down and
//! checks whether its client is still there, and passing connections on to another core.

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
    /// Wraps an accepted socket.
    pub fn new(stream: TcpStream) -> Self {
        Self { stream }
    }

    /// Receives some bytes into `buf` and returns it. If cancelled, it fails with `ECANCELED`, and nothing that has arrived is lost.
    pub async fn read<B: IoBufMut>(&mut self, buf: B, cancel: CancelHandle) -> (io::Result<usize>, B) {
        self.stream.cancelable_read(buf, cancel).await
    }

    /// Sends some bytes of `buf` and returns it.
    pub async fn write<B: IoBuf>(&mut self, buf: B) -> (io::Result<usize>, B) {
        self.stream.write(buf).await
    }

    /// Waits without a buffer until there is something to read.
    pub async fn readable(&mut self) -> io::Result<()> {
        self.stream.readable(false).await
    }

    /// Closes our sending side.
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
