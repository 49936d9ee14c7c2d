//! What is removed from streams, and what pauses shipping.

use super::site::{Group, SESSIONS, Site, length, wait_for_recovery, wait_for_trouble};
use crate::common::services::Redis;
use crate::common::{PATIENCE, Server, wait_for};

/// Redis removes whole blocks of at most this many entries.
const BLOCK: usize = 100;

/// A Redis whose streams have small blocks, so that a test need not send much.
fn redis() -> Redis {
    let redis = Redis::durable();
    redis.cli(&["CONFIG", "SET", "stream-node-max-entries", "10"]);
    redis
}

/// The arguments of the latest XADD, as Redis saw them.
fn latest_xadd(redis: &Redis) -> Vec<String> {
    let log = redis.connect().call(&["SLOWLOG", "GET", "-1"]).list();
    let commands = log.into_iter().map(|entry| entry.list().swap_remove(3).list());
    let texts = commands.map(|words| words.into_iter().map(|word| String::from_utf8_lossy(&word.bytes()).into_owned()));
    texts.map(Iterator::collect::<Vec<String>>).find(|words| words[0] == "XADD").expect("Redis logs each command")
}

/// Starts a server, sends one batch, and returns the command by which it was added.
fn command(settings: &[(&str, &str)]) -> Vec<String> {
    let (site, redis) = (Site::new(), redis());
    redis.cli(&["CONFIG", "SET", "slowlog-log-slower-than", "0"]);
    redis.cli(&["CONFIG", "SET", "slowlog-max-len", "10000"]);
    let server = site.serve(&redis.url(), settings);
    site.send(&server, 1);
    site.wait_for_all(&redis);
    server.stop();
    let mut words = latest_xadd(&redis);
    words.pop();
    words
}

