//! A log replayed to another server: the same bodies, by session, in the same order; and
//! the commands that read either log.
#![allow(clippy::disallowed_methods, reason = "what would hurt a server is harmless in a test")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

/// The files in `tests/replay/`.
mod replay {
    pub mod damage;
    pub mod going_on;
    pub mod made;
    pub mod rounds;
    pub mod sources;
    pub mod to_log;
    pub mod to_server;
}

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use common::{Home, Request, Server, Stored, fixtures};

/// Recorded trackers of three generations: plain and gzip, with and without data types, `visual` uploads with a
/// `split`, plain and gzip.
const CAPTURES: [&str; 5] =
    ["12.0.4-big", "18.0.7-beta.1-long", "19.0.1-journey", "19.0.1-big", "19.0.1-leave-bfcache"];

/// A batch as a tracker sent it.
#[derive(Clone)]
struct Sent {
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// The batches of a capture that its recorder accepted.
fn captured(name: &str) -> Vec<Sent> {
    let text = fs::read_to_string(fixtures(&format!("captures/{name}.jsonl"))).expect("the captures are there");
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let is_batch = |line: &Value| {
        let path = line["target"].as_str().and_then(|target| target.split('?').next());
        line["method"] == "POST" && path == Some("/v1/web/i") && line["answer"]["status"] == 200
    };
    let sent = lines.filter(is_batch).map(|line| Sent {
        target: line["target"].as_str().expect("a target").to_owned(),
        headers: serde_json::from_value(line["headers"].clone()).expect("headers are pairs of texts"),
        body: STANDARD.decode(line["body_b64"].as_str().expect("a body")).expect("base64"),
    });
    sent.collect()
}

/// Starts a session as this tracker and sends its batches, each over a connection of its own, so that
/// every core takes some of them.
fn record(server: &Server, key: &str, version: &str, batches: &[Sent]) -> u64 {
    let answer = server.connect().exchange(Request::start_of(version, key));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = answer.json();
    let token = answer["token"].as_str().expect("a token").to_owned();
    for batch in batches {
        // The recorded headers have the length already.
        let request = Request::post(&batch.target).without("Host").body(&batch.body).unframed();
        let headers = batch.headers.iter();
        let request = headers.fold(request, |request, (name, value)| request.header(name, value));
        let answer = server.connect().exchange(request.set("Authorization", &format!("Bearer {token}")));
        assert_eq!(answer.status, 200, "{}: {}", batch.target, answer.text());
    }
    answer["sessionID"].as_str().and_then(|id| id.parse().ok()).expect("a session")
}

/// Batches by session, each session's in the order of the log, without what differs from log to log.
fn by_session(stored: Vec<Stored>) -> BTreeMap<u64, Vec<(Value, Vec<u8>)>> {
    let mut sessions: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for batch in stored {
        sessions.entry(batch.session).or_default().push((batch.line, batch.body));
    }
    sessions
}

/// Two servers, the second with what was replayed from the first.
struct Pair {
    first: (Home, Server),
    second: (Home, Server),
    /// The sessions of the first, with their tracker's version and their batches.
    sessions: BTreeMap<u64, (&'static str, Vec<Sent>)>,
}

fn recorded_and_replayed() -> Pair {
    let home = Home::new();
    let server = home.serve(&[("cores", "2")]);
    let key = home.project_key();
    let sessions = thread::scope(|scope| {
        let (server, key) = (&server, &*key);
        let recording = CAPTURES.map(|name| {
            scope.spawn(move || {
                let (version, batches) = (name.rsplit_once(['-']).expect("a version").0, captured(name));
                // "19.0.1-leave-bfcache" has a scenario of two words.
                let version = version.trim_end_matches("-leave");
                (record(server, key, version, &batches), (version, batches))
            })
        });
        recording.into_iter().map(|one| one.join().expect("no panic")).collect()
    });
    let other = Home::new();
    let receiver = other.serve(&[("cores", "2")]);
    let secret = other.data().join("secrets/token");
    let to = format!("http://{}", receiver.addr);
    let secret = secret.to_str().expect("the path is UTF-8");
    let replayed = home.takeup(&["replay", "--to", &to, "--fast", "--json", "--token-secret-file", secret]);
    assert_eq!(replayed.code, Some(0), "{replayed:?}");
    let pair = Pair { first: (home, server), second: (other, receiver), sessions };
    let summary = &replayed.lines()[0];
    let batches: usize = pair.sessions.values().map(|(_, batches)| batches.len()).sum();
    assert_eq!(summary["batches"], batches, "{summary}");
    assert_eq!(summary["sessions"], CAPTURES.len(), "{summary}");
    assert_eq!((&summary["refused"], &summary["skipped_starts"]), (&0.into(), &CAPTURES.len().into()), "{summary}");
    pair
}

#[test]
fn a_replay_gives_a_log_with_the_same_bodies_per_session_in_the_same_order() {
    let Pair { first, second, sessions } = recorded_and_replayed();
    let stored = first.0.stored();
    let cores: BTreeSet<&str> = stored.iter().filter_map(|batch| batch.id.split('/').nth(1)).collect();
    assert_eq!(cores.len(), 2, "both cores take part");
    let (a, b) = (by_session(stored), by_session(second.0.stored()));
    let bodies: Vec<(u64, Vec<&[u8]>)> =
        a.iter().map(|(id, batches)| (*id, batches.iter().map(|(_, body)| &**body).collect())).collect();
    let sent: Vec<(u64, Vec<&[u8]>)> =
        sessions.iter().map(|(id, (_, batches))| (*id, batches.iter().map(|batch| &*batch.body).collect())).collect();
    assert!(bodies == sent, "the first log has other bodies than were sent");
    assert!(a == b, "the second log has other batches than the first");

    let lines: Vec<&Value> = a.values().flatten().map(|(line, _)| line).collect();
    let some = |key: &str, value: &str| assert!(lines.iter().any(|line| line[key] == value), "no {key} {value}");
    for data_type in ["all", "player", "assets", "devtools", "analytics", "visual"] {
        some("data_type", data_type);
    }
    some("encoding", "gzip");
    some("encoding", "identity");
    some("topic", "raw-assets");
    assert!(lines.iter().all(|line| (line["data_type"] == "visual") == line["split"].is_u64()));

    for (home, server) in [first, second] {
        assert_eq!(home.takeup(&["verify"]).code, Some(0), "beside the running server");
        server.stop();
        let verified = home.takeup(&["verify", "--json"]);
        assert_eq!(verified.code, Some(0), "{verified:?}");
        let lines = verified.lines();
        let (log, segments) = lines.split_last().expect("a line for the log");
        assert_eq!(log["log_ok"], true);
        assert!(segments.iter().all(|line| line["state"] == "sealed"), "{verified:?}");
        assert_eq!(by_session(home.stored()), a);
    }
}

#[test]
fn sessions_and_events_are_shown_from_either_log() {
    let Pair { first, second, sessions } = recorded_and_replayed();
    let list = |home: &Home| {
        let finished = home.takeup(&["sessions", "--json"]);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        finished.lines()
    };
    let (a, b) = (list(&first.0), list(&second.0));
    for lines in [&a, &b] {
        let ids: Vec<_> = lines.iter().filter_map(|line| line["session_id"].as_str()?.parse::<u64>().ok()).collect();
        assert!(ids.len() == CAPTURES.len() && ids.iter().all(|id| sessions.contains_key(id)), "{lines:?}");
        for line in lines.iter() {
            let id: u64 = line["session_id"].as_str().and_then(|id| id.parse().ok()).expect("a number");
            let batches = &sessions[&id].1;
            let bytes: usize = batches.iter().map(|batch| batch.body.len()).sum();
            assert_eq!((&line["batches"], &line["bytes"]), (&batches.len().into(), &bytes.into()), "{line}");
        }
    }
    assert!(a.iter().all(|line| line["project_id"] == 1 && line["browser"] == "Chrome 122"), "{a:?}");

    for (id, (version, _)) in &sessions {
        let events = |home: &Home| {
            let finished = home.takeup(&["events", &id.to_string(), "--json"]);
            assert_eq!(finished.code, Some(0), "{finished:?}");
            finished.lines()
        };
        let (a, b) = (events(&first.0), events(&second.0));
        let faults: Vec<&Value> = a.iter().filter(|line| !line["fault"].is_null()).collect();
        assert!(faults.is_empty(), "{version}: {faults:?}");
        assert!(a.len() > 50, "{version}: {} messages", a.len());
        assert_eq!(a[0]["name"], "SessionStart", "{}", a[0]);
        // The start stays in the first log. Without it the layout of an old tracker's messages is unknown.
        if *version != "12.0.4" {
            let plain = |lines: &[Value]| -> Vec<Value> {
                let mut lines = lines.to_vec();
                lines.iter_mut().for_each(|line| {
                    line.as_object_mut().expect("an object").remove("record");
                });
                lines
            };
            assert!(plain(&a[1..]) == plain(&b), "{version}: the messages differ");
        }
    }
    let unknown = first.0.takeup(&["events", "1", "--json"]);
    assert!(unknown.code.is_some_and(|code| code != 0) && unknown.stdout.is_empty(), "{unknown:?}");
}

/// A record's place: segment file, offset of its header, bytes of its payload.
fn places(home: &Home) -> Vec<(PathBuf, u64, u64)> {
    let finished = home.takeup(&["inspect", "--records", "--json"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let place = |line: &Value| {
        let id = line["id"].as_str()?;
        let parts: Vec<&str> = id.split('/').collect();
        let [_, core, segment, offset] = parts[..] else { return None };
        let (core, segment): (u16, u64) = (core.parse().ok()?, segment.parse().ok()?);
        let path = home.data().join(format!("log/core-{core:02}/{segment:020}.seg"));
        Some((path, offset.parse().ok()?, line["bytes"].as_u64()?))
    };
    finished.lines().iter().map(|line| place(line).expect("a record has a place")).collect()
}

/// Flips one bit.
fn flip(path: &Path, at: u64) {
    let file = fs::OpenOptions::new().read(true).write(true).open(path).expect("a sealed segment");
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).expect("within the file");
    file.write_all_at(&[byte[0] ^ 4], at).expect("the file can be written");
}

#[test]
fn a_flipped_byte_in_either_log_is_found_with_its_segment_and_offset() {
    let Pair { first, second, .. } = recorded_and_replayed();
    for (home, server) in [first, second] {
        server.stop();
        let places = places(&home);
        let (path, offset, bytes) = places.iter().max_by_key(|place| place.2).expect("there are records");
        let length = fs::metadata(path).expect("a sealed segment").len();
        let (last_path, last_offset, last_bytes) = places.last().expect("there are records");
        let flips = [
            ("magic", path, 3),
            ("segment header", path, 50),
            ("first page", path, 3_000),
            ("record header", path, offset + 20),
            ("payload", path, offset + 64 + bytes / 2),
            ("payload's last byte or behind it", path, offset + 64 + bytes - 1),
            ("last payload", last_path, last_offset + 64 + last_bytes / 2),
            ("last byte of the file", path, length - 1),
        ];
        for (what, path, at) in flips {
            flip(path, at);
            let shown = path.display().to_string();
            let finished = home.takeup(&["verify"]);
            assert_eq!(finished.code, Some(1), "{what}: {finished:?}");
            // The segment, and below it the places in it.
            let mut lines =
                finished.stdout.lines().skip_while(|line| !(line.contains("DAMAGED") && line.contains(&shown)));
            assert!(lines.nth(1).is_some_and(|line| line.contains("offset")), "{what}: {}", finished.stdout);

            let finished = home.takeup(&["verify", "--json"]);
            assert_eq!(finished.code, Some(1), "{what}: {finished:?}");
            let lines = finished.lines();
            let bad: Vec<&Value> = lines.iter().filter(|line| line["ok"] == false).collect();
            assert_eq!(bad.len(), 1, "{what}: {lines:?}");
            assert_eq!(bad[0]["path"], *shown);
            let fault = &bad[0]["faults"][0];
            let (from, bytes) = (fault["offset"].as_u64(), fault["bytes"].as_u64());
            let (from, bytes) = from.zip(bytes).expect("a fault has a place");
            assert!((from..from + bytes).contains(&at), "{what} at {at}: {fault}");
            assert!(bytes < length, "{what}: the whole file is no place: {fault}");
            flip(path, at);
        }
        let verified = home.takeup(&["verify"]);
        assert_eq!(verified.code, Some(0), "{verified:?}");
    }
}
