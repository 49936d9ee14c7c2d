//! Recent sessions on the admin port of a whole server, and who may see them.
#![allow(clippy::disallowed_methods, reason = "what would hurt a server is harmless in a test")]

mod common;

/// The files in `tests/sessions/`.
mod sessions {
    mod actions;
}

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use common::{Home, PATIENCE, Request, Server, fixtures, wait_for};

const SESSION: u64 = 2_691_351_900_602_760_960;
const CAPTURE: &str = "captures/19.0.1-journey.jsonl";

/// What a real tracker sent in this session.
fn uploads(token: &str) -> Vec<Request> {
    let text = fs::read_to_string(fixtures(CAPTURE)).expect("the captures are there");
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let are_stored = lines.filter(|line| {
        let path = line["target"].as_str().and_then(|target| target.split('?').next());
        matches!(path, Some("/v1/web/i" | "/v1/web/images"))
            && line["method"] == "POST"
            && line["answer"]["status"] == 200
    });
    let request = |line: Value| {
        let body = STANDARD.decode(line["body_b64"].as_str().expect("a body")).expect("base64");
        let request = Request::post(line["target"].as_str().expect("a target")).without("Host").body(&body);
        let headers: Vec<(String, String)> = serde_json::from_value(line["headers"].clone()).expect("pairs of texts");
        let request = headers.iter().fold(request.unframed(), |request, (name, value)| request.header(name, value));
        request.set("Authorization", &format!("Bearer {token}"))
    };
    are_stored.map(request).collect()
}

fn send(server: &Server, uploads: impl IntoIterator<Item = Request>) {
    for upload in uploads {
        let answer = server.connect().exchange(upload);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

/// An answer of the admin port, read line by line as it comes.
struct Answer {
    status: u16,
    head: String,
    lines: BufReader<TcpStream>,
}

impl Answer {
    /// The next line; `None` at the end, in whatever way it ends.
    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.lines.read_line(&mut line) {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(line.trim_end().to_owned()),
        }
    }

    /// The next line with anything in it.
    fn event(&mut self) -> Value {
        let end = Instant::now() + PATIENCE;
        while let Some(line) = self.line() {
            if !line.is_empty() {
                return serde_json::from_str(&line).expect("a line of JSON");
            }
            assert!(Instant::now() < end, "nothing but empty lines");
        }
        panic!("the answer ended");
    }

    fn rest(&mut self) -> Vec<Value> {
        let lines = std::iter::from_fn(|| self.line()).filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_str(&line).expect("a line of JSON")).collect()
    }
}

/// Asks the admin port as HTTP/1.0 does, which has no chunks.
fn ask_as(admin: SocketAddr, method: &str, target: &str, headers: &str) -> Answer {
    let mut stream = TcpStream::connect(admin).expect("the admin port listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.write_all(format!("{method} {target} HTTP/1.0\r\n{headers}\r\n").as_bytes()).expect("it takes requests");
    let mut lines = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(lines.read_line(&mut head).expect("an answer"), 0, "{head}");
    }
    let status = head.get(9..12).and_then(|status| status.parse().ok()).expect("a status");
    Answer { status, head, lines }
}

fn ask(admin: SocketAddr, target: &str) -> Answer {
    ask_as(admin, "GET", target, &format!("Host: localhost:{}\r\n", admin.port()))
}

fn json(admin: SocketAddr, target: &str) -> Value {
    let mut answer = ask(admin, target);
    assert_eq!(answer.status, 200, "{}", answer.head);
    answer.rest().pop().expect("a body")
}

fn listed(server: &Server, query: &str) -> Vec<Value> {
    json(server.admin, &format!("/api/sessions{query}"))["sessions"].as_array().expect("a list").clone()
}

fn path(rest: &str) -> String {
    format!("/api/sessions/{SESSION}{rest}")
}

