//! To Redis.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::common::services::{Redis, RedisOptions, StreamEntry};
use crate::common::{Finished, Home, Request};
use crate::delivery::redis::site::{SESSIONS, Site, batch, read};

use super::running::Running;

/// A site whose server delivered to nobody and is gone.
fn recorded(count: u32, bytes: usize) -> Site {
    let site = Site::new();
    let server = site.home.serve(&[("admission", "off")]);
    site.send_padded(&server, count, bytes);
    server.stop();
    site
}

fn replay(home: &Home, redis: &Redis, more: &[&str]) -> Finished {
    home.takeup(&[&["replay", "--to", &redis.url()], more].concat())
}

/// Whose batches the stream has, and which.
fn numbers(redis: &Redis) -> BTreeMap<u64, Vec<u32>> {
    let mut found: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
    for entry in redis.entries("raw") {
        let (session, number) = read(&entry).unwrap();
        found.entry(session).or_default().push(number);
    }
    found
}

/// When each batch was recorded, as NDJSON tells it.
fn times(home: &Home) -> Vec<u64> {
    let listed = home.takeup(&["replay", "--to", "-"]);
    listed.lines().iter().map(|line| line["received_us"].as_u64().unwrap()).collect()
}

fn shown(us: u64) -> String {
    Timestamp::from_microsecond(i64::try_from(us).unwrap()).unwrap().to_string()
}

/// The counts of a summary add up to the records that were read.
fn assert_adds_up(summary: &Value) {
    let parts = summary.as_object().unwrap().iter().filter(|(name, _)| {
        name.starts_with("skipped_")
            || name.starts_with("not_")
            || ["batches", "starts", "images", "refused"].contains(&&***name)
    });
    let sum: u64 = parts.map(|(_, count)| count.as_u64().unwrap()).sum();
    assert_eq!(summary["records"].as_u64().unwrap(), sum, "{summary}");
}

#[test]
fn redis_gets_everything_once_and_with_each_repeated_replay_once_more() {
    let (site, redis) = (recorded(20, 40), Redis::durable());
    for times in 1..=3 {
        let finished = replay(&site.home, &redis, &["--json"]);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let summary = &finished.lines()[0];
        assert_eq!((&summary["batches"], &summary["messages"]), (&60.into(), &60.into()), "{summary}");
        assert_eq!((&summary["sessions"], &summary["refused"]), (&3.into(), &0.into()), "{summary}");
        assert_adds_up(summary);
        assert_eq!(redis.entries("raw").len(), 60 * times);
        let once: Vec<StreamEntry> = redis.entries("raw").split_off(60 * (times - 1));
        assert_eq!(site.judge(&once), Some(0), "each replay is whole and in order");
    }
    let in_words = replay(&site.home, &redis, &[]);
    assert!(in_words.stderr.contains("replayed 60 batches as 60 messages"), "{}", in_words.stderr);
}

