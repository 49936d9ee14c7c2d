//! Refusals that come before the body: the client is not asked for it, and gets its answer whatever it sends.

use std::io::Write;
use std::thread;
use std::time::Duration;

use crate::common::{Connection, Home, PATIENCE, Request, chunk};

fn expecting(request: Request) -> Request {
    request.header("Expect", "100-continue")
}

#[test]
fn a_body_is_asked_for_only_once_it_may_come() {
    let home = Home::new();
    let server = home.serve(&[]);
    let token = home.token(7);
    let mut client = server.connect();
    for body in ["a body", "another one"] {
        client.send(expecting(Request::batch_head(&token, body.len())));
        let go_on = client.read();
        assert_eq!((go_on.status, &*go_on.head), (100, "HTTP/1.1 100 Continue\r\n"));
        client.send(body);
        assert_eq!(client.read().status, 200);
    }
    for (request, status) in [
        (Request::batch_head(&token, 2_000_000), 413),
        (Request::batch_head("not.a.good.token", 100), 401),
        (Request::post("/v1/web/i?batch=1_1").length(100), 401),
        (Request::batch_head(&token, 100).target("/v1/none?batch=1_1"), 404),
        (Request::batch_head(&token, 100).method("PUT"), 405),
    ] {
        let mut client = server.connect();
        let answer = client.exchange(expecting(request.clone()));
        assert_eq!(answer.status, status, "{request:?}: {}", answer.text());
        assert!(answer.closes(), "a body may or may not follow, so the connection can't be used on: {}", answer.text());
    }
    assert_eq!(home.stored().len(), 2);
}

#[test]
fn who_sends_the_body_at_once_is_not_asked_for_it() {
    let home = Home::new();
    let server = home.serve(&[]);
    let mut client = server.connect();
    assert_eq!(client.exchange(expecting(Request::batch(&home.token(7), b"a body"))).status, 200);
    // HTTP/1.0 knows no interim answers.
    client.send(expecting(Request::batch_head(&home.token(7), 6)).version("1.0"));
    assert!(client.is_silent_for(Duration::from_millis(200)));
    client.send("a body");
    assert_eq!(client.read().status, 200);
}

/// Sends a request with a body of this size, all of it, and only then looks for the answer, which must
/// be there whole, with an orderly end of the connection behind it.
fn send_all_then_read(mut client: Connection, head: &Request, bytes: usize) -> u16 {
    client.send(head);
    let piece = vec![b'x'; 64 * 1024];
    let mut left = bytes;
    while left > 0 {
        let now = left.min(piece.len());
        if let Err(error) = client.try_send(&piece[..now]) {
            panic!("{error} with {left} of {bytes} bytes of the body left to send");
        }
        left -= now;
    }
    let answer = client.try_read().unwrap_or_else(|error| panic!("{error} and no answer, body of {bytes} bytes"));
    if answer.closes() {
        client.end_sending();
        client.expect_end(PATIENCE);
    } else {
        assert_eq!(client.exchange(Request::get("/")).status, 200);
    }
    answer.status
}

#[test]
fn a_refusal_reaches_a_client_that_sends_everything_before_it_reads() {
    let home = Home::new();
    let server = home.serve(&[]);
    let token = home.token(7);
    for bytes in [1_000, 100_000, 300_000, 1_500_000, 6_000_000] {
        let refused = Request::batch_head("not.a.good.token", bytes);
        assert_eq!(send_all_then_read(server.connect(), &refused, bytes), 401, "{bytes}");
        let nowhere = Request::batch_head(&token, bytes).target("/v1/nowhere/i");
        assert_eq!(send_all_then_read(server.connect(), &nowhere, bytes), 404, "{bytes}");
        if bytes > 1_000_000 {
            let large = Request::batch_head(&token, bytes);
            assert_eq!(send_all_then_read(server.connect(), &large, bytes), 413, "{bytes}");
        }
    }
    assert!(home.stored().is_empty());
}

#[test]
fn a_refusal_reaches_a_client_that_is_still_sending() {
    let home = Home::new();
    let server = home.serve(&[]);
    let token = home.token(7);
    for (token, status) in [("not.a.good.token", 401), (&*token, 413)] {
        let mut client = server.connect();
        let mut sender = client.sender();
        let head = Request::batch_head(token, 4_000_000).bytes();
        thread::scope(|scope| {
            // A slow line: the answer comes while most of the body is still to be sent.
            let sending = scope.spawn(move || {
                sender.write_all(&head)?;
                for _ in 0..40 {
                    sender.write_all(&[b'x'; 100_000])?;
                    thread::sleep(Duration::from_millis(10));
                }
                Ok::<(), std::io::Error>(())
            });
            let answer = client.read();
            assert_eq!((answer.status, answer.closes()), (status, true), "{}", answer.text());
            if let Err(error) = sending.join().expect("no panic") {
                panic!("{status}: the rest of the body met {error}");
            }
        });
        client.end_sending();
        client.expect_end(PATIENCE);
    }
}

#[test]
fn a_chunked_body_over_the_limit_is_refused_as_soon_as_it_is() {
    let home = Home::new();
    let server = home.serve(&[]);
    let mut client = server.connect();
    client.send(Request::batch(&home.token(7), b"").chunked());
    for _ in 0..5 {
        client.send(chunk(&[b'x'; 200_000]));
    }
    assert!(client.is_silent_for(Duration::from_millis(100)), "a million bytes are allowed");
    client.send(b"1\r\n");
    let answer = client.read();
    assert_eq!((answer.status, answer.closes()), (413, true), "{}", answer.text());
    assert!(home.stored().is_empty());
}

#[test]
fn a_small_refused_body_costs_no_connection() {
    let home = Home::new();
    let server = home.serve(&[]);
    let mut client = server.connect();
    for _ in 0..3 {
        let answer = client.exchange(Request::batch("not.a.good.token", [b'x'; 50_000]));
        assert_eq!((answer.status, answer.closes()), (401, false), "{}", answer.text());
    }
    assert_eq!(client.exchange(Request::batch(&home.token(7), b"a body")).status, 200);
}
