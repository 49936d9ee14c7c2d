//! Bodies that are no batches, on every route; heads and labels that make no sense.

use crate::common::{Connection, Request, chunk, gzip};

use super::probe::Siege;
use super::routes::{Body, DOORS, Door, doors};

/// Bytes that look like nothing.
fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut x = seed | 1;
    let next = || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// Sends a request and checks its answer; makes a new connection where the old one ends.
fn ask(siege: &Siege, client: &mut Connection, door: &Door, request: &Request, what: &str) -> u16 {
    client.send(request);
    let answer = client.read();
    door.check(&answer, what);
    if answer.closes() {
        *client = siege.server().connect();
    }
    answer.status
}

#[test]
fn no_body_is_too_strange() {
    let siege = Siege::begin(&[("ack", "memory")]);
    let token = siege.token.clone();
    let whole = gzip(b"\x51\x01\x00\x00\x02\x00\x00\x01\x00\x00\x05");
    for door in DOORS {
        let mut client = siege.server().connect();
        for length in [0, 1, 2, 3, 9, 10, 11, 63, 64, 65, 4_095, 4_096, 100_000] {
            for seed in [1, 2] {
                let body = noise(length, seed << 20 | length as u64);
                ask(&siege, &mut client, door, &door.request(&token, &[], &body), &format!("{length} bytes of noise"));
            }
        }
        for coding in
            ["gzip", "GZIP", "x-gzip", "gzip, br", "deflate", "br", "zstd", "identity", "", "chunked", "\u{ff}"]
        {
            let header = format!("Content-Encoding: {coding}");
            let cut = (0..whole.len()).step_by(5).map(|end| whole[..end].to_vec());
            let flags = (0..8).map(|bit| [&whole[..3], &[1 << bit], &whole[4..]].concat());
            let behind = [b"\0".as_slice(), &[0; 40], &whole, b"garbage"].map(|tail| [&whole, tail].concat());
            for body in cut.chain(flags).chain(behind).chain([noise(300, 7), gzip(&noise(5_000, 8))]) {
                let request = door.request(&token, &[&header], &body);
                ask(&siege, &mut client, door, &request, &format!("{header}, {} bytes", body.len()));
            }
        }
    }
    siege.end();
}

#[test]
fn a_body_over_the_limit_is_refused_on_every_route() {
    let siege = Siege::begin(&[("ack", "memory")]);
    let token = siege.token.clone();
    for door in DOORS.iter().filter(|door| door.body != Body::None) {
        // Announced, and never sent.
        for length in [99_999_999_999, i64::MAX as usize] {
            let answer = siege.server().connect().exchange(door.form_head(&token).length(length));
            door.check(&answer, &length.to_string());
            assert!(answer.closes() && answer.status >= 400, "{length}: {}", answer.text());
        }
        // Sent in chunks, of which no end can be seen: the answer comes before the end.
        let mut client = siege.server().connect();
        client.send(door.form_head(&token).chunked());
        let chunk = chunk(&[b'x'; 0x10000]);
        let sent = (0..4_000).take_while(|_| client.try_send(&chunk).is_ok()).count();
        assert!(sent < 4_000, "{}: 250 MB were taken", door.path);
    }
    siege.end();
}

#[test]
fn labels_and_parameters_may_be_anything() {
    let siege = Siege::begin(&[("ack", "memory")]);
    let token = siege.token.clone();
    let long = "9".repeat(4_000);
    let queries = [
        "",
        "?",
        "?batch",
        "?batch=",
        "?batch=_",
        "?batch=1_",
        "?batch=1_2_3_4_5_6",
        "?batch=-1_-1",
        "?batch=a_b",
        "?batch=4294967296_4294967296",
        "?batch=99999999999999999999_1",
        "?batch=%00_%ff",
        "?batch=1_1&batch=2_2",
        "?split=0",
        "?split=-1",
        "?split=1",
        "?split=99999999999999999999",
        "?split=",
        "?split=1e1",
        "?split=%2B1",
        "?split=10;batch=1",
        "?split=%zz",
        "?split=2&split=3",
        "?&&&=&==&%",
        "?batch=1_1%0d%0aX:%20y",
        "?;;;",
    ];
    let types = ["visual", "player", "assets", "VISUAL", "", "x", "../../etc/passwd", "a;rm -rf /", "\u{e9}", &long];
    for door in doors(Body::Bytes) {
        let path = door.path.split('?').next().expect("a path");
        let mut client = siege.server().connect();
        for query in queries.iter().map(|text| (*text).to_owned()).chain([format!("?batch={long}")]) {
            for kind in types {
                let request = door.request(&token, &[&format!("DataType: {kind}")], &[0x51; 20]);
                let request = request.target(&format!("{path}{query}"));
                ask(&siege, &mut client, door, &request, &format!("{query} as {kind:.20}"));
            }
        }
    }
    siege.end();
}

#[test]
fn tokens_may_be_anything() {
    let siege = Siege::begin(&[("ack", "memory")]);
    let good = siege.token.clone();
    let long = "x".repeat(6_000);
    let dots = ".".repeat(3_000);
    let values = [
        "",
        "Bearer",
        "Bearer ",
        "bearer x",
        "Bearer  x",
        "Basic YTpi",
        "Bearer ...",
        "Bearer 1.2.3.4",
        "Bearer a.b.c",
        "Bearer 1.0.1gcmxpmo0.Gs6eBKZDBEDEXp1CCJkK8vuWvFsK4AsS8h3Q64RZK1P1",
        "Bearer \u{e9}.\u{e9}.\u{e9}.\u{e9}",
        "Bearer zzzzzzzzzzzzzzzzzzzz.zzzzzzzzzzzzzzzzz.zzzzzzzzzzzzzzzzz.11111111",
        &format!("Bearer {long}"),
        &format!("Bearer {dots}"),
        &format!("Bearer {good}x"),
        &format!("Bearer {}", &good[1..]),
        &format!("Bearer {}", good.to_uppercase()),
    ];
    for door in DOORS.iter().filter(|door| door.token) {
        let mut client = siege.server().connect();
        for value in values {
            let request = door.request(&good, &[], b"").set("Authorization", value);
            let status = ask(&siege, &mut client, door, &request, value);
            // Flags are told to anyone; all else is not.
            assert!(status == 401 || door.path.ends_with("feature-flags"), "{} with {value}: {status}", door.path);
        }
    }
    siege.end();
}

#[test]
fn names_in_paths_may_be_anything() {
    let siege = Siege::begin(&[("ack", "memory")]);
    let token = siege.token.clone();
    let long = "7".repeat(3_000);
    let names = [
        "0",
        "-1",
        "1.5",
        "x",
        "99999999999999999999",
        "%00",
        "%2e%2e",
        "..%2f..%2fetc%2fpasswd",
        "a;rm%20-rf",
        "%ff%fe",
        "+1",
        "%31",
        "0x1",
        "null",
        &long,
    ];
    for door in DOORS {
        let Some(place) = ["/test/", "/recording/", "/conditions/"].iter().find_map(|part| {
            let at = door.path.find(part)?;
            (!door.path.contains("signals")).then_some(at + part.len())
        }) else {
            continue;
        };
        let mut client = siege.server().connect();
        for name in names {
            let path = format!("{}{name}", &door.path[..place]);
            let answer = client.exchange(door.request(&token, &[], b"body").target(&path));
            if answer.closes() {
                client = siege.server().connect();
            }
            // A slash or dots in disguise make it another path: that is no error of the route's.
            if ![301, 404].contains(&answer.status) {
                door.check(&answer, &path);
            }
        }
    }
    siege.end();
}
