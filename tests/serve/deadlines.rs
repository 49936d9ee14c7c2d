//! Clients that are slow, and clients that are only there.

use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::common::{Connection, Home, Request};

const ROOT: &str = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";

/// The server looks at its deadlines ten times a second; a busy machine is allowed much more.
const SOON: Duration = Duration::from_secs(5);

/// Demands a 408 with a close, no sooner than `least` from now.
fn expect_timeout(client: &mut Connection, least: Duration) {
    let began = Instant::now();
    let answer = client.read();
    let took = began.elapsed();
    assert_eq!((answer.status, answer.closes()), (408, true), "{}", answer.text());
    assert!(least <= took && took < least + SOON, "408 after {took:?}");
    client.expect_end(SOON);
}

#[test]
fn a_head_must_come_within_its_time() {
    let home = Home::new();
    let server = home.serve(&[("head_timeout", "400ms")]);
    let mut silent = server.connect();
    silent.send("POST /v1/web/i HTTP/1.1\r\nHo");
    expect_timeout(&mut silent, Duration::from_millis(300));

    // Each byte is progress, and still the whole head has one time.
    let mut dripping = server.connect();
    let mut sender = dripping.sender();
    let drip = thread::spawn(move || {
        for byte in "GET / HTTP/1.1\r\nHost: test\r\nX: ".bytes().chain(std::iter::repeat_n(b'x', 200)) {
            if std::io::Write::write_all(&mut sender, &[byte]).is_err() {
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
    });
    let began = Instant::now();
    let answer = dripping.read();
    assert_eq!((answer.status, answer.closes()), (408, true), "{}", answer.text());
    assert!(began.elapsed() < SOON);
    drip.join().expect("no panic");

    // The time counts for each head anew, and not from the connection's start.
    let mut later = server.connect();
    assert_eq!(later.exchange(ROOT).status, 200);
    thread::sleep(Duration::from_millis(600));
    assert_eq!(later.exchange(ROOT).status, 200);
    later.send("GE");
    expect_timeout(&mut later, Duration::from_millis(300));
}

#[test]
fn a_body_that_stalls_is_refused() {
    let home = Home::new();
    let server = home.serve(&[("body_grace", "400ms")]);
    let mut client = server.connect();
    client.send(Request::batch_head(&home.token(7), 1_000));
    client.send("some of it");
    expect_timeout(&mut client, Duration::from_millis(300));

    let mut chunked = server.connect();
    chunked.send(Request::batch_head(&home.token(7), 0).chunked().then("5\r\nab"));
    expect_timeout(&mut chunked, Duration::from_millis(300));
    assert!(home.stored().is_empty());
}

#[test]
fn a_body_that_stalls_behind_a_fast_beginning_is_refused_soon() {
    let home = Home::new();
    let server = home.serve(&[("body_grace", "400ms")]);
    let mut client = server.connect();
    client.send(Request::batch_head(&home.token(7), 600_000));
    client.send([b'x'; 500_000]);
    // Who has sent much may not hold that much memory for minutes.
    assert!(!client.is_silent_for(Duration::from_secs(4)), "no 408");
    assert_eq!(client.read().status, 408);
}

#[test]
fn a_slow_but_steady_body_gets_through() {
    let home = Home::new();
    let server = home.serve(&[("body_grace", "500ms"), ("body_rate_min", "10000"), ("head_timeout", "500ms")]);
    let body = vec![b'x'; 60_000];
    let mut client = server.connect();
    client.send(Request::batch_head(&home.token(7), body.len()));
    for piece in body.chunks(3_000) {
        client.send(piece);
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(client.read().status, 200);
    // Neither does the time of a long body count against the next head.
    assert_eq!(client.exchange(ROOT).status, 200);
    assert_eq!(home.stored()[0].body, body);
}

#[test]
fn a_connection_that_is_idle_for_too_long_is_closed_without_a_word() {
    let home = Home::new();
    let server = home.serve(&[("idle_timeout", "600ms"), ("head_timeout", "100ms")]);
    let (mut new, mut used) = (server.connect(), server.connect());
    thread::sleep(Duration::from_millis(400));
    assert_eq!(used.exchange(ROOT).status, 200);
    new.expect_end(SOON);
    let began = Instant::now();
    used.expect_end(SOON);
    assert!(began.elapsed() > Duration::from_millis(100), "its time counts from its last request");
    assert_eq!(server.metric("takeup_connections_idle_closed_total"), 2.0);
}

#[test]
fn deadlines_hold_for_a_connection_that_has_given_its_buffer_back() {
    let home = Home::new();
    let server = home.serve(&[("idle_timeout", "3500ms"), ("head_timeout", "300ms")]);
    let (mut slow, mut idle) = (server.connect(), server.connect());
    let began = Instant::now();
    thread::sleep(Duration::from_millis(2_500));
    slow.send("GET / HT");
    expect_timeout(&mut slow, Duration::from_millis(200));
    idle.expect_end(SOON);
    assert!(began.elapsed() > Duration::from_millis(3_400));
}

#[test]
fn at_the_cap_the_longest_idle_connection_makes_room() {
    let home = Home::new();
    let server = home.serve(&[("connections_max", "3")]);
    let mut clients: Vec<Connection> = Vec::new();
    for _ in 0..3 {
        let mut client = server.connect();
        assert_eq!(client.exchange(ROOT).status, 200);
        clients.push(client);
        thread::sleep(Duration::from_millis(250));
    }
    assert_eq!(clients[0].exchange(ROOT).status, 200);
    thread::sleep(Duration::from_millis(250));
    let mut fourth = server.connect();
    assert_eq!(fourth.exchange(ROOT).status, 200);
    clients[1].expect_end(SOON);
    assert_eq!(clients[0].exchange(ROOT).status, 200);
    assert_eq!(clients[2].exchange(ROOT).status, 200);
    assert_eq!(fourth.exchange(ROOT).status, 200);
    assert_eq!(server.metric("takeup_connections_evicted_total"), 1.0);
}

#[test]
fn at_the_cap_of_busy_connections_new_ones_wait_for_their_turn() {
    let home = Home::new();
    let server = home.serve(&[("connections_max", "1"), ("patience", "20s")]);
    let mut busy = server.connect();
    busy.send(Request::batch_head(&home.token(1), 6));
    thread::sleep(Duration::from_millis(200));
    let mut waiting: Vec<Connection> = (2..=5)
        .map(|session| {
            let mut client = server.connect();
            client.send(Request::batch(&home.token(session), b"it waits"));
            client
        })
        .collect();
    assert!(waiting.iter_mut().all(|client| client.is_silent_for(Duration::from_millis(100))));
    busy.send("first!");
    assert_eq!(busy.read().status, 200);
    drop(busy);
    let began = Instant::now();
    for mut client in waiting {
        assert_eq!(client.read().status, 200);
    }
    assert!(began.elapsed() < SOON, "{:?} for four requests, one behind the other", began.elapsed());
    let mut sessions: Vec<u64> = home.stored().iter().map(|batch| batch.session).collect();
    sessions.sort_unstable();
    assert_eq!(sessions, [1, 2, 3, 4, 5]);
}

#[test]
fn at_the_cap_of_busy_connections_a_new_one_is_refused_in_the_end() {
    let home = Home::new();
    let server = home.serve(&[("connections_max", "1"), ("patience", "400ms")]);
    let mut busy = server.connect();
    busy.send(Request::batch_head(&home.token(1), 6));
    thread::sleep(Duration::from_millis(200));
    let began = Instant::now();
    let refused = server.connect().exchange(Request::batch(&home.token(2), b"in vain"));
    let took = began.elapsed();
    assert_eq!((refused.status, refused.closes()), (503, true), "{}", refused.text());
    assert_eq!((refused.header("retry-after"), refused.header("access-control-allow-origin")), (Some("1"), Some("*")));
    assert!(Duration::from_millis(250) < took && took < SOON, "{took:?}");
    busy.send("first!");
    assert_eq!(busy.read().status, 200);
    assert_eq!(home.stored().len(), 1);
}

#[test]
fn a_pause_of_the_server_makes_nobody_slow() {
    let home = Home::new();
    let server = home.serve(&[("head_timeout", "1s"), ("body_grace", "1s"), ("idle_timeout", "2s"), ("cores", "1")]);
    let (mut head, mut body, mut idle) = (server.connect(), server.connect(), server.connect());
    let token = home.token(7);
    head.send("GET / HT");
    body.send(Request::batch_head(&token, 20_000));
    body.send([b'x'; 10_000]);
    assert_eq!(idle.exchange(ROOT).status, 200);
    thread::sleep(Duration::from_millis(300));
    server.signal(Signal::STOP);
    head.send("TP/1.1\r\nHost: test\r\n\r\n");
    body.send([b'x'; 10_000]);
    idle.send(Request::batch(&token, b"a body"));
    let mut new = server.connect();
    new.send(Request::batch(&token, b"a body"));
    // Longer than any of them would have.
    thread::sleep(Duration::from_millis(3_500));
    server.signal(Signal::CONT);
    for (name, client) in [("head", &mut head), ("body", &mut body), ("idle", &mut idle), ("new", &mut new)] {
        let answer = client.read();
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
    }
    assert_eq!(home.stored().len(), 3);
}
