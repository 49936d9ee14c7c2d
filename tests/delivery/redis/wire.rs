//! What is written, byte for byte.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use takeup::log::format::record::Kind;
use takeup::records::frames::Frames;

use super::site::{Site, batch};
use crate::common::log::{Record, records_once};
use crate::common::services::{Redis, StreamEntry};
use crate::common::token::Token;
use crate::common::{BROWSER, Home, Request, wait_for};
use crate::common::{PATIENCE, Server};
use crate::golden::case::{Case, Release, World};
use crate::golden::run::Target;

/// Cases that are sent at the same time.
const AT_ONCE: usize = 8;

/// The topics by OpenReplay's names.
const TOPICS: [&str; 6] = ["raw", "raw-ios", "raw-images", "canvas-images", "raw-assets", "raw-analytics"];

/// The largest message that these servers make.
const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// The session that sends last: when its batch is there, all others are.
const LAST: u64 = 7_000_000_000_009;

/// The key and the value of each entry.
type Entries = Vec<(u64, Vec<u8>)>;

/// What each stream must hold, by topic: the key and the value of each record of the log, in the log's order. What is too large, and of a form
/// that can't be cut, is counted instead.
fn expected(records: &[Record]) -> (BTreeMap<String, Entries>, usize) {
    let mut all: BTreeMap<String, Entries> = BTreeMap::new();
    let mut too_large = 0;
    for record in records.iter().filter(|record| record.topic != "none") {
        let mut add = |topic: &str, value: &[u8]| {
            all.entry(topic.to_owned()).or_default().push((record.session, value.to_vec()));
        };
        if record.kind == Kind::Image && !is_whole(&record.body) {
            continue;
        }
        let value = record.value();
        match record.split {
            // There is nothing in it to read.
            _ if value.is_empty() => {}
            _ if value.len() > MESSAGE_BYTES_MAX => too_large += 1,
            Some(at) => {
                add(&record.topic, &value[..at]);
                add("raw-assets", &value[at..]);
            }
            None => add(&record.topic, &value),
        }
    }
    (all, too_large)
}

/// Whether images are whole frames; the broken end of an upload is kept and not delivered.
fn is_whole(images: &[u8]) -> bool {
    let mut frames = Frames::new(images);
    frames.by_ref().for_each(drop);
    frames.rest.is_empty()
}

/// The same, of a stream.
fn held(entries: Vec<StreamEntry>) -> Entries {
    let pair = |mut entry: StreamEntry| {
        let names: Vec<&str> = entry.fields.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["sessionID", "value"], "exactly these fields");
        let sequence: u64 = entry.id.split_once('-').unwrap().1.parse().unwrap();
        assert!(sequence <= 8191, "OpenReplay's services end at such an id: {}", entry.id);
        let session = String::from_utf8(std::mem::take(&mut entry.fields[0].1)).unwrap();
        let number: u64 = session.parse().unwrap();
        assert_eq!(number.to_string(), session, "as decimal digits");
        (number, entry.fields.swap_remove(1).1)
    };
    entries.into_iter().map(pair).collect()
}

#[track_caller]
fn expect_streams(home: &Home, server: &Server, redis: &Redis, last: &str) -> BTreeMap<String, usize> {
    let (expected, too_large) = expected(&records_once(home.data()));
    let counts: BTreeMap<String, usize> = expected.iter().map(|(topic, of)| (topic.clone(), of.len())).collect();
    assert_eq!(server.connect().exchange(Request::batch(last, batch(LAST, 0, 1))).status, 200);
    let is_last = |entry: &StreamEntry| entry.field("sessionID") == Some(LAST.to_string().as_bytes());
    wait_for("the last batch", 4 * PATIENCE, || redis.entries("raw").last().is_some_and(is_last).then_some(()));
    let letters = std::fs::read_to_string(home.data().join("dead-letters/courier-redis.ndjson")).unwrap_or_default();
    assert_eq!(letters.lines().count(), too_large);
    assert!(letters.lines().all(|line| line.contains("\"trouble\":\"cannot-build\"")), "{too_large}");
    for topic in TOPICS {
        // The streams of a shipment are written one after the other.
        let count = expected.get(topic).map_or(0, Vec::len);
        wait_for("the other streams", PATIENCE, || (redis.entries(topic).len() >= count).then_some(()));
        let entries = redis.entries(topic).into_iter().filter(|entry| !is_last(entry)).collect();
        let (held, expected) = (held(entries), expected.get(topic).cloned().unwrap_or_default());
        for (at, (held, expected)) in held.iter().zip(&expected).enumerate() {
            assert_eq!(held.0, expected.0, "{topic}: the session of entry {at}");
            let shown = || (String::from_utf8_lossy(&expected.1[..expected.1.len().min(300)]), expected.1.len());
            assert!(held.1 == expected.1, "{topic}: the value of entry {at}, of session {}: {:?}", held.0, shown());
        }
        assert_eq!(held.len(), expected.len(), "{topic}");
    }
    counts
}

