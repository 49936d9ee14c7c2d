//! Whose word counts for a client's address: what proxies say in fields of a request, and in PROXY headers.

use std::time::{Duration, Instant};

use crate::common::{Connection, Home, PATIENCE, Request, Response, Server};

/// One session for each client, so that who is a client can be seen.
const ONE_EACH: [(&str, &str); 2] = [("admission", "on"), ("limit_starts_address", "1/h burst 1")];

fn serve(home: &Home, settings: &[(&str, &str)]) -> Server {
    home.serve(&[&ONE_EACH[..], settings].concat())
}

fn start_with(home: &Home, fields: &str) -> Request {
    Request::start(&home.project_key()).headers(fields.lines())
}

fn status(server: &Server, home: &Home, fields: &str) -> u16 {
    server.connect().exchange(start_with(home, fields)).status
}

#[test]
fn what_an_untrusted_peer_says_of_its_address_is_not_heard() {
    let home = Home::new();
    let server = serve(&home, &[("trusted_proxies", "203.0.113.0/24")]);
    assert_eq!(status(&server, &home, "X-Forwarded-For: 81.2.69.1\r\n"), 200);
    for (n, field) in ["X-Forwarded-For: 81.2.69", "X-Real-Ip: 81.2.69", "Forwarded: for=81.2.69"].iter().enumerate() {
        assert_eq!(status(&server, &home, &format!("{field}.{}\r\n", n + 2)), 429, "{field}");
    }
    assert_eq!(server.connect_from("127.0.0.2").exchange(start_with(&home, "")).status, 200);
}

#[test]
fn behind_a_trusted_proxy_the_client_is_the_last_address_that_is_not_a_proxys() {
    let home = Home::new();
    let server = serve(&home, &[]);
    for (fields, expected) in [
        ("X-Forwarded-For: 81.2.69.1\r\n", 200),
        ("X-Forwarded-For: 81.2.69.1\r\n", 429),
        ("X-Forwarded-For: 6.6.6.6, 81.2.69.1\r\n", 429),
        ("X-Forwarded-For: 6.6.6.7\r\nX-Forwarded-For: 81.2.69.1, 10.0.0.1\r\n", 429),
        ("X-Forwarded-For: 81.2.69.2\r\n", 200),
        ("X-Real-Ip: 81.2.69.1\r\n", 429),
        ("X-Real-Ip: 81.2.69.3\r\n", 200),
        ("Forwarded: for=\"[2001:db8::1]:4711\";proto=https\r\n", 200),
        ("Forwarded: for=6.6.6.8, for=\"[2001:db8:0:0:9::9]\", for=_hidden\r\n", 429),
        ("Forwarded: for=81.2.69.4\r\nX-Real-Ip: 81.2.69.3\r\n", 429),
        ("", 200),
        ("", 429),
    ] {
        assert_eq!(status(&server, &home, fields), expected, "{fields}");
    }
}

#[test]
fn a_proxys_connection_speaks_for_one_client_after_the_other() {
    let home = Home::new();
    let server = serve(&home, &[]);
    let mut proxy = server.connect();
    for (client, expected) in [(1, 200), (1, 429), (2, 200), (1, 429), (2, 429), (3, 200), (3, 429), (1, 429)] {
        let fields = format!("X-Forwarded-For: 81.2.69.{client}");
        assert_eq!(proxy.exchange(start_with(&home, &fields)).status, expected, "{fields}");
    }
}

#[test]
fn everybody_is_believed_where_the_operator_says_so() {
    let home = Home::new();
    let server = serve(&home, &[("trusted_proxies", "all")]);
    for n in 0..5 {
        assert_eq!(status(&server, &home, &format!("X-Forwarded-For: 81.2.69.{n}, 81.2.70.1\r\n")), 200);
    }
    let said = home.serve_in_vain(&["--set", "trusted_proxies=10.0.0.0/99"]).stderr;
    assert!(said.contains("trusted_proxies") && said.contains("10.0.0.0/99"), "{said}");
}

/// A header of version 2 for a client.
fn v2(client: [u8; 4], more: &[u8]) -> Vec<u8> {
    let length = (12 + more.len() as u16).to_be_bytes();
    [b"\r\n\r\n\0\r\nQUIT\n\x21\x11", &length[..], &client, &[10, 0, 0, 1, 0x12, 0x34, 0, 80], more].concat()
}

fn v1(client: &str) -> Vec<u8> {
    format!("PROXY TCP4 {client} 10.0.0.1 4711 80\r\n").into_bytes()
}

fn start_behind(server: &Server, home: &Home, header: &[u8]) -> Response {
    server.connect().exchange([header, &start_with(home, "").bytes()].concat())
}

