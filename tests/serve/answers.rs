//! Status, headers and routes of single answers.

use std::time::Duration;

use crate::common::{Answer, Client, Home, Server, batch, batch_request, start_request};

/// A request for every answer that a head alone decides, with its status.
fn requests(home: &Home) -> Vec<(u16, Vec<u8>)> {
    let (token, key) = (home.token(7), home.project_key());
    let long = format!("GET /{} HTTP/1.1\r\nHost: test\r\n\r\n", "x".repeat(9_000));
    let large = format!("GET / HTTP/1.1\r\nHost: test\r\nX: {}\r\n\r\n", "x".repeat(17_000));
    let plain = |request: &str| format!("{request}\r\nHost: test\r\n\r\n").into_bytes();
    vec![
        (200, plain("GET / HTTP/1.1")),
        (200, plain("OPTIONS /v1/web/i HTTP/1.1")),
        (200, batch_request(&token, b"a body")),
        (200, start_request(&key).into_bytes()),
        (301, plain("GET /v1/./web/i HTTP/1.1")),
        (400, b"no request at all\r\n\r\n".to_vec()),
        (400, plain("GET / HTTP/1.1\r\nHost: another")),
        (401, batch_request("not.a.good.token", b"a body")),
        (401, plain("POST /v1/web/i HTTP/1.1\r\nContent-Length: 0")),
        (404, plain("GET /v1/web/none HTTP/1.1")),
        (404, start_request("NoSuchKey").into_bytes()),
        (405, plain("GET /v1/web/i HTTP/1.1")),
        (413, batch(&token, 2_000_000).into_bytes()),
        (414, long.into_bytes()),
        (417, plain("POST /v1/web/i HTTP/1.1\r\nExpect: a-miracle\r\nContent-Length: 1")),
        (431, large.into_bytes()),
        (501, plain("POST /v1/web/i HTTP/1.1\r\nTransfer-Encoding: gzip")),
        (505, plain("GET / HTTP/2.0")),
    ]
}

/// An answer of every kind: those of [`requests`], and those that time and memory decide.
fn every_answer(home: &Home, server: &Server) -> Vec<Answer> {
    let mut answers = Vec::new();
    for (status, request) in requests(home) {
        let answer = server.connect().exchange(&request);
        assert_eq!(answer.status, status, "{}: {}", String::from_utf8_lossy(&request[..60]), answer.text());
        answers.push(answer);
    }
    let mut holder = fill_memory(home, server);
    let refused = server.connect().exchange(batch_request(&home.token(7), &[b'x'; 100_000]));
    assert_eq!(refused.status, 503, "{}", refused.text());
    answers.push(refused);
    let stalled = holder.read();
    assert_eq!(stalled.status, 408, "{}", stalled.text());
    answers.push(stalled);
    let slow = server.connect().exchange("GET / HT");
    assert_eq!(slow.status, 408, "{}", slow.text());
    answers.push(slow);
    answers
}

/// Settings with which a request of 100 kB finds no room beside another one.
const LITTLE_MEMORY: &[(&str, &str)] =
    &[("inflight_bytes_max", "200000"), ("beacon_size_limit", "130000"), ("json_size_limit", "130000")];

/// Settings with which nobody waits long.
const LITTLE_PATIENCE: &[(&str, &str)] =
    &[("patience", "300ms"), ("head_timeout", "300ms"), ("body_grace", "1500ms"), ("body_rate_min", "1MiB")];

/// A client that has sent most of a batch.
fn fill_memory(home: &Home, server: &Server) -> Client {
    let mut holder = server.connect();
    holder.send(batch(&home.token(6), 120_000));
    holder.send([b'x'; 110_000]);
    std::thread::sleep(Duration::from_millis(300));
    holder
}

#[test]
fn every_reply_can_be_read_by_a_page_of_another_origin() {
    let home = Home::new();
    let server = home.serve(&[LITTLE_MEMORY, LITTLE_PATIENCE].concat());
    for answer in every_answer(&home, &server) {
        let text = answer.text();
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{text}");
        for name in ["authorization", "content-encoding", "content-type", "datatype"] {
            let allowed = answer.header("access-control-allow-headers").unwrap_or_default().to_lowercase();
            assert!(allowed.split(',').any(|one| one.trim() == name), "{name}: {text}");
        }
        assert!(answer.header("access-control-allow-methods").is_some_and(|m| m.contains("POST")), "{text}");
        assert!(answer.header("date").is_some_and(|date| date.ends_with(" GMT")), "{text}");
        if answer.status == 503 {
            assert_eq!(answer.header("retry-after"), Some("1"), "{text}");
        }
        if answer.status >= 400 && !matches!(answer.status, 404 | 405) {
            assert!(answer.json()["error"].as_str().is_some_and(|error| !error.is_empty()), "{text}");
        }
    }
}