#[test]
fn a_session_is_listed_while_it_is_recorded_and_plays_as_it_is_exported() {
    let home = Home::new();
    let server = home.serve(&[]);
    assert_eq!(listed(&server, ""), Vec::<Value>::new());
    send(&server, uploads(&home.token(SESSION)));

    let batches = uploads("").len() as u64;
    let session = wait_for("the session in the list, whole", PATIENCE, || {
        listed(&server, "").pop().filter(|session| session["batches"] == batches)
    });
    assert_eq!(session["session"], SESSION.to_string());
    assert_eq!(session["live"], true);
    assert_eq!(session["errors"].as_u64().map(|errors| errors > 0), Some(true), "{session}");
    assert_eq!(session["sampled"], false);
    let pages = session["pages"].to_string();
    assert!(pages.contains("http://shop.localhost"), "{pages}");
    for (query, count) in
        [("?live=1&errors=1&page=SHOP", 1), ("?page=elsewhere", 0), ("?project=77", 0), ("?user=nobody", 0)]
    {
        assert_eq!(listed(&server, query).len(), count, "{query}");
    }
    let known = json(server.admin, &path(""));
    assert_eq!((&known["session"], &known["pages"]), (&session["session"], &session["pages"]));

    for (asked, exported) in [
        ("/events", &["--rrweb"][..]),
        ("/events?assets=1", &["--rrweb", "--assets"]),
        ("/events?soon=1", &["--rrweb"]),
        ("/timeline", &["--timeline", "json"]),
    ] {
        let mut answer = ask(server.admin, &path(asked));
        assert_eq!(answer.status, 200, "{}", answer.head);
        let shown = answer.rest();
        let ran = home.takeup(&[&["export", &SESSION.to_string()], exported].concat());
        let exported = match asked {
            "/timeline" => ran.lines(),
            _ => serde_json::from_str(&ran.stdout).expect("an array"),
        };
        assert!(shown.len() > 10 && shown == exported, "{asked}: {} and {}", shown.len(), exported.len());
    }
    assert_eq!(ask(server.admin, "/api/sessions/17/events").status, 404);
    assert_eq!(ask(server.admin, "/api/sessions/x/events").status, 404);
    server.stop();
}

#[test]
fn a_session_that_has_just_begun_is_known_to_be_live() {
    let home = Home::new();
    let server = home.serve(&[]);
    for session in SESSION..SESSION + 5 {
        send(&server, uploads(&home.token(session)).into_iter().take(1));
        let known = json(server.admin, &format!("/api/sessions/{session}"));
        assert_eq!((&known["live"], known["batches"].as_u64()), (&Value::Bool(true), Some(1)), "{known}");
    }
    server.stop();
}

#[test]
fn what_is_asked_wrongly_is_refused_and_not_passed_over() {
    let home = Home::new();
    let server = home.serve(&[]);
    send(&server, uploads(&home.token(SESSION)));
    let of_session =
        ["?follow=yes", "/events?soon=true", "/events?colour=1", "/timeline?soon=1", "/events?kept=1&kept=0"];
    let others = ["sessions?errors=true", "sessions?live=yes", "sessions?colour=red", "sessions?limit=0", "status?x=1"];
    let others = others.into_iter().chain(["stream?x=1", "changes?of=sessions"]).map(|rest| format!("/api/{rest}"));
    for target in of_session.map(path).into_iter().chain(others) {
        let mut answer = ask(server.admin, &target);
        assert_eq!(answer.status, 400, "{target}: {}", answer.head);
        assert!(answer.rest()[0]["error"].is_string(), "{target}");
    }
    server.stop();
}

