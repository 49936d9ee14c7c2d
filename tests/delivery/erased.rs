//! Erasing beside a server whose couriers are behind: what had not been shipped never is, what had been is named in the receipt, and nothing of others is lost.

use std::collections::BTreeMap;

use serde_json::Value;

#[cfg(feature = "kafka")]
use crate::common::services::Kafka;
use crate::common::services::{Postgres, Redis, Schema, StreamEntry};
use crate::common::{Home, PATIENCE, Request, Server, wait_for};

use super::redis::site::batch;
use super::rows::support::{WEB, rows_in, start};

/// A session that is to be erased, and two of others.
struct Sessions {
    person: u64,
    others: [u64; 2],
}

impl Sessions {
    /// Each begins, as a row for Postgres.
    fn begin(server: &Server) -> Sessions {
        let begin = || start(server, &Request::start(WEB));
        Sessions { others: [begin(), begin()], person: begin() }
    }

    fn all(&self) -> [u64; 3] {
        [self.others[0], self.person, self.others[1]]
    }
}

/// Sends batches with these numbers of each of the sessions, in turn.
#[track_caller]
fn send(home: &Home, server: &Server, sessions: &[u64], numbers: std::ops::Range<u32>) {
    let mut connection = server.connect();
    for number in numbers {
        for &session in sessions {
            let answer = connection.exchange(Request::batch(&home.token(session), batch(session, number, 40)));
            assert_eq!(answer.status, 200, "{}", server.said());
        }
    }
}

/// The number of a batch of a session; `None` for other records, such as its start.
fn number(session: u64, value: &[u8]) -> Option<u32> {
    let text = format!("{session}:");
    let at = value.windows(text.len()).position(|window| window == text.as_bytes())? + text.len();
    std::str::from_utf8(&value[at..at + 6]).ok()?.parse().ok()
}

fn in_redis(redis: &Redis) -> BTreeMap<u64, Vec<u32>> {
    let session = |entry: &StreamEntry| std::str::from_utf8(entry.field("sessionID")?).ok()?.parse::<u64>().ok();
    let mut found: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
    for entry in redis.entries("raw") {
        let session = session(&entry).expect("a session");
        found.entry(session).or_default().extend(number(session, entry.field("value").expect("a value")));
    }
    found
}

/// The numbers of a session's batches, as the destination has them: for the first time each, in order, as many as there should be.
fn are_all(found: &BTreeMap<u64, Vec<u32>>, session: u64, count: u32) -> bool {
    let mut firsts: Vec<u32> = Vec::new();
    for &number in found.get(&session).into_iter().flatten() {
        if !firsts.contains(&number) {
            firsts.push(number);
        }
    }
    let wanted: Vec<u32> = (0..count).collect();
    assert!(wanted.starts_with(&firsts), "session {session}: {firsts:?} in order");
    firsts == wanted
}

#[track_caller]
fn erase(home: &Home, server: &Server, session: u64) -> Value {
    let (admin, session) = (server.admin.to_string(), session.to_string());
    let erased = home.takeup(&["erase", "--yes", "--json", "--admin", &admin, "--session", &session]);
    assert!(matches!(erased.code, Some(0 | 1)), "{erased:?}");
    erased.lines().remove(0)
}

#[track_caller]
fn told(receipt: &Value, courier: &str) -> (String, u64) {
    let all = receipt["destinations"].as_array().expect("a list");
    let one = all.iter().find(|one| one["name"] == courier).unwrap_or_else(|| panic!("{courier} is not in {receipt}"));
    (one["told"].as_str().expect("a text").to_owned(), one["records"].as_u64().expect("a number"))
}

/// Waits until the courier has nothing left to do.
#[track_caller]
fn wait_until_shipped(server: &Server, courier: &str) {
    wait_for(&format!("{courier} to have shipped everything"), PATIENCE, || {
        let page = server.admin_page("/couriers").json();
        let one = page.as_array()?.iter().find(|one| one["name"] == courier)?.clone();
        (one["state"] == "ready" && one["lag"]["bytes"] == 0).then_some(())
    });
}

