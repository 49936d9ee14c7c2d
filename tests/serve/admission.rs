//! Clients that ask for more than they may, and those who must not suffer from it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{Home, PATIENCE, Request, Response, Server, wait_for};

/// Two projects for browsers.
const PROJECTS: &str = "[[projects]]\nproject_id = 1\nproject_key = \"keyOfTheFirst\"\n\
                        [[projects]]\nproject_id = 2\nproject_key = \"keyOfTheSecond\"\n";
const FIRST: &str = "keyOfTheFirst";
const SECOND: &str = "keyOfTheSecond";

/// Each address of the test is a client of its own.
const ON: [(&str, &str); 2] = [("admission", "on"), ("trusted_proxies", "none")];

fn serve(home: &Home, settings: &[(&str, &str)]) -> Server {
    home.serve(&[&ON[..], settings].concat())
}

fn start_from(server: &Server, source: &str, key: &str) -> Response {
    server.connect_from(source).exchange(Request::start(key))
}

fn token_of(answer: &Response) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["token"].as_str().expect("a token").to_owned()
}

/// The counter of a decision.
fn limited(server: &Server, bucket: &str, decision: &str) -> f64 {
    server.metric(&format!("takeup_limited_total{{bucket=\"{bucket}\",decision=\"{decision}\"}}"))
}

#[track_caller]
fn assert_refused(answer: &Response, error: &str) {
    assert_eq!((answer.status, answer.closes()), (429, false), "{}", answer.text());
    assert_eq!(answer.json()["error"], error);
    let seconds: u32 = answer.header("retry-after").expect("Retry-After").parse().expect("seconds");
    assert!(seconds >= 1);
    assert!(answer.header("access-control-allow-origin").is_some(), "{}", answer.text());
}

#[test]
fn starts_over_the_limit_of_an_address_are_refused_and_those_of_others_are_not() {
    let home = Home::with_projects(PROJECTS);
    let server = serve(&home, &[("limit_starts_address", "1/h burst 2")]);
    let token = token_of(&start_from(&server, "127.0.0.1", FIRST));
    assert_eq!(start_from(&server, "127.0.0.1", SECOND).status, 200);
    let mut client = server.connect_from("127.0.0.1");
    let refused = client.exchange(Request::start(FIRST));
    assert_refused(&refused, "too many sessions from this address, try again later");
    let seconds: u32 = refused.header("retry-after").expect("Retry-After").parse().expect("seconds");
    assert!((3500..=3600).contains(&seconds), "{seconds}");
    // Its sessions go on, and its preflights are answered.
    assert_eq!(client.exchange(Request::batch(&token, b"a body")).status, 200);
    assert_eq!(client.exchange(Request::options("/v1/web/start")).status, 200);
    assert_eq!(start_from(&server, "127.0.0.2", FIRST).status, 200);

    assert_eq!(limited(&server, "starts_address", "refused"), 1.0);
    assert_eq!(server.metric("takeup_refusals_total{reason=\"rate_limited\"}"), 1.0);
    server.wait_for_line(&["too many sessions from this address", "429"], PATIENCE);
    server.wait_for_line(&["a client is over its limit", "starts_address", "127.0.0.1"], PATIENCE);
}

#[test]
fn a_start_that_goes_on_with_its_session_costs_nothing_and_guessing_keys_does() {
    let home = Home::with_projects(PROJECTS);
    let server = serve(&home, &[("limit_starts_address", "1/h burst 2")]);
    let token = token_of(&start_from(&server, "127.0.0.1", FIRST));
    let again = Request::start(FIRST).field("token", &*token);
    for _ in 0..10 {
        let answer = server.connect_from("127.0.0.1").exchange(&again);
        assert_eq!(token_of(&answer), token);
    }
    assert_eq!(start_from(&server, "127.0.0.1", "keyOfNobody").status, 404);
    assert_eq!(start_from(&server, "127.0.0.1", "keyOfNobody").status, 429);
}

#[test]
fn a_projects_starts_are_limited_whatever_their_addresses() {
    let home = Home::with_projects(PROJECTS);
    let server = serve(&home, &[("limit_starts_project", "1/h burst 3")]);
    let statuses: Vec<u16> = (1..=6).map(|n| start_from(&server, &format!("127.0.0.{n}"), FIRST).status).collect();
    assert_eq!(statuses, [200, 200, 200, 429, 429, 429]);
    assert_eq!(start_from(&server, "127.0.0.1", SECOND).status, 200);
    assert_eq!(limited(&server, "starts_project", "refused"), 3.0);
    // Three sessions and a fourth of the other project: nothing of those that were refused.
    assert_eq!(server.metric("takeup_records_total"), 4.0);
}