#[test]
fn behind_a_proxy_no_reply_has_cors_headers() {
    let home = Home::new();
    let server = home.serve(&[LITTLE_MEMORY, LITTLE_PATIENCE, &[("use_cors", "false")]].concat());
    for answer in every_answer(&home, &server) {
        assert!(!answer.head.to_lowercase().contains("access-control"), "{}", answer.text());
    }
}

#[test]
fn a_request_waits_for_memory_before_it_is_refused() {
    let home = Home::new();
    let server = home.serve(&[LITTLE_MEMORY, &[("patience", "20s")]].concat());
    let mut holder = fill_memory(&home, &server);
    let mut second = server.connect();
    second.send(batch_request(&home.token(7), &[b'y'; 100_000]));
    assert!(second.is_silent_for(Duration::from_millis(500)), "it is held");
    holder.send([b'x'; 10_000]);
    assert_eq!(holder.read().status, 200);
    assert_eq!(second.read().status, 200);
    assert_eq!(home.stored().len(), 2);
}

#[test]
fn a_preflight_is_allowed_what_it_asks_for_and_remembered() {
    let home = Home::new();
    let server = home.serve(&[]);
    let mut client = server.connect();
    for (path, asked) in [
        ("/v1/web/i", "authorization,x-openreplay-batch,content-encoding"),
        ("/v1/web/start", "content-type"),
        ("/ingest/v1/web/i", "authorization, datatype, x-another"),
        ("/v1/web/i", "authorization,x-openreplay-batch"),
    ] {
        let answer = client.exchange(format!(
            "OPTIONS {path} HTTP/1.1\r\nHost: test\r\nOrigin: http://shop.example\r\n\
             Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: {asked}\r\n\r\n"
        ));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let allowed = answer.header("access-control-allow-headers").unwrap_or_default().to_lowercase();
        let allowed: Vec<&str> = allowed.split(',').map(str::trim).collect();
        assert!(asked.split(',').all(|name| allowed.contains(&name.trim())), "{asked}: {}", answer.text());
        assert!(answer.header("access-control-max-age").is_some_and(|age| age.parse::<u32>().is_ok_and(|s| s > 60)));
        assert_eq!((answer.header("content-length"), answer.body.len()), (Some("0"), 0));
        assert!(!answer.closes());
    }
    let hostile = client
        .exchange("OPTIONS /v1/web/i HTTP/1.1\r\nHost: test\r\nAccess-Control-Request-Headers: a;b \"c\"\r\n\r\n");
    assert_eq!(hostile.status, 200);
    assert!(!hostile.head.contains("a;b"), "{}", hostile.text());
}

#[test]
fn the_routes_answer_under_every_prefix_and_nowhere_else() {
    let home = Home::new();
    let server = home.serve(&[("prefix", "/media/v2")]);
    let token = home.token(7);
    let mut client = server.connect();
    for (prefix, status) in
        [("", 200), ("/ingest", 200), ("/media/v2", 200), ("/media", 404), ("/INGEST", 404), ("/ingest/ingest", 404)]
    {
        let request = String::from_utf8(batch_request(&token, prefix.as_bytes())).expect("ASCII");
        let answer = client.exchange(request.replace("/v1/web/i", &format!("{prefix}/v1/web/i")));
        assert_eq!(answer.status, status, "{prefix}: {}", answer.text());
        let start = start_request(&home.project_key());
        let answer = client.exchange(start.replace("/v1/web/start", &format!("{prefix}/v1/web/start")));
        assert_eq!(answer.status, status, "{prefix}: {}", answer.text());
    }
    let bodies: Vec<_> = home.stored().into_iter().map(|batch| batch.body).collect();
    // The body of the first is empty, so there is nothing of it to store.
    assert_eq!(bodies, [b"/ingest".to_vec(), b"/media/v2".to_vec()]);
}

#[test]
fn an_address_with_a_slash_at_its_end_is_served_in_place() {
    let home = Home::new();
    let server = home.serve(&[("prefix", "/media/v2")]);
    let token = home.token(7);
    let mut client = server.connect();
    for base in ["/", "/ingest/", "//ingest", "/ingest%2F", "/media/v2/", "/media//v2///"] {
        for path in ["/v1/web/start", "/v1/web/i", "/v1//web/images", "/v1/web/conditions//1"] {
            let preflight = client.exchange(format!(
                "OPTIONS {base}{path} HTTP/1.1\r\nHost: test\r\nOrigin: http://shop.example\r\n\
                 Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization\r\n\r\n"
            ));
            assert_eq!(preflight.status, 200, "{base}{path}: {}", preflight.text());
            assert!(preflight.header("access-control-max-age").is_some(), "{base}{path}: {}", preflight.text());
        }
        let start = start_request(&home.project_key());
        let answer = client.exchange(start.replace("/v1/web/start", &format!("{base}/v1/web/start")));
        assert_eq!(answer.status, 200, "{base}: {}", answer.text());
        let request = String::from_utf8(batch_request(&token, base.as_bytes())).expect("ASCII");
        let answer = client.exchange(request.replace("/v1/web/i ", &format!("{base}/v1/web/i?batch=1_1 ")));
        assert_eq!(answer.status, 200, "{base}: {}", answer.text());
    }
    assert_eq!(home.stored().len(), 6);
    // What leads nowhere is told as ever, and dots are not followed in place.
    for (path, status, location) in [
        ("/ingest//v1/web/none?a=b", 301, Some("/ingest/v1/web/none?a=b")),
        ("//example.org/v1/web/i", 301, Some("/example.org/v1/web/i")),
        ("/ingest//../v1/web/start", 301, Some("/v1/web/start")),
        ("/v1/web/start/", 404, None),
    ] {
        let answer = client.exchange(format!("OPTIONS {path} HTTP/1.1\r\nHost: test\r\n\r\n"));
        assert_eq!((answer.status, answer.header("location")), (status, location), "{path}");
    }
}

