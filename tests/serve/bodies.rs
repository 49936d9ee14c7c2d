//! What becomes of a batch's body.

use std::io::Write;
use std::time::Duration;

use flate2::Compression;

use crate::common::{Home, Request, gzip, wait_for};

/// A batch as trackers write it: its metadata and one message.
pub const WHOLE: &[u8] = &[81, 1, 0, 0, 2, 0, 0, 1, 0, 0, 5];

/// A batch that says it is gzip.
fn gzip_request(token: &str, body: &[u8]) -> Request {
    coded_request(token, "gzip", body)
}

/// A batch that says it is in this coding.
pub fn coded_request(token: &str, coding: &str, body: &[u8]) -> Request {
    Request::batch(token, body).header("Content-Encoding", coding)
}

#[test]
fn an_empty_body_is_taken_and_leaves_nothing() {
    let home = Home::new();
    let server = home.serve(&[]);
    let mut client = server.connect();
    let token = home.token(7);
    assert_eq!(client.exchange(Request::batch(&token, b"")).status, 200);
    assert_eq!(client.exchange(Request::batch(&token, b"").chunked().then("0\r\n\r\n")).status, 200);
    assert_eq!(client.exchange(Request::batch(&token, b"").unframed()).status, 200);
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
    assert_eq!(client.exchange(Request::batch(&token, &every_byte)).status, 200);
    assert_eq!(client.exchange(gzip_request(&token, &packed)).status, 200);
    assert_eq!(client.exchange(Request::batch(&token, &huge)).status, 200);
    assert_eq!(client.exchange(Request::batch(&token, [&*huge, b"x"].concat())).status, 413);
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
        Request::batch(&home.token(1), WHOLE),
        gzip_request(&home.token(2), &gzip(WHOLE)),
        gzip_request(&home.token(3), b"this is no gzip"),
        gzip_request(&home.token(4), &cut),
        Request::batch(&home.token(5), &WHOLE[..8]),
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

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory takes all")
}

fn brotli(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    let mut encoder = brotli::CompressorWriter::new(&mut packed, 4096, 5, 22);
    encoder.write_all(bytes).expect("memory takes all");
    drop(encoder);
    packed
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(bytes, 3).expect("memory takes all")
}

