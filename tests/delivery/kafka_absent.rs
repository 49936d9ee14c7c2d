//! A build without Kafka.

use crate::common::Home;

#[test]
fn a_server_that_is_to_deliver_to_kafka_and_cannot_does_not_start() {
    let home = Home::new();
    let ended = home.serve_in_vain(&["--set", "kafka_servers=127.0.0.1:9092"]);
    assert_ne!(ended.code, Some(0));
    let said = format!("{}{}", ended.stdout, ended.stderr);
    for word in ["KAFKA_SERVERS", "--features kafka"] {
        assert!(said.contains(word), "{said}");
    }
}
