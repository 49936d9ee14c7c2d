//! Uploads of pictures, to a real server: what becomes of them, and what cannot hurt.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::common::{Answer, Home, PATIENCE, Server};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use takeup::courier::messages::QueueMessages;
use takeup::log::format::record::{Flags, Kind, ext_type};
use takeup::log::read::merge::Merge;
use takeup::log::read::reader::LogReader;

const BOUNDARY: &str = "----golden7MA4YWxk";

/// A record with pictures.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Image {
    topic: &'static str,
    session: u64,
    name: String,
    payload: Vec<u8>,
    unusable: bool,
}

/// What the log holds of pictures.
fn images(home: &Home) -> Vec<Image> {
    let reader = LogReader::open(&home.data().join("log")).expect("the log opens");
    let mut merge = Merge::new(reader);
    let mut images = Vec::new();
    while let Some(record) = merge.next_settled().expect("the log is readable") {
        assert_eq!(record.kind, Kind::Image);
        images.push(Image {
            topic: record.topic.as_str(),
            session: record.session,
            name: String::from_utf8(record.ext.get(ext_type::FILE_NAME).expect("a name").to_vec()).expect("is text"),
            payload: record.payload.to_vec(),
            unusable: record.flags.contains(Flags::UNUSABLE),
        });
    }
    images
}

fn frame(at_ms: u64, picture: &[u8]) -> Vec<u8> {
    [&at_ms.to_le_bytes()[..], &(picture.len() as u32).to_le_bytes(), picture].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory takes all")
}

fn part(disposition: &str, value: &[u8]) -> Vec<u8> {
    [format!("--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n").as_bytes(), value, b"\r\n"]
        .concat()
}

fn file(name: &str, value: &[u8]) -> Vec<u8> {
    part(&format!("name=\"f\"; filename=\"{name}\""), value)
}

fn form(parts: &[Vec<u8>]) -> Vec<u8> {
    [&parts.concat()[..], format!("--{BOUNDARY}--\r\n").as_bytes()].concat()
}

fn head(path: &str, token: &str, more: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n{more}\r\n"
    )
}

fn request(path: &str, token: &str, body: &[u8]) -> Vec<u8> {
    [head(path, token, &format!("Content-Length: {}\r\n", body.len())).as_bytes(), body].concat()
}

fn web(token: &str, body: &[u8]) -> Vec<u8> {
    request("/v1/web/images", token, body)
}

fn mobile(token: &str, body: &[u8]) -> Vec<u8> {
    request("/v1/mobile/images", token, body)
}

fn refused(answer: &Answer, status: u16, text: &str) {
    assert_eq!((answer.status, answer.json()["error"].as_str()), (status, Some(text)), "{}", answer.text());
}

/// The most memory that the server has had, in bytes.
fn peak_bytes(server: &Server) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("Linux says so");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") * 1024
}

#[test]
fn every_client_s_upload_leaves_its_frames() {
    for runtime in ["auto", "legacy"] {
        every_upload_leaves_its_frames(runtime);
    }
}