#[test]
fn who_looks_at_the_list_is_told_within_a_second_and_while_nothing_is_new_nothing() {
    let home = Home::new();
    let server = home.serve(&[]);
    let changes = || ask(server.admin, "/api/changes");
    let mut following = changes();
    assert_eq!(following.status, 200, "{}", following.head);
    assert!(following.head.contains("content-type: text/event-stream"), "{}", following.head);
    let patience = |answer: &Answer, time| answer.lines.get_ref().set_read_timeout(Some(time)).expect("a timeout");
    let told = |answer: &mut Answer| std::iter::from_fn(|| answer.line()).find(|line| line.starts_with("data: "));
    assert!(told(&mut following).is_some(), "where the numbers are");
    // The beginning of the log has been found by now.
    patience(&following, Duration::from_millis(1500));
    while told(&mut following).is_some() {}

    patience(&following, PATIENCE);
    let sent = uploads(&home.token(SESSION));
    let batches = sent.len() as u64;
    let began = Instant::now();
    send(&server, sent.into_iter().take(1));
    let line = told(&mut following).expect("what is new");
    // For busy machines; it is a second on others.
    assert!(began.elapsed() < Duration::from_secs(3), "{line} after {:?}", began.elapsed());
    assert_eq!(listed(&server, "").len(), 1, "{line}");

    send(&server, uploads(&home.token(SESSION)).into_iter().skip(1));
    patience(&following, Duration::from_secs(2));
    let count = std::iter::from_fn(|| told(&mut following)).count();
    assert!((1..=6).contains(&count), "{count} events for {batches} batches");
    assert!(listed(&server, "")[0]["batches"].as_u64() > Some(1), "all were there before the silence");

    let others: Vec<Answer> = std::iter::repeat_with(changes).take(23).collect();
    assert!(others.iter().all(|answer| answer.status == 200));
    assert_eq!(changes().status, 503);
    drop(others);
    wait_for("room for another one", PATIENCE, || Some(changes()).filter(|answer| answer.status == 200));
    server.stop();
}

#[test]
fn who_follows_a_session_gets_what_is_sent_later_and_a_stop_does_not_wait_for_them() {
    let home = Home::new();
    let server = home.serve(&[]);
    let mut uploads = uploads(&home.token(SESSION));
    let later = uploads.split_off(uploads.len() / 2);
    send(&server, uploads);
    let mut answer = ask(server.admin, &path("/events?follow=1"));
    assert_eq!(answer.status, 200, "{}", answer.head);
    let first = answer.event();
    // Behind everything that was there, an empty line shows that the server still is.
    let mut last = first.clone();
    while let Some(line) = answer.line().filter(|line| !line.is_empty()) {
        last = serde_json::from_str(&line).expect("a line of JSON");
    }
    send(&server, later);
    let next = answer.event();
    assert!(next["timestamp"].as_i64() >= last["timestamp"].as_i64(), "{next}");
    let mut status = ask(server.admin, "/api/stream");
    let line = wait_for("the status", PATIENCE, || status.line().filter(|line| line.starts_with("data: {")));
    let status_of = serde_json::from_str::<Value>(&line["data: ".len()..]).expect("JSON");
    assert_eq!((&status_of["ready"], &status_of["numbers"]["takeup_log_lost_records"]), (&true.into(), &0.0.into()));
    server.stop();
}

#[test]
fn an_erased_session_is_gone_from_the_list_and_from_those_who_watch() {
    let home = Home::new();
    let server = home.serve(&[]);
    send(&server, uploads(&home.token(SESSION)));
    wait_for("the session in the list", PATIENCE, || listed(&server, "").pop());
    let mut watching = ask(server.admin, &path("/events?follow=1"));
    watching.event();
    let admin = server.admin.to_string();
    let erased = home.takeup(&["erase", "--yes", "--json", "--admin", &admin, "--session", &SESSION.to_string()]);
    assert_eq!(erased.code, Some(0), "{erased:?}");
    assert_eq!(listed(&server, ""), Vec::<Value>::new());
    assert_eq!(ask(server.admin, &path("/events")).status, 404);
    // The answer ends instead of going on with what is erased.
    let end = Instant::now() + PATIENCE;
    while watching.line().is_some() {
        assert!(Instant::now() < end, "it goes on");
    }
    server.stop();
}

