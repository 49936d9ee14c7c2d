//! Records handed to another takeup: a chain of two gives the same records in the second log.

use std::path::Path;

use takeup::log::read::merge::Merge;
use takeup::log::read::reader::LogReader;
use takeup::session::forward_secret::{BodyDigest, ForwardSecret};

use crate::common::services::{Port, Relay, RelayMode};
use crate::common::{BROWSER, Home, PATIENCE, Request, Server, wait_for};

const SECRET: &str = "a secret of two takeups";

/// A record but for its place and time.
type Same = (String, u64, u32, Option<(u32, u32)>, u32, u16, Vec<u8>, Vec<u8>);

/// The records of a log, in its order, without batches that are known for repeats.
fn records(data: &Path) -> Vec<Same> {
    let Ok(reader) = LogReader::open(&data.join("log")) else { return Vec::new() };
    let mut merge = Merge::new(reader);
    let mut all = Vec::new();
    while let Some(record) = merge.next_settled().unwrap() {
        let what = format!("{} {} {} {}", record.kind, record.topic, record.data_type, record.encoding);
        let label = record.label.map(|label| (label.page, label.number));
        let (ext, payload) = (record.ext.0.to_vec(), record.payload.to_vec());
        all.push((what, record.session, record.project, label, record.split, record.flags.0, ext, payload));
    }
    all
}

/// Each record once, where it came first.
fn once(records: Vec<Same>) -> Vec<Same> {
    let mut seen = std::collections::HashSet::new();
    records.into_iter().filter(|record| seen.insert(record.clone())).collect()
}

#[track_caller]
fn assert_same(found: &[Same], wanted: &[Same]) {
    let differs = found.iter().zip(wanted).position(|(found, wanted)| found != wanted);
    let at = differs.map(|at| (at, &found[at], &wanted[at]));
    assert!(at.is_none() && found.len() == wanted.len(), "{} of {}, different at {at:?}", found.len(), wanted.len());
}

fn serve_second(home: &Home, port: &Port, secret: &str) -> Server {
    let listen = port.addr().to_string();
    home.serve_from_environment(&[
        ("TAKEUP_LISTEN", &*listen),
        ("TAKEUP_ADMIN", "127.0.0.1:0"),
        ("TAKEUP_CORES", "1"),
        ("TAKEUP_SEGMENT_BYTES", "32MiB"),
        ("TAKEUP_FORWARD_SECRET", secret),
    ])
}

fn serve_first(home: &Home, port: u16) -> Server {
    let url = format!("http://127.0.0.1:{port}/ingest");
    home.serve(&[("forward_url", &url), ("forward_secret", SECRET), ("shipment_records", "20")])
}

