//! Whether those are still there who wait. A request that is held reads nothing from its socket, so nothing else would tell, and who has gone
//! would keep its memory for a whole patience.
//!
//! A client that has only ended its side may still read its answer: it is left in peace as long as memory is not short.

use std::cell::{Cell, RefCell};
use std::os::fd::AsRawFd;
use std::rc::Rc;

use nix::sys::epoll::{EpollEvent, EpollFlags, EpollOp, epoll_ctl, epoll_wait};
use rustix::event::epoll;

use super::conn::{Conn, Presence};

/// Who waits for less is not looked at.
pub const WATCHED_FROM_MS: u64 = 1_000;

/// Sockets looked at by one sweep: each is a system call.
const SOCKETS_MAX: usize = 256;

/// The connections of a core that have waited for a while.
#[derive(Default)]
pub struct PeerWatch {
    watched: RefCell<Vec<Rc<Conn>>>,
    /// How many have been added of in this sweep.
    added: Cell<usize>,
    /// The first of them that is looked at: where there are many, each sweep goes on where the last one ended.
    next_start: Cell<usize>,
}

impl PeerWatch {
    /// Tells of a connection that waits, in each sweep anew.
    pub fn add(&self, conn: &Rc<Conn>) {
        let at = self.added.replace(self.added.get() + 1);
        if at >= self.next_start.get() && at - self.next_start.get() < SOCKETS_MAX {
            self.watched.borrow_mut().push(Rc::clone(conn));
        }
    }

    /// Looks at their sockets, and ends the waits of those who have gone. Where memory is short, those go too who have ended their side: they
    /// are answered that it was. Gives how many have gone.
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
                // Of one that we close it would be our own end of the reading side.
                conn.abandon(Presence::HalfClosed);
            }
        }
        watched.clear();
        gone
    }
}

/// What has happened to the sockets of these connections, by their index: none for one to which nothing has. If the process is out of
/// descriptors, the next sweep will tell.
fn states(watched: &[Rc<Conn>]) -> Vec<(usize, EpollFlags)> {
    let Ok(set) = epoll::create(epoll::CreateFlags::CLOEXEC) else { return Vec::new() };
    for (at, conn) in watched.iter().enumerate() {
        // A listed connection's descriptor is its own. An error means that nothing is added of it.
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
