//! Uploads of pictures that are large, slow or swollen: bounded, counted, and no burden on others.

use std::fs;
use std::io::Write;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::images::{BOUNDARY, file, form, frame, images, mobile, part, refused, web};
use crate::common::{Home, PATIENCE, Request, Server, chunk, gzip, wait_for};

/// The most memory that the server has had, in bytes.
fn peak_bytes(server: &Server) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("Linux says so");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") * 1024
}

#[test]
fn every_limit_of_a_form_is_a_setting() {
    let home = Home::new();
    let server = home.serve(&[
        ("file_size_limit", "200000"),
        ("upload_parts_max", "3"),
        ("part_head_limit", "300"),
        ("form_field_limit", "100"),
        ("frame_size_limit", "1000"),
        ("upload_inflated_limit", "5000"),
    ]);
    let token = home.token(7);
    let picture = file("1_2_3.jpeg", &[b'x'; 1000]);
    let fits =
        form(&[picture.clone(), part("name=\"a\"", &[b'y'; 100]), part(&format!("name=\"{}\"", "b".repeat(200)), b"")]);
    assert_eq!(server.connect().exchange(web(&token, &fits)).status, 200);
    let archive = |bytes: usize| gzip(&frame(1, &vec![0; bytes]).repeat(2));
    for (body, text) in [
        (
            form(&[part("name=\"a\"", b"x"), part("name=\"a\"", b"x"), part("name=\"a\"", b"x"), picture.clone()]),
            "too many parts",
        ),
        (form(&[part(&format!("name=\"{}\"", "b".repeat(300)), b"x")]), "the head of a part is too large"),
        (form(&[part("name=\"a\"", &[b'y'; 101])]), "a form field is too large"),
        (form(&[file("1_2_3.jpeg", &[b'x'; 1001])]), "a frame is too large"),
        (form(&[file("1_2.jpeg.frames", &frame(1, &[b'x'; 1001]))]), "a frame is too large"),
        ([b"preamble ".repeat(20_000), fits.clone()].concat(), "the head of a part is too large"),
        (form(&[file("x", &vec![b'x'; 200_000])]), "http: request body too large"),
    ] {
        refused(&server.connect().exchange(web(&token, &body)), 413, text);
    }
    let frames = |bytes| form(&[part("name=\"type\"", b"frames"), file("7-1.gz", &archive(bytes))]);
    assert_eq!(server.connect().exchange(mobile(&token, &frames(900))).status, 200);
    let many = gzip(&frame(1, &[0; 900]).repeat(6));
    let many = form(&[part("name=\"type\"", b"frames"), file("7-1.gz", &many)]);
    refused(&server.connect().exchange(mobile(&token, &many)), 413, "http: request body too large");
    // A chunked body tells its length only in the end.
    let mut client = server.connect();
    client.send(web(&token, b"").chunked());
    let mut piece = file("photo.jpeg", b"");
    piece.resize(70_000, b'x');
    for _ in 0..3 {
        let _ = client.try_send(chunk(&piece));
        piece.fill(b'x');
    }
    refused(&client.read(), 413, "http: request body too large");
    assert_eq!(images(&home).len(), 2);
}

