//! Requests one behind the other on one connection, and requests that arrive in pieces.

use std::io::Write;
use std::thread;
use std::time::Duration;

use crate::common::{Home, Request};

#[test]
fn a_bad_request_is_answered_behind_the_good_one_before_it() {
    let home = Home::new();
    let server = home.serve(&[]);
    let token = home.token(7);
    for (bad, status) in [
        ("no request at all\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/3.0\r\nHost: a\r\n\r\n".to_owned(), 505),
        (String::from_utf8(Request::batch_head(&token, 2_000_000).bytes()).expect("ASCII"), 413),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc".to_owned(), 400),
    ] {
        let mut client = server.connect();
        let good = Request::batch(&token, bad.as_bytes()).bytes();
        client.send([&good, &good, bad.as_bytes(), &good].concat());
        assert_eq!(client.read().status, 200, "{bad}");
        assert_eq!(client.read().status, 200, "{bad}");
        let refused = client.read();
        assert_eq!((refused.status, refused.closes()), (status, true), "{bad}: {}", refused.text());
        client.expect_end(Duration::from_secs(10));
    }
    // What stood behind the bad ones was not taken for a request.
    assert_eq!(home.stored().len(), 10);
}

#[test]
fn pipelined_requests_are_answered_in_order_and_stored_in_order() {
    const BATCHES: usize = 600;
    let home = Home::new();
    let server = home.serve(&[]);
    let token = home.token(7);
    let mut requests = Vec::new();
    let mut expected = Vec::new();
    for number in 0..BATCHES {
        // Other answers in between show whose answer is whose.
        if number % 7 == 0 {
            requests.extend(Request::get(&format!("/none/{number}")).bytes());
            expected.push(404);
        }
        if number % 11 == 0 {
            requests.extend(Request::batch("not.a.good.token", b"a refused body").bytes());
            expected.push(401);
        }
        requests.extend(Request::batch(&token, format!("batch {number}")).bytes());
        expected.push(200);
    }
    let mut client = server.connect();
    let mut sender = client.sender();
    thread::scope(|scope| {
        scope.spawn(move || sender.write_all(&requests).expect("the server takes them all"));
        let statuses: Vec<u16> = expected.iter().map(|_| client.read().status).collect();
        assert_eq!(statuses, expected);
    });
    let stored: Vec<String> = home.stored().into_iter().map(|b| String::from_utf8(b.body).expect("ours")).collect();
    let sent: Vec<String> = (0..BATCHES).map(|number| format!("batch {number}")).collect();
    assert_eq!(stored, sent);
}

#[test]
fn pipelines_of_many_connections_at_once_lose_nothing() {
    const CONNECTIONS: u64 = 8;
    const BATCHES: usize = 100;
    let home = Home::new();
    let server = home.serve(&[("cores", "2")]);
    thread::scope(|scope| {
        for session in 1..=CONNECTIONS {
            let (token, server) = (home.token(session), &server);
            scope.spawn(move || {
                let mut client = server.connect();
                let requests = (0..BATCHES).flat_map(|number| {
                    let body = format!("{session}/{number} {}", "x".repeat(number * 20));
                    Request::batch(&token, body).bytes()
                });
                client.send(requests.collect::<Vec<u8>>());
                for _ in 0..BATCHES {
                    assert_eq!(client.read().status, 200);
                }
            });
        }
    });
    let stored = home.stored();
    assert_eq!(stored.len(), CONNECTIONS as usize * BATCHES);
    for session in 1..=CONNECTIONS {
        let of_session = stored.iter().filter(|batch| batch.session == session);
        for (number, batch) in of_session.enumerate() {
            assert!(batch.body.starts_with(format!("{session}/{number} ").as_bytes()), "{number} of {session}");
        }
    }
}

fn player_batch(token: &str, body: &[u8]) -> Request {
    Request::batch(token, body).target("/v1/web/i?batch=3_4&x=%41").header("DataType", "player")
}

/// A batch with every part that a split can fall into.
fn chunked(token: &str) -> Vec<u8> {
    let chunks = "4;note=x\r\na bo\r\n0b\r\ndy in piece\r\n1\r\ns\r\n0\r\nTrailer: x\r\n\r\n";
    player_batch(token, b"").chunked().then(chunks).bytes()
}

#[test]
fn every_split_of_a_request_in_two_gives_the_same_answer_and_record() {
    let home = Home::new();
    let server = home.serve(&[]);
    let token = home.token(7);
    let plain = player_batch(&token, b"a body in pieces").bytes();
    let mut client = server.connect();
    let mut splits = 0;
    let mut whole = None;
    for request in [plain, chunked(&token)] {
        for at in 0..request.len() {
            client.send(&request[..at]);
            if at > 0 {
                // Long enough that the server mostly reads the first part alone.
                thread::sleep(Duration::from_micros(500));
            }
            client.send(&request[at..]);
            let answer = client.read().undated();
            assert_eq!((answer.status, answer.closes()), (200, false), "split at {at}: {}", answer.text());
            assert_eq!(*whole.get_or_insert_with(|| answer.clone()), answer, "split at {at}");
            splits += 1;
        }
    }
    let stored = home.stored();
    assert_eq!(stored.len(), splits);
    for batch in &stored {
        assert_eq!((&*batch.body, &batch.line), (&b"a body in pieces"[..], &stored[0].line));
    }
    assert_eq!(stored[0].line["data_type"], "player");
    assert_eq!((stored[0].line["page"].as_u64(), stored[0].line["number"].as_u64()), (Some(3), Some(4)));
}

#[test]
fn a_request_that_comes_byte_by_byte_is_whole() {
    let home = Home::new();
    let server = home.serve(&[]);
    let mut client = server.connect();
    for byte in chunked(&home.token(7)) {
        client.send([byte]);
        thread::sleep(Duration::from_micros(200));
    }
    assert_eq!(client.read().status, 200);
    assert_eq!(home.stored()[0].body, b"a body in pieces");
}

#[test]
fn a_client_that_ends_its_side_still_gets_its_answers() {
    let home = Home::new();
    let server = home.serve(&[]);
    let mut client = server.connect();
    let request = Request::batch(&home.token(7), b"the last words");
    client.send([request.bytes(), request.bytes()].concat());
    client.end_sending();
    assert_eq!(client.read().status, 200);
    assert_eq!(client.read().status, 200);
    client.expect_end(Duration::from_secs(5));
    assert_eq!(home.stored().len(), 2);
}

#[test]
fn half_a_request_leaves_nothing() {
    let home = Home::new();
    let server = home.serve(&[]);
    let request = Request::batch(&home.token(7), b"a body that is cut off").bytes();
    for cut in [10, request.len() - 5] {
        let mut client = server.connect();
        client.send(&request[..cut]);
        client.end_sending();
        client.expect_end(Duration::from_secs(5));
    }
    assert_eq!(server.connect().exchange(Request::get("/")).status, 200);
    assert!(home.stored().is_empty());
}