#[test]
fn in_shadow_nobody_is_refused_and_everything_counted() {
    let home = Home::with_projects(PROJECTS);
    let server = serve(
        &home,
        &[("admission", "shadow"), ("limit_starts_address", "1/h burst 2"), ("limit_uploads_session", "1/h burst 3")],
    );
    let tokens: Vec<String> = (0..5).map(|_| token_of(&start_from(&server, "127.0.0.1", FIRST))).collect();
    assert_eq!(limited(&server, "starts_address", "would_refuse"), 3.0);
    let mut client = server.connect_from("127.0.0.1");
    for _ in 0..5 {
        assert_eq!(client.exchange(Request::batch(&tokens[0], b"a body")).status, 200);
    }
    assert_eq!(limited(&server, "uploads_session", "would_refuse"), 2.0);
    assert_eq!(server.metric("takeup_refusals_total{reason=\"rate_limited\"}"), 0.0);
    assert_eq!(server.metric("takeup_admitted_total"), 5.0);
    server.wait_for_line(&["a client is over its limit", "would_refuse"], PATIENCE);
}

#[test]
fn a_batch_that_is_a_little_early_is_held_and_not_refused() {
    let home = Home::new();
    let server = serve(&home, &[("limit_uploads_session", "2/s burst 2")]);
    let (token, other) = (home.token(7), home.token(8));
    let mut client = server.connect();
    let mut took = Vec::new();
    for _ in 0..4 {
        let began = Instant::now();
        assert_eq!(client.exchange(Request::batch(&token, b"a body")).status, 200);
        took.push(began.elapsed());
    }
    assert!(took[2] > Duration::from_millis(300) && took[3] > Duration::from_millis(300), "{took:?}");
    assert!(limited(&server, "uploads_session", "held") >= 2.0);
    let began = Instant::now();
    assert_eq!(server.connect().exchange(Request::batch(&other, b"a body")).status, 200);
    assert!(began.elapsed() < Duration::from_secs(2), "another session is not held");
    assert_eq!(server.metric("takeup_refusals_total{reason=\"rate_limited\"}"), 0.0);
}

#[test]
fn a_batch_far_over_its_limit_gets_a_429_and_never_a_401() {
    let home = Home::new();
    let server = serve(&home, &[("limit_bytes_session", "1/s burst 5000")]);
    let token = home.token(7);
    let mut client = server.connect();
    let body = vec![b'x'; 4000];
    assert_eq!(client.exchange(Request::batch(&token, &body)).status, 200);
    let refused = client.exchange(Request::batch(&token, &body));
    assert_refused(&refused, "too many bytes of this session, try again later");
    assert_eq!(client.exchange(Request::batch(&token, b"a few bytes")).status, 200);
    // A body that comes in chunks is charged for what it was.
    assert_eq!(client.exchange(Request::batch(&home.token(8), &body).chunked()).status, 200);
    assert_eq!(client.exchange(Request::batch(&home.token(8), &body)).status, 429);
    assert_eq!(home.stored().len(), 3);
}

/// The pauses of a tracker before it tries a refused batch again.
fn pauses() -> impl Iterator<Item = Duration> {
    (1..=10).map(|n| Duration::from_millis(250 * n))
}

#[test]
fn a_tracker_gets_through_before_it_gives_up_though_others_use_up_all_there_is() {
    let home = Home::new();
    let server = serve(&home, &[("limit_uploads_address", "1/s burst 1"), ("patience", "2s")]);
    let done = AtomicBool::new(false);
    let refused = thread::scope(|scope| {
        for client in 1..=4 {
            let tokens: Vec<String> = (0..1_000).map(|session| home.token(1_000 * client + session)).collect();
            let (server, done) = (&server, &done);
            scope.spawn(move || {
                let mut connection = server.connect();
                for token in tokens.iter().cycle() {
                    if done.load(Ordering::SeqCst) {
                        break;
                    }
                    let status = connection.exchange(Request::batch(token, b"flood")).status;
                    assert!(matches!(status, 200 | 429), "{status}");
                    thread::sleep(Duration::from_millis(2));
                }
            });
        }
        thread::sleep(Duration::from_millis(500));
        let mut tracker = server.connect();
        let request = Request::batch(&home.token(7), b"a tracker's batch");
        let mut refused = 0;
        let mut status = tracker.exchange(&request).status;
        for pause in pauses() {
            if status == 200 {
                break;
            }
            refused += 1;
            thread::sleep(pause);
            status = tracker.exchange(&request).status;
        }
        done.store(true, Ordering::SeqCst);
        assert_eq!(status, 200, "after {refused} refusals");
        refused
    });
    assert!(refused < 10, "{refused}");
    assert!(limited(&server, "uploads_address", "refused") > 100.0, "there was no flood");
}