#[test]
fn redis_gets_only_the_records_that_were_asked_for() {
    let site = recorded(10, 40);
    let all = times(&site.home);
    let (from, until) = (shown(all[7]), shown(all[22]));
    let within = all.iter().filter(|time| (all[7]..all[22]).contains(time)).count();
    assert!((1..30).contains(&within));

    let redis = Redis::new();
    let finished = replay(&site.home, &redis, &["--from", &from, "--until", &until, "--json"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(finished.lines()[0]["batches"], within);
    assert_adds_up(&finished.lines()[0]);
    assert_eq!(redis.entries("raw").len(), within);
    let listed = site.home.takeup(&["replay", "--to", "-", "--from", &from, "--until", &until]).lines();
    assert_eq!(listed.len(), within, "stdout gets the same part");
    let as_listed: Vec<&Value> = listed.iter().map(|line| &line["session_id"]).collect();
    let sessions: Vec<Value> = redis
        .entries("raw")
        .iter()
        .map(|entry| String::from_utf8_lossy(entry.field("sessionID").unwrap()).into())
        .collect();
    assert_eq!(as_listed, sessions.iter().collect::<Vec<_>>());

    let redis = Redis::new();
    let session = SESSIONS[1].to_string();
    let finished = replay(&site.home, &redis, &["--session", &session, "--json"]);
    assert_eq!((&finished.lines()[0]["batches"], &finished.lines()[0]["not_chosen"]), (&10.into(), &20.into()));
    assert_eq!(numbers(&redis), BTreeMap::from([(SESSIONS[1], (0..10).collect())]));

    let redis = Redis::new();
    let nobody = replay(&site.home, &redis, &["--project", "4711", "--json"]);
    assert_eq!((nobody.code, &nobody.lines()[0]["not_chosen"]), (Some(0), &30.into()), "{nobody:?}");
    assert_eq!(redis.entries("raw"), []);
}

#[test]
fn a_server_gets_only_the_time_that_was_asked_for() {
    let (site, other) = (recorded(10, 40), Home::new());
    let receiver = other.serve(&[]);
    let secret = other.data().join("secrets/token").display().to_string();
    let all = times(&site.home);
    let (to, from) = (format!("http://{}", receiver.addr), shown(all[12]));
    let finished =
        site.home.takeup(&["replay", "--to", &to, "--fast", "--from", &from, "--token-secret-file", &secret, "--json"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let wanted = all.iter().filter(|time| **time >= all[12]).count();
    assert_eq!(finished.lines()[0]["batches"], wanted);
    receiver.stop();
    assert_eq!(other.stored().len(), wanted);
}

#[test]
fn a_record_that_is_too_large_is_named_and_the_others_arrive() {
    let site = Site::new();
    let server = site.home.serve(&[("admission", "off")]);
    site.send(&server, 3);
    let large = batch(8, 0, 5000);
    assert_eq!(server.connect().exchange(Request::batch(&site.home.token(8), &large)).status, 200);
    site.send(&server, 3);
    server.stop();
    let redis = Redis::new();
    let finished = replay(&site.home, &redis, &["--set", "queue_message_size_limit=4000", "--json"]);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let summary = &finished.lines()[0];
    assert_eq!((&summary["batches"], &summary["refused"]), (&18.into(), &1.into()), "{summary}");
    assert_adds_up(summary);
    assert_eq!(site.judge(&redis.entries("raw")), Some(0));
    let record = site.home.stored().into_iter().find(|stored| stored.session == 8).unwrap();
    for word in [&*record.id, "session 8", "4000", "Redis 127.0.0.1"] {
        assert!(finished.stderr.contains(word), "{word}: {}", finished.stderr);
    }
}

/// Room for some of what is sent, so that Redis is full somewhere in the middle.
fn limit_memory(redis: &Redis) {
    let memory = redis.cli(&["INFO", "memory"]);
    let used = memory.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap();
    let used: u64 = used.trim().parse().unwrap();
    redis.cli(&["CONFIG", "SET", "maxmemory", &(used + 1_500_000).to_string()]);
}

#[test]
fn redis_that_is_stopped_in_the_middle_and_comes_back_gets_the_rest_in_order() {
    let (site, redis) = (recorded(60, 20_000), Redis::durable());
    limit_memory(&redis);
    let arguments = ["--to", &redis.url(), "--retries", "100", "--set", "shipment_records=5"];
    let running = Running::start(&site.home, &arguments);
    running.wait_for("is full (OOM)");
    let before = redis.entries("raw");
    assert!(!before.is_empty() && site.judge(&before).is_none(), "it is in the middle");
    redis.stop();
    running.wait_for("cannot be reached");
    // Without the limit, which it has forgotten.
    redis.start();
    let (status, said) = running.finish();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(said.contains("takes records again"), "{said}");
    assert_eq!(site.judge(&redis.entries("raw")), Some(0), "what was confirmed does not come again: {said}");
}

#[test]
fn a_replay_that_gives_up_says_how_to_go_on_and_nothing_is_missing_then() {
    let (site, redis) = (recorded(60, 20_000), Redis::durable());
    limit_memory(&redis);
    let finished = replay(&site.home, &redis, &["--retries", "1", "--set", "shipment_records=5", "--json"]);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let (summary, held) = (&finished.lines()[0], redis.entries("raw"));
    assert!(site.judge(&held).is_none(), "it is in the middle");
    assert_eq!(summary["batches"], held.len(), "what is said to be confirmed is there: {summary}");
    assert!(summary["not_sent"].as_u64().unwrap() > 0, "{summary}");
    assert_adds_up(summary);
    assert!(finished.stderr.contains("(2 attempts)"), "{}", finished.stderr);
    let from = finished.stderr.rsplit_once("--from ").unwrap().1.trim().to_owned();
    redis.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    let finished = replay(&site.home, &redis, &["--from", &from]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let repeats = site.judge(&redis.entries("raw")).expect("nothing is missing");
    assert!((1..=3).contains(&repeats), "the last one comes again, with those of the same microsecond: {repeats}");
}

#[test]
fn a_replay_with_a_state_goes_on_where_redis_was_full_and_sends_nothing_that_was_confirmed_again() {
    let (site, redis) = (recorded(60, 20_000), Redis::durable());
    limit_memory(&redis);
    let state = site.home.data().join("replay.state").display().to_string();
    let arguments = ["--retries", "1", "--set", "shipment_records=5", "--resume", &state, "--json"];
    let finished = replay(&site.home, &redis, &arguments);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(site.judge(&redis.entries("raw")).is_none(), "it is in the middle");
    assert!(!finished.stderr.contains("--from"), "the state has the place: {}", finished.stderr);
    redis.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    let finished = replay(&site.home, &redis, &arguments);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.stderr.contains("going on behind"), "{}", finished.stderr);
    assert_eq!(site.judge(&redis.entries("raw")), Some(0), "each once");
    // Nothing is left, and there is nothing new.
    let finished = replay(&site.home, &redis, &arguments);
    assert_eq!((finished.code, &finished.lines()[0]["batches"]), (Some(0), &0.into()), "{finished:?}");
}

#[test]
fn redis_that_comes_back_empty_ends_the_replay_which_is_to_be_repeated_whole() {
    let (site, redis) = (recorded(60, 20_000), Redis::durable());
    limit_memory(&redis);
    let arguments = ["--to", &redis.url(), "--retries", "100", "--set", "shipment_records=5"];
    let running = Running::start(&site.home, &arguments);
    running.wait_for("is full (OOM)");
    redis.restart_empty();
    let (status, said) = running.finish();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("has lost records that it had confirmed") && said.contains("from its beginning"), "{said}");
    assert!(!said.contains("--from"), "{said}");
    assert_eq!(replay(&site.home, &redis, &[]).code, Some(0));
    assert_eq!(site.judge(&redis.entries("raw")), Some(0));
}

#[test]
fn redis_that_is_not_there_ends_the_replay_and_no_output_shows_the_password() {
    let options = RedisOptions { password: Some("right-s3cret".to_owned()), ..RedisOptions::default() };
    let (site, redis) = (recorded(2, 40), Redis::with(options));
    let wrong = format!("redis://:wrong-s3cret@127.0.0.1:{}", redis.port());
    let mut all = String::new();
    for (url, code, word) in [(&redis.url(), 0, "replayed 6 batches"), (&wrong, 1, "refuses the credentials")] {
        let finished = site.home.takeup(&["replay", "--to", url, "--retries", "1"]);
        assert_eq!(finished.code, Some(code), "{finished:?}");
        assert!(finished.stderr.contains(word), "{}", finished.stderr);
        all += &format!("{}{}", finished.stdout, finished.stderr);
    }
    assert_eq!(site.judge(&redis.entries("raw")), Some(0));
    redis.stop();
    let finished = site.home.takeup(&["replay", "--to", &redis.url(), "--retries", "1"]);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    for word in ["cannot be reached", "No record was confirmed", "same command", "check that it runs"] {
        assert!(finished.stderr.contains(word), "{word}: {}", finished.stderr);
    }
    all += &finished.stderr;
    // A setting that is wrong, beside the address.
    let finished = site.home.takeup(&["replay", "--to", &wrong, "--set", "redis_trim=never"]);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    all += &finished.stderr;
    assert!(!all.contains("s3cret"), "{all}");
}

#[test]
fn the_settings_are_those_of_the_data_folder_and_its_redis_is_left_alone() {
    let (site, theirs, ours) = (recorded(2, 40), Redis::new(), Redis::new());
    let settings = format!("redis_string = \"{}\"\ntopic_raw_web = \"raw-other\"\n", theirs.url());
    site.home.write("takeup.toml", &settings);
    assert_eq!(replay(&site.home, &ours, &[]).code, Some(0));
    assert_eq!(site.judge(&ours.entries("raw-other")), Some(0));
    assert_eq!(replay(&site.home, &ours, &["--set", "topic_raw_web=raw-third"]).code, Some(0));
    assert_eq!(site.judge(&ours.entries("raw-third")), Some(0));
    assert_eq!(theirs.cli(&["DBSIZE"]), "0");
}

#[test]
fn a_replay_at_a_speed_ships_what_is_due() {
    let (site, redis) = (recorded(3, 40), Redis::new());
    let finished = replay(&site.home, &redis, &["--speed", "1", "--json"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(site.judge(&redis.entries("raw")), Some(0));
    let all = times(&site.home);
    let recorded_ms = (all[all.len() - 1] - all[0]) / 1000;
    assert!(finished.lines()[0]["took_ms"].as_u64().unwrap() >= recorded_ms);
}
