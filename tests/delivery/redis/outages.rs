//! A Redis that is not there, refuses, or hangs: records wait in the log, and arrive in order once it is well.

use std::fs;
use std::time::Duration;

use super::site::{SESSIONS, Site, batch, length, wait_for_recovery, wait_for_trouble};
use crate::common::services::{Redis, RedisOptions, Relay, RelayMode};
use crate::common::{PATIENCE, Request, Server, wait_for};

fn url(relay: &Relay) -> String {
    format!("redis://127.0.0.1:{}", relay.port())
}

#[test]
fn redis_that_is_not_there_at_the_start_gets_everything_once_it_is() {
    let (site, redis) = (Site::new(), Redis::durable());
    redis.stop();
    let server = site.serve(&redis.url(), &[]);
    wait_for_trouble(&server, "unreachable");
    site.send(&server, 20);
    let health = server.admin_page("/health").text();
    assert!(health.contains("courier-redis") && health.contains("cannot be reached"), "{health}");
    redis.start();
    assert_eq!(site.wait_for_all(&redis), 0);
    wait_for_recovery(&server, 1);
    server.stop();
}

#[test]
fn redis_killed_again_and_again_under_load_gets_each_batch_in_order() {
    let (site, redis) = (Site::new(), Redis::durable());
    let server = site.serve(&redis.url(), &[]);
    for _ in 0..4 {
        site.send(&server, 15);
        redis.kill();
        site.send(&server, 15);
        redis.start();
    }
    site.wait_for_all(&redis);
    server.stop();
}

#[test]
fn a_server_killed_again_and_again_delivers_each_batch_in_order() {
    let (site, redis) = (Site::new(), Redis::durable());
    for _ in 0..4 {
        let server = site.serve(&redis.url(), &[]);
        site.send(&server, 15);
        server.kill();
    }
    let server = site.serve(&redis.url(), &[]);
    site.wait_for_all(&redis);
    server.stop();
}

#[test]
fn a_clean_restart_repeats_nothing() {
    let (site, redis) = (Site::new(), Redis::durable());
    for _ in 0..3 {
        let server = site.serve(&redis.url(), &[]);
        site.send(&server, 10);
        assert_eq!(site.wait_for_all(&redis), 0);
        server.stop();
    }
}

#[test]
fn redis_without_memory_stores_nothing_out_of_order() {
    let (site, redis) = (Site::new(), Redis::with(RedisOptions { appendonly: true, ..RedisOptions::default() }));
    let server = site.serve(&redis.url(), &[("redis_trim", "off")]);
    site.send(&server, 5);
    site.wait_for_all(&redis);
    let used = |redis: &Redis| -> u64 {
        let memory = redis.cli(&["INFO", "memory"]);
        memory.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap().trim().parse().unwrap()
    };
    // Room for some of what comes, so that the limit falls somewhere among it.
    redis.cli(&["CONFIG", "SET", "maxmemory", &(used(&redis) + 1_500_000).to_string()]);
    site.send_padded(&server, 60, 20_000);
    let line = wait_for_trouble(&server, "full");
    assert!(line.contains("OOM"), "the line names Redis's code: {line}");
    assert_eq!(site.judge(&redis.entries("raw")), None, "some are missing");
    redis.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(site.wait_for_all(&redis), 0, "a transaction that was refused has stored nothing");
    server.stop();
}

#[test]
fn redis_that_takes_no_writes_is_waited_for() {
    let (site, redis) = (Site::new(), Redis::durable());
    let server = site.serve(&redis.url(), &[]);
    site.send(&server, 5);
    site.wait_for_all(&redis);
    // Of a primary that is not there, so it keeps what it has.
    redis.cli(&["REPLICAOF", "127.0.0.1", "1"]);
    site.send(&server, 5);
    wait_for_trouble(&server, "read-only");
    redis.cli(&["REPLICAOF", "NO", "ONE"]);
    assert_eq!(site.wait_for_all(&redis), 0);
    server.stop();
}

