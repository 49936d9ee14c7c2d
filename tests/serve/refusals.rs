//! Refusals that come before the body: the client is not asked for it, and gets its answer whatever it sends.

use std::io::Write;
use std::thread;
use std::time::Duration;

use crate::common::{Client, Home, PATIENCE, batch, batch_request};

fn expecting(request: &str) -> String {
    request.replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n")
}

#[test]
fn a_body_is_asked_for_only_once_it_may_come() {
    let home = Home::new();
    let server = home.serve(&[]);
    let token = home.token(7);
    let mut client = server.connect();
    for body in ["a body", "another one"] {
        client.send(expecting(&batch(&token, body.len())));
        let go_on = client.read();
        assert_eq!((go_on.status, &*go_on.head), (100, "HTTP/1.1 100 Continue\r\n"));
        client.send(body);
        assert_eq!(client.read().status, 200);
    }
    for (request, status) in [
        (batch(&token, 2_000_000), 413),
        (batch("not.a.good.token", 100), 401),
        (batch(&token, 100).replace("Authorization", "X-Nothing"), 401),
        (batch(&token, 100).replace("/v1/web/i", "/v1/none"), 404),
        (batch(&token, 100).replace("POST", "PUT"), 405),
    ] {
        let mut client = server.connect();
        let answer = client.exchange(expecting(&request));
        assert_eq!(answer.status, status, "{request}: {}", answer.text());
        assert!(answer.closes(), "a body may or may not follow, so the connection can't be used on: {}", answer.text());
    }
    assert_eq!(home.stored().len(), 2);
}

#[test]
fn who_sends_the_body_at_once_is_not_asked_for_it() {
    let home = Home::new();
    let server = home.serve(&[]);
    let mut client = server.connect();
    let request = expecting(&batch(&home.token(7), 6)) + "a body";
    assert_eq!(client.exchange(request).status, 200);
    // HTTP/1.0 knows no interim answers.
    let request = expecting(&batch(&home.token(7), 6)).replace("HTTP/1.1", "HTTP/1.0");
    client.send(request);
    assert!(client.is_silent_for(Duration::from_millis(200)));
    client.send("a body");
    assert_eq!(client.read().status, 200);
}

/// Sends a request with a body of this size, all of it, and only then looks for the answer, which must
/// be there whole, with an orderly end of the connection behind it.
fn send_all_then_read(mut client: Client, head: &str, bytes: usize) -> u16 {
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
        assert_eq!(client.exchange("GET / HTTP/1.1\r\nHost: test\r\n\r\n").status, 200);
    }
    answer.status
}

#[test]
fn a_refusal_reaches_a_client_that_sends_everything_before_it_reads() {
    let home = Home::new();
    let server = home.serve(&[]);
    let token = home.token(7);
    for bytes in [1_000, 100_000, 300_000, 1_500_000, 6_000_000] {
        let refused = batch("not.a.good.token", bytes);
        assert_eq!(send_all_then_read(server.connect(), &refused, bytes), 401, "{bytes}");
        let nowhere = batch(&token, bytes).replace("/v1/web/i", "/v1/nowhere/i");
        assert_eq!(send_all_then_read(server.connect(), &nowhere, bytes), 404, "{bytes}");
        if bytes > 1_000_000 {
            assert_eq!(send_all_then_read(server.connect(), &batch(&token, bytes), bytes), 413, "{bytes}");
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
        let head = batch(token, 4_000_000);
        thread::scope(|scope| {
            // A slow line: the answer comes while most of the body is still to be sent.
            let sending = scope.spawn(move || {
                sender.write_all(head.as_bytes())?;
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
    let head = batch(&home.token(7), 0).replace("Content-Length: 0", "Transfer-Encoding: chunked");
    client.send(head);
    let mut chunk = format!("{:x}\r\n", 200_000).into_bytes();
    chunk.resize(chunk.len() + 200_000, b'x');
    chunk.extend_from_slice(b"\r\n");
    for _ in 0..5 {
        client.send(&chunk);
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
        let answer = client.exchange(batch_request("not.a.good.token", &[b'x'; 50_000]));
        assert_eq!((answer.status, answer.closes()), (401, false), "{}", answer.text());
    }
    assert_eq!(client.exchange(batch_request(&home.token(7), b"a body")).status, 200);
}
