//! Which connections of a core have something to receive.
//!
//! Each core has an epoll instance. Each of its connections is added once, and from then on the kernel notes by itself when bytes arrive or the client
//! goes (edge-triggered). The runtime waits for the instance with one operation, and one call a turn names all connections. An operation
//! for each wait of each connection would cost more than the call that receives its bytes.
//!
//! What the kernel has noted stays with the [`Conn`](super::conn::Conn) until a receive finds less than it asked for.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream as StdUnixStream;

use monoio::net::UnixStream;
use nix::errno::Errno;
use nix::sys::epoll::{EpollEvent, EpollFlags, EpollOp, epoll_ctl, epoll_wait};
use rustix::event::epoll::{CreateFlags, create};

/// How many connections one call names at most.
const EVENTS_MAX: usize = 256;

/// Bytes, or the end of what the client sends.
const WATCHED: EpollFlags = EpollFlags::EPOLLIN.union(EpollFlags::EPOLLRDHUP).union(EpollFlags::EPOLLET);

/// The client sends no more, or the connection is broken.
const ENDED: EpollFlags = EpollFlags::EPOLLRDHUP.union(EpollFlags::EPOLLHUP).union(EpollFlags::EPOLLERR);

/// The epoll instance of a core.
pub struct Arrivals {
    epoll: OwnedFd,
}

impl Arrivals {
    /// Watches nothing yet.
    pub fn new() -> io::Result<Arrivals> {
        Ok(Arrivals { epoll: create(CreateFlags::CLOEXEC)? })
    }

    /// Watches the socket of the connection with this key, until [`forget`](Self::forget).
    pub fn watch(&self, socket: RawFd, key: usize) -> io::Result<()> {
        let mut event = EpollEvent::new(WATCHED, key as u64);
        Ok(epoll_ctl(self.epoll.as_raw_fd(), EpollOp::EpollCtlAdd, socket, &mut event)?)
    }

    /// Watches a socket no more. To be called before it is closed: another core may have a second handle to it.
    pub fn forget(&self, socket: RawFd) {
        // One that could not be watched is not there.
        let _ = epoll_ctl(self.epoll.as_raw_fd(), EpollOp::EpollCtlDel, socket, None);
    }

    /// What the runtime waits with.
    pub fn waited(&self) -> io::Result<Waited> {
        // The runtime waits for descriptors of its own types alone. Nothing but waiting is done with this one.
        UnixStream::from_std(StdUnixStream::from(self.epoll.try_clone()?)).map(Waited)
    }

    /// Calls `tell` with the key of each connection that something has arrived for, and whether it was the last.
    pub fn drain(&self, named: &mut Named, mut tell: impl FnMut(usize, bool)) -> io::Result<()> {
        loop {
            let count = match epoll_wait(self.epoll.as_raw_fd(), &mut named.0[..], 0) {
                Err(Errno::EINTR) => continue,
                count => count?,
            };
            for event in &named.0[..count] {
                tell(event.data() as usize, event.events().intersects(ENDED));
            }
            if count < EVENTS_MAX {
                return Ok(());
            }
        }
    }
}

/// Room for the connections that one call names.
pub struct Named(Box<[EpollEvent; EVENTS_MAX]>);

impl Default for Named {
    fn default() -> Named {
        Named(Box::new([EpollEvent::empty(); EVENTS_MAX]))
    }
}

/// Waits until something has arrived on one of the connections.
pub struct Waited(UnixStream);

impl Waited {
    /// Waits until something has arrived that [`Arrivals::drain`] has not told.
    pub async fn arrival(&self) -> io::Result<()> {
        self.0.readable(false).await
    }
}

#[cfg(test)]
mod tests;
