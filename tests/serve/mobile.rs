//! Phones: each request that their trackers send, as they send it (`tests/fixtures/mobile`).

use std::fs;

use crate::common::{Home, Request, Response, Server, fixtures, gzip, wait_for};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use takeup::codec::inflate::{Coding, Inflater};
use takeup::log::format::record::{Encoding, Flags, Kind, Topic, ext_type};
use takeup::log::read::merge::{Merge, RepeatWindow};
use takeup::log::read::reader::LogReader;
use takeup::session::SessionId;
use takeup::session::token::{Secrets, Token};
use takeup::tracker::{Era, check};

const PROJECTS: &str = r#"
[[projects]]
project_id = 1
project_key = "web"
[[projects]]
project_id = 3
project_key = "ios"
platform = "ios"
[[projects]]
project_id = 4
project_key = "android"
platform = "android"
[[conditions]]
project_id = 3
name = "never"
capture_rate = 0
[[projects]]
project_id = 6
project_key = "small"
beacon_size = 100
"#;

/// A record of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    pub kind: Kind,
    pub topic: Topic,
    pub encoding: Encoding,
    pub flags: Flags,
    pub session: u64,
    pub project: u32,
    pub row: Value,
    pub payload: Vec<u8>,
}

/// Every record in the log of `home`, in order.
pub fn kept(home: &Home) -> Vec<Kept> {
    let reader = LogReader::open(&home.data().join("log")).expect("the log opens");
    let mut merge = Merge::new(reader).with_repeat_window(RepeatWindow::OFF);
    let mut records = Vec::new();
    while let Some(record) = merge.next_settled().expect("the log is readable") {
        let row = record.ext.get(ext_type::SESSION_ROW);
        records.push(Kept {
            kind: record.kind,
            topic: record.topic,
            encoding: record.encoding,
            flags: record.flags,
            session: record.session,
            project: record.project,
            row: row.map_or(Value::Null, |row| serde_json::from_slice(row).expect("a row is JSON")),
            payload: record.payload.to_vec(),
        });
    }
    records
}

/// A request of `tests/fixtures/mobile`.
struct Fixture {
    request: Value,
    body: Vec<u8>,
}

impl Fixture {
    fn read(name: &str) -> Fixture {
        let path = fixtures(&format!("mobile/{name}.json"));
        let request: Value = serde_json::from_slice(&fs::read(&path).expect(name)).expect(name);
        let body = STANDARD.decode(request["body_b64"].as_str().expect("a body")).expect("base64");
        Fixture { request, body }
    }

    fn request(&self, token: &str) -> Request {
        let text =
            |value: &Value| value.as_str().expect("a text").replace("{{host}}", "test").replace("{{token}}", token);
        let request = Request::new(&text(&self.request["method"]), &text(&self.request["path"])).without("Host");
        let headers = self.request["headers"].as_array().expect("headers").iter();
        let request = headers.fold(request, |request, header| request.header(&text(&header[0]), &text(&header[1])));
        // Its headers have the length already.
        request.body(&self.body).unframed()
    }

    fn messages(&self) -> u64 {
        self.request["messages"].as_u64().expect("a batch")
    }
}

fn send(server: &Server, request: Request) -> Response {
    server.connect().exchange(request)
}

fn post(path: &str, token: &str, headers: &str, body: &[u8]) -> Request {
    Request::post(path).token(token).headers(headers.lines()).body(body)
}

fn start(path: &str, body: &str) -> Request {
    Request::post(path).header("User-Agent", "okhttp/4.12.0").body(body)
}

/// A token of `home` that expires in so many ms.
fn expiring(home: &Home, session: u64, in_ms: i64) -> String {
    let secret = fs::read_to_string(home.data().join("secrets/token")).expect("a secret is there");
    let secrets = Secrets::new(vec![secret.trim().as_bytes().to_vec()]).expect("it is not empty");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock");
    let expires_ms = now.as_millis() as i64 + in_ms;
    secrets.sign(&Token { session: SessionId(session), delay_ms: 0, expires_ms })
}