fn every_upload_leaves_its_frames(runtime: &str) {
    let folder = Path::new("tests/fixtures/images");
    let cases = fs::read(folder.join("cases.json")).expect("is there");
    let cases: Vec<Value> = serde_json::from_slice(&cases).expect("is JSON");
    assert_eq!(cases.len(), 10);
    let home = Home::new();
    let server = home.serve(&[("runtime", runtime)]);
    let mut client = server.connect();
    let mut expected = BTreeMap::new();
    for (at, case) in cases.iter().enumerate() {
        let text = |key: &str| case[key].as_str().expect("a text");
        let body = fs::read(folder.join(format!("{}.body", text("name")))).expect("is there");
        // Each twice: at once, and in chunks of awkward sizes on a connection of its own.
        for chunked in [false, true] {
            let session = 100 + 2 * at as u64 + u64::from(chunked);
            let mut head = format!(
                "POST {} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {}\r\nContent-Type: {}\r\n",
                text("route"),
                home.token(session),
                text("content_type")
            );
            if chunked {
                head += "Transfer-Encoding: chunked\r\n\r\n";
                let mut slow = server.connect();
                slow.send(head);
                for piece in body.chunks(37) {
                    slow.send([format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat());
                }
                slow.send("0\r\n\r\n");
                assert_eq!(slow.read().status, 200, "{}", text("name"));
            } else {
                head += &format!("Content-Length: {}\r\n\r\n", body.len());
                let answer = client.exchange([head.as_bytes(), &body].concat());
                assert_eq!(answer.status, 200, "{}: {}", text("name"), answer.text());
            }
            let records: Vec<(String, Vec<u8>)> =
                case["records"].as_array().expect("a list").iter().map(record).collect();
            expected.insert(session, records);
        }
    }
    let mut stored: BTreeMap<u64, Vec<(String, Vec<u8>)>> = BTreeMap::new();
    for image in images(&home) {
        let canvas = image.name.contains("_17.");
        assert_eq!(image.topic, if canvas { "canvas-images" } else { "raw-images" });
        assert!(!image.unusable);
        stored.entry(image.session).or_default().push((image.name, image.payload));
    }
    assert_eq!(stored, expected);
    assert_eq!(server.metric("takeup_image_frames_total"), 4.0 * expected.len() as f64);
}

fn record(record: &Value) -> (String, Vec<u8>) {
    let frames = record["frames"].as_array().expect("a list").iter();
    let frames = frames.flat_map(|one| {
        let picture = STANDARD.decode(one[1].as_str().expect("a text")).expect("is base64");
        frame(one[0].as_u64().expect("a number"), &picture)
    });
    (record["name"].as_str().expect("a text").to_owned(), frames.collect())
}

#[test]
fn queue_messages_are_those_of_openreplay_to_the_byte() {
    let cases = fs::read("tests/fixtures/images/recorded.json").expect("is there");
    let cases: Vec<Value> = serde_json::from_slice(&cases).expect("is JSON");
    let home = Home::new();
    let server = home.serve(&[]);
    let mut client = server.connect();
    let mut expected: Vec<(u64, String, String)> = Vec::new();
    for (session, case) in (1..).zip(&cases) {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let body = STANDARD.decode(text(&case["body_b64"])).expect("is base64");
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n",
            text(&case["route"]),
            home.token(session),
            text(&case["content_type"]),
            body.len()
        );
        assert_eq!(client.exchange([head.as_bytes(), &body].concat()).status, 200, "{}", case["name"]);
        let messages = case["messages"].as_array().expect("a list").iter();
        expected.extend(messages.map(|message| (session, text(&message["topic"]), text(&message["value"]))));
    }
    assert!(expected.len() > 5);
    let mut merge = Merge::new(LogReader::open(&home.data().join("log")).expect("the log opens"));
    let (mut values, mut sent) = (QueueMessages::new(1 << 20, 1 << 20), Vec::new());
    while let Some(record) = merge.next_settled().expect("the log is readable") {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("is JSON");
        let send = |value: takeup::courier::messages::QueueMessage<'_>| {
            sent.push((value.session, value.topic.to_string(), text(value.bytes)));
        };
        values.of(&record, send).expect("can be sent");
    }
    assert_eq!(sent, expected);
}