#[test]
fn bombs_and_floods_take_neither_memory_nor_the_core() {
    let home = Home::new();
    let server = home.serve(&[("upload_inflated_limit", "4MiB")]);
    let token = home.token(7);
    let begin = peak_bytes(&server);
    // A megabyte or two that inflate to a gigabyte.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![0; 4 << 20]).expect("memory takes all");
    let bomb = encoder.finish().expect("memory takes all").repeat(256);
    assert!(bomb.len() < 2_000_000, "{}", bomb.len());
    let bomb = form(&[part("name=\"type\"", b"frames"), file("7-1.gz", &bomb)]);
    for _ in 0..2 {
        let answer = server.connect().exchange(mobile(&token, &bomb));
        assert_eq!(answer.status, 413, "{}", answer.text());
    }
    // Ten thousand parts.
    let many = form(&vec![file("1_2_3.jpeg", b"x"); 10_000]);
    refused(&server.connect().exchange(web(&token, &many)), 413, "too many parts");
    // A head without end, and a part without end.
    let endless = [format!("--{BOUNDARY}\r\nX: ").as_bytes(), &vec![b'x'; 9_000_000]].concat();
    refused(&server.connect().exchange(web(&token, &endless)), 413, "the head of a part is too large");
    let endless = [&file("photo.jpeg", b"")[..], &vec![b'x'; 9_000_000]].concat();
    refused(&server.connect().exchange(web(&token, &endless)), 400, "unexpected EOF");
    assert!(images(&home).is_empty());
    let grown = peak_bytes(&server) - begin;
    assert!(grown < 40 << 20, "{} MiB more", grown >> 20);
}

#[test]
fn the_core_serves_others_while_it_inflates() {
    let home = Home::new();
    let server = home.serve(&[("frame_size_limit", "1MiB")]);
    let small = frame(1, &[7; 1000]).repeat(20_000);
    let body = form(&[part("name=\"type\"", b"frames"), file("7-1.gz", &gzip(&small))]);
    let token = home.token(7);
    let mut busy = server.connect();
    let sent = Instant::now();
    busy.send(mobile(&token, &body));
    let (mut longest, mut client) = (Duration::ZERO, server.connect());
    let end = Instant::now() + Duration::from_millis(300);
    while Instant::now() < end {
        let began = Instant::now();
        assert_eq!(client.exchange(Request::get("/")).status, 200);
        longest = longest.max(began.elapsed());
    }
    assert_eq!(busy.read().status, 200);
    // A core that inflated in one go would be gone for nearly all of that time.
    let all = sent.elapsed();
    assert!(longest < (all / 3).max(Duration::from_millis(100)), "{longest:?} of {all:?}");
}

#[test]
fn memory_that_uploads_hold_is_counted_and_comes_back() {
    let home = Home::new();
    let server = home.serve(&[("inflight_bytes_max", "6MiB"), ("patience", "300ms")]);
    let token = home.token(7);
    // Each holds two megabytes and does not end.
    let mut slow: Vec<_> = (0..4).map(|_| server.connect()).collect();
    let begun = file("1_2_3.jpeg", &[b'x'; 1_500_000]);
    let mut answers = Vec::new();
    for client in &mut slow {
        client.send(web(&token, b"").length(5_000_000));
        let _ = client.try_send(&begun[..begun.len() - 2]);
    }
    for client in &mut slow {
        if !client.is_silent_for(Duration::from_secs(2)) {
            answers.push(client.read().status);
        }
    }
    assert!(!answers.is_empty() && answers.iter().all(|status| *status == 503), "{answers:?}");
    assert!(server.metric("takeup_buffer_bytes") <= 6.0 * 1024.0 * 1024.0 + 100_000.0);
    drop(slow);
    wait_for("the memory to come back", PATIENCE, || (server.metric("takeup_buffer_bytes") < 100_000.0).then_some(()));
    assert_eq!(server.connect().exchange(web(&token, &form(&[file("1_2_3.jpeg", b"x")]))).status, 200);
    assert_eq!(images(&home).len(), 1);
}

#[test]
fn a_slow_upload_gets_through_and_a_stalled_one_is_told() {
    let home = Home::new();
    let server = home.serve(&[("body_grace", "500ms"), ("body_rate_min", "100")]);
    let token = home.token(7);
    let body = form(&[file("1_2_3.jpeg", &[b'x'; 700])]);
    let mut client = server.connect();
    client.send(web(&token, b"").length(body.len()));
    for piece in body.chunks(100) {
        client.send(piece);
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(client.read().status, 200);
    client.send(web(&token, b"").length(body.len()));
    client.send(&body[..100]);
    refused(&client.read(), 408, "the body came too slowly");
    assert_eq!(images(&home).len(), 1);
}