#[test]
fn every_mobile_client_starts_a_session_and_all_it_sends_is_stored() {
    let home = Home::with_projects(PROJECTS);
    let server = home.serve(&[("check_bodies", "inline"), ("check_budget_percent", "100")]);
    let mut batches = 0;
    for (name, project, os, device, device_type, later) in [
        ("ios-start", 3, "IOS", "iPhone 13", "mobile", &["ios-i", "ios-i-raw", "ios-late"][..]),
        (
            "android-start",
            4,
            "Android",
            "oriole",
            "mobile",
            &["android-i", "android-i-mislabelled", "android-late"][..],
        ),
        ("react-native-ios-start", 3, "IOS", "iPad (10th generation)", "tablet", &["react-native-ios-i"][..]),
        ("react-native-android-start", 4, "Android", "tangorpro", "tablet", &["react-native-android-i"][..]),
        ("readme-start", 3, "IOS", "iPhone 11", "mobile", &["readme-append", "readme-late"][..]),
        ("live-start", 3, "IOS", "iPhone 11", "mobile", &["live-i"][..]),
    ] {
        let before = kept(&home).len();
        let answer = send(&server, Fixture::read(name).request(""));
        assert_eq!((answer.status, answer.closes()), (200, false), "{name}: {}", answer.text());
        let told = answer.json();
        for text in ["token", "userUUID", "sessionID", "projectID", "quality"] {
            assert!(told[text].as_str().is_some_and(|text| !text.is_empty()), "{name}: {text} in {told}");
        }
        assert!(told["imagesHashList"].is_null() && told["fps"] == 1 && told["framesSupport"] == true);
        let token = told["token"].as_str().expect("a token");
        let session: u64 = told["sessionID"].as_str().and_then(|id| id.parse().ok()).expect("an id");

        for name in later {
            let fixture = Fixture::read(name);
            let answer = send(&server, fixture.request(token));
            assert_eq!((answer.status, answer.body.len()), (200, 0), "{name}: {}", answer.text());
        }

        let records = kept(&home).split_off(before);
        assert_eq!(records.len(), 1 + later.len(), "{name}");
        for record in &records {
            assert_eq!((record.topic, record.session, record.project), (Topic::RawIos, session, project), "{name}");
        }
        let begun = &records[0];
        assert_eq!((begun.kind, begun.payload[0]), (Kind::Start, 90), "{name}");
        let columns = ["user_os", "user_device", "user_device_type"].map(|column| begun.row[column].clone());
        assert_eq!(columns, [os, device, device_type].map(Value::from), "{name}");
        assert_eq!(
            (&begun.row["start_ts"], begun.row["session_id"].as_u64()),
            (&1_710_417_074_000_u64.into(), Some(session))
        );

        for (name, record) in later.iter().zip(&records[1..]) {
            let fixture = Fixture::read(name);
            assert_eq!((record.kind, &record.payload), (Kind::Batch, &fixture.body), "{name}: stored as received");
            let packed = fixture.body.starts_with(&[0x1f, 0x8b]);
            assert_eq!(record.encoding, if packed { Encoding::Gzip } else { Encoding::Identity }, "{name}");
            let mut plain = Vec::new();
            if packed {
                Inflater::new().inflate(Coding::Gzip, &record.payload, 1 << 20, &mut plain).expect(name);
            } else {
                plain.clone_from(&record.payload);
            }
            let facts = check(&plain, None, Era::Main).unwrap_or_else(|fault| panic!("{name}: {fault}"));
            assert_eq!((facts.messages, facts.bytes), (fixture.messages(), plain.len() as u64), "{name}");
            batches += 1;
        }
    }
    // The checker behind the log finds them whole too, in both their forms.
    let checked = || (server.metric("takeup_batches_checked_total") >= f64::from(batches)).then_some(());
    wait_for("the checker to look at every batch", crate::common::PATIENCE, checked);
    assert_eq!(server.metric("takeup_batches_broken_total"), 0.0);

    let listed = home.takeup(&["sessions", "--json"]).lines();
    assert_eq!(listed.len(), 6);
    assert!(listed.iter().all(|session| session["device"].is_string() && session["batches"].as_u64() >= Some(1)));
    let first = listed[0]["session_id"].as_str().expect("an id");
    let events = home.takeup(&["events", first, "--json"]).lines();
    assert!(events.iter().all(|event| event["fault"].is_null()), "{events:?}");
    assert_eq!(events.iter().filter(|event| event["name"] == "MobileCrash").count(), 1);
}