#[test]
fn openreplays_trim_is_its_command_word_for_word() {
    let session = SESSIONS[2].to_string();
    let fields = ["*", "sessionID", &*session, "value"];
    let expected = |trim: &[&'static str]| [&["XADD", "raw"], trim, &fields].concat();
    assert_eq!(command(&[("redis_trim", "openreplay")]), expected(&["MAXLEN", "~", "10000"]));
    let settings = [("redis_trim", "openreplay"), ("redis_streams_max_len", "77")];
    assert_eq!(command(&settings), expected(&["MAXLEN", "~", "77"]));
    let settings = [("redis_trim", "openreplay"), ("redis_streams_max_len", "0")];
    assert_eq!(command(&settings), expected(&[]));
    assert_eq!(command(&[("redis_trim", "safe")]), expected(&[]));
    assert_eq!(command(&[("redis_trim", "off")]), expected(&[]));

    let aged = command(&[("redis_trim", "openreplay"), ("redis_streams_ttl_sec", "600")]);
    assert_eq!(&aged[..4], ["XADD", "raw", "MINID", "~"]);
    assert_eq!(&aged[5..], fields);
    let oldest: u64 = aged[4].strip_suffix("-0").unwrap().parse().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64;
    let age = (now - oldest) / 1000;
    assert!((600..900).contains(&age), "entries older than {age} s are removed");
}

#[test]
fn openreplays_trim_keeps_about_as_many_entries_as_it_is_told() {
    let (site, redis) = (Site::new(), redis());
    let settings = [("redis_trim", "openreplay"), ("redis_streams_max_len", "50")];
    let server = site.serve(&redis.url(), &settings);
    site.send(&server, 60);
    let added = |redis: &Redis| redis.cli(&["XINFO", "STREAM", "raw"]).contains(&format!("entries-added\n{}", 60 * 3));
    wait_for("all to be added", PATIENCE, || added(&redis).then_some(()));
    let left = length(&redis, "raw");
    assert!((50..50 + BLOCK).contains(&left), "{left}");
    server.stop();
}

#[test]
fn what_is_off_removes_nothing() {
    let (site, redis) = (Site::new(), redis());
    let server = site.serve(&redis.url(), &[("redis_trim", "off"), ("redis_streams_max_len", "1")]);
    let mut group = Group::new(&redis, "raw", "sink");
    for _ in 0..5 {
        site.send(&server, 20);
        site.wait_for_all(&redis);
        group.read_all();
    }
    site.send(&server, 1);
    site.wait_for_all(&redis);
    server.stop();
}

/// Sends until the stream has been trimmed to fewer entries than this.
#[track_caller]
fn send_until_shorter(site: &Site, server: &Server, redis: &Redis, most: usize, mut between: impl FnMut()) {
    wait_for("the stream to be trimmed", 2 * PATIENCE, || {
        site.send(server, 1);
        between();
        (length(redis, "raw") < most).then_some(())
    });
}

#[test]
fn what_every_group_has_acknowledged_is_removed_and_nothing_else() {
    let (site, redis) = (Site::new(), redis());
    let server = site.serve(&redis.url(), &[("redis_streams_max_len", "0")]);
    let (mut sink, mut ender) = (Group::new(&redis, "raw", "sink"), Group::new(&redis, "raw", "ender"));
    site.send(&server, 50);
    site.wait_for_all(&redis);

    // One group has read everything, the other has begun: nothing that it still needs may go.
    let mut read_by_sink = sink.read_all();
    let mut read_by_ender = ender.read();
    ender.acknowledge(&read_by_ender[..5]);
    for _ in 0..30 {
        site.send(&server, 1);
        read_by_sink.extend(sink.read_all());
    }
    let first_unread = read_by_ender[5].id.clone();
    let held = redis.entries("raw");
    assert!(held.iter().any(|entry| entry.id == first_unread), "an entry that was not acknowledged is gone");

    // It goes on, but keeps one entry pending.
    let pending = read_by_ender.pop().unwrap();
    ender.acknowledge(&read_by_ender[5..]);
    read_by_ender.extend(ender.read_all());
    for _ in 0..30 {
        site.send(&server, 1);
        read_by_sink.extend(sink.read_all());
        read_by_ender.extend(ender.read_all());
    }
    assert_eq!(redis.cli(&["XRANGE", "raw", &pending.id, &pending.id]).lines().next(), Some(&*pending.id));
    ender.acknowledge(std::slice::from_ref(&pending));
    read_by_ender.insert(9, pending);
    send_until_shorter(&site, &server, &redis, BLOCK, || {
        read_by_sink.extend(sink.read_all());
        read_by_ender.extend(ender.read_all());
    });

    // Each group was given each batch once, in order.
    wait_for("both groups to have read everything", PATIENCE, || {
        read_by_sink.extend(sink.read_all());
        read_by_ender.extend(ender.read_all());
        let (one, other) = (site.judge(&read_by_sink), site.judge(&read_by_ender));
        (one == Some(0) && other == Some(0)).then_some(())
    });
    server.stop();
}

#[test]
fn entries_that_a_reader_deletes_confuse_nothing() {
    let (site, redis) = (Site::new(), redis());
    let server = site.serve(&redis.url(), &[("redis_streams_max_len", "0")]);
    let mut group = Group::new(&redis, "raw", "sink");
    let mut all = Vec::new();
    for _ in 0..10 {
        site.send(&server, 10);
        let read = group.read_all();
        // Redis then knows no lag any more.
        for entry in read.iter().step_by(3) {
            redis.cli(&["XDEL", "raw", &entry.id]);
        }
        all.extend(read);
    }
    // The newest entry that takeup knows of is gone, too, when it connects again.
    wait_for("all to be read", PATIENCE, || {
        all.extend(group.read_all());
        site.judge(&all)
    });
    redis.cli(&["XDEL", "raw", &all.last().unwrap().id]);
    redis.restart();
    let mut group = Group::with(&redis, "raw", "sink");
    site.send(&server, 10);
    let repeats = wait_for("the rest", PATIENCE, || {
        all.extend(group.read_all());
        site.judge(&all)
    });
    assert_eq!(repeats, 0, "a deleted entry is not a lost one");
    send_until_shorter(&site, &server, &redis, BLOCK, || drop(group.read_all()));
    server.stop();
}

#[test]
fn a_stream_that_nobody_reads_is_not_trimmed_and_pauses_shipping_when_it_is_full() {
    let (site, redis) = (Site::new(), redis());
    let settings = [("redis_streams_max_len", "0"), ("redis_backlog_max", "60"), ("shipment_records", "20")];
    let server = site.serve(&redis.url(), &settings);
    wait_for("the stream to be full", PATIENCE, || {
        site.send(&server, 5);
        server.stdout().contains("\"trouble\":\"readers-behind\"").then_some(())
    });
    let line = wait_for_trouble(&server, "readers-behind");
    assert!(line.contains("stream raw") && line.contains("no consumer group"), "{line}");
    let full = length(&redis, "raw");
    site.send(&server, 30);
    assert!(length(&redis, "raw") <= full + 20, "shipping goes on");
    assert_eq!(site.judge(&redis.entries("raw")), None);

    // A reader comes, and with it the rest.
    let mut group = Group::new(&redis, "raw", "sink");
    let mut all = Vec::new();
    let repeats = wait_for("everything to be read", 2 * PATIENCE, || {
        all.extend(group.read_all());
        site.judge(&all)
    });
    assert_eq!(repeats, 0);
    wait_for_recovery(&server, 1);
    server.stop();
}

#[test]
fn a_group_that_is_gone_is_named_and_can_be_left_out() {
    let (site, redis) = (Site::new(), redis());
    let settings = [("redis_streams_max_len", "0"), ("redis_backlog_max", "60")];
    let server = site.serve(&redis.url(), &settings);
    let mut sink = Group::new(&redis, "raw", "sink");
    let _gone = Group::new(&redis, "raw", "gone");
    let mut all = Vec::new();
    wait_for("the stream to be full", 2 * PATIENCE, || {
        site.send(&server, 5);
        all.extend(sink.read_all());
        server.stdout().contains("\"trouble\":\"readers-behind\"").then_some(())
    });
    let line = wait_for_trouble(&server, "readers-behind");
    assert!(line.contains("group gone") && line.contains("raw/gone in redis_ignore_groups"), "{line}");
    let health = server.admin_page("/health").text();
    assert!(health.contains("group gone"), "{health}");
    server.stop();

    let settings = [&settings[..], &[("redis_ignore_groups", "raw/gone")]].concat();
    let server = site.serve(&redis.url(), &settings);
    wait_for("everything to be read", 2 * PATIENCE, || {
        all.extend(sink.read_all());
        site.judge(&all)
    });
    send_until_shorter(&site, &server, &redis, BLOCK, || all.extend(sink.read_all()));
    server.stop();
}