#[test]
fn names_that_could_hurt_never_get_anywhere() {
    let home = Home::new();
    let server = home.serve(&[]);
    let mut client = server.connect();
    let names = [
        "../../etc/passwd",
        "a;rm -rf",
        "$(id).jpeg",
        "1_`id`_3.jpeg",
        "1_2_3.jpeg;x",
        "..",
        "1_2_3.jpeg.frames.frames",
    ];
    let mut parts: Vec<Vec<u8>> = names.iter().map(|name| file(name, b"x")).collect();
    parts.push(part("filename=\"\u{e9}\"", b"y"));
    parts.push(file("../../1_2_3.jpeg", b"z"));
    let answer = client.exchange(web(&home.token(7), &form(&parts)));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(client.exchange(web(&home.token(8), &form(&parts[..5]))).status, 200);
    let stored = images(&home);
    assert_eq!(stored.len(), 1);
    assert_eq!((&*stored[0].name, &stored[0].payload), ("1_2.jpeg", &frame(3, b"z")));
    assert_eq!(server.metric("takeup_image_names_dropped_total"), 8.0 + 5.0);
    server.wait_for_line(&["left out", "../../etc/passwd", "\"8\""], PATIENCE);
}

#[test]
fn a_picture_is_stored_however_its_part_is_written_or_the_client_is_told() {
    let home = Home::new();
    let server = home.serve(&[]);
    let token = home.token(7);
    let mut client = server.connect();
    let mut expected = Vec::new();
    let lookalike = format!("x\r\n{BOUNDARY}\r\n--{BOUNDARY}x\r\n--{BOUNDARY}-\r\ny");
    for (at, (line, bytes)) in [
        ("Content-Disposition: form-data; name=snapshot; filename=1_2_{}.webp", "bare"),
        ("CONTENT-DISPOSITION: FORM-DATA; NAME=\"snapshot\"; FILENAME=\"1_2_{}.webp\"", "upper case"),
        ("content-disposition:form-data;name=\"snapshot\";filename*=UTF-8''1_2_{}%2Ewebp", "extended"),
        ("Content-Disposition: form-data; filename*=utf-8'en'1_2_{}.webp; filename=no; name=x", "both"),
        ("Content-Disposition: form-data; name=\"a\"; filename=\"c:\\a\\\"/1_2_{}.webp\"", "quoted"),
        ("Content-Disposition: form-data; name=\"a\"; filename=\"1_2_{}.webp\"", &lookalike),
    ]
    .into_iter()
    .enumerate()
    {
        let line = line.replace("{}", &at.to_string());
        let body = format!("--{BOUNDARY}\r\n{line}\r\n\r\n{bytes}\r\n--{BOUNDARY}--\r\n");
        let answer = client.exchange(web(&token, body.as_bytes()));
        assert_eq!(answer.status, 200, "{line}: {}", answer.text());
        expected.push(frame(at as u64, bytes.as_bytes()));
    }
    for content_type in [
        "multipart/form-data ; boundary = b",
        "Multipart/Form-Data;BOUNDARY*=utf-8''b",
        "multipart/form-data; boundary=\"b\"",
    ] {
        let body = "--b\r\nContent-Disposition: form-data; name=f; filename=1_2_9.webp\r\n\r\nz\r\n--b--";
        let request = String::from_utf8(web(&token, body.as_bytes())).expect("ASCII");
        let request = request.replace(&format!("multipart/form-data; boundary={BOUNDARY}"), content_type);
        let answer = client.exchange(request);
        assert_eq!(answer.status, 200, "{content_type}: {}", answer.text());
        expected.push(frame(9, b"z"));
    }
    assert_eq!(images(&home).into_iter().map(|image| image.payload).collect::<Vec<_>>(), expected);

    // What is not understood is refused, or left out, counted and told.
    for head in
        ["Content-Type: image/webp", "Content-Disposition: attachment; filename=1_2_3.webp", "no line of a head"]
    {
        let body = format!("--{BOUNDARY}\r\n{head}\r\n\r\nx\r\n--{BOUNDARY}--\r\n");
        refused(&client.exchange(web(&token, body.as_bytes())), 400, "malformed MIME header");
    }
    for line in ["name=snapshot", "name=snapshot; filename=\"\"", "name=a; filename*=utf-7''1_2_3.webp", "filename=x"] {
        assert_eq!(client.exchange(web(&token, &form(&[part(line, b"x")]))).status, 200, "{line}");
    }
    for known in ["name=type", "name=projectKey"] {
        assert_eq!(client.exchange(web(&token, &form(&[part(known, b"x")]))).status, 200, "{known}");
    }
    assert_eq!(server.metric("takeup_image_names_dropped_total"), 4.0);
    server.wait_for_line(&["parts of a form were left out", "snapshot"], PATIENCE);
    assert_eq!(images(&home).len(), expected.len());
}

