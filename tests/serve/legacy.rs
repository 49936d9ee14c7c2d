//! The same server on epoll, where the kernel or a container forbids io_uring.

use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::common::{Connection, Home, PATIENCE, Request, wait_for};

const LEGACY: (&str, &str) = ("runtime", "legacy");

#[test]
fn on_epoll_sessions_are_taken_and_a_drain_finishes_what_has_begun() {
    let home = Home::new();
    let mut server = home.serve(&[LEGACY, ("cores", "2"), ("drain_timeout", "20s")]);
    assert!(server.stderr().contains(" cores, epoll, ack = "), "{}", server.stderr());
    let token = server.start_session(&home.project_key());
    let mut client = server.connect();
    let request = Request::batch(&token, b"a body");
    client.send(request.bytes().repeat(50));
    for _ in 0..50 {
        assert_eq!(client.read().status, 200);
    }
    // Larger than a socket's buffer, so that it comes in many pieces.
    assert_eq!(client.exchange(Request::batch(&token, [b'x'; 900_000])).status, 200);

    let mut busy = server.connect();
    busy.send(Request::batch_head(&token, 10).then("first"));
    thread::sleep(Duration::from_millis(200));
    server.signal(Signal::TERM);
    client.expect_end(PATIENCE);
    assert!(server.runs());
    busy.send("-last");
    let answer = busy.read();
    assert_eq!((answer.status, answer.closes()), (200, true), "{}", answer.text());
    assert!(server.wait(PATIENCE).success(), "{}", server.said());

    let stored = home.stored();
    assert_eq!(stored.len(), 52);
    assert_eq!(stored.iter().filter(|batch| batch.body == b"first-last").count(), 1);
    assert_eq!(home.takeup(&["verify"]).code, Some(0));
}

#[test]
fn on_epoll_deadlines_hold_too() {
    let home = Home::new();
    let server = home.serve(&[LEGACY, ("head_timeout", "300ms"), ("body_grace", "300ms"), ("idle_timeout", "1s")]);
    let mut head = server.connect();
    head.send("POST /v1/we");
    let mut body = server.connect();
    body.send(Request::batch_head(&home.token(7), 100).then("some"));
    let mut idle = server.connect();
    for client in [&mut head, &mut body] {
        let answer = client.read();
        assert_eq!((answer.status, answer.closes()), (408, true), "{}", answer.text());
        client.expect_end(Duration::from_secs(5));
    }
    idle.expect_end(Duration::from_secs(5));
}

#[test]
fn on_epoll_idle_connections_hold_no_buffers_and_still_work() {
    let home = Home::new();
    let server = home.serve(&[LEGACY]);
    let request = Request::batch(&home.token(7), [b'x'; 2_000]);
    let mut clients: Vec<Connection> = (0..50).map(|_| server.connect()).collect();
    for round in 0..2 {
        for client in &mut clients {
            assert_eq!(client.exchange(&request).status, 200, "round {round}");
        }
        let freed = || (server.metric("takeup_buffer_bytes") == 0.0).then_some(());
        wait_for("the buffers to be given back", Duration::from_secs(8), freed);
    }
    assert_eq!(home.stored().len(), 100);
}
