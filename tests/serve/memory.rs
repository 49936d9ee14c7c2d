//! What clients can make the server hold: it is counted, bounded, and given back.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{BROWSER, Connection, Home, PATIENCE, Request, Server, gzip, wait_for};

const MIB: f64 = 1024.0 * 1024.0;

/// What the allocator, the log and the threads may take besides, in a debug build.
const SLACK: f64 = 40.0 * MIB;

/// Memory of the process that is no file's, in bytes.
fn anonymous(server: &Server) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("the server runs");
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).expect("Linux tells");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).expect("a number") * 1024.0
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

fn post(path: &str, body: impl AsRef<[u8]>) -> Request {
    Request::post(path).header("User-Agent", BROWSER).body(body)
}

/// A start whose body is packed already.
fn packed_start(path: &str, body: &[u8]) -> Request {
    post(path, body).header("Content-Encoding", "gzip")
}

/// The largest thing that each route can be made to hold, as far as a client sends it.
fn largest(token: &str) -> Vec<(&'static str, Vec<u8>)> {
    let start = long_start();
    let query = "x".repeat(7_000);
    let json = format!(r#"{{"projectKey":"{}"}}"#, "<".repeat(130_000));
    let answer = format!(r#"{{"testID":1,"taskID":1,"status":"done","taskAnswer":"{}"}}"#, "<".repeat(130_000));
    let part = {
        let head = "--x\r\nContent-Disposition: form-data; name=\"a\"; filename=\"1_2_3.jpeg\"\r\n\r\n";
        [head.as_bytes(), &vec![b'p'; 2_000_000]].concat()
    };
    let form =
        |path: &str| post(path, &part).token(token).header("Content-Type", "multipart/form-data; boundary=x").bytes();
    let upload = |path: &str| post(path, vec![b'b'; 900_000]).token(token).bytes();
    let json_to = |path: &str, body: &str| post(path, body).token(token).bytes();
    let all_but_the_end = |mut request: Vec<u8>| {
        request.truncate(request.len() - 1);
        request
    };
    let visual = |split: &str, body: &[u8]| {
        let request = post(&format!("/v1/web/i?split={split}"), body).token(token);
        request.gzip().header("DataType", "visual").bytes()
    };
    vec![
        ("a packed start of a browser", packed_start("/v1/web/start", &start).bytes()),
        ("a packed start of a phone", post("/v1/mobile/start", &start).bytes()),
        ("a packed start of the SDK", packed_start("/v1/sdk/start", &start).bytes()),
        ("a plain start", post("/v1/web/start", &json).bytes()),
        ("not started", post("/v1/web/not-started", &json).bytes()),
        ("flags", json_to("/v1/web/feature-flags", &json)),
        ("a signal", json_to("/v1/web/uxt/signals/task", &answer)),
        ("a batch with a long label", all_but_the_end(upload(&format!("/v1/web/i?batch={query}")))),
        ("a bad cut", visual(&query, &[0; 900_000])),
        ("a cut far within", visual("900001", &[81; 1_000_000])),
        ("a phone's batch", all_but_the_end(upload("/v1/mobile/i"))),
        ("events of the SDK", all_but_the_end(upload("/v1/sdk/i"))),
        ("images", all_but_the_end(form("/v1/web/images"))),
        ("screens", all_but_the_end(form("/v1/mobile/images"))),
        ("a preflight", Request::options("/v1/web/i").header("Access-Control-Request-Headers", &query).bytes()),
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
        let mut clients: Vec<Connection> = (0..CLIENTS).map(|_| server.connect()).collect();
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
    let status = |key_bytes| server.connect().exchange(packed_start("/v1/web/start", &start_of(key_bytes))).status;
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
    let conditions = || Request::get("/v1/web/conditions/1").token(&home.token(7));
    let (counted, kept) = (|| server.metric("takeup_buffer_bytes"), || server.metric("takeup_buffer_kept_bytes"));
    let before = anonymous(&server);
    let mut clients: Vec<Connection> = (0..CLIENTS).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(conditions().length(200_000));
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
    let answer = server.connect().exchange(conditions());
    assert_eq!((answer.status, answer.json()["conditions"].as_array().map(Vec::len)), (200, Some(60)));
}

#[test]
fn small_packed_starts_stop_nobody_and_never_stand_before_a_session() {
    const STARTS: usize = 300;
    let home = Home::new();
    let server = home.serve(&[("patience", "60s")]);
    let (token, start) = (home.token(7), packed_start("/v1/web/start", &long_start()));
    let mut starts: Vec<Connection> = (0..STARTS).map(|_| server.connect()).collect();
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
    let visual = Request::batch(&token, text).target(&format!("/v1/web/i?batch=1_1&split={split}"));
    let visual = visual.gzip().header("DataType", "visual");
    for _ in 0..20 {
        for request in [&Request::get("/"), &visual] {
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
    let start = packed_start("/v1/web/start", &long_start());
    let mut starts: Vec<Connection> = (0..400).map(|_| server.connect()).collect();
    for client in &mut starts {
        client.send(&start);
    }
    let statuses: Vec<u16> = starts.iter_mut().map(|client| client.read().status).collect();
    assert!(statuses.iter().all(|status| matches!(status, 404 | 503)), "{statuses:?}");
    assert!(statuses.contains(&404) && statuses.contains(&503), "{statuses:?}");
    assert!(server.metric("takeup_refusals_total{reason=\"busy\"}") > 0.0);
}
