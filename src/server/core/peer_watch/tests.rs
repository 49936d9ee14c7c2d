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
        gone += watch.inspect(memory_is_short);
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
    assert_eq!((ends.presence.get(), stays.presence.get()), (Presence::HalfClosed, Presence::Connected));
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
