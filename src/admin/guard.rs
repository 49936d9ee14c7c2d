//! Limits for the admin port's connections: how many there may be, how long one may be idle, and how long its request may take to arrive.
//!
//! A probe must get its answer whoever else is connected. When all places are taken, a newcomer gets that of a connection that waits for a
//! request, or of one whose request is not answered yet if there is no other: those that have been so for longest go first. One whose
//! answer is under way keeps its place; of these there are only so many (followers, viewers).

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

use self::places::{Place, Places};

mod places;

/// The limits of a port.
#[derive(Debug, Clone, Copy)]
pub(in crate::admin) struct Bounds {
    /// How many connections are served at once; others wait in the kernel's backlog.
    pub connections_max: usize,
    /// A connection without any read or write for this long is closed. Longer than a scrape interval.
    pub silence_max: Duration,
    /// Bytes of a request that come later than this after its first are not taken any more.
    pub request_max: Duration,
}

impl Bounds {
    /// Those of the admin port.
    pub(in crate::admin) const ADMIN: Bounds =
        Bounds { connections_max: 64, silence_max: Duration::from_secs(90), request_max: Duration::from_secs(10) };
}

/// A listener that limits its connections.
pub(in crate::admin) struct GuardedListener {
    inner: TcpListener,
    permits: Arc<Semaphore>,
    places: Arc<Places>,
    bounds: Bounds,
}

impl GuardedListener {
    pub(in crate::admin) fn new(inner: TcpListener, bounds: Bounds) -> Self {
        let permits = Arc::new(Semaphore::new(bounds.connections_max));
        Self { inner, permits, places: Arc::default(), bounds }
    }

    /// A place for a connection that has been accepted.
    async fn permit(&self) -> OwnedSemaphorePermit {
        let permits = Arc::clone(&self.permits);
        if let Ok(permit) = Arc::clone(&permits).try_acquire_owned() {
            return permit;
        }
        self.places.make_room();
        permits.acquire_owned().await.expect("the semaphore is never closed")
    }
}

impl Listener for GuardedListener {
    type Io = Guarded;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Guarded, SocketAddr) {
        let (stream, addr) = Listener::accept(&mut self.inner).await;
        let permit = self.permit().await;
        let deadline = Box::pin(sleep_until(Instant::now() + self.bounds.silence_max));
        let place = self.places.enter();
        (Guarded { stream, deadline, bounds: self.bounds, place, _permit: permit }, addr)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}

/// A connection that fails when it is idle for too long, when its request takes too long to arrive, and when another needs its place.
pub(in crate::admin) struct Guarded {
    stream: TcpStream,
    deadline: Pin<Box<Sleep>>,
    bounds: Bounds,
    place: Place,
    // Dropped last: then the place is free.
    _permit: OwnedSemaphorePermit,
}

impl Guarded {
    /// Passes `polled` through, extending the deadline on progress and failing once it has expired.
    fn watch<T>(&mut self, context: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if self.place.is_wanted_by_another(context) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        if polled.is_ready() {
            self.deadline.as_mut().reset(Instant::now() + self.bounds.silence_max);
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
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let request_max = self.bounds.request_max;
        if buffer.filled().len() > before && self.place.receives() > request_max {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        self.watch(context, polled)
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.place.answers();
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