#[test]
fn a_batch_of_an_expired_token_is_kept_where_its_client_can_do_nothing_about_it() {
    let home = Home::with_projects(PROJECTS);
    let server = home.serve(&[("check_bodies", "inline")]);
    let just = expiring(&home, 7, -5_000);
    let long = expiring(&home, 8, -3_600_000);

    let late = send(&server, post("/v1/mobile/late", &just, "", b"k1"));
    assert_eq!((late.status, late.body.len()), (200, 0), "{}", late.text());
    let late = send(&server, post("/v1/mobile/late", &long, "", b"k2"));
    assert_eq!((late.status, late.body.len()), (200, 0), "{}", late.text());

    let grace = send(&server, post("/v1/mobile/i", &just, "", b"k3"));
    assert_eq!((grace.status, &grace.json()["error"]), (401, &"token expired".into()));
    // Android sends it again until the period of grace is over.
    assert_eq!(send(&server, post("/v1/mobile/i", &just, "", b"k3")).status, 401);
    let broken = send(&server, post("/v1/mobile/i", &just, "", &[0x1f, 0x8b, 0]));
    assert_eq!(broken.status, 401, "{}", broken.text());
    let refused = send(&server, post("/v1/mobile/i", &long, "", b"k4"));
    assert_eq!((refused.status, &refused.json()["error"]), (401, &"token expired".into()));
    let unsigned = send(&server, post("/v1/mobile/late", "a.b.c.d", "", b"k5"));
    assert_eq!((unsigned.status, &unsigned.json()["error"]), (401, &"wrong token sign".into()));

    let stored: Vec<_> = kept(&home).into_iter().map(|record| (record.payload, record.flags)).collect();
    let grace = (b"k3", Flags::JUST_EXPIRED);
    let expected = [(b"k1", Flags::NONE), (b"k2", Flags::NONE), grace, grace];
    assert_eq!(stored, expected.map(|(body, flags)| (body.to_vec(), flags)));
    assert_eq!(home.takeup(&["replay", "--to", "-"]).lines().len(), 3, "what was sent again leaves once");
}

#[test]
fn what_is_wrong_with_a_phones_batch_is_not_called_a_fault_of_the_server() {
    let home = Home::with_projects(PROJECTS);
    let server =
        home.serve(&[("check_bodies", "inline"), ("body_inflated_limit", "2000000"), ("beacon_size_limit", "1000000")]);
    let token =
        send(&server, Fixture::read("ios-start").request("")).json()["token"].as_str().expect("a token").to_owned();
    let before = kept(&home).len();
    let mut damaged = gzip(b"k damaged");
    let crc = damaged.len() - 8;
    damaged[crc] ^= 1;
    for path in ["/v1/mobile/i", "/v1/mobile/late"] {
        for (body, status, text) in [
            (&damaged[..], 400, "gzip: invalid checksum"),
            (&damaged[..15], 400, "unexpected EOF"),
            (&gzip(&[b'k'; 2_000_001]), 413, "http: request body too large"),
            (&[b'k'; 1_000_001], 413, "http: request body too large"),
        ] {
            let answer = send(&server, post(path, &token, "Content-Encoding: gzip\r\n", body));
            assert_eq!((answer.status, &answer.json()["error"]), (status, &text.into()), "{path}: {}", answer.text());
        }
        // Nothing to store, nothing to complain of.
        for label in ["", "Content-Encoding: gzip\r\n"] {
            let answer = send(&server, post(path, &token, label, b""));
            assert_eq!((answer.status, answer.body.len()), (200, 0), "{path}: {}", answer.text());
        }
    }
    assert_eq!(kept(&home).len(), before);
    // Where bodies are looked at behind the answer, it is stored, and the checker says what is wrong.
    server.stop();
    let server = home.serve(&[("check_bodies", "background")]);
    assert_eq!(send(&server, post("/v1/mobile/i", &token, "", &damaged)).status, 200);
    assert_eq!(kept(&home)[before].payload, damaged);
}

