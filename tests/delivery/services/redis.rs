use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::common::PATIENCE;
use crate::common::services::{Redis, RedisCluster, RedisOptions, RedisSentinel};

#[test]
fn redis_keeps_what_each_verb_says() {
    let redis = Redis::durable();
    redis.cli(&["XADD", "raw", "*", "sessionID", "7", "value", "a b"]);
    let entries = redis.entries("raw");
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].field("value"), Some(&b"a b"[..]));

    redis.restart();
    assert_eq!(redis.entries("raw"), entries, "a clean stop keeps all");
    redis.kill();
    assert!(redis.try_cli(&["PING"]).is_err());
    redis.start();
    assert_eq!(redis.entries("raw"), entries, "appendonly keeps all");
    redis.restart_empty();
    assert_eq!(redis.entries("raw"), []);
    let mut stream = TcpStream::connect(("127.0.0.1", redis.port())).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    redis.pause();
    stream.write_all(b"PING\r\n").unwrap();
    let mut answer = [0; 7];
    assert_eq!(stream.read(&mut answer).unwrap_err().kind(), ErrorKind::WouldBlock, "nothing answers");
    redis.resume();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"+PONG\r\n", "and the connection has stayed");
}

#[test]
fn redis_without_a_file_comes_back_as_it_last_saved() {
    let redis = Redis::new();
    redis.cli(&["SET", "key", "old"]);
    redis.save();
    redis.cli(&["SET", "key", "new"]);
    redis.restart_older();
    assert_eq!(redis.cli(&["GET", "key"]), "old");
    redis.restart_empty();
    assert_eq!(redis.cli(&["GET", "key"]), "");
}

#[test]
fn redis_takes_passwords_users_limits_and_replicas() {
    let options = RedisOptions { user: Some(("takeup".to_owned(), "pass".to_owned())), ..RedisOptions::default() };
    let redis = Redis::with(RedisOptions { maxmemory: Some("3mb".to_owned()), ..options });
    assert_eq!(redis.url(), format!("redis://takeup:pass@127.0.0.1:{}", redis.port()));
    let mut connection = redis.connect();
    connection.call(&["AUTH", "takeup", "pass"]).expect_ok();
    connection.call(&["SET", "key", "value"]).expect_ok();

    let replica = redis.replica();
    assert_eq!(replica.cli(&["GET", "key"]), "value");
    let refusal = replica.try_cli(&["SET", "key", "other"]).unwrap_err();
    assert!(refusal.starts_with("READONLY"), "{refusal}");

    let large = "x".repeat(4_000_000);
    let _ = connection.call(&["SET", "large", &large]);
    let refusal = redis.try_cli(&["SET", "key", "other"]).unwrap_err();
    assert!(refusal.starts_with("OOM"), "{refusal}");
}

#[test]
fn redis_serves_tls_and_valkey_serves_the_same() {
    let redis = Redis::with(RedisOptions { tls: true, password: Some("pass".to_owned()), ..RedisOptions::default() });
    assert_eq!(redis.cli(&["SET", "key", "value"]), "OK");
    assert!(redis.url().starts_with("rediss://:pass@"));

    let valkey = Redis::with(RedisOptions { valkey: true, ..RedisOptions::default() });
    assert!(valkey.cli(&["INFO", "server"]).contains("server_name:valkey"));
    valkey.cli(&["XADD", "raw", "*", "sessionID", "7", "value", "x"]);
    assert_eq!(valkey.entries("raw").len(), 1);
}

#[test]
fn a_sentinel_makes_the_replica_the_primary() {
    let sentinel = RedisSentinel::new();
    assert_eq!(sentinel.primary(), sentinel.first.port());
    sentinel.first.cli(&["SET", "key", "value"]);
    sentinel.first.cli(&["WAIT", "1", "30000"]);
    sentinel.fail_over();
    assert_eq!(sentinel.second.cli(&["GET", "key"]), "value");
    sentinel.second.cli(&["SET", "key", "other"]);
}

#[test]
fn a_cluster_shares_the_slots_and_comes_back_with_its_data() {
    let cluster = RedisCluster::new();
    for key in ["raw", "raw-ios", "raw-images"] {
        let node = cluster.node_of(key);
        node.cli(&["XADD", key, "*", "sessionID", "7", "value", "x"]);
        for other in cluster.nodes.iter().filter(|other| other.port() != node.port()) {
            let refusal = other.try_cli(&["XLEN", key]).unwrap_err();
            assert!(refusal.starts_with("MOVED"), "{refusal}");
        }
    }
    cluster.nodes[1].kill();
    cluster.nodes[1].start();
    cluster.wait_until_whole();
    assert_eq!(cluster.node_of("raw").entries("raw").len(), 1);
}
