//! Kafka: what a server delivers to a real broker, read back by another client.

use std::collections::BTreeMap;

use crate::common::services::{Certificate, Kafka, KafkaMessage, KafkaOptions, Redis};
use crate::common::{Home, PATIENCE, Request, Server, wait_for};

/// The topics by OpenReplay's names.
const TOPICS: [&str; 6] = ["raw", "raw-ios", "raw-images", "canvas-images", "raw-assets", "raw-analytics"];

/// Their number of partitions, which OpenReplay's services reckon with.
const PARTITIONS: i32 = 16;

fn broker_with_topics(options: KafkaOptions) -> Kafka {
    let kafka = Kafka::with(options);
    TOPICS.iter().for_each(|topic| kafka.create_topic(topic, PARTITIONS));
    kafka
}

fn serve(home: &Home, kafka: &Kafka, more: &[(&str, &str)]) -> Server {
    let servers = kafka.servers();
    let mut settings = vec![("kafka_servers", &*servers), ("admission", "off")];
    settings.extend(more);
    home.serve(&settings)
}

/// Sends a batch of a session, whose text is `number`.
fn send(home: &Home, server: &Server, session: u64, number: u32) {
    let body = batch(session, number, 40);
    let response = server.connect().exchange(Request::batch(&home.token(session), &body));
    assert_eq!(response.status, 200, "{}", server.said());
}

/// A batch with metadata and one message, a console line of so many bytes that begins with the number.
fn batch(session: u64, number: u32, bytes: usize) -> Vec<u8> {
    let mut body = Vec::new();
    let text = format!("{session}:{number:06}:{}", "x".repeat(bytes));
    // BatchMetadata: version 1, page 1, first index 1, time, URL.
    body.extend([81, 1, 1, 1]);
    uint(&mut body, 1_700_000_000_000 * 2);
    body.extend([1, b'/']);
    // ConsoleLog with its size.
    let mut fields = Vec::new();
    fields.extend([3, b'l', b'o', b'g']);
    uint(&mut fields, text.len() as u64);
    fields.extend(text.as_bytes());
    body.push(22);
    body.extend(&(fields.len() as u32).to_le_bytes()[..3]);
    body.extend(fields);
    body
}

fn uint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// The numbers of the batches of each session, in the order in which the broker has them. Holds each message to its key and its partition.
fn numbers(messages: &[KafkaMessage]) -> BTreeMap<u64, Vec<u32>> {
    let mut found: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
    for message in messages {
        let key: [u8; 8] = message.key.clone().unwrap().try_into().unwrap();
        let session = u64::from_le_bytes(key);
        assert_eq!(message.partition as u64, session & 15);
        let value = message.value.clone().unwrap();
        let text = format!("{session}:");
        let at = value.windows(text.len()).position(|window| window == text.as_bytes()).unwrap() + text.len();
        found.entry(session).or_default().push(std::str::from_utf8(&value[at..at + 6]).unwrap().parse().unwrap());
    }
    found
}

/// Waits until all batches of these sessions are there, each number at least once and for the first time in order; returns how many repeats.
fn wait_for_all(kafka: &Kafka, sessions: &[u64], count: u32) -> usize {
    let wanted: Vec<u32> = (0..count).collect();
    wait_for("all batches to be in Kafka, in order", PATIENCE, || {
        let found = numbers(&kafka.messages("raw"));
        let mut repeats = 0;
        for session in sessions {
            let numbers = found.get(session)?;
            let mut firsts: Vec<u32> = Vec::new();
            for number in numbers {
                if !firsts.contains(number) {
                    firsts.push(*number);
                }
            }
            repeats += numbers.len() - firsts.len();
            if firsts.len() < wanted.len() {
                return None;
            }
            assert_eq!(firsts, wanted, "session {session}");
        }
        Some(repeats)
    })
}

/// Waits until the server has logged that Kafka takes nothing, for this kind of trouble.
fn wait_for_trouble(server: &Server, trouble: &str) {
    server.wait_for_line(&["takes no records", &format!("\"trouble\":\"{trouble}\"")], PATIENCE);
}

fn wait_for_recovery(server: &Server) {
    server.wait_for_line(&["takes records again"], PATIENCE);
}

#[test]
fn kafka_gets_each_batch_with_its_key_in_its_partition_byte_for_byte() {
    let (kafka, home) = (broker_with_topics(KafkaOptions::default()), Home::new());
    let server = serve(&home, &kafka, &[]);
    let sessions: Vec<u64> = (0..20).map(|session| 5_000_000_000_000 + session * 7).collect();
    for number in 0..5 {
        for session in &sessions {
            send(&home, &server, *session, number);
        }
    }
    assert_eq!(wait_for_all(&kafka, &sessions, 5), 0);
    let mut messages: Vec<Vec<u8>> = kafka.messages("raw").into_iter().filter_map(|message| message.value).collect();
    let mut sent: Vec<Vec<u8>> =
        sessions.iter().flat_map(|session| (0..5).map(|number| batch(*session, number, 40))).collect();
    messages.sort();
    sent.sort();
    assert_eq!(messages, sent);
    assert!(!server.stderr().contains('%'), "librdkafka prints: {}", server.stderr());
    server.stop();
}