fn send(server: &Server, token: &str, numbers: std::ops::Range<u32>) {
    let mut connection = server.connect();
    for number in numbers {
        let batch = Request::post(&format!("/v1/web/i?batch=1_{number}")).token(token).body(format!("batch {number}"));
        let answer = connection.exchange(batch);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

#[test]
fn the_second_log_has_the_same_records_once_and_in_order() {
    let (first_home, second_home, port) = (Home::new(), Home::new(), Port::new());
    let second = serve_second(&second_home, &port, SECRET);
    let first = serve_first(&first_home, port.number());
    let key = first_home.project_key();
    let tokens = [first.start_session(&key), first.start_session(&key)];
    for (round, token) in (0..).zip(tokens.iter().cycle().take(6)) {
        send(&first, token, 10 * round..10 * round + 10);
    }
    let large = Request::post("/v1/web/i?batch=2_1").token(&tokens[0]).body(vec![7; 900 << 10]);
    assert_eq!(first.connect().exchange(large.header("DataType", "player")).status, 200);
    let reason = Request::post("/v1/web/not-started").json(&serde_json::json!({"projectKey": key, "reason": "test"}));
    let reason = reason.header("User-Agent", BROWSER);
    assert_eq!(first.connect().exchange(reason).status, 200);
    let wanted = records(first_home.data());
    assert_eq!(wanted.len(), 2 + 60 + 1 + 1);
    wait_for("all records", PATIENCE, || (records(second_home.data()).len() >= wanted.len()).then_some(()));
    assert_same(&records(second_home.data()), &wanted);
    first.stop();
    second.stop();
}

#[test]
fn kills_of_either_and_a_long_absence_lose_nothing_and_keep_the_order() {
    let (first_home, second_home, port) = (Home::new(), Home::new(), Port::new());
    let mut token = String::new();
    for round in 0..4_u32 {
        // In the first round, there is no second one yet.
        let second = (round > 0).then(|| serve_second(&second_home, &port, SECRET));
        let first = serve_first(&first_home, port.number());
        if round == 0 {
            token = first.start_session(&first_home.project_key());
        }
        send(&first, &token, 100 * round..100 * round + 80);
        let Some(second) = second else {
            first.wait_for_line(&["a destination takes no records", "\"unreachable\""], PATIENCE);
            first.kill();
            continue;
        };
        let before = 80 * round as usize;
        wait_for("a part of it", PATIENCE, || (records(second_home.data()).len() > before).then_some(()));
        if round % 2 == 0 {
            first.kill();
            second.stop();
        } else {
            second.kill();
            first.stop();
        }
    }
    let second = serve_second(&second_home, &port, SECRET);
    let first = serve_first(&first_home, port.number());
    let wanted = records(first_home.data());
    assert_eq!(wanted.len(), 1 + 4 * 80);
    wait_for("all records", PATIENCE, || (once(records(second_home.data())).len() >= wanted.len()).then_some(()));
    first.stop();
    second.stop();
    assert_same(&once(records(second_home.data())), &wanted);
}

#[test]
fn an_answer_that_is_lost_repeats_records_and_loses_none() {
    let (first_home, second_home, port) = (Home::new(), Home::new(), Port::new());
    let second = serve_second(&second_home, &port, SECRET);
    let relay = Relay::to(port.number());
    let first = serve_first(&first_home, relay.port());
    let token = first.start_session(&first_home.project_key());
    wait_for("the start", PATIENCE, || (records(second_home.data()).len() == 1).then_some(()));
    relay.set(RelayMode::KeepAnswers);
    send(&first, &token, 0..10);
    wait_for("a batch", PATIENCE, || (records(second_home.data()).len() > 1).then_some(()));
    relay.set(RelayMode::Refuse);
    first.wait_for_line(&["a destination takes no records"], PATIENCE);
    relay.set(RelayMode::Pass);
    let wanted = records(first_home.data());
    wait_for("all records", PATIENCE, || (records(second_home.data()).len() >= wanted.len()).then_some(()));
    first.wait_for_line(&["a destination takes records again"], PATIENCE);
    first.stop();
    second.stop();
    // The merge knows repeated batches.
    assert_same(&records(second_home.data()), &wanted);
}

#[test]
fn a_wrong_secret_is_told_and_waited_out() {
    let (first_home, second_home, port) = (Home::new(), Home::new(), Port::new());
    let second = serve_second(&second_home, &port, "another secret, as long");
    let first = serve_first(&first_home, port.number());
    let token = first.start_session(&first_home.project_key());
    send(&first, &token, 0..10);
    let line = first.wait_for_line(&["a destination takes no records", "\"wrong-credentials\"", "403"], PATIENCE);
    assert!(!line.contains(SECRET), "{line}");
    assert!(records(second_home.data()).is_empty());
    second.kill();
    let second = serve_second(&second_home, &port, SECRET);
    let wanted = records(first_home.data());
    wait_for("all records", PATIENCE, || (records(second_home.data()).len() >= wanted.len()).then_some(()));
    assert_same(&records(second_home.data()), &wanted);
    first.stop();
    second.stop();
}

#[test]
fn records_are_taken_only_with_the_secret_and_only_whole() {
    let home = Home::new();
    let post = |body: &[u8]| Request::post("/v1/takeup/records").body(body);
    let server = home.serve(&[]);
    assert_eq!(server.connect().exchange(post(b"")).status, 404, "off unless a secret is set");
    server.stop();

    let server = home.serve(&[("forward_secret", SECRET)]);
    let now_ms = (takeup::base::time::wall_us() / 1000) as i64;
    let signed = |body: &[u8], of: &[u8]| {
        post(body).header("Authorization", &ForwardSecret::new(SECRET).sign(BodyDigest::of(of), now_ms))
    };
    let none = signed(b"", b"");
    let answer = server.connect().exchange(none);
    assert_eq!((answer.status, &answer.json()["stored"]), (200, &0.into()));
    assert_eq!(server.connect().exchange(post(b"")).status, 403);
    assert_eq!(server.connect().exchange(post(b"").token("x")).status, 403);
    assert_eq!(server.connect().exchange(signed(b"longer", b"short")).status, 403);
    assert_eq!(server.connect().exchange(signed(b"changed", b"chanced")).status, 400);
    assert_eq!(server.connect().exchange(signed(b"no record", b"no record")).status, 422);
    let huge = vec![0; 5 << 20];
    assert_eq!(server.connect().exchange(signed(&huge, &huge)).status, 413);
    assert!(records(home.data()).is_empty());
    server.stop();
}

#[test]
fn a_chain_that_leads_back_is_refused_and_told() {
    let (homes, ports) = ([Home::new(), Home::new()], [Port::new(), Port::new()]);
    let serve = |own: usize, to: usize| {
        let (listen, url) = (ports[own].addr().to_string(), format!("http://{}", ports[to].addr()));
        homes[own].serve_from_environment(&[
            ("TAKEUP_LISTEN", &*listen),
            ("TAKEUP_ADMIN", "127.0.0.1:0"),
            ("TAKEUP_CORES", "1"),
            ("TAKEUP_SEGMENT_BYTES", "32MiB"),
            ("TAKEUP_FORWARD_SECRET", SECRET),
            ("TAKEUP_FORWARD_URL", &*url),
        ])
    };
    let alone = serve(0, 0);
    alone.wait_for_line(&["a destination takes no records", "\"mismatch\"", "leads back"], PATIENCE);
    send(&alone, &alone.start_session(&homes[0].project_key()), 0..5);
    assert_eq!(records(homes[0].data()).len(), 6);
    alone.stop();

    let both = [serve(0, 1), serve(1, 0)];
    wait_for("one to be refused", PATIENCE, || {
        both.iter().any(|server| server.said().contains("leads back")).then_some(())
    });
    let [first, second] = both;
    first.stop();
    second.stop();
}
