//! What becomes of a batch's body.

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::common::{Home, batch_request, wait_for};

/// A batch as trackers write it: its metadata and one message.
const WHOLE: &[u8] = &[81, 1, 0, 0, 2, 0, 0, 1, 0, 0, 5];

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory takes all")
}

/// A batch that says it is gzip.
fn gzip_request(token: &str, body: &[u8]) -> Vec<u8> {
    let request = batch_request(token, body);
    let at = request.windows(4).position(|four| four == b"\r\n\r\n").expect("a head ends");
    [&request[..at], b"\r\nContent-Encoding: gzip", &request[at..]].concat()
}

#[test]
fn an_empty_body_is_taken_and_leaves_nothing() {
    let home = Home::new();
    let server = home.serve(&[]);
    let mut client = server.connect();
    let token = home.token(7);
    let without_length = batch_request(&token, b"");
    let without_length = String::from_utf8(without_length).expect("ASCII").replace("Content-Length: 0\r\n", "");
    assert_eq!(client.exchange(batch_request(&token, b"")).status, 200);
    assert_eq!(
        client.exchange(without_length.replace("Host", "Transfer-Encoding: chunked\r\nHost") + "0\r\n\r\n").status,
        200
    );
    assert_eq!(client.exchange(without_length).status, 200);
    assert_eq!(client.exchange(gzip_request(&token, b"")).status, 200);
    assert!(home.stored().is_empty());
}

#[test]
fn bodies_are_stored_as_they_were_received() {
    let home = Home::new();
    let server = home.serve(&[]);
    let mut client = server.connect();
    let token = home.token(7);
    let every_byte: Vec<u8> = (0..=255).collect();
    let packed = gzip(&every_byte);
    let huge = vec![b'x'; 1_000_000];
    assert_eq!(client.exchange(batch_request(&token, &every_byte)).status, 200);
    assert_eq!(client.exchange(gzip_request(&token, &packed)).status, 200);
    assert_eq!(client.exchange(batch_request(&token, &huge)).status, 200);
    assert_eq!(client.exchange(batch_request(&token, &[&*huge, b"x"].concat())).status, 413);
    let stored = home.stored();
    let bodies: Vec<&[u8]> = stored.iter().map(|batch| &*batch.body).collect();
    assert_eq!(bodies, [&*every_byte, &*packed, &*huge]);
    let encodings: Vec<_> = stored.iter().map(|batch| batch.line["encoding"].as_str()).collect();
    assert_eq!(encodings, [Some("identity"), Some("gzip"), Some("identity")]);
}

#[test]
fn a_broken_batch_is_kept_and_marked_behind_the_log() {
    let home = Home::new();
    let server = home.serve(&[]);
    let mut client = server.connect();
    let mut cut = gzip(WHOLE);
    cut.truncate(cut.len() - 6);
    for request in [
        batch_request(&home.token(1), WHOLE),
        gzip_request(&home.token(2), &gzip(WHOLE)),
        gzip_request(&home.token(3), b"this is no gzip"),
        gzip_request(&home.token(4), &cut),
        batch_request(&home.token(5), &WHOLE[..8]),
    ] {
        let answer = client.exchange(&request);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let broken = || server.metric("takeup_batches_broken_total");
    wait_for("three broken batches", Duration::from_secs(10), || (broken() >= 3.0).then_some(()));
    assert_eq!(broken(), 3.0);
    assert_eq!(server.metric("takeup_batches_broken_gzip_total"), 2.0);

    let text = std::fs::read_to_string(home.data().join("broken.ndjson")).expect("a list of broken batches");
    let marks: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).expect("NDJSON")).collect();
    let stored = home.stored();
    assert_eq!(stored.len(), 5);
    let ids: Vec<&str> = marks.iter().filter_map(|mark| mark["id"].as_str()).collect();
    let expected: Vec<&str> = stored[2..].iter().map(|batch| &*batch.id).collect();
    assert_eq!(ids, expected, "{text}");
    for (mark, session) in marks.iter().zip(["3", "4", "5"]) {
        assert_eq!(mark["session_id"], session, "{text}");
        assert!(mark["fault"].as_str().is_some_and(|fault| !fault.is_empty()), "{text}");
    }
}

#[test]
fn a_broken_batch_is_refused_where_bodies_are_checked_inline() {
    let home = Home::new();
    let server = home.serve(&[("check_bodies", "inline"), ("body_inflated_limit", "1MiB")]);
    let mut client = server.connect();
    let token = home.token(7);
    assert_eq!(client.exchange(gzip_request(&token, &gzip(WHOLE))).status, 200);
    for bad in [b"this is no gzip".to_vec(), gzip(WHOLE)[..12].to_vec(), gzip(&vec![0; 2 << 20])] {
        let answer = client.exchange(gzip_request(&token, &bad));
        assert_eq!(answer.status, 413, "{}", answer.text());
        assert!(answer.json()["error"].is_string());
    }
    assert_eq!(client.exchange(gzip_request(&token, &gzip(WHOLE))).status, 200);
    assert_eq!(home.stored().len(), 2);
}
