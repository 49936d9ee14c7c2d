use std::io::Write;
use std::process::Stdio;

use crate::common::services::{Kafka, KafkaOptions};

fn produce(kafka: &Kafka, topic: &str, key: &str, value: &str) -> bool {
    let mut kcat = kafka.kcat();
    kcat.args([
        "-P",
        "-t",
        topic,
        "-p",
        "3",
        "-K",
        ":",
        "-X",
        "message.timeout.ms=20000",
        "-X",
        "topic.metadata.propagation.max.ms=0",
    ]);
    let mut child = kcat.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{key}:{value}\n").as_bytes()).unwrap();
    child.wait().unwrap().success()
}

#[test]
fn kafka_keeps_what_each_verb_says() {
    let kafka = Kafka::new();
    assert!(!produce(&kafka, "raw", "key", "value"), "there is no such topic");
    kafka.create_topic("raw", 16);
    assert!(produce(&kafka, "raw", "key", "value"));
    let messages = kafka.messages("raw");
    assert_eq!(messages.len(), 1);
    let message = &messages[0];
    assert_eq!((message.partition, message.offset), (3, 0));
    assert_eq!((message.key.as_deref(), message.value.as_deref()), (Some(&b"key"[..]), Some(&b"value"[..])));

    kafka.restart();
    kafka.kill();
    kafka.start();
    kafka.pause();
    kafka.resume();
    assert_eq!(kafka.messages("raw"), messages);
    kafka.delete_topic("raw");
    kafka.create_topic_with("raw", 16, &[("max.message.bytes", "100")]);
    assert!(!produce(&kafka, "raw", "key", &"x".repeat(200)), "it is too large");
    assert!(produce(&kafka, "raw", "key", "other"));
    assert_eq!(kafka.messages("raw").len(), 1);
    kafka.restart_empty();
    kafka.create_topic("raw", 16);
    assert_eq!(kafka.messages("raw"), []);
}

#[test]
fn kafka_takes_tls_and_passwords() {
    let sasl = Some(("takeup".to_owned(), "pass".to_owned()));
    let kafka = Kafka::with(KafkaOptions { tls: true, sasl, ..KafkaOptions::default() });
    kafka.create_topic("raw", 16);
    assert!(produce(&kafka, "raw", "key", "value"));
    assert_eq!(kafka.messages("raw").len(), 1);
}
