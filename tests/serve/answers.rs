//! Status, headers and routes of single answers.

use std::time::Duration;

use crate::common::{Connection, Home, Request, Response, Server};

/// A request for every answer that a head alone decides, with its status.
fn requests(home: &Home) -> Vec<(u16, Vec<u8>)> {
    let (token, key) = (home.token(7), home.project_key());
    let long = format!("/{}", "x".repeat(9_000));
    let large = "x".repeat(17_000);
    let batches = || Request::post("/v1/web/i").unframed();
    vec![
        (200, Request::get("/").bytes()),
        (200, Request::options("/v1/web/i").bytes()),
        (200, Request::batch(&token, b"a body").bytes()),
        (200, Request::start(&key).bytes()),
        (301, Request::get("/v1/./web/i").bytes()),
        (400, b"no request at all\r\n\r\n".to_vec()),
        (400, Request::get("/").header("Host", "another").bytes()),
        (401, Request::batch("not.a.good.token", b"a body").bytes()),
        (401, Request::post("/v1/web/i").bytes()),
        (404, Request::get("/v1/web/none").bytes()),
        (404, Request::start("NoSuchKey").bytes()),
        (405, Request::get("/v1/web/i").bytes()),
        (413, Request::batch_head(&token, 2_000_000).bytes()),
        (414, Request::get(&long).bytes()),
        (417, batches().header("Expect", "a-miracle").length(1).bytes()),
        (431, Request::get("/").header("X", &large).bytes()),
        (501, batches().header("Transfer-Encoding", "gzip").bytes()),
        (505, Request::get("/").version("2.0").bytes()),
    ]
}

/// An answer of every kind: those of [`requests`], and those that time and memory decide.
fn every_answer(home: &Home, server: &Server) -> Vec<Response> {
    let mut answers = Vec::new();
    for (status, request) in requests(home) {
        let answer = server.connect().exchange(&request);
        assert_eq!(
            answer.status,
            status,
            "{}: {}",
            String::from_utf8_lossy(&request[..request.len().min(60)]),
            answer.text()
        );
        answers.push(answer);
    }
    let mut holder = fill_memory(home, server);
    let refused = server.connect().exchange(Request::batch(&home.token(7), [b'x'; 100_000]));
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
fn fill_memory(home: &Home, server: &Server) -> Connection {
    let mut holder = server.connect();
    holder.send(Request::batch_head(&home.token(6), 120_000));
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
    second.send(Request::batch(&home.token(7), [b'y'; 100_000]));
    assert!(second.is_silent_for(Duration::from_millis(500)), "it is held");
    holder.send([b'x'; 10_000]);
    assert_eq!(holder.read().status, 200);
    assert_eq!(second.read().status, 200);
    assert_eq!(home.stored().len(), 2);
}

/// What a browser asks before a page of another origin may POST.
fn preflight(path: &str) -> Request {
    let origin = Request::options(path).header("Origin", "https://shop.example");
    origin.header("Access-Control-Request-Method", "POST")
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
        let answer = client.exchange(preflight(path).header("Access-Control-Request-Headers", asked));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let allowed = answer.header("access-control-allow-headers").unwrap_or_default().to_lowercase();
        let allowed: Vec<&str> = allowed.split(',').map(str::trim).collect();
        assert!(asked.split(',').all(|name| allowed.contains(&name.trim())), "{asked}: {}", answer.text());
        assert!(answer.header("access-control-max-age").is_some_and(|age| age.parse::<u32>().is_ok_and(|s| s > 60)));
        assert_eq!((answer.header("content-length"), answer.body.len()), (Some("0"), 0));
        assert!(!answer.closes());
    }
    let hostile = client.exchange(Request::options("/v1/web/i").header("Access-Control-Request-Headers", "a;b \"c\""));
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
        let answer = client.exchange(Request::batch(&token, prefix).under(prefix));
        assert_eq!(answer.status, status, "{prefix}: {}", answer.text());
        let answer = client.exchange(Request::start(&home.project_key()).under(prefix));
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
            let preflight = preflight(path).under(base).header("Access-Control-Request-Headers", "authorization");
            let preflight = client.exchange(preflight);
            assert_eq!(preflight.status, 200, "{base}{path}: {}", preflight.text());
            assert!(preflight.header("access-control-max-age").is_some(), "{base}{path}: {}", preflight.text());
        }
        let answer = client.exchange(Request::start(&home.project_key()).under(base));
        assert_eq!(answer.status, 200, "{base}: {}", answer.text());
        let answer = client.exchange(Request::batch(&token, base).under(base));
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
        let answer = client.exchange(Request::options(path));
        assert_eq!((answer.status, answer.header("location")), (status, location), "{path}");
    }
}

#[test]
fn a_page_of_a_public_site_may_reach_a_private_address_unless_the_setting_forbids_it() {
    let home = Home::new();
    let preflight = preflight("/v1/web/i").header("Access-Control-Request-Private-Network", "true");
    for (setting, allowed) in [("true", Some("true")), ("false", None)] {
        let server = home.serve(&[("cors_private_network", setting)]);
        let mut client = server.connect();
        assert_eq!(client.exchange(&preflight).header("access-control-allow-private-network"), allowed);
        let plain = client.exchange(Request::options("/v1/web/i"));
        assert_eq!(plain.header("access-control-allow-private-network"), None, "nobody asked");
        server.stop();
    }
}

#[test]
fn the_root_is_served_to_get_and_head() {
    let home = Home::new();
    let server = home.serve(&[]);
    let mut client = server.connect();
    let get = client.exchange(Request::get("/"));
    client.send(Request::new("HEAD", "/"));
    let head = client.read_head();
    assert_eq!((get.status, head.status), (200, 200));
    assert_eq!(get.header("content-length"), head.header("content-length"));
    assert!(!get.closes() && !head.closes());
    // Nothing came behind the head of HEAD's answer.
    assert_eq!(client.exchange(Request::get("/")).status, 200);

    let tags = |method: &str| Request::new(method, "/v1/web/tags").token(&home.token(7));
    let get = client.exchange(tags("GET"));
    client.send(tags("HEAD"));
    let head = client.read_head();
    assert_eq!((get.status, head.status), (200, 200));
    assert_eq!(head.header("content-length"), Some(&*get.body.len().to_string()));
    client.send(Request::new("HEAD", "/none").then(Request::options("*").bytes()));
    assert_eq!((client.read_head().status, client.read().status), (404, 200));
    assert_eq!(client.exchange(Request::get("/")).status, 200);
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
        let answer = client.exchange(Request::new(method, path).length(0));
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
        ("1.1", None, true),
        ("1.1", Some("keep-alive"), true),
        ("1.1", Some("foo, CLOSE"), false),
        ("1.0", None, false),
        ("1.0", Some("keep-alive"), true),
    ] {
        let request = Request::get("/").version(version);
        let request = connection.iter().fold(request, |request, value| request.header("Connection", value));
        let mut client = server.connect();
        let answer = client.exchange(&request);
        assert_eq!(answer.status, 200);
        if kept {
            assert!(!answer.closes(), "{request:?}: {}", answer.text());
            assert_eq!(client.exchange(&request).status, 200, "{request:?}");
        } else {
            assert!(answer.closes() || version == "1.0", "{request:?}: {}", answer.text());
            client.expect_end(Duration::from_secs(5));
        }
    }
}
