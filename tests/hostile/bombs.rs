//! Small bodies that swell to a gigabyte.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};

use super::probe::Siege;
use super::routes::{Body, DOORS, Door};

/// A gigabyte of zeros, as brotli has it.
const BROTLI: &[u8] = include_bytes!("../fixtures/hostile/gigabyte.br");

/// How much memory a server may take while bombs go off, beyond what it had.
const SWELL_KB_MAX: u64 = 96 * 1024;

/// A debug build inflates slowly: less than the usual limits will do.
const LIMITS: &[(&str, &str)] =
    &[("ack", "memory"), ("body_inflated_limit", "2MiB"), ("upload_inflated_limit", "2MiB")];

static MEBIBYTE: [u8; 1 << 20] = [0; 1 << 20];

/// A gigabyte in gzip members of a mebibyte each: one stream.
fn gzip() -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let member = encoder.write_all(&MEBIBYTE).and_then(|()| encoder.finish()).expect("memory takes all");
    member.repeat(990_000 / member.len())
}

/// A gigabyte in one zlib stream, made of the same block again and again.
fn deflate() -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&MEBIBYTE).and_then(|()| encoder.flush()).expect("memory takes all");
    let block = encoder.get_ref().clone();
    [b"\x78\xda".as_slice(), &block.repeat(990_000 / block.len()), b"\x03\x00\0\0\0\x01"].concat()
}

/// A gigabyte in one zstd frame: 8,192 blocks that each say "131,072 times zero".
fn zstd() -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38];
    for number in 0..8_192_u32 {
        let last = u32::from(number == 8_191);
        let head = last | 1 << 1 | 131_072 << 3;
        frame.extend_from_slice(&head.to_le_bytes()[..3]);
        frame.push(0);
    }
    frame
}

fn bombs() -> [(&'static str, Vec<u8>); 4] {
    [("gzip", gzip()), ("deflate", deflate()), ("zstd", zstd()), ("br", BROTLI.to_vec())]
}

/// A form with the bomb as its only file.
fn form(field: &str, name: &str, bomb: &[u8]) -> Vec<u8> {
    let head = format!(
        "--x\r\nContent-Disposition: form-data; name=\"type\"\r\n\r\nframes\r\n--x\r\n\
         Content-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\nContent-Type: gzip\r\n\r\n"
    );
    [head.as_bytes(), bomb, b"\r\n--x--\r\n"].concat()
}

/// Sends a bomb on several connections at once and watches the server's memory; gives the statuses.
fn explode(siege: &Siege, door: &'static Door, headers: &[&str], body: &[u8]) -> Vec<u16> {
    let before = siege.anonymous_kb();
    let mut clients: Vec<_> = (0..4).map(|_| siege.server().connect()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        // Sessions of nobody, and one that is known.
        let token = if number == 0 { siege.token.clone() } else { siege.home.token(100 + number as u64) };
        // It may be refused before it was sent whole.
        let _ = client.try_send(door.request(&token, headers, body));
    }
    let swollen = siege.anonymous_kb();
    let statuses = clients.iter_mut().map(|client| {
        let answer = client.read();
        door.check(&answer, &format!("{headers:?}, {} bytes that swell", body.len()));
        answer.status
    });
    let statuses = statuses.collect();
    let most = swollen.max(siege.anonymous_kb());
    assert!(most < before + SWELL_KB_MAX, "{}: {before} kB became {most} kB", door.path);
    statuses
}

#[test]
fn a_bomb_takes_no_memory_and_no_core() {
    let siege = Siege::begin(LIMITS);
    for (coding, bomb) in bombs() {
        let header = format!("Content-Encoding: {coding}");
        for door in DOORS.iter().filter(|door| matches!(door.body, Body::Bytes | Body::Json)) {
            let fits = if door.body == Body::Json { &bomb[..bomb.len().min(131_000)] } else { &bomb };
            let statuses = explode(&siege, door, &[&header], fits);
            if door.body == Body::Json {
                // Flags for a session of nobody are none, whatever is asked.
                assert!([400, 403, 413].contains(&statuses[0]), "{}: {statuses:?}", door.path);
            }
        }
    }
    siege.end();
}

#[test]
fn a_bomb_is_refused_where_bodies_are_checked_inline() {
    let siege = Siege::begin(&[LIMITS, &[("check_bodies", "inline")]].concat());
    let door = DOORS.iter().find(|door| door.path.starts_with("/v1/web/i?")).expect("batches have a route");
    for (coding, bomb) in bombs() {
        let statuses = explode(&siege, door, &[&format!("Content-Encoding: {coding}")], &bomb);
        // Where a coding is not spoken the bytes are a batch like any other.
        assert!(statuses.iter().all(|status| *status == 413 || coding != "gzip"), "{coding}: {statuses:?}");
    }
    siege.end();
}

#[test]
fn a_bomb_in_a_form_is_refused() {
    let siege = Siege::begin(LIMITS);
    for door in DOORS.iter().filter(|door| door.body == Body::Form) {
        for (field, name) in [("batch", "7-1.gz"), ("batch", "7-1.tar.gz"), ("frames", "1_2.webp.frames")] {
            let body = form(field, name, &gzip());
            let statuses = explode(&siege, door, &["Content-Type: multipart/form-data; boundary=x"], &body);
            if field == "batch" && door.is_mobile() {
                assert!(statuses.iter().all(|status| *status >= 400), "{name}: {statuses:?}");
            }
        }
    }
    siege.end();
}
