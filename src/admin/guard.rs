//! Limits for the admin port's connections: how many there may be, and how long one may be idle.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep_until};

/// How many connections are served at once; others wait in the kernel's backlog.
const CONNECTIONS_MAX: usize = 64;
/// A connection without any read or write for this long is closed. Longer than a scrape interval.
const SILENCE_MAX: Duration = Duration::from_secs(90);

/// A listener that limits its connections.
pub(in crate::admin) struct GuardedListener {
    inner: TcpListener,
    permits: Arc<Semaphore>,
    silence_max: Duration,
}

impl GuardedListener {
    pub(in crate::admin) fn new(inner: TcpListener) -> Self {
        Self::with_bounds(inner, CONNECTIONS_MAX, SILENCE_MAX)
    }

    pub(in crate::admin) fn with_bounds(inner: TcpListener, connections_max: usize, silence_max: Duration) -> Self {
        Self { inner, permits: Arc::new(Semaphore::new(connections_max)), silence_max }
    }
}

impl Listener for GuardedListener {
    type Io = Guarded;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Guarded, SocketAddr) {
        let permit = Arc::clone(&self.permits).acquire_owned().await.expect("the semaphore is never closed");
        let (stream, addr) = Listener::accept(&mut self.inner).await;
        let deadline = Box::pin(sleep_until(Instant::now() + self.silence_max));
        (Guarded { stream, deadline, silence_max: self.silence_max, _permit: permit }, addr)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}

/// A connection that fails when it is idle for too long.
pub(in crate::admin) struct Guarded {
    stream: TcpStream,
    deadline: Pin<Box<Sleep>>,
    silence_max: Duration,
    _permit: OwnedSemaphorePermit,
}

impl Guarded {
    /// Passes `polled` through, extending the deadline on progress and failing once it has expired.
    fn watch<T>(&mut self, context: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.deadline.as_mut().reset(Instant::now() + self.silence_max);
            return polled;
        }
        match self.deadline.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.watch(context, polled)
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(context, polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
