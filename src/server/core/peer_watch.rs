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
    /// How many have been told of in this sweep.
    told: Cell<usize>,
    /// The first of them that is looked at: where there are many, each sweep goes on where the last one ended.
    from: Cell<usize>,
}

impl PeerWatch {
    /// Tells of a connection that waits, in each sweep anew.
    pub fn add(&self, conn: &Rc<Conn>) {
        let at = self.told.replace(self.told.get() + 1);
        if at >= self.from.get() && at - self.from.get() < SOCKETS_MAX {
            self.watched.borrow_mut().push(Rc::clone(conn));
        }
    }

    /// Looks at their sockets, and ends the waits of those who have gone. Where memory is short, those go too who have ended their side: they
    /// are answered that it was. Gives how many have gone.
    pub fn look(&self, memory_is_short: bool) -> u64 {
        let told = self.told.take();
        if told == 0 {
            return 0;
        }
        let next = self.from.get() + SOCKETS_MAX;
        self.from.set(if next < told { next } else { 0 });
        let mut watched = self.watched.borrow_mut();
        let mut gone = 0;
        for (at, flags) in states(&watched) {
            let Some(conn) = watched.get(at) else { continue };
            if flags.intersects(EpollFlags::EPOLLERR | EpollFlags::EPOLLHUP) {
                gone += u64::from(conn.presence.get() != Presence::Gone);
                conn.stop_waiting(Presence::Gone);
            } else if memory_is_short && flags.contains(EpollFlags::EPOLLRDHUP) && !conn.closing() {
                // Of one that we close it would be our own end of the reading side.
                conn.stop_waiting(Presence::Ending);
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
        // A listed connection's descriptor is its own. An error means that nothing is told of it.
        let mut event = EpollEvent::new(EpollFlags::EPOLLRDHUP, at as u64);
        let _ = epoll_ctl(set.as_raw_fd(), EpollOp::EpollCtlAdd, conn.fd, &mut event);
    }
    let mut events = vec![EpollEvent::empty(); watched.len()];
    let count = epoll_wait(set.as_raw_fd(), &mut events, 0).unwrap_or(0);
    events.truncate(count);
    events.iter().map(|event| (event.data() as usize, event.events())).collect()
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Shutdown, TcpListener, TcpStream};
    use std::time::{Duration, Instant};

    use crate::server::core::conn::WaitOutcome;

    use super::*;

    /// A client, and the server's side of its connection, which waits.
    fn waiting(listener: &TcpListener) -> (TcpStream, TcpStream, Rc<Conn>) {
        let client = TcpStream::connect(listener.local_addr().expect("is bound")).expect("it listens");
        let (server, _) = listener.accept().expect("a connection");
        let conn = Rc::new(Conn::new(server.as_raw_fd(), IpAddr::from([127, 0, 0, 1]), 0, false));
        conn.begin_hold(0);
        conn.outcome.set(WaitOutcome::Pending);
        (client, server, conn)
    }

    /// Looks until it is so.
    fn look_until(watch: &PeerWatch, conns: &[&Rc<Conn>], memory_is_short: bool, done: impl Fn() -> bool) -> u64 {
        let end = Instant::now() + Duration::from_secs(20);
        let mut gone = 0;
        while !done() {
            assert!(Instant::now() < end, "nothing came of it");
            conns.iter().for_each(|conn| watch.add(conn));
            gone += watch.look(memory_is_short);
        }
        gone
    }

    #[test]
    fn who_has_gone_waits_no_longer_and_who_has_ended_its_side_does_until_memory_is_short() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let watch = PeerWatch::default();
        let (here, _s1, stays) = waiting(&listener);
        let (ending, _s2, ends) = waiting(&listener);
        let (reset, _s3, leaves) = waiting(&listener);
        ending.shutdown(Shutdown::Write).expect("a socket");
        // A socket that is closed with a lingering time of none is reset.
        socket2::SockRef::from(&reset).set_linger(Some(Duration::ZERO)).expect("a socket");
        drop(reset);
        let all = [&stays, &ends, &leaves];
        let gone = look_until(&watch, &all, false, || leaves.outcome.get() == WaitOutcome::TimedOut);
        assert_eq!((gone, leaves.presence.get()), (1, Presence::Gone));
        assert_eq!((stays.outcome.get(), ends.outcome.get()), (WaitOutcome::Pending, WaitOutcome::Pending));
        look_until(&watch, &all, true, || ends.outcome.get() == WaitOutcome::TimedOut);
        assert_eq!((ends.presence.get(), stays.presence.get()), (Presence::Ending, Presence::Here));
        assert_eq!(stays.outcome.get(), WaitOutcome::Pending);
        drop(here);
    }

    #[test]
    fn a_crowd_is_looked_at_in_parts_and_each_of_it_in_turn() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let watch = PeerWatch::default();
        let (_client, _server, stays) = waiting(&listener);
        let (reset, _other, leaves) = waiting(&listener);
        socket2::SockRef::from(&reset).set_linger(Some(Duration::ZERO)).expect("a socket");
        drop(reset);
        let mut crowd = vec![&stays; SOCKETS_MAX + 10];
        crowd.push(&leaves);
        look_until(&watch, &crowd, false, || leaves.presence.get() == Presence::Gone);
    }
}
