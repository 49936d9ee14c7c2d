//! `takeup top`, beside a real server.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::common::{Home, Request};

#[test]
fn top_shows_what_a_server_does_without_a_terminal() {
    let home = Home::new();
    let server = home.serve(&[("cores", "2")]);
    let token = server.start_session(&home.project_key());
    let admin = server.admin.to_string();
    let is_over = AtomicBool::new(false);
    let ran = thread::scope(|scope| {
        scope.spawn(|| {
            let mut client = server.connect();
            while !is_over.load(Ordering::Relaxed) {
                assert_eq!(client.exchange(Request::batch(&token, "a batch")).status, 200);
                let refused = client.exchange(Request::batch("no token", "a batch"));
                assert_eq!(refused.status, 401);
            }
        });
        let ran = home.takeup(&["top", "--once", "--admin", &admin]);
        is_over.store(true, Ordering::Relaxed);
        ran
    });
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let line = |title: &str| {
        let found = ran.stdout.lines().find(|line| line.starts_with(title));
        found.unwrap_or_else(|| panic!("no {title} in\n{}", ran.stdout)).to_owned()
    };
    assert!(line("takeup ").contains(&format!("healthy   {admin}   up ")), "{}", ran.stdout);
    let rate = line("REQUESTS")
        .split_whitespace()
        .nth(1)
        .and_then(|rate| rate.strip_suffix("/s")?.replace(',', "").parse().ok());
    assert!(rate.is_some_and(|rate: f64| rate > 0.0), "{}", ran.stdout);
    for (title, text) in [
        ("LATENCY", "p99"),
        ("COMMIT", "sync p99"),
        ("GROUPS", "records each"),
        ("DISK", "free"),
        ("CORES", " %"),
        ("REFUSED", "token_format"),
        ("COURIERS", "records stay in the log"),
    ] {
        assert!(line(title).contains(text), "{title}: no {text} in\n{}", ran.stdout);
    }
    assert!(!ran.stdout.contains('\u{1b}'));
}

#[test]
fn top_says_when_nobody_answers_and_when_there_is_no_terminal() {
    let home = Home::new();
    let server = home.serve(&[]);
    let admin = server.admin.to_string();
    let ran = home.takeup(&["top", "--admin", &admin]);
    assert_ne!(ran.code, Some(0));
    assert!(ran.stderr.contains("--once prints the numbers of one second as text"), "{}", ran.stderr);
    server.stop();
    let ran = home.takeup(&["top", "--once", "--admin", &admin]);
    assert_ne!(ran.code, Some(0));
    assert!(ran.stderr.contains(&format!("no server answers on its admin port {admin}")), "{}", ran.stderr);
}