#[test]
fn who_watches_goes_on_when_another_session_is_erased() {
    const OTHER: u64 = SESSION + 16;
    let home = Home::new();
    let server = home.serve(&[]);
    send(&server, uploads(&home.token(OTHER)));
    let mut uploads = uploads(&home.token(SESSION));
    let later = uploads.split_off(uploads.len() / 2);
    send(&server, uploads);
    wait_for("both sessions in the list", PATIENCE, || Some(listed(&server, "")).filter(|listed| listed.len() == 2));
    let mut watching = ask(server.admin, &path("/events?follow=1"));
    let mut of_other = ask(server.admin, &format!("/api/sessions/{OTHER}/events?follow=1"));
    of_other.event();
    while watching.line().is_some_and(|line| !line.is_empty()) {}
    let admin = server.admin.to_string();
    let erased = home.takeup(&["erase", "--yes", "--json", "--admin", &admin, "--session", &OTHER.to_string()]);
    assert_eq!(erased.code, Some(0), "{erased:?}");
    let end = Instant::now() + PATIENCE;
    while of_other.line().is_some() {
        assert!(Instant::now() < end, "what is erased goes on");
    }
    send(&server, later);
    let shown = std::iter::from_fn(|| watching.line()).filter(|line| !line.is_empty()).take(20);
    assert_eq!(shown.count(), 20, "the other one goes on");
    server.stop();
}

#[test]
fn a_part_of_a_session_begins_with_a_snapshot_and_tells_how_long_the_whole_is() {
    let home = Home::new();
    let server = home.serve(&[]);
    send(&server, uploads(&home.token(SESSION)));
    let at = |event: &Value| event["timestamp"].as_i64().expect("a time");
    let is_told = |event: &&Value| event["type"] == 5 && event["data"]["tag"] != "span";
    let all = ask(server.admin, &path("/events")).rest();
    let (first_ms, last_ms) = (at(&all[0]), at(all.last().expect("events")));
    let half_ms = (last_ms - first_ms) / 2;
    for (asked, from_ms) in [(half_ms, half_ms), (0, 0), (last_ms, last_ms), (-last_ms, 0)] {
        let part = ask(server.admin, &path(&format!("/events?soon=1&from={asked}"))).rest();
        let spans: Vec<&Value> = part.iter().filter(|event| event["data"]["tag"] == "span").collect();
        let told = &spans.last().expect("the span")["data"]["payload"];
        assert_eq!(part[0]["data"]["tag"], "span");
        assert_eq!((told["from"].as_i64(), told["to"].as_i64()), (Some(first_ms), Some(last_ms)), "{asked}");
        let expected: Vec<&Value> =
            all.iter().filter(is_told).filter(|event| at(event) >= first_ms + from_ms).collect();
        // Before its snapshot a part names the tabs.
        let (named, shown): (Vec<&Value>, Vec<&Value>) = part
            .iter()
            .filter(is_told)
            .partition(|event| event["data"]["tag"] == "tab" && at(event) < first_ms.saturating_add(from_ms));
        assert_eq!(named.len(), if from_ms == 0 { 0 } else { 2 }, "{asked}: {named:?}");
        assert!(shown == expected, "{asked}");
        let picture: Vec<&Value> = part.iter().filter(|event| event["type"] == 2).collect();
        assert!(!picture.is_empty() && at(picture[0]) <= first_ms.saturating_add(from_ms).min(last_ms), "{asked}");
    }
    let from_the_end = ask(server.admin, &path("/events?from=-1")).rest();
    assert!(from_the_end.iter().any(|event| event["type"] == 2) && from_the_end.len() < all.len() / 2);
    assert_eq!(ask(server.admin, &path("/events?from=soon")).status, 400);
    server.stop();
}