#[test]
fn a_phones_batch_is_bounded_by_what_its_start_was_told_whatever_its_project() {
    let home = Home::with_projects(PROJECTS);
    let server = home.serve(&[("beacon_size_limit", "5000")]);
    let told = send(&server, Fixture::read("ios-start").request("")).json();
    assert_eq!(told["beaconSizeLimit"], 5_000);
    // A browser's token is taken too, and its project's own limit is for browsers.
    let answer = send(&server, Request::start("small"));
    assert_eq!(answer.json()["beaconSizeLimit"], 100);
    let token = answer.json()["token"].as_str().expect("a token").to_owned();
    assert_eq!(send(&server, post("/v1/mobile/i", &token, "DataType: assets\r\n", &[b'k'; 5_000])).status, 200);
    assert_eq!(send(&server, post("/v1/mobile/i", &token, "", &[b'k'; 5_001])).status, 413);
    let last = kept(&home).pop().expect("a batch");
    assert_eq!((last.topic, last.project, last.payload.len()), (Topic::RawIos, 6, 5_000));
}

#[test]
fn a_phones_start_that_can_not_be_is_refused_and_leaves_nothing() {
    let home = Home::with_projects(PROJECTS);
    let server = home.serve(&[("json_size_limit", "2000"), ("mobile_quality", "high"), ("mobile_fps", "3")]);
    let path = "/v1/mobile/start";
    for (body, status, text) in [
        ("", 400, "EOF"),
        (r#"{"projectID":3}"#, 403, "projectKey value required"),
        (r#"{"projectKey":"nope"}"#, 404, "project doesn't exist or is not active, key: nope"),
        (r#"{"projectKey":"web"}"#, 403, "project doesn't support mobile sessions"),
        (r#"{"projectKey":"ios","trackerVersion":"1.0.8"}"#, 426, "tracker version not supported"),
        (r#"{"projectKey":"ios","trackerVersion":"1.0.9","condition":"never"}"#, 403, "capture rate miss, rate: 0"),
    ] {
        let answer = send(&server, start(path, body));
        assert_eq!((answer.status, &answer.json()["error"]), (status, &text.into()), "{body}");
        assert!(!answer.closes(), "{body}");
    }
    let long = format!(r#"{{"projectKey":"ios","trackerVersion":"1.0.9","revID":"{}"}}"#, "x".repeat(2_000));
    assert_eq!(send(&server, start(path, &long)).status, 413);
    assert_eq!(kept(&home), []);

    let good = r#"{"projectKey":"ios","trackerVersion":"1.0.9"} and more"#;
    let answer = send(&server, start(path, good));
    assert_eq!((answer.status, &answer.json()["quality"], &answer.json()["fps"]), (200, &"high".into(), &3.into()));
    let packed = start(path, r#"{"projectKey":"ios","trackerVersion":"1.0.9"}"#).gzip();
    assert_eq!(send(&server, packed).status, 200);
    assert_eq!(kept(&home).len(), 2);
}

#[test]
fn a_phones_session_goes_on_in_its_own_project_only() {
    let home = Home::with_projects(PROJECTS);
    let server = home.serve(&[]);
    let path = "/v1/mobile/start";
    let first = send(&server, start(path, r#"{"projectKey":"ios","trackerVersion":"1.0.9"}"#)).json();
    let token = first["token"].as_str().expect("a token");
    let with_token = |key: &str| format!(r#"{{"projectKey":"{key}","trackerVersion":"1.0.9","token":"{token}"}}"#);
    let again = send(&server, start(path, &with_token("ios"))).json();
    assert_eq!((&again["token"], &again["sessionID"]), (&first["token"], &first["sessionID"]));
    let other = send(&server, start(path, &with_token("android"))).json();
    assert_ne!(other["sessionID"], first["sessionID"]);
    assert_eq!(other["projectID"], "4");
    assert_eq!(kept(&home).len(), 2, "what is resumed leaves no second start");
}