#[test]
fn kafka_that_is_stopped_killed_or_suspended_gets_everything_once_and_in_order() {
    let (kafka, home) = (broker_with_topics(KafkaOptions::default()), Home::new());
    kafka.stop();
    // It is not there at the start either.
    let server = serve(&home, &kafka, &[]);
    let sessions: Vec<u64> = (1..=6).collect();
    let mut next = 0;
    let mut send_some = || {
        for number in next..next + 20 {
            sessions.iter().for_each(|session| send(&home, &server, *session, number));
        }
        next += 20;
        next
    };
    send_some();
    wait_for_trouble(&server, "unreachable");
    kafka.start();
    wait_for_all(&kafka, &sessions, send_some());
    kafka.kill();
    send_some();
    kafka.start();
    wait_for_all(&kafka, &sessions, send_some());
    kafka.pause();
    send_some();
    kafka.resume();
    wait_for_all(&kafka, &sessions, send_some());
    kafka.restart();
    assert_eq!(wait_for_all(&kafka, &sessions, send_some()), 0, "repeats");
    wait_for_recovery(&server);
    server.stop();
}

#[test]
fn kafka_topics_that_are_missing_or_too_small_are_waited_for() {
    let (kafka, home) = (Kafka::new(), Home::new());
    let server = serve(&home, &kafka, &[]);
    (0..3).for_each(|number| send(&home, &server, 7, number));
    wait_for_trouble(&server, "missing");
    kafka.create_topic("raw", 8);
    wait_for_trouble(&server, "mismatch");
    kafka.delete_topic("raw");
    kafka.create_topic("raw", PARTITIONS);
    wait_for_recovery(&server);
    assert_eq!(wait_for_all(&kafka, &[7], 3), 0);
    server.stop();
}

#[test]
fn kafka_refuses_a_record_alone() {
    let (kafka, home) = (Kafka::new(), Home::new());
    kafka.create_topic_with("raw", PARTITIONS, &[("max.message.bytes", "2000")]);
    kafka.stop();
    let server = serve(&home, &kafka, &[("compression_type", "none")]);
    // Both in one shipment, with the same session and with others.
    for number in 0..4 {
        send(&home, &server, 7, number);
        send(&home, &server, 8, number);
    }
    let large = batch(7, 4, 3000);
    assert_eq!(server.connect().exchange(Request::batch(&home.token(7), &large)).status, 200);
    for number in 4..8 {
        send(&home, &server, 8, number);
    }
    for number in 5..8 {
        send(&home, &server, 7, number);
    }
    kafka.start();
    wait_for_all(&kafka, &[8], 8);
    wait_for("the others of the session", PATIENCE, || {
        let mut numbers = numbers(&kafka.messages("raw")).remove(&7)?;
        numbers.dedup();
        (numbers == [0, 1, 2, 3, 5, 6, 7]).then_some(())
    });
    let dead = std::fs::read_to_string(home.data().join("dead-letters/courier-kafka.ndjson")).unwrap();
    assert_eq!(dead.lines().count(), 1, "{dead}");
    assert!(dead.contains("\"code\":\"10\""), "{dead}");
    server.stop();
}

#[test]
fn kafka_gets_everything_although_takeup_is_killed_while_it_delivers() {
    let (kafka, home) = (broker_with_topics(KafkaOptions::default()), Home::new());
    let sessions: Vec<u64> = (1..=4).collect();
    let mut next = 0;
    for _ in 0..3 {
        let server = serve(&home, &kafka, &[("shipment_records", "5")]);
        for number in next..next + 50 {
            sessions.iter().for_each(|session| send(&home, &server, *session, number));
        }
        next += 50;
        server.kill();
    }
    let server = serve(&home, &kafka, &[]);
    wait_for_all(&kafka, &sessions, next);
    server.stop();
}

/// Messages are in the topic before the courier knows it. Only what was confirmed can be lost.
fn wait_until_confirmed(server: &Server, records: f64) {
    let confirmed = || (server.metric("takeup_courier_records_total") >= records).then_some(());
    wait_for("the records to be confirmed", PATIENCE, confirmed);
}

