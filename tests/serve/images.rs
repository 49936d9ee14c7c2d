//! Uploads of pictures, to a real server: what becomes of them, and what cannot hurt.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::common::{Home, PATIENCE, Request, Response, chunk, gzip};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use takeup::courier::messages::QueueMessages;
use takeup::log::format::record::{Flags, Kind, ext_type};
use takeup::log::read::merge::Merge;
use takeup::log::read::reader::LogReader;

pub const BOUNDARY: &str = "----golden7MA4YWxk";

/// A record with pictures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    pub topic: &'static str,
    pub session: u64,
    pub name: String,
    pub payload: Vec<u8>,
    pub unusable: bool,
}

/// What the log holds of pictures.
pub fn images(home: &Home) -> Vec<Image> {
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

pub fn frame(at_ms: u64, picture: &[u8]) -> Vec<u8> {
    [&at_ms.to_le_bytes()[..], &(picture.len() as u32).to_le_bytes(), picture].concat()
}

pub fn part(disposition: &str, value: &[u8]) -> Vec<u8> {
    [format!("--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n").as_bytes(), value, b"\r\n"]
        .concat()
}

pub fn file(name: &str, value: &[u8]) -> Vec<u8> {
    part(&format!("name=\"f\"; filename=\"{name}\""), value)
}

pub fn form(parts: &[Vec<u8>]) -> Vec<u8> {
    [&parts.concat()[..], format!("--{BOUNDARY}--\r\n").as_bytes()].concat()
}

/// An upload of this form.
fn upload(path: &str, token: &str, form: &[u8]) -> Request {
    let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
    Request::post(path).token(token).header("Content-Type", &content_type).body(form)
}

pub fn web(token: &str, form: &[u8]) -> Request {
    upload("/v1/web/images", token, form)
}

pub fn mobile(token: &str, form: &[u8]) -> Request {
    upload("/v1/mobile/images", token, form)
}

pub fn refused(answer: &Response, status: u16, text: &str) {
    assert_eq!((answer.status, answer.json()["error"].as_str()), (status, Some(text)), "{}", answer.text());
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
            let upload = Request::post(text("route")).token(&home.token(session));
            let upload = upload.header("Content-Type", text("content_type"));
            if chunked {
                let mut slow = server.connect();
                slow.send(upload.chunked());
                for piece in body.chunks(37) {
                    slow.send(chunk(piece));
                }
                slow.send("0\r\n\r\n");
                assert_eq!(slow.read().status, 200, "{}", text("name"));
            } else {
                let answer = client.exchange(upload.body(&body));
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
        let upload = Request::post(&text(&case["route"])).token(&home.token(session));
        let upload = upload.header("Content-Type", &text(&case["content_type"])).body(&body);
        assert_eq!(client.exchange(upload).status, 200, "{}", case["name"]);
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
        let answer = client.exchange(web(&token, body.as_bytes()).set("Content-Type", content_type));
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
    let typed = |content_type: &str| web(&token, &whole).set("Content-Type", content_type);
    let no_header = form(&[b"------golden7MA4YWxk\r\nno header\r\n\r\nx\r\n".to_vec()]);
    for (request, status, text) in [
        (
            typed(&format!("multipart/mixed; boundary={BOUNDARY}")),
            415,
            "request Content-Type isn't multipart/form-data",
        ),
        (web(&token, &whole).without("Content-Type"), 415, "request Content-Type isn't multipart/form-data"),
        (typed("multipart/form-data"), 415, "no multipart boundary param in Content-Type"),
        (typed("multipart/form-data; boundary=other"), 400, "multipart: NextPart: EOF"),
        (web(&token, &whole[..whole.len() - 10]), 400, "unexpected EOF"),
        (web(&token, b""), 400, "multipart: NextPart: EOF"),
        (web(&token, &no_header), 400, "malformed MIME header"),
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
    client.send(web(&token, &trailed).then(web(&home.token(8), &whole).bytes()));
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
    let expecting = |bytes: usize| web(&token, b"").length(bytes).header("Expect", "100-continue");
    client.send(expecting(body.len()));
    assert_eq!(client.read().status, 100);
    assert_eq!(client.exchange(&body).status, 200);
    client.send(expecting(1001));
    refused(&client.read(), 413, "http: request body too large");
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