#[test]
fn a_page_of_a_public_site_may_reach_a_private_address_unless_the_setting_forbids_it() {
    let home = Home::new();
    let preflight = "OPTIONS /v1/web/i HTTP/1.1\r\nHost: test\r\nOrigin: https://shop.example\r\n\
                     Access-Control-Request-Method: POST\r\nAccess-Control-Request-Private-Network: true\r\n\r\n";
    for (setting, allowed) in [("true", Some("true")), ("false", None)] {
        let server = home.serve(&[("cors_private_network", setting)]);
        let mut client = server.connect();
        assert_eq!(client.exchange(preflight).header("access-control-allow-private-network"), allowed);
        let plain = client.exchange("OPTIONS /v1/web/i HTTP/1.1\r\nHost: test\r\n\r\n");
        assert_eq!(plain.header("access-control-allow-private-network"), None, "nobody asked");
        server.stop();
    }
}

#[test]
fn the_root_is_served_to_get_and_head() {
    let home = Home::new();
    let server = home.serve(&[]);
    let mut client = server.connect();
    let get = client.exchange("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    client.send("HEAD / HTTP/1.1\r\nHost: test\r\n\r\n");
    let head = client.read_head();
    assert_eq!((get.status, head.status), (200, 200));
    assert_eq!(get.header("content-length"), head.header("content-length"));
    assert!(!get.closes() && !head.closes());
    // Nothing came behind the head of HEAD's answer.
    assert_eq!(client.exchange("GET / HTTP/1.1\r\nHost: test\r\n\r\n").status, 200);

    let tags = |method: &str| {
        format!("{method} /v1/web/tags HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {}\r\n\r\n", home.token(7))
    };
    let get = client.exchange(tags("GET"));
    client.send(tags("HEAD"));
    let head = client.read_head();
    assert_eq!((get.status, head.status), (200, 200));
    assert_eq!(head.header("content-length"), Some(&*get.body.len().to_string()));
    client.send("HEAD /none HTTP/1.1\r\nHost: test\r\n\r\nOPTIONS * HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!((client.read_head().status, client.read().status), (404, 200));
    assert_eq!(client.exchange("GET / HTTP/1.1\r\nHost: test\r\n\r\n").status, 200);
}

#[test]
fn a_wrong_method_is_told_the_right_ones() {
    let home = Home::new();
    let server = home.serve(&[]);
    let mut client = server.connect();
    for (method, path, allow) in [
        ("GET", "/v1/web/i", "POST"),
        ("PUT", "/v1/web/i", "POST"),
        ("GET", "/v1/web/start", "POST"),
        ("DELETE", "/ingest/v1/web/start", "POST"),
        ("BREW", "/v1/web/i", "POST"),
        ("POST", "/v1/web/tags", "GET"),
    ] {
        let answer = client.exchange(format!("{method} {path} HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n"));
        assert_eq!(answer.status, 405, "{method} {path}: {}", answer.text());
        let allowed = answer.header("allow").unwrap_or_default();
        assert!(allowed.split(',').any(|one| one.trim() == allow), "{method} {path}: {}", answer.text());
    }
}

#[test]
fn a_connection_is_kept_or_closed_as_the_client_asks() {
    let home = Home::new();
    let server = home.serve(&[]);
    for (version, connection, kept) in [
        ("1.1", "", true),
        ("1.1", "Connection: keep-alive\r\n", true),
        ("1.1", "Connection: foo, CLOSE\r\n", false),
        ("1.0", "", false),
        ("1.0", "Connection: keep-alive\r\n", true),
    ] {
        let request = format!("GET / HTTP/{version}\r\nHost: test\r\n{connection}\r\n");
        let mut client = server.connect();
        let answer = client.exchange(&request);
        assert_eq!(answer.status, 200);
        if kept {
            assert!(!answer.closes(), "{request}: {}", answer.text());
            assert_eq!(client.exchange(&request).status, 200, "{request}");
        } else {
            assert!(answer.closes() || version == "1.0", "{request}: {}", answer.text());
            client.expect_end(Duration::from_secs(5));
        }
    }
}