#[test]
fn an_answer_that_cannot_go_on_says_why() {
    let home = Home::new();
    let server = home.serve(&[]);
    send(&server, uploads(&home.token(SESSION)));
    // A batch of a page with another number, and 16 MiB of which nothing is known.
    let batch = [&[81, 1, 2, 0, 0, 0][..], &vec![0; 24 << 20]].concat();
    let batch = common::gzip(&batch);
    for number in 0..48 {
        let token = home.token(SESSION);
        let target = format!("/v1/web/i?batch=9_{number}");
        let request = Request::post(&target).body(&batch).header("Content-Encoding", "gzip");
        send(&server, [request.header("Authorization", &format!("Bearer {token}"))]);
    }
    for (target, path_of_why) in [("/events", "/data/payload/why"), ("/timeline", "/text")] {
        let mut answer = ask(server.admin, &path(target));
        let last = answer.rest().pop().expect("a last line");
        let why = last.pointer(path_of_why).and_then(Value::as_str);
        assert_eq!(why, Some("the session takes more than a file for temporary data may"), "{last}");
    }
    server.stop();
}

#[test]
fn an_erasure_is_complete_although_somebody_who_watches_comes_back_at_once() {
    const OTHER: u64 = SESSION + 16;
    let home = Home::new();
    let server = home.serve(&[]);
    for session in [SESSION, OTHER] {
        send(&server, uploads(&home.token(session)));
    }
    wait_for("both sessions in the list", PATIENCE, || Some(listed(&server, "")).filter(|listed| listed.len() == 2));
    let admin = server.admin;
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let mut times = 0;
            while !stop.load(Ordering::Relaxed) {
                let mut answer = ask(admin, &format!("/api/sessions/{OTHER}/events?follow=1"));
                while answer.line().is_some() {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                }
                times += 1;
            }
            times
        });
        let admin = admin.to_string();
        let erased = home.takeup(&["erase", "--yes", "--json", "--admin", &admin, "--session", &OTHER.to_string()]);
        stop.store(true, Ordering::Relaxed);
        assert_eq!(erased.code, Some(0), "{erased:?}");
        assert!(watching.join().expect("it watches") > 1, "it was cut off and came back");
        assert_eq!(ask(server.admin, &format!("/api/sessions/{OTHER}/events")).status, 404);
    });
    server.stop();
}

#[test]
fn more_than_a_few_do_not_watch_at_once_and_who_goes_makes_room() {
    let home = Home::new();
    let server = home.serve(&[]);
    send(&server, uploads(&home.token(SESSION)));
    let watch = || ask(server.admin, &path("/events?follow=1"));
    let mut watching: Vec<Answer> = std::iter::repeat_with(watch).take(12).collect();
    assert!(watching.iter().all(|answer| answer.status == 200));
    assert_eq!(watch().status, 503);
    assert_eq!(server.admin_page("/health/live").status, 200);
    watching.pop();
    wait_for("room for another one", PATIENCE, || Some(watch()).filter(|answer| answer.status == 200));
    server.stop();
}

