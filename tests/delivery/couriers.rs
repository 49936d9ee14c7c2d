//! What an operator is told of a courier while its destination is down, and what becomes of records that were refused.

use serde_json::Value;

use super::redis::site::{SESSIONS, Site};
use crate::common::services::{Redis, RedisOptions, StreamEntry};
use crate::common::{PATIENCE, Request, Server, wait_for};

/// The one courier, as `/couriers` shows it.
fn courier(server: &Server) -> Value {
    let page = server.admin_page("/couriers");
    assert_eq!(page.status, 200, "{}", page.text());
    let all = page.json();
    assert_eq!(all.as_array().map(Vec::len), Some(1), "{all}");
    all[0].clone()
}

#[track_caller]
fn wait_for_courier(server: &Server, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    wait_for(what, PATIENCE, || Some(courier(server)).filter(|courier| is(courier)))
}

#[test]
fn a_redis_that_stops_is_told_with_what_waits_and_that_nothing_is_lost_and_forgotten_when_it_is_back() {
    let (site, redis) = (Site::new(), Redis::durable());
    let server = site.serve(&redis.url(), &[]);
    site.send(&server, 5);
    let well = wait_for_courier(&server, "the courier to deliver", |courier| courier["records"] == 15);
    assert_eq!((&well["name"], &well["state"]), (&"courier-redis".into(), &"ready".into()));
    let only_while_waiting = ["trouble", "code", "error", "advice", "since", "seconds", "attempts"];
    assert!(only_while_waiting.iter().all(|name| well[name].is_null()), "{well}");

    redis.stop();
    site.send(&server, 10);
    let down = wait_for_courier(&server, "what waits to be told", |courier| {
        courier["state"] == "waiting" && courier["lag"]["records"].as_u64() >= Some(25)
    });
    assert_eq!(down["trouble"], "unreachable");
    assert!(only_while_waiting.iter().all(|name| !down[name].is_null()), "{down}");
    assert!(down["lag"]["bytes"].as_u64() > Some(0) && down["lag"]["seconds"].as_f64() > Some(0.0), "{down}");

    let health = server.admin_page("/health").json();
    let check = &health["checks"]["courier"][0];
    let output = check["output"].as_str().unwrap();
    assert_eq!((&check["status"], &check["componentId"]), (&"warn".into(), &"courier-redis".into()));
    for said in ["cannot be reached", "since 20", "records", "nothing is lost"] {
        assert!(output.contains(said), "{output}");
    }
    assert_eq!(server.admin_page("/health/ready").status, 200);
    assert_eq!(server.metric("takeup_courier_waiting"), 1.0);
    assert!(server.metric("takeup_courier_lag_records") >= 25.0);
    assert!(server.admin_page("/metrics").text().contains("trouble=\"unreachable\""));

    let admin = server.admin.to_string();
    let shown = site.home.takeup(&["couriers", "--admin", &admin]);
    assert_eq!(shown.code, Some(0), "{}", shown.stderr);
    for said in ["waiting", "cannot be reached", "nothing is lost", "to do:"] {
        assert!(shown.stdout.contains(said), "{}", shown.stdout);
    }

    redis.start();
    site.wait_for_all(&redis);
    wait_for_courier(&server, "all to be well", |courier| {
        courier["state"] == "ready" && courier["lag"]["bytes"] == 0 && courier["trouble"].is_null()
    });
    assert!(!server.admin_page("/metrics").text().contains("trouble=\"unreachable\""));
    assert!(server.admin_page("/health").text().contains("\"status\":\"pass\""));
    server.stop();
}

#[test]
fn a_wrong_password_is_told_as_such_and_never_shown() {
    let site = Site::new();
    let redis = Redis::with(RedisOptions { password: Some("right-4711".to_owned()), ..RedisOptions::default() });
    let server = site.serve(&redis.url().replace("right-4711", "wrong-0815"), &[]);
    let courier = wait_for_courier(&server, "the password to be refused", |courier| courier["state"] == "waiting");
    assert_eq!(courier["trouble"], "wrong-credentials", "{courier}");
    let pages = ["/couriers", "/health", "/metrics"].map(|path| server.admin_page(path).text());
    let shown = site.home.takeup(&["couriers", "--admin", &server.admin.to_string(), "--json"]);
    assert!(shown.stdout.contains("wrong-credentials"), "{}", shown.stdout);
    for text in pages.iter().chain([&shown.stdout, &server.said()]) {
        assert!(!text.contains("wrong-0815") && !text.contains("right-4711"), "{text}");
    }
    server.stop();
}

#[test]
fn without_a_server_lag_is_what_was_not_delivered_and_not_what_is_kept_to_be_delivered_again() {
    let (site, redis) = (Site::new(), Redis::durable());
    let server = site.serve(&redis.url(), &[]);
    site.send(&server, 5);
    site.wait_for_all(&redis);
    wait_for_courier(&server, "the courier to deliver", |courier| courier["lag"]["bytes"] == 0);
    server.stop();
    let offline = || site.home.takeup(&["couriers", "--json"]).lines().remove(0);
    assert_eq!((&offline()["state"], &offline()["lag"]["records"]), (&"not running".into(), &0.into()));

    redis.stop();
    let server = site.serve(&redis.url(), &[]);
    site.send(&server, 5);
    server.stop();
    assert_eq!(offline()["lag"]["records"], 15, "{}", offline());
}

#[test]
fn a_record_that_is_too_large_is_a_dead_letter_and_delivered_once_the_limit_is_raised() {
    let (site, redis) = (Site::new(), Redis::durable());
    let server = site.serve(&redis.url(), &[("queue_message_size_limit", "100000")]);
    let body = vec![b'x'; 150_000];
    let token = site.home.token(SESSIONS[0]);
    assert_eq!(server.connect().exchange(Request::batch(&token, &body)).status, 200);
    wait_for_courier(&server, "a dead letter", |courier| courier["dead_letters_in_file"] == 1);
    assert_eq!(server.metric("takeup_courier_dead_letters_total"), 1.0);

    let run = |arguments: &[&str]| site.home.takeup(&[&["dead-letters"], arguments].concat());
    let listed = run(&["--json"]).lines().remove(0);
    assert_eq!((&listed["courier"], &listed["line"]), (&"courier-redis".into(), &1.into()));
    assert_eq!((&listed["trouble"], &listed["bytes"]), (&"cannot-build".into(), &150_000.into()));

    // Nothing changes while the reason lasts, or while Redis is down.
    let url = format!("redis_string={}", redis.url());
    let small = run(&["send", "courier-redis", "--all", "--set", &url, "--set", "queue_message_size_limit=100000"]);
    assert_eq!(small.code, Some(1), "{}{}", small.stdout, small.stderr);
    redis.stop();
    let down = run(&["send", "courier-redis", "1", "--set", &url]);
    assert!(down.code == Some(1) && down.stderr.contains("cannot be reached"), "{}{}", down.stdout, down.stderr);
    assert_eq!(run(&["--json"]).lines().len(), 1);

    redis.start();
    let sent = run(&["send", "courier-redis", "--all", "--set", &url]);
    assert_eq!(sent.code, Some(0), "{}{}", sent.stdout, sent.stderr);
    assert!(run(&["--json"]).lines().is_empty());
    let has_it = |entry: &StreamEntry| entry.fields.iter().any(|(_, value)| value.ends_with(&body));
    assert_eq!(redis.entries("raw").iter().filter(|entry| has_it(entry)).count(), 1);
    wait_for_courier(&server, "the empty file to be seen", |courier| courier["dead_letters_in_file"] == 0);
    server.stop();
}
