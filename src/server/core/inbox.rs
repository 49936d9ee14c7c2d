//! A core's inbox for connections that other cores pass on: bounded in their number and in their bytes.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::{IpAddr, TcpStream as StdStream};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use atomic_waker::AtomicWaker;
use crossbeam_queue::ArrayQueue;
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

use crate::server::memory::pool::BodyRange;

/// A core's inbox for connections that other cores pass on.
pub struct Inbox {
    queue: ArrayQueue<Migration>,
    /// Connections on their way: with a reservation, in the queue, or being started.
    places: AtomicUsize,
    bytes: AtomicUsize,
    bytes_max: usize,
    waker: AtomicWaker,
}

impl Inbox {
    /// Room for `places_max` connections that bring `bytes_max` bytes in total; the connection that reaches the bound may exceed it.
    pub fn new(places_max: usize, bytes_max: usize) -> Arc<Inbox> {
        Arc::new(Inbox {
            queue: ArrayQueue::new(places_max),
            places: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            bytes_max,
            waker: AtomicWaker::new(),
        })
    }

    /// How many connections are on their way.
    pub fn places(&self) -> usize {
        self.places.load(Ordering::SeqCst)
    }

    /// Reserves a place, if one is free.
    pub fn reserve(self: &Arc<Self>) -> Option<Reservation> {
        if self.bytes.load(Ordering::SeqCst) >= self.bytes_max {
            return None;
        }
        let one_more = |places: usize| (places < self.queue.capacity()).then_some(places + 1);
        self.places.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_more).ok()?;
        Some(Reservation { inbox: Arc::clone(self), bytes: 0 })
    }

    /// The next connection that was passed on.
    pub async fn next(&self) -> Migration {
        std::future::poll_fn(|cx| {
            self.waker.register(cx.waker());
            self.queue.pop().map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

/// A place for a connection at another core, released when this is dropped.
pub struct Reservation {
    inbox: Arc<Inbox>,
    bytes: usize,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let bytes = self.inbox.bytes.fetch_sub(self.bytes, Ordering::SeqCst);
        let places = self.inbox.places.fetch_sub(1, Ordering::SeqCst);
        debug_assert!(bytes >= self.bytes && places > 0, "what is released was counted");
    }
}

/// What a connection needs in order to move.
pub struct Ticket {
    place: Reservation,
    socket: StdStream,
}

impl Ticket {
    /// A ticket for a connection: duplicates its socket.
    pub fn new(place: Reservation, socket: RawFd) -> io::Result<Self> {
        Ok(Self { place, socket: second_handle(socket)?.into() })
    }

    /// Sends the connection to the core where it has a reservation.
    pub fn send(self, peer: IpAddr, bytes: Vec<u8>, body: Option<BodyRange>, held_ms: u64, served: bool) {
        let Self { mut place, socket } = self;
        place.bytes = bytes.len();
        place.inbox.bytes.fetch_add(place.bytes, Ordering::SeqCst);
        let inbox = Arc::clone(&place.inbox);
        let request = BegunRequest { bytes, body, held_ms, served, _place: place };
        // The queue cannot be full: each reservation stands for one entry.
        let pushed = inbox.queue.push(Migration { socket, peer, request });
        assert!(pushed.is_ok(), "more connections are on their way than there are places");
        inbox.waker.wake();
    }
}

/// A connection on its way to another core.
pub struct Migration {
    /// Its socket.
    pub socket: StdStream,
    /// The client's address.
    pub peer: IpAddr,
    /// The request that moves with it.
    pub request: BegunRequest,
}

/// A request that another core has begun.
pub struct BegunRequest {
    /// Bytes that were read but not answered: at least one head, and everything after it.
    pub bytes: Vec<u8>,
    /// Its body, if it has been received and decoded.
    pub body: Option<BodyRange>,
    /// How long it has been held already, in ms.
    pub held_ms: u64,
    /// Its connection has been answered before.
    pub served: bool,
    _place: Reservation,
}

/// Duplicates a socket that the runtime owns. The runtime exposes only the raw descriptor, and sending that through a Unix socket turns it
/// into an owned one.
fn second_handle(fd: RawFd) -> io::Result<OwnedFd> {
    let (here, there) = UnixDatagram::pair()?;
    sendmsg::<()>(
        here.as_raw_fd(),
        &[IoSlice::new(&[0])],
        &[ControlMessage::ScmRights(&[fd])],
        MsgFlags::MSG_DONTWAIT,
        None,
    )?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut received = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    recvmsg(&there, &mut [IoSliceMut::new(&mut [0])], &mut received, flags)?;
    let handle = received.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut handles) => handles.next(),
        _ => None,
    });
    // The kernel drops the handle if the limit on open files is reached.
    handle.ok_or_else(|| io::Error::from_raw_os_error(libc::EMFILE))
}

#[cfg(test)]
mod tests;
