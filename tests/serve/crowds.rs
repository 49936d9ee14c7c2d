//! Crowds of connections that say nothing, or never a whole request.

use std::time::Duration;

use super::resources::raise_descriptors;
use crate::common::{Connection, Home, Request, Server, wait_for};

const ROOT: &str = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";

/// Deadlines that nobody waits for here.
const SETTINGS: &[(&str, &str)] = &[("connections_max", "100"), ("head_timeout", "5m"), ("body_grace", "5m")];

fn evicted(server: &Server, kind: &str) -> f64 {
    server.metric(&format!("takeup_connections_evicted_total{{kind=\"{kind}\"}}"))
}

/// Connections that send this and nothing more.
fn crowd(server: &Server, count: usize, says: &str) -> Vec<Connection> {
    let connect = |_| {
        let mut client = server.connect();
        // One that has gone already may say so.
        let _ = client.try_send(says);
        client
    };
    (0..count).map(connect).collect()
}

/// Connects a crowd far beyond the cap and the room for those that wait, and demands that who speaks is served: those who were there before, and new
/// ones.
fn those_who_speak_are_served_beside(says: &str, kind: &str) {
    raise_descriptors();
    let home = Home::new();
    let server = home.serve(SETTINGS);
    let mut old: Vec<Connection> = (0..60).map(|_| server.connect()).collect();
    for client in &mut old {
        assert_eq!(client.exchange(ROOT).status, 200);
    }
    let _crowd = crowd(&server, 900, says);
    let request = Request::batch(&home.token(7), b"a body");
    for number in 0..20 {
        let answer = server.connect().exchange(&request);
        assert_eq!(answer.status, 200, "newcomer {number}: {}", answer.text());
    }
    let _more = crowd(&server, 100, says);
    for (number, client) in old.iter_mut().enumerate() {
        assert_eq!(client.exchange(&request).status, 200, "{number}, who had spoken before");
    }
    assert!(evicted(&server, kind) >= 500.0, "{} went", evicted(&server, kind));
    assert_eq!(evicted(&server, "idle"), 0.0);
    wait_for("the connections to be few", Duration::from_secs(10), || {
        (server.metric("takeup_connections_open") <= 356.0).then_some(())
    });
    assert_eq!(home.stored().len(), 80);
}

#[test]
fn a_silent_crowd_does_not_shut_the_door() {
    those_who_speak_are_served_beside("", "silent");
}

#[test]
fn a_crowd_of_half_heads_does_not_shut_the_door() {
    those_who_speak_are_served_beside("POST /v1/web/i HTTP/1.1\r\nHo", "head");
}

#[test]
fn a_crowd_without_proxy_headers_does_not_shut_the_door() {
    raise_descriptors();
    let home = Home::new();
    let settings = [SETTINGS, &[("proxy_protocol", "on"), ("trusted_proxies", "127.0.0.0/8")]].concat();
    let server = home.serve(&settings);
    let header = "PROXY TCP4 192.0.2.7 192.0.2.8 4711 80\r\n";
    let mut old = server.connect();
    assert_eq!(old.exchange([header, ROOT].concat()).status, 200);
    let _crowd = crowd(&server, 450, "");
    let _others = crowd(&server, 450, "PROXY TCP4 192.0");
    for number in 0..20 {
        assert_eq!(server.connect().exchange([header, ROOT].concat()).status, 200, "newcomer {number}");
    }
    assert_eq!(old.exchange(ROOT).status, 200);
    assert!(evicted(&server, "silent") >= 500.0);
}

#[test]
fn who_has_said_nothing_takes_nobodys_place() {
    let home = Home::new();
    let server = home.serve(&[("connections_max", "3"), ("head_timeout", "5m")]);
    let mut old: Vec<Connection> = (0..3).map(|_| server.connect()).collect();
    old.iter_mut().for_each(|client| assert_eq!(client.exchange(ROOT).status, 200));
    let mut crowd = crowd(&server, 50, "");
    std::thread::sleep(Duration::from_millis(300));
    old.iter_mut().for_each(|client| assert_eq!(client.exchange(ROOT).status, 200));
    assert_eq!(evicted(&server, "idle"), 0.0);
    // A request does: that of one between two requests, as nobody silent has one.
    let speaker = crowd.last_mut().expect("the last");
    assert_eq!(speaker.exchange(ROOT).status, 200);
    assert_eq!(evicted(&server, "idle"), 1.0);
}