#[test]
fn a_flood_of_addresses_does_not_make_the_server_forget_who_is_over_the_limit() {
    let home = Home::with_projects(PROJECTS);
    let server = serve(&home, &[("limit_starts_address", "1/h burst 3"), ("limit_entries_max", "8")]);
    for _ in 0..3 {
        assert_eq!(start_from(&server, "127.0.0.1", FIRST).status, 200);
    }
    assert_eq!(start_from(&server, "127.0.0.1", FIRST).status, 429);
    for n in 0..100 {
        assert_eq!(start_from(&server, &format!("127.0.1.{n}"), FIRST).status, 200, "{n}");
    }
    assert_eq!(start_from(&server, "127.0.0.1", FIRST).status, 429);
}

#[test]
fn a_project_that_takes_all_the_memory_it_can_leaves_enough_for_another() {
    let home = Home::with_projects(PROJECTS);
    let settings = [
        ("inflight_bytes_max", "1MiB"),
        ("beacon_size_limit", "100000"),
        ("json_size_limit", "100000"),
        ("patience", "4s"),
        ("body_grace", "60s"),
    ];
    let server = serve(&home, &settings);
    let tokens = [FIRST, SECOND].map(|key| server.start_session(key));
    // Thirty bodies that stop short of their end: each wants an eighth of the memory.
    let mut stalled: Vec<_> = (0..30).map(|_| server.connect()).collect();
    for client in &mut stalled {
        client.send(Request::batch_head(&tokens[0], 100_000));
        client.send(vec![b'x'; 90_000]);
    }
    wait_for("the flood to take its share", PATIENCE, || {
        (server.metric("takeup_buffer_bytes") > 600_000.0).then_some(())
    });
    // What was sent last has come by then, and waits.
    thread::sleep(Duration::from_millis(300));
    for n in 0..5 {
        let began = Instant::now();
        let answer = server.connect().exchange(Request::batch(&tokens[1], vec![b'y'; 100_000]));
        assert_eq!(answer.status, 200, "{n}: {}", answer.text());
        assert!(began.elapsed() < Duration::from_secs(2), "{n}: {:?}", began.elapsed());
    }
    // The budget, and 8 KiB for each connection.
    assert!(server.metric("takeup_buffer_bytes") < 1_400_000.0);
}

#[test]
fn two_projects_that_take_all_the_memory_they_can_leave_enough_for_a_third() {
    let home = Home::with_projects(PROJECTS);
    let settings = [
        ("inflight_bytes_max", "1MiB"),
        ("beacon_size_limit", "100000"),
        ("json_size_limit", "100000"),
        ("patience", "4s"),
        ("body_grace", "60s"),
    ];
    let server = serve(&home, &settings);
    let tokens = [FIRST, SECOND].map(|key| server.start_session(key));
    // Of one project, and of sessions that nobody knows.
    let mut stalled: Vec<_> = (0..40).map(|_| server.connect()).collect();
    for (n, client) in stalled.iter_mut().enumerate() {
        let token = if n % 2 == 0 { tokens[0].clone() } else { home.token(1_000 + n as u64) };
        client.send(Request::batch_head(&token, 100_000));
        client.send(vec![b'x'; 90_000]);
    }
    wait_for("the floods to take their shares", PATIENCE, || {
        (server.metric("takeup_requests_waiting") >= 30.0).then_some(())
    });
    for n in 0..5 {
        let began = Instant::now();
        let answer = server.connect().exchange(Request::batch(&tokens[1], vec![b'y'; 20_000]));
        assert_eq!(answer.status, 200, "{n}: {}", answer.text());
        assert!(began.elapsed() < Duration::from_secs(2), "{n}: {:?}", began.elapsed());
    }
}