#[test]
fn kafka_that_lost_a_topic_gets_it_again() {
    let (kafka, home) = (broker_with_topics(KafkaOptions::default()), Home::new());
    let server = serve(&home, &kafka, &[]);
    (0..5).for_each(|number| send(&home, &server, 7, number));
    wait_for_all(&kafka, &[7], 5);
    wait_until_confirmed(&server, 5.0);
    kafka.restart_empty();
    kafka.create_topic("raw", PARTITIONS);
    (5..8).for_each(|number| send(&home, &server, 7, number));
    server.wait_for_line(&["has lost what it had confirmed"], PATIENCE);
    wait_for_all(&kafka, &[7], 8);
    server.stop();
}

#[test]
fn kafka_is_reached_by_tls_and_password_and_a_wrong_password_is_waited_out_and_never_printed() {
    let sasl = Some(("takeup".to_owned(), "pass;word".to_owned()));
    let kafka = broker_with_topics(KafkaOptions { tls: true, sasl, ..KafkaOptions::default() });
    let authority = Certificate::server().authority().display().to_string();
    let options = |password: &str| {
        format!("security.protocol=sasl_ssl;sasl.mechanisms=PLAIN;sasl.username=takeup;sasl.password={password}")
    };
    let tls = [("kafka_use_ssl", "true"), ("kafka_ssl_ca", &*authority)];
    let (home, wrong) = (Home::new(), options("wrong-word"));
    let server = serve(&home, &kafka, &[tls[0], tls[1], ("kafka_options", &wrong)]);
    send(&home, &server, 7, 0);
    wait_for_trouble(&server, "wrong-credentials");
    assert!(!server.said().contains("wrong-word"), "{}", server.said());
    server.stop();
    let right = options("pass\\;word");
    let server = serve(&home, &kafka, &[tls[0], tls[1], ("kafka_options", &right)]);
    assert_eq!(wait_for_all(&kafka, &[7], 1), 0);
    assert!(!server.said().contains("pass;word"), "{}", server.said());
    server.stop();
}

#[test]
fn kafka_options_that_cannot_be_are_told_at_the_start_and_no_value_is_shown() {
    for (options, word) in [
        ("no.such.option=secret-word", "no.such.option"),
        ("acks=secret-word", "acks"),
        ("security.protocol=secret-word", "security.protocol"),
        ("secret-word", "name=value"),
    ] {
        let setting = format!("kafka_options={options}");
        let home = Home::new();
        let ended = home.serve_in_vain(&["--set", "kafka_servers=127.0.0.1:9", "--set", &setting]);
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert_ne!(ended.code, Some(0), "{said}");
        assert!(said.contains(word) && !said.contains("secret-word"), "{said}");
    }
}

#[test]
fn kafka_rules_redis_out_unless_both_are_asked_for() {
    let kafka = broker_with_topics(KafkaOptions::default());
    let redis = Redis::new();
    let home = Home::new();
    let url = redis.url();
    let server = serve(&home, &kafka, &[("redis_string", &url)]);
    server.wait_for_line(&["messages go to Kafka alone"], PATIENCE);
    send(&home, &server, 7, 0);
    wait_for_all(&kafka, &[7], 1);
    server.stop();
    assert_eq!(redis.entries("raw"), []);

    let server = serve(&home, &kafka, &[("redis_string", &url), ("redis_beside_kafka", "true")]);
    send(&home, &server, 7, 1);
    wait_for_all(&kafka, &[7], 2);
    wait_for("Redis to have the whole log", PATIENCE, || (redis.entries("raw").len() == 2).then_some(()));
    server.stop();
}

#[test]
fn kafka_that_has_a_topic_made_again_with_fewer_partitions_gets_it_again() {
    let (kafka, home) = (broker_with_topics(KafkaOptions::default()), Home::new());
    let server = serve(&home, &kafka, &[]);
    (0..3).for_each(|number| send(&home, &server, 15, number));
    wait_for_all(&kafka, &[15], 3);
    wait_until_confirmed(&server, 3.0);
    server.stop();
    kafka.delete_topic("raw");
    kafka.create_topic("raw", 8);
    let server = serve(&home, &kafka, &[("kafka_partitions", "8")]);
    send(&home, &server, 15, 3);
    server.wait_for_line(&["has lost what it had confirmed"], PATIENCE);
    let all_there = || {
        let messages = kafka.messages("raw");
        assert!(messages.iter().all(|message| message.partition == 7));
        (messages.len() == 4).then_some(())
    };
    wait_for("all batches to be there again", PATIENCE, all_there);
    server.stop();
    // What was lost is told once.
    let server = serve(&home, &kafka, &[("kafka_partitions", "8")]);
    send(&home, &server, 15, 4);
    wait_for("the next one", PATIENCE, || (kafka.messages("raw").len() == 5).then_some(()));
    assert!(!server.said().contains("has lost what it had confirmed"), "{}", server.said());
    server.stop();
}