#[test]
fn refusals_say_what_is_wrong_and_keep_what_can_be_kept() {
    let home = Home::new();
    let server = home.serve(&[]);
    let token = home.token(7);
    let mut client = server.connect();
    let whole = form(&[file("1_2_3.jpeg", b"x")]);
    let plain = String::from_utf8(web(&token, &whole)).expect("ASCII");
    let boundary = format!("; boundary={BOUNDARY}");
    for (request, status, text) in [
        (
            plain.replace("multipart/form-data", "multipart/mixed"),
            415,
            "request Content-Type isn't multipart/form-data",
        ),
        (plain.replace("Content-Type", "X"), 415, "request Content-Type isn't multipart/form-data"),
        (plain.replace(&boundary, ""), 415, "no multipart boundary param in Content-Type"),
        (plain.replace(&boundary, "; boundary=other"), 400, "multipart: NextPart: EOF"),
        (String::from_utf8(web(&token, &whole[..whole.len() - 10])).expect("ASCII"), 400, "unexpected EOF"),
        (String::from_utf8(web(&token, b"")).expect("ASCII"), 400, "multipart: NextPart: EOF"),
        (
            String::from_utf8(web(&token, &form(&[b"------golden7MA4YWxk\r\nno header\r\n\r\nx\r\n".to_vec()])))
                .expect("ASCII"),
            400,
            "malformed MIME header",
        ),
    ] {
        // The connection stays: the body was read to its end.
        refused(&client.exchange(request), status, text);
    }
    let not_tar = form(&[file("7-1.tar.gz", &gzip(b"plain bytes, that are no tar"))]);
    refused(&client.exchange(mobile(&token, &not_tar)), 400, "can't read tar header: unexpected EOF");
    let not_gzip = form(&[file("7-1.tar.gz", b"plain bytes")]);
    refused(&client.exchange(mobile(&token, &not_gzip)), 400, "can't unpack gzip: gzip: invalid header");
    assert_eq!(client.exchange(web(&token, &form(&[part("name=\"type\"", b"x")]))).status, 200);
    assert!(images(&home).is_empty());
    // What follows the form belongs to the body, and the next request stands behind it.
    let trailed = [&whole[..], b"an epilogue"].concat();
    client.send([web(&token, &trailed), web(&home.token(8), &whole)].concat());
    assert_eq!((client.read().status, client.read().status), (200, 200));
    assert_eq!(images(&home).iter().map(|image| image.session).collect::<Vec<_>>(), [7, 8]);
}

#[test]
fn a_client_that_waits_is_told_to_go_on() {
    let home = Home::new();
    let server = home.serve(&[("file_size_limit", "1000")]);
    let token = home.token(7);
    let body = form(&[file("1_2_3.jpeg", b"x")]);
    let mut client = server.connect();
    client.send(head("/v1/web/images", &token, &format!("Content-Length: {}\r\nExpect: 100-continue\r\n", body.len())));
    assert_eq!(client.read().status, 100);
    assert_eq!(client.exchange(&body).status, 200);
    client.send(head("/v1/web/images", &token, "Content-Length: 1001\r\nExpect: 100-continue\r\n"));
    refused(&client.read(), 413, "http: request body too large");
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
    client.send(head("/v1/web/images", &token, "Transfer-Encoding: chunked\r\n"));
    let mut piece = file("photo.jpeg", b"");
    piece.resize(70_000, b'x');
    for _ in 0..3 {
        let _ = client.try_send([b"11170\r\n".as_slice(), &piece, b"\r\n"].concat());
        piece.fill(b'x');
    }
    refused(&client.read(), 413, "http: request body too large");
    assert_eq!(images(&home).len(), 2);
}

