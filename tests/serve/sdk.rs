//! The analytics SDK.

use super::mobile::kept;
use crate::common::{Home, Request, Response, Server};

use takeup::log::format::record::{Encoding, Kind, Topic};

const PROJECTS: &str = r#"
[[projects]]
project_id = 1
project_key = "web"
sample_rate = 0
[[projects]]
project_id = 3
project_key = "ios"
platform = "ios"
"#;

const FIELDS: &str = r#""os":"Linux","os_version":"6","browser":"Chrome","browser_version":"122","screen_height":10,
    "screen_width":20,"initial_referrer":"https://ref.example/","utm_source":"s","user_id":"u","sdk_version":"1.2.3",
    "device_id":"0e37dfb5-3f5a-4c7a-9d3e-2f1f6f1b7c11","timezone":"UTC""#;

fn post(server: &Server, path: &str, headers: &str, body: &[u8]) -> Response {
    server.connect().exchange(Request::post(path).headers(headers.lines()).body(body))
}

#[test]
fn a_start_in_either_form_is_answered_with_a_token_and_leaves_a_row() {
    let home = Home::with_projects(PROJECTS);
    let server = home.serve(&[]);
    for body in [
        format!(r#"{{"projectKey":"web",{FIELDS}}}"#),
        format!(r#"{{"projectKey":"web","defaultFields":{{{FIELDS}}}}}"#),
    ] {
        let before = kept(&home).len();
        let answer = post(&server, "/v1/sdk/start", "Content-Type: application/json\r\n", body.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.text());
        let told = answer.json();
        let token = told["token"].as_str().expect("a token");
        assert_eq!(told.as_object().expect("an object").len(), 1, "{told}");

        let events = br#"{"data":{"user_actions":[],"events":[{"name":"x"}]}}"#;
        let bearer = format!("Authorization: Bearer {token}\r\n");
        assert_eq!(post(&server, "/v1/sdk/i", &bearer, events).status, 200);

        let records = kept(&home).split_off(before);
        assert_eq!(records.len(), 2);
        let (start, batch) = (&records[0], &records[1]);
        assert_eq!((start.kind, start.topic, start.payload.len()), (Kind::Start, Topic::None, 0));
        assert_eq!((&start.row["platform"], &start.row["user_device_type"]), (&"web".into(), &"other".into()));
        assert_eq!((&start.row["user_os"], &start.row["utm_source"]), (&"Linux".into(), &"s".into()));
        assert_eq!(start.row["session_id"].as_u64(), Some(start.session));
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock").as_millis();
        let age = now as i64 - start.row["start_ts"].as_i64().expect("a time");
        assert!((0..60_000).contains(&age), "{age}");
        assert_eq!((batch.kind, batch.topic, batch.project), (Kind::Sdk, Topic::RawAnalytics, 1));
        assert_eq!((batch.session, &batch.payload[..]), (start.session, &events[..]));
    }
    let listed = home.takeup(&["sessions", "--json"]).lines();
    assert_eq!((listed.len(), &listed[0]["browser"]), (2, &"Chrome 122".into()));
    let unknown = post(&server, "/v1/sdk/start", "", br#"{"projectKey":"zz"}"#);
    assert_eq!(
        (unknown.status, unknown.json()["error"].as_str()),
        (404, Some("project doesn't exist or is not active, key: zz"))
    );
    assert_eq!(post(&server, "/v1/sdk/start", "", b"").status, 400);
    assert_eq!(post(&server, "/v1/sdk/start", "", &[b' '; 131_073]).status, 413);
}

#[test]
fn events_are_stored_as_they_came() {
    let home = Home::with_projects(PROJECTS);
    let server = home.serve(&[("beacon_size_limit", "5000")]);
    let bearer = format!("Authorization: Bearer {}\r\n", home.token(7));
    let packed = format!("{bearer}Content-Encoding: gzip\r\n");
    // What is sent at once has no wrapper around it.
    let at_once = br#"{"user_actions":[],"events":[{"name":"x"}]}"#;
    for (headers, body, encoding) in [
        (&bearer, &at_once[..], Encoding::Identity),
        (&bearer, b"not json", Encoding::Identity),
        (&packed, b"\x1f\x8bpacked", Encoding::Gzip),
    ] {
        let before = kept(&home).len();
        let answer = post(&server, "/v1/sdk/i", headers, body);
        assert_eq!((answer.status, answer.body.len()), (200, 0), "{}", answer.text());
        let records = kept(&home).split_off(before);
        assert_eq!((records[0].encoding, &records[0].payload[..], records.len()), (encoding, body, 1));
    }
    let before = kept(&home);
    assert_eq!(post(&server, "/v1/sdk/i", &bearer, b"").status, 200);
    assert_eq!(post(&server, "/v1/sdk/i", &bearer, &[b'x'; 5_001]).status, 413);
    assert_eq!(kept(&home), before);
}

#[test]
fn the_one_text_that_the_client_compares_is_exact() {
    let home = Home::with_projects(PROJECTS);
    let server = home.serve(&[]);
    let secret = std::fs::read_to_string(home.data().join("secrets/token")).expect("a secret is there");
    let secrets = takeup::session::token::Secrets::new(vec![secret.trim().as_bytes().to_vec()]).expect("a secret");
    let session = takeup::session::SessionId(7);
    let token = secrets.sign(&takeup::session::token::Token { session, delay_ms: 0, expires_ms: 1_700_000_000_000 });
    let answer = post(&server, "/v1/sdk/i", &format!("Authorization: Bearer {token}\r\n"), b"{}");
    assert_eq!((answer.status, &answer.body[..]), (401, &br#"{"error":"token expired"}"#[..]));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(post(&server, "/v1/sdk/i", "", b"{}").status, 401);
    assert_eq!(kept(&home), []);
}
