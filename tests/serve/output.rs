//! What the server prints.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::json;

use crate::common::{Home, Request};

/// The keys of a line about a request, in their order.
const KEYS: [&str; 11] =
    ["level", "ts", "caller", "msg", "sessionID", "projectID", "tracker", "httpMethod", "url", "batch", "type"];

/// The members of a JSON object in the order in which they stand there.
#[derive(Debug)]
struct Members(Vec<(String, String)>);

impl Members {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| &**value)
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// Whether a text is like `2006-01-02 15:04:05.000`.
fn is_timestamp(text: &str) -> bool {
    let shape = |byte: u8| if byte.is_ascii_digit() { b'0' } else { byte };
    text.bytes().map(shape).eq(*b"0000-00-00 00:00:00.000")
}

#[test]
fn each_log_line_is_an_object_with_its_keys_in_order() {
    let home = Home::new();
    let server = home.serve(&[]);
    let token = server.start_session(&home.project_key());
    let mut client = server.connect();
    let batch = || Request::batch(&token, b"a body").target("/v1/web/i?batch=3_17_6_kno");
    assert_eq!(client.exchange(batch().header("DataType", "player")).status, 200);
    assert_eq!(client.exchange(batch().under("/ingest")).status, 200);
    assert_eq!(client.exchange(Request::batch("\"no\" token", b"a body")).status, 401);
    assert_eq!(client.exchange(Request::get("/no\"thing%0A")).status, 404);
    assert_eq!(client.exchange(Request::start("NoSuchKey")).status, 404);
    assert_eq!(server.connect().exchange("no request at all\r\n\r\n").status, 400);
    server.wait_for_line(&["code: 400"], Duration::from_secs(5));

    let text = server.stdout();
    let lines: Vec<Members> =
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect();
    for line in &lines {
        let keys: Vec<&str> = line.0.iter().map(|(key, _)| &**key).collect();
        assert_eq!(keys[..4], KEYS[..4], "{line:?}");
        assert!(["debug", "info", "warn", "error"].contains(&&*line.0[0].1), "{line:?}");
        assert!(is_timestamp(&line.0[1].1), "{line:?}");
        assert!(line.0[2].1.contains(".rs:"), "{line:?}");
        if line.0[3].1.starts_with("response ") {
            let mut known = KEYS.iter();
            assert!(keys.iter().all(|key| known.any(|one| one == key)), "{line:?}");
        }
    }
    let of = |message: &str, url: &str| {
        let found = lines.iter().find(|l| l.get("msg") == Some(message) && l.get("url") == Some(url));
        found.unwrap_or_else(|| panic!("no {message:?} about {url} in {text}"))
    };
    let session = home.stored()[0].session.to_string();
    let ok = of("response ok", "/v1/web/i");
    let values = ["level", "sessionID", "projectID", "httpMethod", "batch", "type"].map(|key| ok.get(key));
    assert_eq!(values, [Some("info"), Some(&session), Some("1"), Some("POST"), Some("3_17_6_kno"), Some("player")]);
    assert_eq!(of("response ok", "/ingest/v1/web/i").get("type"), None);
    let start = of("response ok", "/v1/web/start");
    let values = ["sessionID", "projectID", "tracker", "httpMethod"].map(|key| start.get(key));
    assert_eq!(values, [Some(&*session), Some("1"), Some("19.0.1"), Some("POST")]);
    let refused = of("response error, code: 401, error: wrong token format", "/v1/web/i");
    assert_eq!((refused.get("level"), refused.get("sessionID")), (Some("error"), None));
    let unknown =
        lines.iter().find(|line| line.get("msg").is_some_and(|m| m.contains("doesn't exist or is not active")));
    assert_eq!(unknown.and_then(|line| line.get("tracker")), Some("19.0.1"), "{text}");
}