#[test]
fn redis_and_postgres_that_are_behind_never_get_what_was_erased_and_the_receipt_names_what_they_had() {
    let (postgres, redis, home) = (Postgres::new(Schema::Main), Redis::durable(), Home::new());
    let (postgres_url, redis_url) = (postgres.url(), redis.url());
    let settings = [("postgres_string", &*postgres_url), ("redis_string", &*redis_url), ("admission", "off")];
    let server = home.serve(&settings);
    let first = Sessions::begin(&server);
    send(&home, &server, &first.all(), 0..20);
    wait_until_shipped(&server, "courier-redis");
    assert!(first.all().iter().all(|&session| are_all(&in_redis(&redis), session, 20)));
    assert_eq!(rows_in(&postgres, "sessions"), 3);

    // Both are gone; more comes from these sessions, and a session of the person that neither has seen.
    redis.stop();
    postgres.stop();
    send(&home, &server, &first.all(), 20..60);
    let second = Sessions::begin(&server);
    send(&home, &server, &second.all(), 0..30);
    server.wait_for_line(&["takes no records", "courier-redis"], PATIENCE);

    // A start and 20 batches had been told to Redis, and 40 had not.
    let receipt = erase(&home, &server, first.person);
    assert_eq!(told(&receipt, "courier-redis"), ("some".to_owned(), 21), "{receipt}");
    let (said, _) = told(&receipt, "courier-postgres");
    assert_ne!(said, "none", "Postgres had its start: {receipt}");
    let receipt = erase(&home, &server, second.person);
    assert_eq!(told(&receipt, "courier-redis"), ("none".to_owned(), 0), "{receipt}");
    assert_eq!(told(&receipt, "courier-postgres"), ("none".to_owned(), 0), "{receipt}");

    redis.start();
    postgres.start();
    send(&home, &server, &second.others, 30..40);
    let others = [(first.others, 60), (second.others, 40)];
    wait_for("all that others sent to be in Redis, in order", 2 * PATIENCE, || {
        let found = in_redis(&redis);
        others.iter().all(|(sessions, count)| sessions.iter().all(|&of| are_all(&found, of, *count))).then_some(())
    });
    wait_until_shipped(&server, "courier-redis");
    wait_until_shipped(&server, "courier-postgres");
    let found = in_redis(&redis);
    assert!(are_all(&found, first.person, 20), "what it had stays, and no more comes");
    assert_eq!(found.get(&second.person), None);
    assert_eq!(rows_in(&postgres, "sessions"), 5, "all but the one that was erased before it had come");
    let gone = postgres.sql(&format!("SELECT count(*) FROM sessions WHERE session_id = {}", second.person));
    assert_eq!(gone, "0");
    server.stop();

    // A restart ships none of it again.
    let server = home.serve(&settings);
    send(&home, &server, &second.others, 40..45);
    wait_until_shipped(&server, "courier-redis");
    let found = in_redis(&redis);
    assert!(second.others.iter().all(|&session| are_all(&found, session, 45)));
    assert!(are_all(&found, first.person, 20) && !found.contains_key(&second.person));
    server.stop();
}

#[cfg(feature = "kafka")]
#[test]
fn kafka_that_is_behind_never_gets_what_was_erased_and_goes_on_in_order() {
    let (kafka, home) = (Kafka::new(), Home::new());
    for topic in ["raw", "raw-ios", "raw-images", "canvas-images", "raw-assets", "raw-analytics"] {
        kafka.create_topic(topic, 16);
    }
    let in_kafka = || {
        let mut found: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
        for message in kafka.messages("raw") {
            let key: [u8; 8] = message.key.expect("a key").try_into().expect("8 bytes");
            let session = u64::from_le_bytes(key);
            found.entry(session).or_default().extend(number(session, &message.value.expect("a value")));
        }
        found
    };
    let servers = kafka.servers();
    let server = home.serve(&[("kafka_servers", &*servers), ("admission", "off")]);
    let (person, unseen, others) = (8_000_000_000_007, 8_000_000_000_009, [8_000_000_000_001, 8_000_000_000_002]);
    let both = [others[0], person, others[1]];
    send(&home, &server, &both, 0..20);
    wait_until_shipped(&server, "courier-kafka");
    kafka.stop();
    send(&home, &server, &both, 20..50);
    send(&home, &server, &[others[0], unseen, others[1]], 50..60);
    server.wait_for_line(&["takes no records", "courier-kafka"], PATIENCE);

    let receipt = erase(&home, &server, person);
    assert_eq!(told(&receipt, "courier-kafka"), ("some".to_owned(), 20), "{receipt}");
    let receipt = erase(&home, &server, unseen);
    assert_eq!(told(&receipt, "courier-kafka"), ("none".to_owned(), 0), "{receipt}");
    kafka.start();
    send(&home, &server, &others, 60..70);
    wait_for("all that others sent to be in Kafka, in order", 2 * PATIENCE, || {
        let found = in_kafka();
        others.iter().all(|&session| are_all(&found, session, 70)).then_some(())
    });
    wait_until_shipped(&server, "courier-kafka");
    let found = in_kafka();
    assert!(are_all(&found, person, 20), "what it had stays, and no more comes");
    assert_eq!(found.get(&unseen), None);
    server.stop();
}