/// The recorded cases with the base configuration of a release, sent to a server; `tests/golden.rs` shows that the log then holds what
/// OpenReplay's queue got.
#[track_caller]
fn send_golden_cases(release: Release) -> BTreeMap<String, usize> {
    let (world, redis) = (World::read(), Redis::durable());
    let mut environment = world.environment(release, &BTreeMap::new());
    environment.push(("REDIS_STRING".to_owned(), format!("127.0.0.1:{}", redis.port())));
    environment.push(("TAKEUP_REDIS_TRIM".to_owned(), "off".to_owned()));
    let home = Home::with_projects(&world.projects_toml());
    let server = home.serve_recorded(&environment, world.key("web"));
    let target = Target { world: &world, address: server.addr, admin: server.admin };
    let cases = Case::all();
    let plain = cases.iter().filter(|case| case.release == release && case.config.is_empty());
    let queued = |case: &&Case| case.line["queue"].as_array().is_some_and(|queue| !queue.is_empty());
    let cases: Vec<&Case> = plain.filter(queued).collect();
    assert!(cases.len() > 50, "{} cases", cases.len());
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    target.run(case);
                }
            });
        }
    });
    let secret = environment.iter().find(|(name, _)| name == "TOKEN_SECRET").map(|(_, secret)| secret.clone()).unwrap();
    let last = Token { session: LAST, delay_ms: 0, expires_ms: 4_000_000_000_000 }.sign(&secret);
    let counts = expect_streams(&home, &server, &redis, &last);
    server.stop();
    expect_replay(&home, &environment, &redis);
    counts
}

/// A replay of the log gives another Redis the same streams.
#[track_caller]
fn expect_replay(home: &Home, environment: &[(String, String)], redis: &Redis) {
    let other = Redis::new();
    let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (&**name, &**value)).collect();
    let finished = home.takeup_in(&environment, &["replay", "--to", &other.url(), "--json"]);
    let summary = &finished.lines()[0];
    assert_eq!(finished.code, Some(i32::from(summary["refused"] != 0)), "{finished:?}");
    for topic in TOPICS {
        assert!(held(redis.entries(topic)) == held(other.entries(topic)), "{topic}: {summary}");
    }
    let messages: usize = TOPICS.iter().map(|topic| other.entries(topic).len()).sum();
    assert_eq!(summary["messages"], messages, "{summary}");
    assert!(summary["starts"] != 0 && summary["images"] != 0, "{summary}");
}

#[test]
fn the_recorded_cases_of_the_newer_release_are_in_their_streams_byte_for_byte() {
    let counts = send_golden_cases(Release::Main);
    let missing: Vec<&str> = TOPICS.into_iter().filter(|topic| !counts.contains_key(*topic)).collect();
    assert_eq!(missing, [""; 0], "some topics were not asked for: {counts:?}");
}

#[test]
fn the_recorded_cases_of_the_older_release_are_in_their_streams_byte_for_byte() {
    let counts = send_golden_cases(Release::Seed);
    assert!(counts.contains_key("raw") && counts.contains_key("canvas-images"), "{counts:?}");
}

#[test]
fn a_session_begins_with_its_start_and_keeps_its_order() {
    let (site, redis) = (Site::new(), Redis::durable());
    let server = site.serve(&redis.url(), &[]);
    let token = server.start_session(&site.home.project_key());
    let bodies: Vec<Vec<u8>> = (0..20).map(|number| batch(5, number, number as usize)).collect();
    for body in &bodies {
        assert_eq!(server.connect().exchange(Request::batch(&token, body).gzip()).status, 200);
    }
    let entries = wait_for("the session", PATIENCE, || {
        let entries = held(redis.entries("raw"));
        (entries.len() == bodies.len() + 1).then_some(entries)
    });
    let session = entries[0].0;
    assert!(entries.iter().all(|entry| entry.0 == session));
    assert_eq!(entries[0].1[0], 1, "a SessionStart");
    assert!(entries[0].1.windows(BROWSER.len()).any(|window| window == BROWSER.as_bytes()));
    let values: Vec<&Vec<u8>> = entries[1..].iter().map(|entry| &entry.1).collect();
    assert_eq!(values, bodies.iter().collect::<Vec<_>>(), "inflated, and in order");
    server.stop();
}

#[test]
fn openreplays_variables_are_enough() {
    let (site, redis) = (Site::new(), Redis::durable());
    let address = format!("127.0.0.1:{}", redis.port());
    let environment = [
        ("REDIS_STRING", &*address),
        ("REDIS_STREAMS_MAX_LEN", "10000"),
        ("REDIS_STREAMS_TTL_SEC", "0"),
        ("TOPIC_RAW_WEB", "raw-other"),
        ("HTTP_HOST", "127.0.0.1"),
        ("HTTP_PORT", "0"),
        ("TAKEUP_ADMIN", "127.0.0.1:0"),
        ("TAKEUP_CORES", "1"),
    ];
    let server = site.home.serve_from_environment(&environment);
    site.send(&server, 5);
    site.wait_for_all_of(|| redis.entries("raw-other"));
    assert_eq!(redis.entries("raw"), []);
    server.stop();
}