#[test]
fn requests_are_logged_as_far_as_is_asked_for() {
    for (setting, oks) in [("all", 20), ("errors", 0), ("sampled", 2)] {
        let home = Home::new();
        let server = home.serve(&[("log_requests", setting), ("log_sample", "10")]);
        let mut client = server.connect();
        for _ in 0..20 {
            assert_eq!(client.exchange(Request::get("/")).status, 200);
        }
        assert_eq!(client.exchange(Request::get("/none")).status, 404);
        server.wait_for_line(&["code: 404"], Duration::from_secs(5));
        let count = server.stdout().lines().filter(|line| line.contains("response ok")).count();
        assert_eq!(count, oks, "{setting}");
    }
}

#[test]
fn metrics_count_requests_by_route_and_status() {
    let home = Home::new();
    let server = home.serve(&[("cores", "2")]);
    let token = home.token(7);
    for number in 0..6 {
        let mut client = server.connect();
        assert_eq!(client.exchange(Request::batch(&token, [b'x'; 300])).status, 200);
        assert_eq!(client.exchange(Request::get(&format!("/none/{number}"))).status, 404);
        if number % 2 == 0 {
            assert_eq!(client.exchange(Request::batch("no.token", b"x")).status, 401);
        }
    }
    let series =
        |name: &str, url: &str, code: u16| server.metric(&format!("{name}{{url=\"{url}\",response_code=\"{code}\"}}"));
    assert_eq!(series("http_web_requests_total", "/v1/web/i", 200), 6.0);
    assert_eq!(series("http_web_requests_total", "/v1/web/i", 401), 3.0);
    assert_eq!(series("http_web_requests_total", "other", 404), 6.0);
    assert_eq!(series("http_web_request_size_bytes_sum", "/v1/web/i", 200), 1_800.0);
    assert_eq!(series("http_web_request_duration_seconds_count", "/v1/web/i", 200), 6.0);
    assert_eq!(server.metric("takeup_commit_duration_seconds_count"), 6.0);
    assert_eq!(server.metric("takeup_records_total"), 6.0);
    assert_eq!(server.metric("takeup_refusals_total{reason=\"token_format\"}"), 3.0);
    assert!(!server.admin_page("/metrics").text().contains("/none/"), "a path of the client's became a series");
}

#[test]
fn neither_secrets_nor_tokens_are_ever_printed() {
    let home = Home::new();
    let server = home.serve(&[]);
    let key = home.project_key();
    let token = server.start_session(&key);
    let expired = {
        use takeup::session::SessionId;
        use takeup::session::token::{Secrets, Token};
        let secrets = Secrets::new(vec![b"another secret".to_vec()]).expect("it is not empty");
        secrets.sign(&Token { session: SessionId(7), delay_ms: 0, expires_ms: 4_000_000_000_000 })
    };
    let mut client = server.connect();
    assert_eq!(client.exchange(Request::batch(&token, b"a body")).status, 200);
    for bad in [format!("{token}x"), format!("{token}.1"), expired.clone()] {
        assert_eq!(client.exchange(Request::batch(&bad, b"a body")).status, 401);
    }
    // As a start sends it, whole and in broken JSON.
    let body = json!({ "projectKey": key, "trackerVersion": "19.0.1", "timestamp": 1, "token": token }).to_string();
    for body in [body.clone(), body.replace("\"token\":", "\"userID\":1,\"token\" ")] {
        client.exchange(Request::post("/v1/web/start").body(body));
    }
    let answer = client.exchange(Request::batch(&token, b"a body"));
    assert_eq!(answer.status, 200);
    let secret = std::fs::read_to_string(home.data().join("secrets/token")).expect("a secret is there");
    let pages = server.admin_page("/metrics").text() + &server.admin_page("/health").text();
    let mut server = server;
    server.signal(rustix::process::Signal::TERM);
    assert!(server.wait(crate::common::PATIENCE).success());
    let said = server.said() + &pages;
    for hidden in [secret.trim(), &token, &expired] {
        let mac = hidden.rsplit('.').next().expect("the last part");
        assert!(!said.contains(mac), "{hidden} in {said}");
    }
}