#[test]
fn recordings_are_shown_to_no_other_site_and_under_no_other_name() {
    let home = Home::new();
    let server = home.serve(&[]);
    send(&server, uploads(&home.token(SESSION)));
    let ours = format!("Host: 127.0.0.1:{}\r\n", server.admin.port());
    let targets = [
        "/api/sessions",
        &path(""),
        &path("/events"),
        &path("/timeline"),
        "/api/status",
        "/api/stream",
        "/api/changes",
    ];
    for target in targets {
        for headers in [
            "Host: evil.example\r\n".to_owned(),
            String::new(),
            format!("{ours}Sec-Fetch-Site: cross-site\r\n"),
            format!("{ours}Sec-Fetch-Site: same-site\r\n"),
            format!("{ours}Origin: http://evil.example\r\n"),
            format!("{ours}X-Forwarded-For: 192.0.2.1\r\n"),
        ] {
            let answer = ask_as(server.admin, "GET", target, &headers);
            assert_eq!(answer.status, 403, "{target} {headers}: {}", answer.head);
            assert!(!answer.head.to_lowercase().contains("access-control"), "{}", answer.head);
        }
    }
    for target in ["/", "/page/main.js", &format!("/play/{SESSION}"), "/player/main.js"] {
        assert_eq!(ask_as(server.admin, "GET", target, "Host: evil.example\r\n").status, 403, "{target}");
        let answer = ask(server.admin, target);
        assert_eq!(answer.status, 200, "{target}");
        for header in ["content-security-policy: default-src 'none'", "nosniff", "no-referrer", "no-store"] {
            assert!(answer.head.contains(header), "{target}: no {header} in {}", answer.head);
        }
    }
    // A change needs the token, which is not set, from a page of this port too.
    let page = format!("{ours}X-Takeup-Admin: 1\r\nOrigin: http://127.0.0.1:{}\r\n", server.admin.port());
    assert_eq!(ask_as(server.admin, "POST", "/api/actions/reopen", &page).status, 403);
    server.stop();
}

#[test]
fn beyond_loopback_recordings_are_shown_to_those_with_the_token_alone() {
    const TOKEN: &str = "a token of more than sixteen characters";
    let home = Home::new();
    let environment = [("TAKEUP_LISTEN", "127.0.0.1:0"), ("TAKEUP_ADMIN", "0.0.0.0:0"), ("TAKEUP_CORES", "1")];
    let server = home.serve_from_environment(&environment);
    let mut answer = ask(server.admin, "/api/sessions");
    assert_eq!(answer.status, 403);
    let text = answer.rest().remove(0)["error"].to_string();
    assert!(text.contains("set admin_token"), "{text}");
    server.stop();

    let server = home.serve_from_environment(&[&environment[..], &[("TAKEUP_ADMIN_TOKEN", TOKEN)]].concat());
    let host = format!("Host: localhost:{}\r\n", server.admin.port());
    let get = |headers: &str| ask_as(server.admin, "GET", "/api/sessions", &format!("{host}{headers}")).status;
    assert_eq!(get(""), 401);
    assert_eq!(get("Authorization: Bearer something else entirely\r\n"), 401);
    assert_eq!(get(&format!("Authorization: Bearer {TOKEN}\r\n")), 200);
    let bearer = format!("{host}Authorization: Bearer {TOKEN}\r\n");
    let answer = ask_as(server.admin, "POST", "/api/login", &bearer);
    assert_eq!(answer.status, 204, "{}", answer.head);
    let cookie = answer.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect("a cookie").to_owned();
    assert!(cookie.contains("HttpOnly; SameSite=Strict"), "{cookie}");
    let cookie = cookie.split(';').next().expect("a pair");
    assert_eq!(get(&format!("Cookie: {cookie}\r\n")), 200);
    let wrong = ask_as(server.admin, "POST", "/api/login", &format!("{host}Authorization: Bearer x\r\n"));
    assert_eq!(wrong.status, 401);
    // What is for programs and probes is as open as it was.
    assert_eq!(server.admin_page("/health/ready").status, 200);
    let reopened = ask_as(server.admin, "POST", "/api/actions/reopen", &format!("{bearer}X-Takeup-Admin: 1\r\n"));
    assert_eq!(reopened.status, 200, "{}", reopened.head);
    let said = server.said();
    assert!(!said.contains(TOKEN), "{said}");
    server.stop();
}

#[test]
fn the_start_message_says_where_sessions_are_to_be_seen() {
    let home = Home::new();
    let server = home.serve(&[]);
    let line = format!("watch sessions at http://127.0.0.1:{}/\n", server.admin.port());
    wait_for("the address of the page", Duration::from_secs(5), || server.stderr().contains(&line).then_some(()));
    server.stop();
}