#[test]
fn a_request_s_frames_are_cut_into_records_that_fit_a_queue_message() {
    let home = Home::new();
    let server = home.serve(&[("queue_message_size_limit", "20000")]);
    let pictures: Vec<Vec<u8>> =
        (0..30).map(|at| vec![at as u8; if at == 17 { 40_000 } else { 2_000 + 37 * at }]).collect();
    let parts: Vec<Vec<u8>> =
        pictures.iter().enumerate().map(|(at, one)| file(&format!("1_2_{at}.jpeg"), one)).collect();
    let answer = server.connect().exchange(web(&home.token(7), &form(&parts)));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let stored = images(&home);
    let stream: Vec<u8> = stored.iter().flat_map(|image| image.payload.clone()).collect();
    let expected: Vec<u8> = pictures.iter().enumerate().flat_map(|(at, one)| frame(at as u64, one)).collect();
    assert!(stream == expected, "all frames, in order");
    let message = |image: &Image| 21 + image.name.len() + image.payload.len().div_ceil(3) * 4;
    let over: Vec<_> = stored.iter().filter(|image| message(image) > 20_000).collect();
    assert_eq!(over.len(), 1);
    assert_eq!(over[0].payload, frame(17, &pictures[17]));
    assert!(stored.len() > 5 && stored.len() < 15, "{}", stored.len());
    assert_eq!(server.metric("takeup_image_frames_oversized_total"), 1.0);
}

#[test]
fn an_upload_larger_than_the_window_of_the_log_is_stored_whole() {
    let home = Home::new();
    let server = home.serve(&[]);
    let pictures: Vec<Vec<u8>> = (0..18).map(|at| vec![at as u8; 500_000]).collect();
    let parts: Vec<Vec<u8>> =
        pictures.iter().enumerate().map(|(at, one)| file(&format!("1_2_{at}.jpeg"), one)).collect();
    let answer = server.connect().exchange(web(&home.token(7), &form(&parts)));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let stream: Vec<u8> = images(&home).iter().flat_map(|image| image.payload.clone()).collect();
    let expected: Vec<u8> = pictures.iter().enumerate().flat_map(|(at, one)| frame(at as u64, one)).collect();
    assert!(stream == expected, "all frames, in order");
}

#[test]
fn the_broken_end_of_a_stream_is_kept_and_marked() {
    let home = Home::new();
    let server = home.serve(&[]);
    let good = frame(5, b"good");
    let body = form(&[file("1_2.webp.frames", &[&good[..], &good[..9]].concat())]);
    assert_eq!(server.connect().exchange(web(&home.token(7), &body)).status, 200);
    let stored: Vec<_> = images(&home).into_iter().map(|image| (image.payload, image.unusable)).collect();
    assert_eq!(stored, [(good.clone(), false), (good[..9].to_vec(), true)]);
    assert_eq!(server.metric("takeup_image_ends_broken_total"), 1.0);
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
        assert_eq!(client.exchange("GET / HTTP/1.1\r\nHost: test\r\n\r\n").status, 200);
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
        client.send(head("/v1/web/images", &token, "Content-Length: 5000000\r\n"));
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
    crate::common::wait_for("the memory to come back", PATIENCE, || {
        (server.metric("takeup_buffer_bytes") < 100_000.0).then_some(())
    });
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
    client.send(head("/v1/web/images", &token, &format!("Content-Length: {}\r\n", body.len())));
    for piece in body.chunks(100) {
        client.send(piece);
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(client.read().status, 200);
    client.send(head("/v1/web/images", &token, &format!("Content-Length: {}\r\n", body.len())));
    client.send(&body[..100]);
    refused(&client.read(), 408, "the body came too slowly");
    assert_eq!(images(&home).len(), 1);
}
