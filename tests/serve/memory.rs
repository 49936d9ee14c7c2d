//! What clients can make the server hold: it is counted, bounded, and given back.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::common::{BROWSER, Client, Home, PATIENCE, Server, batch, wait_for};

const MIB: f64 = 1024.0 * 1024.0;

/// What the allocator, the log and the threads may take besides, in a debug build.
const SLACK: f64 = 40.0 * MIB;

/// Memory of the process that is no file's, in bytes.
fn anonymous(server: &Server) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("the server runs");
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).expect("Linux tells");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).expect("a number") * 1024.0
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

/// A key that inflates to nearly a megabyte, and is six times as long in JSON.
fn long_start() -> Vec<u8> {
    start_of((1 << 20) - 200)
}

/// A packed start whose key has so many bytes.
fn start_of(key_bytes: usize) -> Vec<u8> {
    let key = "<".repeat(key_bytes);
    gzip(format!(r#"{{"projectKey":"{key}","trackerVersion":"19.0.1","timestamp":1}}"#).as_bytes())
}

fn post(path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: test\r\nUser-Agent: {BROWSER}\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// The largest thing that each route can be made to hold, as far as a client sends it.
fn largest(token: &str) -> Vec<(&'static str, Vec<u8>)> {
    let bearer = format!("Authorization: Bearer {token}\r\n");
    let packed = "Content-Encoding: gzip\r\n";
    let start = long_start();
    let query = "x".repeat(7_000);
    let json = format!(r#"{{"projectKey":"{}"}}"#, "<".repeat(130_000));
    let answer = format!(r#"{{"testID":1,"taskID":1,"status":"done","taskAnswer":"{}"}}"#, "<".repeat(130_000));
    let form = "Content-Type: multipart/form-data; boundary=x\r\n";
    let part = |bytes: usize| {
        let head = "--x\r\nContent-Disposition: form-data; name=\"a\"; filename=\"1_2_3.jpeg\"\r\n\r\n";
        [head.as_bytes(), &vec![b'p'; bytes]].concat()
    };
    let all_but_the_end = |mut request: Vec<u8>| {
        request.truncate(request.len() - 1);
        request
    };
    let visual = format!("{bearer}{packed}DataType: visual\r\n");
    vec![
        ("a packed start of a browser", post("/v1/web/start", packed, &start)),
        ("a packed start of a phone", post("/v1/mobile/start", "", &start)),
        ("a packed start of the SDK", post("/v1/sdk/start", packed, &start)),
        ("a plain start", post("/v1/web/start", "", json.as_bytes())),
        ("not started", post("/v1/web/not-started", "", json.as_bytes())),
        ("flags", post("/v1/web/feature-flags", &bearer, json.as_bytes())),
        ("a signal", post("/v1/web/uxt/signals/task", &bearer, answer.as_bytes())),
        (
            "a batch with a long label",
            all_but_the_end(post(&format!("/v1/web/i?batch={query}"), &bearer, &vec![b'b'; 900_000])),
        ),
        ("a bad cut", post(&format!("/v1/web/i?split={query}"), &visual, &gzip(&[0; 900_000]))),
        ("a cut far within", post("/v1/web/i?split=900001", &visual, &gzip(&[81; 1_000_000]))),
        ("a phone's batch", all_but_the_end(post("/v1/mobile/i", &bearer, &vec![b'b'; 900_000]))),
        ("events of the SDK", all_but_the_end(post("/v1/sdk/i", &bearer, &vec![b'b'; 900_000]))),
        ("images", all_but_the_end(post("/v1/web/images", &format!("{bearer}{form}"), &part(2_000_000)))),
        ("screens", all_but_the_end(post("/v1/mobile/images", &format!("{bearer}{form}"), &part(2_000_000)))),
        (
            "a preflight",
            format!("OPTIONS /v1/web/i HTTP/1.1\r\nHost: test\r\nAccess-Control-Request-Headers: {query}\r\n\r\n")
                .into(),
        ),
    ]
}

#[test]
fn whatever_a_route_is_made_to_hold_is_counted_bounded_and_given_back() {
    const CLIENTS: usize = 40;
    let budget = 16.0 * MIB;
    let home = Home::new();
    let server = home.serve(&[("inflight_bytes_max", "16MiB"), ("patience", "1s"), ("body_grace", "60s")]);
    let token = home.token(7);
    let gauge = || server.metric("takeup_buffer_bytes");
    let kept = || server.metric("takeup_buffer_kept_bytes");
    let before = anonymous(&server);
    for (what, request) in largest(&token) {
        let mut clients: Vec<Client> = (0..CLIENTS).map(|_| server.connect()).collect();
        let senders: Vec<_> = clients
            .iter_mut()
            .map(|client| {
                let (mut sender, request) = (client.sender(), request.clone());
                thread::spawn(move || drop(sender.write_all(&request)))
            })
            .collect();
        let end = Instant::now() + Duration::from_millis(1_500);
        while Instant::now() < end {
            let (counted, taken) = (gauge(), anonymous(&server) - before);
            assert!(counted <= budget + CLIENTS as f64 * 64.0 * 1024.0, "{what}: {counted} bytes are counted");
            assert!(taken <= counted.max(gauge()) + kept() + SLACK, "{what}: {taken} bytes, {counted} counted");
            thread::sleep(Duration::from_millis(100));
        }
        drop(clients);
        for sender in senders {
            sender.join().expect("no panic");
        }
        wait_for(&format!("all to be given back: {what}"), PATIENCE, || (gauge() == 0.0).then_some(()));
        let left = anonymous(&server) - before;
        assert!(left <= kept() + SLACK, "{what}: {left} bytes are left");
    }
    // Nobody was harmed.
    assert_eq!(server.metric("takeup_panics_total"), 0.0);
}

#[test]
fn what_a_start_inflates_to_is_taken_from_the_budget_before_it_is_there() {
    let home = Home::new();
    let server = home.serve(&[
        ("inflight_bytes_max", "1MiB"),
        ("beacon_size_limit", "100000"),
        ("json_size_limit", "100000"),
        ("json_inflated_limit", "3MiB"),
        ("patience", "300ms"),
    ]);
    let status = |key_bytes| {
        server.connect().exchange(post("/v1/web/start", "Content-Encoding: gzip\r\n", &start_of(key_bytes))).status
    };
    // Each is sent as a few KiB. There is no such project; the long one is refused before anybody looks for it.
    assert_eq!([status(300_000), status(2_000_000), status(300_000)], [404, 503, 404]);
    wait_for("all to be given back", PATIENCE, || (server.metric("takeup_buffer_bytes") == 0.0).then_some(()));
}

#[test]
fn a_large_answer_is_counted_while_the_body_of_its_request_is_awaited() {
    const CLIENTS: usize = 150;
    let filters = format!(r#"[{{"type":"a","value":["{}"]}}]"#, "f".repeat(16_000));
    let mut projects = "[[projects]]\nproject_id = 1\nproject_key = \"a\"\n".to_owned();
    for name in 0..60 {
        projects += &format!("[[conditions]]\nproject_id = 1\nname = \"{name}\"\nfilters = '{filters}'\n");
    }
    let home = Home::with_projects(&projects);
    let server = home.serve(&[("inflight_bytes_max", "16MiB"), ("patience", "1s"), ("body_grace", "60s")]);
    let head = |body: &str| {
        let bearer = format!("Authorization: Bearer {}", home.token(7));
        format!("GET /v1/web/conditions/1 HTTP/1.1\r\nHost: test\r\n{bearer}\r\n{body}\r\n")
    };
    let (counted, kept) = (|| server.metric("takeup_buffer_bytes"), || server.metric("takeup_buffer_kept_bytes"));
    let before = anonymous(&server);
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(head("Content-Length: 200000\r\n"));
    }
    let mut waited = false;
    wait_for("those that find no memory to have used up their patience", PATIENCE, || {
        let taken = anonymous(&server) - before;
        assert!(taken <= counted() + kept() + SLACK, "{taken} bytes are taken, {} counted", counted());
        let waiting = server.metric("takeup_requests_waiting");
        waited |= waiting > 0.0;
        (waited && waiting == 0.0 && counted() > 0.0).then_some(())
    });
    drop(clients);
    wait_for("all to be given back", PATIENCE, || (counted() == 0.0).then_some(()));
    let answer = server.connect().exchange(head(""));
    assert_eq!((answer.status, answer.json()["conditions"].as_array().map(Vec::len)), (200, Some(60)));
}

#[test]
fn small_packed_starts_stop_nobody_and_never_stand_before_a_session() {
    const STARTS: usize = 300;
    let home = Home::new();
    let server = home.serve(&[("patience", "20s")]);
    let (token, start) = (home.token(7), post("/v1/web/start", "Content-Encoding: gzip\r\n", &long_start()));
    let mut starts: Vec<Client> = (0..STARTS).map(|_| server.connect()).collect();
    let began = Instant::now();
    for client in &mut starts {
        client.send(&start);
    }
    wait_for("a queue", PATIENCE, || (server.metric("takeup_requests_waiting") > 20.0).then_some(()));
    // A page, and a batch that is looked into.
    let (mut longest, mut client) = (Duration::ZERO, server.connect());
    let mut text = vec![81, 1, 0, 0, 2, 0, 0, 1, 0, 0, 5];
    let split = text.len();
    text.extend_from_slice(&text.clone());
    let packed = gzip(&text);
    let visual = batch(&token, packed.len()).replacen("batch=1_1", &format!("batch=1_1&split={split}"), 1).replacen(
        "\r\n\r\n",
        "\r\nContent-Encoding: gzip\r\nDataType: visual\r\n\r\n",
        1,
    );
    for _ in 0..20 {
        for request in [b"GET / HTTP/1.1\r\nHost: test\r\n\r\n".to_vec(), [visual.as_bytes(), &packed].concat()] {
            let asked = Instant::now();
            let answer = client.exchange(request);
            assert_eq!(answer.status, 200, "{}", answer.text());
            longest = longest.max(asked.elapsed());
        }
    }
    for client in &mut starts {
        assert_eq!(client.read().status, 404);
    }
    let all = began.elapsed();
    assert!(longest < (all / 4).max(Duration::from_millis(150)), "{longest:?} of {all:?}");
}

#[test]
fn a_start_whose_turn_does_not_come_is_refused_within_its_patience() {
    let home = Home::new();
    let server = home.serve(&[("patience", "300ms")]);
    let start = post("/v1/web/start", "Content-Encoding: gzip\r\n", &long_start());
    let mut starts: Vec<Client> = (0..400).map(|_| server.connect()).collect();
    for client in &mut starts {
        client.send(&start);
    }
    let statuses: Vec<u16> = starts.iter_mut().map(|client| client.read().status).collect();
    assert!(statuses.iter().all(|status| matches!(status, 404 | 503)), "{statuses:?}");
    assert!(statuses.contains(&404) && statuses.contains(&503), "{statuses:?}");
    assert!(server.metric("takeup_refusals_total{reason=\"busy\"}") > 0.0);
}
