//! To Kafka.

use crate::common::services::{Kafka, KafkaMessage, KafkaOptions};
use crate::common::{Home, PATIENCE, Request, wait_for};
use crate::delivery::redis::site::{Site, batch};

/// The topics by OpenReplay's names.
const TOPICS: [&str; 6] = ["raw", "raw-ios", "raw-images", "canvas-images", "raw-assets", "raw-analytics"];

/// Their number of partitions, which OpenReplay's services reckon with.
const PARTITIONS: i32 = 16;

fn broker_with_topics() -> Kafka {
    let kafka = Kafka::with(KafkaOptions::default());
    TOPICS.iter().for_each(|topic| kafka.create_topic(topic, PARTITIONS));
    kafka
}

/// Partition, key and value of a message.
type Held = (i32, Option<Vec<u8>>, Option<Vec<u8>>);

/// The messages, in the order of the partitions and within them.
fn held(messages: Vec<KafkaMessage>) -> Vec<Held> {
    messages.into_iter().map(|message| (message.partition, message.key, message.value)).collect()
}

fn to(kafka: &Kafka) -> String {
    format!("kafka://{}", kafka.servers())
}

#[test]
fn kafka_gets_from_a_replay_what_the_courier_wrote_and_once_more_with_each_replay() {
    let (courier_has, replay_has, site) = (broker_with_topics(), broker_with_topics(), Site::new());
    let server = site.home.serve(&[("kafka_servers", &courier_has.servers()), ("admission", "off"), ("cores", "2")]);
    let token = server.start_session(&site.home.project_key());
    for number in 0..10 {
        let body = batch(5, number, number as usize);
        assert_eq!(server.connect().exchange(Request::batch(&token, &body).gzip()).status, 200);
        site.send(&server, 3);
    }
    let count = site.total() + 11;
    wait_for("all messages of the courier", 2 * PATIENCE, || {
        (courier_has.messages("raw").len() == count).then_some(())
    });
    server.stop();
    for times in 1..=2 {
        let finished = site.home.takeup(&["replay", "--to", &to(&replay_has), "--json"]);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let summary = &finished.lines()[0];
        assert_eq!((&summary["starts"], &summary["messages"]), (&1.into(), &count.into()), "{summary}");
        assert_eq!(replay_has.messages("raw").len(), times * count);
        if times == 1 {
            for topic in TOPICS {
                assert!(held(courier_has.messages(topic)) == held(replay_has.messages(topic)), "{topic}");
            }
        }
    }
}

#[test]
fn a_record_that_kafka_refuses_is_named_and_the_others_arrive() {
    let (kafka, home) = (Kafka::new(), Home::new());
    kafka.create_topic_with("raw", PARTITIONS, &[("max.message.bytes", "2000")]);
    let server = home.serve(&[("admission", "off")]);
    for number in 0..8 {
        let bytes = if number == 4 { 3000 } else { 40 };
        let body = batch(7, number, bytes);
        assert_eq!(server.connect().exchange(Request::batch(&home.token(7), &body)).status, 200);
    }
    server.stop();
    let finished = home.takeup(&["replay", "--to", &to(&kafka), "--set", "compression_type=none", "--json"]);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let summary = &finished.lines()[0];
    assert_eq!((&summary["batches"], &summary["refused"]), (&7.into(), &1.into()), "{summary}");
    let id = &home.stored()[4].id;
    assert!(finished.stderr.contains(&**id) && finished.stderr.contains("(10)"), "{}", finished.stderr);
    let mut values: Vec<Vec<u8>> = kafka.messages("raw").into_iter().filter_map(|message| message.value).collect();
    values.dedup();
    let expected: Vec<Vec<u8>> = (0..8).filter(|number| *number != 4).map(|number| batch(7, number, 40)).collect();
    assert!(values == expected, "the others are there, in order");
}

#[test]
fn kafka_that_is_not_there_or_lacks_a_topic_ends_the_replay_and_says_why() {
    let (kafka, site) = (Kafka::new(), Site::new());
    let server = site.home.serve(&[("admission", "off")]);
    site.send(&server, 1);
    server.stop();
    let finished = site.home.takeup(&["replay", "--to", &to(&kafka), "--retries", "0"]);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    for word in ["lacks a database, table, topic", "topic raw", "No record was confirmed"] {
        assert!(finished.stderr.contains(word), "{word}: {}", finished.stderr);
    }
    kafka.stop();
    let finished = site.home.takeup(&["replay", "--to", &to(&kafka), "--retries", "0"]);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stderr.contains("cannot be reached"), "{}", finished.stderr);
    assert!(!finished.stderr.contains('%'), "librdkafka prints: {}", finished.stderr);
}
