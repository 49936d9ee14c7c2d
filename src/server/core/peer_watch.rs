//! Whether the clients of waiting requests are still there. A held request reads nothing from its socket, so nothing else would notice, and
//! a request whose client has gone would keep its memory for its whole patience.
//!
//! A client that has only closed its sending side may still read its answer: it is left alone as long as memory is not short.

use std::cell::{Cell, RefCell};
use std::os::fd::AsRawFd;
use std::rc::Rc;

use nix::sys::epoll::{EpollEvent, EpollFlags, EpollOp, epoll_ctl, epoll_wait};
use rustix::event::epoll;

use super::conn::{Conn, Presence};

/// Requests that have waited for less are not checked.
pub const WATCHED_FROM_MS: u64 = 1_000;

/// Sockets checked by one sweep: each costs a system call.
const SOCKETS_MAX: usize = 256;

/// The connections of a core that have waited for a while.
#[derive(Default)]
pub struct PeerWatch {
    watched: RefCell<Vec<Rc<Conn>>>,
    /// How many have been added in this sweep.
    added: Cell<usize>,
    /// The first one to check: if there are many, each sweep continues where the last one ended.
    next_start: Cell<usize>,
}

impl PeerWatch {
    /// Adds a waiting connection. Called anew in each sweep.
    pub fn add(&self, conn: &Rc<Conn>) {
        let at = self.added.replace(self.added.get() + 1);
        if at >= self.next_start.get() && at - self.next_start.get() < SOCKETS_MAX {
            self.watched.borrow_mut().push(Rc::clone(conn));
        }
    }

    /// Checks the sockets and ends the waits of clients that have gone. If memory is short, requests of clients that have closed their
    /// sending side are ended too, with an answer that says so. Returns how many clients have gone.
    pub fn inspect(&self, memory_is_short: bool) -> u64 {
        let added = self.added.take();
        if added == 0 {
            return 0;
        }
        let next = self.next_start.get() + SOCKETS_MAX;
        self.next_start.set(if next < added { next } else { 0 });
        let mut watched = self.watched.borrow_mut();
        let mut gone = 0;
        for (at, flags) in states(&watched) {
            let Some(conn) = watched.get(at) else { continue };
            if flags.intersects(EpollFlags::EPOLLERR | EpollFlags::EPOLLHUP) {
                gone += u64::from(conn.presence.get() != Presence::Gone);
                conn.abandon(Presence::Gone);
            } else if memory_is_short && flags.contains(EpollFlags::EPOLLRDHUP) && !conn.closing() {
                // On a connection that we are closing, this would be our own shutdown of the reading side.
                conn.abandon(Presence::HalfClosed);
            }
        }
        watched.clear();
        gone
    }
}

/// What has happened to the sockets of these connections, by index; sockets without events are left out. If the process is out of
/// descriptors, this is left to the next sweep.
fn states(watched: &[Rc<Conn>]) -> Vec<(usize, EpollFlags)> {
    let Ok(set) = epoll::create(epoll::CreateFlags::CLOEXEC) else { return Vec::new() };
    for (at, conn) in watched.iter().enumerate() {
        // A listed connection owns its descriptor. On an error this one is not checked.
        let mut event = EpollEvent::new(EpollFlags::EPOLLRDHUP, at as u64);
        let _ = epoll_ctl(set.as_raw_fd(), EpollOp::EpollCtlAdd, conn.fd, &mut event);
    }
    let mut events = vec![EpollEvent::empty(); watched.len()];
    let count = epoll_wait(set.as_raw_fd(), &mut events, 0).unwrap_or(0);
    events.truncate(count);
    events.iter().map(|event| (event.data() as usize, event.events())).collect()
}

#[cfg(test)]
mod tests;
