//! TLS, users, databases, Sentinel, cluster, Valkey.

use super::site::{Site, wait_for_trouble};
use crate::common::services::{Certificate, Redis, RedisCluster, RedisOptions, RedisSentinel};
use crate::common::{PATIENCE, wait_for};

#[test]
fn tls_is_checked_against_the_systems_authorities() {
    let options =
        RedisOptions { tls: true, user: Some(("takeup".to_owned(), "p@ss:w/rd".to_owned())), ..Default::default() };
    let (site, redis) = (Site::new(), Redis::with(options));
    let url = format!("rediss://takeup:p%40ss%3Aw%2Frd@127.0.0.1:{}/0", redis.port());
    let authority = Certificate::server().authority().display().to_string();
    let environment = [
        ("REDIS_STRING", &*url),
        ("HTTP_HOST", "127.0.0.1"),
        ("HTTP_PORT", "0"),
        ("TAKEUP_ADMIN", "127.0.0.1:0"),
        ("TAKEUP_CORES", "1"),
        ("SSL_CERT_FILE", &*authority),
    ];
    let server = site.home.serve_from_environment(&environment);
    site.send(&server, 10);
    wait_for("all batches", PATIENCE, || (redis.cli(&["XLEN", "raw"]) == "30").then_some(()));
    redis.restart();
    site.send(&server, 10);
    wait_for("all batches", 2 * PATIENCE, || (redis.cli(&["XLEN", "raw"]) == "60").then_some(()));
    server.stop();

    let server = site.home.serve_from_environment(&environment[..environment.len() - 1]);
    wait_for_trouble(&server, "unreachable");
    site.send(&server, 1);
    assert_eq!(redis.cli(&["XLEN", "raw"]), "60", "an unknown authority is not trusted");
    server.stop();
}

#[test]
fn streams_are_in_the_database_that_the_url_names() {
    let (site, redis) = (Site::new(), Redis::durable());
    let server = site.serve(&format!("{}/3", redis.url()), &[]);
    site.send(&server, 10);
    site.wait_for_all_of(|| {
        let mut connection = redis.connect();
        connection.call(&["SELECT", "3"]).expect_ok();
        connection.call(&["XRANGE", "raw", "-", "+"]).entries()
    });
    assert_eq!(redis.entries("raw"), []);
    server.stop();
}

#[test]
fn valkey_takes_the_same() {
    let (site, redis) = (Site::new(), Redis::with(RedisOptions { valkey: true, ..RedisOptions::default() }));
    let server = site.serve(&redis.url(), &[]);
    site.send(&server, 20);
    assert_eq!(site.wait_for_all(&redis), 0);
    redis.restart_empty();
    site.send(&server, 20);
    site.wait_for_all(&redis);
    server.stop();
}

#[test]
fn a_failover_is_followed_and_what_the_new_primary_lacks_comes_again() {
    let (site, sentinel) = (Site::new(), RedisSentinel::new());
    let settings = [("redis_sentinel_master", sentinel.name())];
    let server = site.serve(&format!("redis://127.0.0.1:{}", sentinel.port()), &settings);
    site.send(&server, 20);
    site.wait_for_all(&sentinel.first);
    // The replica no longer follows, so it lacks what comes now.
    sentinel.first.cli(&["CLIENT", "NO-EVICT", "on"]);
    sentinel.second.pause();
    site.send(&server, 10);
    site.wait_for_all(&sentinel.first);
    sentinel.first.kill();
    sentinel.second.resume();
    wait_for("the replica to be the primary", 4 * PATIENCE, || {
        let is_primary = || sentinel.second.cli(&["INFO", "replication"]).contains("role:master");
        (sentinel.primary() == sentinel.second.port() && is_primary()).then_some(())
    });
    site.send(&server, 10);
    site.wait_for_all(&sentinel.second);
    server.stop();
}

#[test]
fn a_cluster_gets_each_stream_at_its_node_and_again_what_a_node_has_lost() {
    let (site, cluster) = (Site::new(), RedisCluster::new());
    let urls = cluster.urls().join(",");
    let server = site.serve(&urls, &[("redis_cluster", "true")]);
    site.send(&server, 20);
    let node = cluster.node_of("raw");
    site.wait_for_all(node);
    node.kill();
    site.send(&server, 20);
    node.start();
    cluster.wait_until_whole();
    site.wait_for_all(node);
    server.stop();
}