#[test]
fn a_password_and_a_right_are_put_right_while_the_server_runs() {
    let options = RedisOptions { password: Some("right".to_owned()), appendonly: true, ..RedisOptions::default() };
    let (site, redis) = (Site::new(), Redis::with(options));
    let server = site.serve(&format!("redis://takeup:s3cret@127.0.0.1:{}", redis.port()), &[]);
    let line = wait_for_trouble(&server, "wrong-credentials");
    assert!(!line.contains("s3cret"), "{line}");
    site.send(&server, 5);
    redis.cli(&["ACL", "SETUSER", "takeup", "on", ">s3cret", "~*", "+@all", "-xadd"]);
    wait_for_trouble(&server, "no-permission");
    redis.cli(&["ACL", "SETUSER", "takeup", "+xadd"]);
    assert_eq!(site.wait_for_all(&redis), 0);
    let said = server.said() + &server.admin_page("/health").text() + &server.admin_page("/metrics").text();
    assert!(!said.contains("s3cret"), "a password is shown: {said}");
    server.stop();
}

#[test]
fn a_courier_needs_no_more_rights_than_the_documents_say() {
    let options = RedisOptions { password: Some("right".to_owned()), appendonly: true, ..RedisOptions::default() };
    let (site, redis) = (Site::new(), Redis::with(options));
    let rights = ["+ping", "+exists", "+xadd", "+xtrim", "+xrange", "+xinfo", "+xpending", "+multi", "+exec"];
    let mut command = vec!["ACL", "SETUSER", "takeup", "on", ">pass", "~raw*", "~canvas-images"];
    command.extend(rights);
    redis.cli(&command);
    redis.cli(&["ACL", "SAVE"]);
    let settings = [("redis_streams_max_len", "0")];
    let server = site.serve(&format!("redis://takeup:pass@127.0.0.1:{}", redis.port()), &settings);
    site.send(&server, 20);
    assert_eq!(site.wait_for_all(&redis), 0);
    redis.restart();
    site.send(&server, 20);
    site.wait_for_all(&redis);
    assert!(!server.stdout().contains("no-permission"), "{}", server.stdout());
    server.stop();
}

#[test]
fn a_key_that_is_no_stream_is_told_and_left_alone() {
    let (site, redis) = (Site::new(), Redis::durable());
    redis.cli(&["SET", "raw", "a text"]);
    let server = site.serve(&redis.url(), &[]);
    site.send(&server, 5);
    wait_for_trouble(&server, "mismatch");
    assert_eq!(redis.cli(&["GET", "raw"]), "a text");
    redis.cli(&["DEL", "raw"]);
    assert_eq!(site.wait_for_all(&redis), 0);
    server.stop();
}

#[test]
fn redis_that_stands_still_is_given_up_and_tried_again() {
    let (site, redis) = (Site::new(), Redis::durable());
    let server = site.serve(&redis.url(), &[]);
    site.send(&server, 5);
    site.wait_for_all(&redis);
    redis.pause();
    site.send(&server, 20);
    // It is told long before it is given up.
    let told = wait_for("the silence to be told", PATIENCE, || {
        let reports = server.admin_page("/couriers").json();
        (reports[0]["state"] == "waiting").then(|| reports[0].clone())
    });
    assert_eq!((&told["trouble"], &told["attempts"]), (&"timed-out".into(), &0.into()), "{told}");
    assert_eq!(server.stdout().matches("takes no records").count(), 0, "{}", server.stdout());
    wait_for_trouble(&server, "timed-out");
    redis.resume();
    site.wait_for_all(&redis);
    server.stop();
}