const PROXY_ON: (&str, &str) = ("proxy_protocol", "on");

#[test]
fn a_proxy_header_names_the_client_of_all_requests_of_its_connection() {
    let home = Home::new();
    let server = serve(&home, &[PROXY_ON]);
    let mut first = server.connect();
    first.send(v1("81.2.69.1"));
    assert_eq!(first.exchange(start_with(&home, "")).status, 200);
    assert_eq!(first.exchange(start_with(&home, "")).status, 429);
    assert_eq!(first.exchange(Request::get("/")).status, 200);
    assert_eq!(start_behind(&server, &home, &v2([81, 2, 69, 1], b"")).status, 429);
    assert_eq!(
        start_behind(&server, &home, &v2([81, 2, 69, 2], &[[4, 1, 0].as_slice(), &[7; 256]].concat())).status,
        200
    );
    // A public client is nobody who may name others; a proxy that is named may.
    let spoofed = start_with(&home, "X-Forwarded-For: 81.2.69.9\r\n").bytes();
    assert_eq!(server.connect().exchange([&v1("81.2.69.1")[..], &spoofed].concat()).status, 429);
    assert_eq!(server.connect().exchange([&v1("10.9.9.9")[..], &spoofed].concat()).status, 200);
    // Proxies that speak for themselves keep their address.
    assert_eq!(start_behind(&server, &home, b"PROXY UNKNOWN\r\n").status, 200);
    assert_eq!(start_behind(&server, &home, b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0").status, 429);
}

#[test]
fn a_proxy_header_may_come_byte_by_byte() {
    let home = Home::new();
    let server = serve(&home, &[PROXY_ON]);
    for header in [v1("81.2.69.1"), v2([81, 2, 69, 2], &[4, 0, 5, 1, 2, 3, 4, 5])] {
        let mut client = server.connect();
        for byte in header.iter().chain(&start_with(&home, "").bytes()) {
            client.send([*byte]);
        }
        assert_eq!(client.read().status, 200);
    }
}

/// Demands that the server closes without a word.
fn expect_closed(mut client: Connection) {
    match client.try_read() {
        Err(_) => {}
        Ok(answer) => panic!("an answer came: {}", answer.text()),
    }
}

#[test]
fn without_a_good_header_a_connection_is_closed_counted_and_told_of() {
    let home = Home::new();
    let server = serve(&home, &[PROXY_ON, ("head_timeout", "400ms")]);
    let refused = |reason: &str| server.metric(&format!("takeup_refusals_total{{reason=\"{reason}\"}}"));
    for bytes in [&b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"[..], b"PROXY TCP4 1.2.3.4\r\n", b"PROXY UNKNOWN ffff"] {
        let mut client = server.connect();
        client.send(bytes);
        client.end_sending();
        expect_closed(client);
    }
    assert_eq!(refused("proxy_header"), 3.0);
    server.wait_for_line(&["a connection was closed", "does not begin with a PROXY header", "127.0.0.1"], PATIENCE);

    let mut slow = server.connect();
    let began = Instant::now();
    slow.send("PROXY TCP4 ");
    expect_closed(slow);
    assert!(began.elapsed() > Duration::from_millis(300), "{:?}", began.elapsed());
    assert_eq!(refused("head_timeout"), 1.0);

    // A balancer looks whether somebody is there.
    let mut probe = server.connect();
    probe.end_sending();
    expect_closed(probe);
    assert_eq!((refused("proxy_header"), refused("framing")), (3.0, 0.0));
    assert_eq!(start_behind(&server, &home, &v1("81.2.69.1")).status, 200);
    server.stop();
}

#[test]
fn a_header_of_somebody_who_is_not_trusted_closes_the_connection() {
    let home = Home::new();
    let server = serve(&home, &[PROXY_ON, ("trusted_proxies", "127.0.0.7")]);
    let mut stranger = server.connect();
    let _ = stranger.try_send(v1("81.2.69.1"));
    expect_closed(stranger);
    assert_eq!(server.metric("takeup_refusals_total{reason=\"proxy_peer\"}"), 1.0);
    let mut proxy = server.connect_from("127.0.0.7");
    assert_eq!(proxy.exchange([&v1("81.2.69.1")[..], &start_with(&home, "").bytes()].concat()).status, 200);
}

#[test]
fn without_the_setting_a_proxy_header_is_no_request() {
    let home = Home::new();
    let server = serve(&home, &[]);
    let answer = start_behind(&server, &home, &v1("81.2.69.1"));
    assert_eq!((answer.status, answer.closes()), (400, true), "{}", answer.text());
}