/// One way to pack a body, and its name.
pub type Packer = (&'static str, fn(&[u8]) -> Vec<u8>);

pub const CODINGS: [Packer; 4] = [("gzip", gzip), ("deflate", zlib), ("br", brotli), ("zstd", zstd)];

#[test]
fn batches_in_every_coding_are_stored_read_and_replayed() {
    let home = Home::new();
    let receiver_home = Home::new();
    for inline in ["background", "inline"] {
        let server = home.serve(&[("check_bodies", inline)]);
        let mut client = server.connect();
        for (number, (coding, pack)) in CODINGS.into_iter().enumerate() {
            let token = home.token(number as u64 + 1);
            let answer = client.exchange(coded_request(&token, coding, &pack(WHOLE)));
            assert_eq!(answer.status, 200, "{coding}: {}", answer.text());
        }
        server.stop();
    }
    let stored = home.stored();
    assert_eq!(stored.len(), 8);
    for (batch, (coding, pack)) in stored.iter().zip(CODINGS.into_iter().chain(CODINGS)) {
        assert_eq!((batch.line["encoding"].as_str(), &batch.body), (Some(coding), &pack(WHOLE)));
    }
    // Each is read as its coding says, and goes out again under it.
    for session in ["1", "2", "3", "4"] {
        let events = home.takeup(&["events", session, "--json"]);
        assert!(events.stdout.contains(r#""name":"Timestamp""#), "{session}: {}{}", events.stdout, events.stderr);
        assert!(!events.stdout.contains("fault"), "{session}: {}", events.stdout);
    }
    assert_eq!(home.takeup(&["sessions", "--broken", "--json"]).stdout, "");
    let receiver = receiver_home.serve(&[("check_bodies", "inline")]);
    let url = format!("http://{}", receiver.addr);
    let secret = receiver_home.data().join("secrets/token").display().to_string();
    let sent = home.takeup(&["replay", "--to", &url, "--fast", "--with-repeats", "--token-secret-file", &secret]);
    assert_eq!(sent.code, Some(0), "{}", sent.stderr);
    let mut again: Vec<_> = receiver_home.stored().into_iter().map(|batch| (batch.session, batch.body)).collect();
    let mut once: Vec<_> = stored.into_iter().map(|batch| (batch.session, batch.body)).collect();
    again.sort();
    once.sort();
    assert_eq!(again, once);
}

#[test]
fn a_start_may_come_in_every_coding() {
    let home = Home::new();
    let server = home.serve(&[]);
    let mut client = server.connect();
    let start = Request::start(&home.project_key());
    let body = String::from_utf8(start.sent_body().to_vec()).expect("JSON");
    let mut send =
        |coding: &str, body: &[u8]| client.exchange(start.clone().header("Content-Encoding", coding).body(body));
    for (coding, pack) in CODINGS {
        let answer = send(coding, &pack(body.as_bytes()));
        assert_eq!(answer.status, 200, "{coding}: {}", answer.text());
        let padded = format!("{body}{}", " ".repeat(2 << 20));
        let answer = send(coding, &pack(padded.as_bytes()));
        assert_eq!(answer.status, 413, "{coding}: {}", answer.text());
    }
    // JSON is read as it is, whatever its label says. What is neither has to be gzip if it says so.
    for coding in ["br", "zstd", "deflate", "gzip, br", "gzip"] {
        assert_eq!(send(coding, body.as_bytes()).status, 200, "{coding}");
        assert_eq!(send(coding, b"x").status, if coding == "gzip" { 413 } else { 400 }, "{coding}");
    }
}

/// `visual` of two batches, cut at `split`.
fn visual_request(token: &str, split: usize) -> Request {
    let request = Request::batch(token, [WHOLE, WHOLE].concat()).header("DataType", "visual");
    request.target(&format!("/v1/web/i?batch=1_1&split={split}"))
}

#[test]
fn a_batch_that_can_not_be_used_is_kept_where_the_operator_says_so() {
    let home = Home::new();
    let settings = [
        ("check_bodies", "inline"),
        ("beacon_size_limit", "1000"),
        ("unusable", "keep"),
        ("unusable_size_limit", "3000"),
        ("unusable_bytes_max", "5000"),
    ];
    let server = home.serve(&settings);
    let token = home.token(7);
    let status = |request: Request| server.connect().exchange(request).status;
    assert_eq!(status(Request::batch(&token, [81; 2900])), 200, "too large");
    assert_eq!(status(coded_request(&token, "gzip", b"this is no gzip")), 200, "no gzip");
    assert_eq!(status(visual_request(&token, 5)), 200, "a wrong split");
    assert_eq!(status(Request::batch(&token, WHOLE)), 200, "sound");
    assert_eq!(status(visual_request(&token, WHOLE.len())), 200, "sound");
    // Beyond the bounds it is refused as ever.
    assert_eq!(status(Request::batch(&token, [81; 3001])), 413, "larger than may be kept");
    assert_eq!(status(Request::batch(&token, [81; 2800])), 413, "more than may be kept in an hour");
    assert_eq!(server.metric("takeup_batches_unusable_total"), 3.0);
    assert!(server.metric("takeup_batches_unusable_bytes_total") >= 2900.0);

    let stored = home.stored();
    assert_eq!(stored.len(), 2, "a replay leaves them out");
    let all = home.takeup(&["replay", "--to", "-", "--with-repeats", "--unusable"]);
    assert_eq!(all.stdout.lines().count(), 5);
    let kept = home.takeup(&["inspect", "--unusable", "--json"]);
    let kept: Vec<serde_json::Value> =
        kept.stdout.lines().map(|line| serde_json::from_str(line).expect("NDJSON")).collect();
    assert_eq!(kept.len(), 3);
    for record in &kept {
        assert_eq!((&record["topic"], &record["flags"][0]), (&"none".into(), &"unusable".into()), "{record}");
        assert_eq!(record["split"], serde_json::Value::Null);
    }
    let sessions = home.takeup(&["sessions", "--broken", "--json"]);
    assert!(sessions.stdout.contains(r#""unusable":3"#), "{}", sessions.stdout);
}

#[test]
fn a_batch_that_can_not_be_used_is_refused_by_default() {
    let home = Home::new();
    let server = home.serve(&[("check_bodies", "inline"), ("beacon_size_limit", "1000")]);
    let token = home.token(7);
    let status = |request: Request| server.connect().exchange(request).status;
    assert_eq!(status(Request::batch(&token, [81; 2900])), 413);
    assert_eq!(status(coded_request(&token, "gzip", b"this is no gzip")), 413);
    assert_eq!(status(visual_request(&token, 5)), 400);
    assert!(home.stored().is_empty());
    assert_eq!(home.takeup(&["inspect", "--unusable", "--json"]).stdout, "");
}

#[test]
fn a_first_upload_without_a_split_is_taken_for_what_it_is() {
    let home = Home::new();
    let server = home.serve(&[]);
    let token = home.token(7);
    let of_version = |version: u8| [&[WHOLE[0], version], &WHOLE[2..]].concat();
    let glued = [of_version(2), of_version(3)].concat();
    let uncertain = [&glued[..], &[0]].concat();
    let mut client = server.connect();
    for (number, body) in [&of_version(2), &glued, &uncertain].into_iter().enumerate() {
        let plain = Request::batch(&token, body).header("DataType", "visual");
        for request in [plain.clone(), plain.gzip()] {
            let request =
                request.clone().target(&format!("/v1/web/i?batch=1_{number}_{}_kno", request.sent_body().len()));
            let answer = client.exchange(&request);
            assert_eq!(answer.status, 200, "{number} {request:?}: {}", answer.text());
        }
    }
    assert_eq!(server.metric("takeup_batches_unusable_total"), 2.0);
    let records = home.takeup(&["inspect", "--records", "--json"]);
    let records: Vec<serde_json::Value> =
        records.stdout.lines().map(|line| serde_json::from_str(line).expect("NDJSON")).collect();
    let seen: Vec<_> = records.iter().map(|r| (&r["data_type"], &r["topic"], &r["split"])).collect();
    let (player, visual, raw, none) = (&"player".into(), &"visual".into(), &"raw".into(), &"none".into());
    let (whole, cut) = (&serde_json::Value::Null, &WHOLE.len().into());
    let expected = [(player, raw, whole), (visual, raw, cut), (visual, none, whole)];
    assert_eq!(seen, expected.into_iter().flat_map(|one| [one, one]).collect::<Vec<_>>());
}

#[test]
fn broken_batches_are_counted_by_project_and_tracker_on_a_running_server() {
    let home = Home::new();
    let server = home.serve(&[]);
    let mut client = server.connect();
    let answer = client.exchange(Request::start_of("18.0.7", &home.project_key()));
    let answer = answer.json();
    let token = answer["token"].as_str().expect("a token");
    assert_eq!(client.exchange(Request::batch(token, WHOLE)).status, 200);
    assert_eq!(client.exchange(Request::batch(token, &WHOLE[..8])).status, 200);
    let sample = r#"takeup_batches_broken_by_tracker_total{project="1",tracker="18.0.7"} 1"#;
    let counted = || server.admin_page("/metrics").text().lines().any(|line| line.starts_with(sample));
    wait_for("a broken batch", Duration::from_secs(10), || counted().then_some(()));
    assert_eq!(server.metric(r#"takeup_batches_checked_by_tracker_total{project="1",tracker="18.0.7"}"#), 2.0);
    assert_eq!(server.metric(r#"takeup_batches_broken_by_kind_total{kind="truncated"}"#), 1.0);

    // The list is of the running server's log.
    let list = home.takeup(&["sessions", "--broken", "--json"]);
    let line: serde_json::Value = serde_json::from_str(&list.stdout).expect("one line");
    assert_eq!(line["session_id"], answer["sessionID"]);
    assert_eq!((&line["tracker"], &line["batches"], &line["broken"]), (&"18.0.7".into(), &2.into(), &1.into()));
    assert_eq!((&line["kind"], &line["project_id"]), (&"truncated".into(), &1.into()));
}