#[test]
fn answers_that_are_lost_repeat_batches_and_keep_their_order() {
    let (site, redis) = (Site::new(), Redis::durable());
    let relay = Relay::to(redis.port());
    let server = site.serve(&url(&relay), &[]);
    site.send(&server, 5);
    site.wait_for_all(&redis);
    let before = length(&redis, "raw");
    relay.set(RelayMode::KeepAnswers);
    site.send(&server, 5);
    wait_for("something to be stored", PATIENCE, || (length(&redis, "raw") > before).then_some(()));
    relay.cut();
    relay.set(RelayMode::Pass);
    let comes_again = || site.judge(&redis.entries("raw")).filter(|repeats| *repeats > 0);
    wait_for("what was stored without an answer to come again", PATIENCE, comes_again);
    server.stop();
}

#[test]
fn a_network_that_refuses_resets_and_slows_down_delays_batches_and_loses_none() {
    let (site, redis) = (Site::new(), Redis::durable());
    let relay = Relay::to(redis.port());
    let server = site.serve(&url(&relay), &[]);
    for mode in [RelayMode::Refuse, RelayMode::Slow(20_000), RelayMode::Hang, RelayMode::Swallow] {
        site.send(&server, 10);
        relay.set(mode);
        site.send(&server, 10);
        relay.cut();
        relay.set(RelayMode::Pass);
    }
    site.wait_for_all(&redis);
    server.stop();
}

#[test]
fn a_value_that_redis_refuses_goes_to_the_dead_letters_alone() {
    // The smallest limit that Redis takes.
    let arguments = vec!["--proto-max-bulk-len".to_owned(), "1mb".to_owned()];
    let (site, redis) = (Site::new(), Redis::with(RedisOptions { arguments, ..RedisOptions::default() }));
    let limit = (2 << 20).to_string();
    let server = site.serve(
        &redis.url(),
        &[
            ("queue_message_size_limit", &limit),
            ("beacon_size_limit", &limit),
            ("window_bytes", "4MiB"),
            ("group_bytes_max", "4MiB"),
        ],
    );
    site.send(&server, 3);
    let large = batch(9, 0, (1 << 20) + 100);
    let answer = server.connect().exchange(Request::batch(&site.home.token(9), &large));
    assert_eq!(answer.status, 200, "{}", server.said());
    site.send(&server, 3);
    assert_eq!(site.wait_for_all(&redis), 0);
    let letters = wait_for("a dead letter", PATIENCE, || {
        fs::read_to_string(site.home.data().join("dead-letters/courier-redis.ndjson")).ok()
    });
    let letters: Vec<serde_json::Value> = letters.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(letters.len(), 1);
    assert_eq!((&letters[0]["session_id"], &letters[0]["trouble"]), (&"9".into(), &"refuses-record".into()));
    server.stop();
}

/// The memory that a process has in RAM, in bytes.
fn resident(server: &Server) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[test]
fn a_backlog_waits_on_disk_and_not_in_memory() {
    let (site, redis) = (Site::new(), Redis::durable());
    redis.stop();
    // What the log keeps in memory for its readers is bounded by itself, whatever waits.
    let server = site.serve(&redis.url(), &[("recent_bytes", "0")]);
    site.send_padded(&server, 30, 100_000);
    let before = resident(&server);
    // 36 MB more.
    site.send_padded(&server, 120, 100_000);
    wait_for_trouble(&server, "unreachable");
    redis.start();
    assert_eq!(site.wait_for_all(&redis), 0);
    let grown = resident(&server).saturating_sub(before);
    assert!(grown < 16 << 20, "{grown} bytes more, with a backlog of 36 MB");
    assert_eq!(site.total(), 150 * SESSIONS.len());
    server.stop();
}

#[test]
fn a_stop_does_not_wait_for_a_redis_that_hangs() {
    let (site, redis) = (Site::new(), Redis::durable());
    let mut server = site.serve(&redis.url(), &[]);
    site.send(&server, 5);
    site.wait_for_all(&redis);
    redis.pause();
    site.send(&server, 5);
    server.signal(rustix::process::Signal::TERM);
    // Far below the limit on a reply.
    assert!(server.wait(Duration::from_secs(20)).success(), "{}", server.said());
    redis.resume();
    let server = site.serve(&redis.url(), &[]);
    site.wait_for_all(&redis);
    server.stop();
}
