//! The smaller routes of browsers: flags, conditions, tags, usability tests, and why there is no recording.

use std::path::Path;
use std::time::Duration;

use crate::common::{BROWSER, Connection, Home, PATIENCE, Request, Response, Server, wait_for};
use serde_json::{Value, json};

use takeup::log::format::record::{Kind, Topic, ext_type};
use takeup::log::read::merge::{Merge, RepeatWindow};
use takeup::log::read::reader::LogReader;
use takeup::session::SessionId;
use takeup::session::token::Secrets;
use takeup::session::upload_token::UploadToken;

const PROJECTS: &str = r##"
[[projects]]
project_id = 1
project_key = "webOne"
[[projects]]
project_id = 2
project_key = "webTwo"
[[projects]]
project_id = 3
project_key = "off"
active = false
[[tags]]
project_id = 1
selector = "#buy"
[[conditions]]
project_id = 1
name = "checkout"
capture_rate = 30
filters = '[{"type":"visitedUrl","operator":"contains","value":["/checkout"],"source":null}]'
[[feature_flags]]
project_id = 1
flag_key = "all"
payload = '{"a":1}'
conditions = [{ rollout_percentage = 100 }]
[[feature_flags]]
project_id = 1
flag_key = "nobody"
is_persist = true
conditions = [{ rollout_percentage = 0 }]
[[feature_flags]]
project_id = 2
flag_key = "other"
conditions = [{ rollout_percentage = 100 }]
[[ut_tests]]
test_id = 31
project_id = 1
title = "Buy a kettle"
status = "in-progress"
tasks = [{ task_id = 71, title = "Find it", allow_typing = true }]
"##;

fn home() -> Home {
    Home::with_projects(PROJECTS)
}

fn get(client: &mut Connection, path: &str, token: Option<&str>) -> Response {
    client.exchange(Request::get(path).maybe_token(token))
}

/// As a tracker sends JSON where it does not care to say so.
fn post(client: &mut Connection, path: &str, token: Option<&str>, body: &str) -> Response {
    let request = Request::post(path).header("User-Agent", BROWSER).maybe_token(token);
    client.exchange(request.header("Content-Type", "text/plain;charset=UTF-8").body(body))
}

fn is_ok_and_empty(answer: &Response) -> bool {
    answer.status == 200 && answer.body.is_empty() && answer.header("content-type").is_none()
}

/// The rows in the log: table, session, project, row.
fn rows(data: &Path) -> Vec<(String, u64, u32, Value)> {
    let reader = LogReader::open(&data.join("log")).expect("the log opens");
    let mut merge = Merge::new(reader).with_repeat_window(RepeatWindow::OFF);
    let mut rows = Vec::new();
    while let Some(record) = merge.next_settled().expect("the log is readable") {
        if record.kind == Kind::Row {
            assert_eq!(record.topic, Topic::None);
            let table = record.ext.get(ext_type::TABLE).expect("a row has a table");
            let table = String::from_utf8(table.to_vec()).expect("UTF-8");
            let row = serde_json::from_slice(record.payload).expect("a row is JSON");
            rows.push((table, record.session, record.project, row));
        }
    }
    rows
}

fn session_of(token: &str) -> u64 {
    u64::from_str_radix(token.split('.').next().expect("a token has parts"), 36).expect("base 36")
}

#[test]
fn flags_are_those_of_the_sessions_project() {
    let home = home();
    let server = home.serve(&[]);
    let mut client = server.connect();
    let (one, two) = (server.start_session("webOne"), server.start_session("webTwo"));
    let flags =
        |client: &mut Connection, token: Option<&str>, body: &str| post(client, "/v1/web/feature-flags", token, body);

    let answer = flags(&mut client, Some(&one), r#"{"projectID":"2","userID":null,"persistFlags":{}}"#);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let body = r#"{"flags":[{"key":"all","is_persist":false,"value":true,"payload":"{\"a\": 1}"}]}"#;
    assert_eq!(String::from_utf8_lossy(&answer.body), body);
    let kept = flags(&mut client, Some(&one), r#"{"persistFlags":{"nobody":{"key":"nobody","value":true}}}"#).json();
    assert_eq!(kept["flags"][1], json!({"key": "nobody", "is_persist": true, "value": true, "payload": ""}));
    assert_eq!(flags(&mut client, Some(&two), "{}").json()["flags"][0]["key"], "other");
    for token in [None, Some("x.y.z.w"), Some(&*home.token(7))] {
        let none = flags(&mut client, token, "no json at all");
        assert_eq!((none.status, none.json()), (200, json!({"flags": []})), "{token:?}");
    }
    for bad in ["", "[]", r#"{"metadata":{"a":1}}"#] {
        let answer = flags(&mut client, Some(&one), bad);
        assert_eq!((answer.status, answer.closes()), (400, false), "{}", answer.text());
    }
    let large = flags(&mut client, Some(&one), &" ".repeat(131_073));
    assert_eq!((large.status, &*large.json()["error"].to_string()), (413, "\"http: request body too large\""));
}

#[test]
fn conditions_and_tags_are_for_who_has_a_token() {
    let home = home();
    let server = home.serve(&[]);
    let mut client = server.connect();
    let (one, two) = (server.start_session("webOne"), server.start_session("webTwo"));
    for path in ["/v1/web/conditions/1", "/ingest/v1/mobile/conditions/1"] {
        let condition = json!({
            "conditionId": 1, "name": "checkout", "capture_rate": 30, "captureRate": 30,
            "filters": [{"type": "visitedUrl", "operator": "contains", "value": ["/checkout"], "source": null}],
        });
        assert_eq!(get(&mut client, path, Some(&one)).json(), json!({"conditions": [condition]}));
        assert_eq!(get(&mut client, path, Some(&home.token(7))).json()["conditions"][0]["name"], "checkout");
        assert_eq!(get(&mut client, path, Some(&two)).json(), json!({"conditions": []}));
        assert_eq!(get(&mut client, path, None).status, 401);
    }
    let text = get(&mut client, "/v1/web/conditions/abc", Some(&one));
    assert_eq!(text.status, 400);
    assert_eq!(text.json(), json!({"error": r#"strconv.Atoi: parsing "abc": invalid syntax"#}));
    assert_eq!(get(&mut client, "/v1/web/conditions/abc", None).status, 401, "the token comes first");
    assert_eq!(get(&mut client, "/v1/web/tags", Some(&one)).json()["tags"][0]["selector"], "#buy");
    assert_eq!(get(&mut client, "/v1/web/tags", Some(&home.token(7))).json(), json!({"tags": []}));
}

#[test]
fn a_test_with_users_is_told_and_its_signals_are_stored() {
    let home = home();
    let server = home.serve(&[]);
    let mut client = server.connect();
    let (one, two) = (server.start_session("webOne"), server.start_session("webTwo"));
    let test = get(&mut client, "/v1/web/uxt/test/31", Some(&one));
    assert_eq!(
        test.json()["test"]["tasks"][0],
        json!({
            "allow_typing": true, "description": "", "task_id": 71, "title": "Find it"
        })
    );
    assert_eq!(get(&mut client, "/v1/web/uxt/test/31", Some(&two)).json(), json!({"error": "project mismatch"}));
    assert_eq!(get(&mut client, "/v1/web/uxt/test/31", Some(&home.token(7))).status, 403);
    assert_eq!(get(&mut client, "/v1/web/uxt/test/99", Some(&one)).json(), json!({"error": "no rows in result set"}));

    // As tracker 12.0.4 sends them.
    for (path, body) in [
        ("test", r#"{"testId":31,"status":"begin","duration":0,"timestamp":1795570087907}"#),
        (
            "task",
            r#"{"testId":31,"taskId":71,"status":"done","duration":1512,"timestamp":1795570090930,"taskAnswer":"In the search."}"#,
        ),
    ] {
        let answer = post(&mut client, &format!("/v1/web/uxt/signals/{path}"), Some(&one), body);
        assert!(is_ok_and_empty(&answer), "{}", answer.text());
    }
    for (token, body, status) in [
        (None, r#"{"testId":31,"status":"begin"}"#, 401),
        (Some(&*one), r#"{"testId":99,"status":"begin"}"#, 400),
        (Some(&*one), "", 400),
        (Some(&*two), r#"{"testId":31,"status":"begin"}"#, 403),
        (Some(&*one), r#"{"testId":31,"status":"skip"}"#, 400),
        (Some(&*home.token(7)), r#"{"testId":31,"status":"begin"}"#, 400),
    ] {
        let answer = post(&mut client, "/v1/web/uxt/signals/test", token, body);
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    let session = session_of(&one);
    let row = |task: Value, status: &str, comment: Value, timestamp: u64, duration: Value| {
        let row = json!({
            "session_id": session, "test_id": 31, "task_id": task, "status": status, "comment": comment,
            "timestamp": timestamp, "duration": duration,
        });
        ("ut_tests_signals".to_owned(), session, 1, row)
    };
    let expected = [
        row(json!(null), "begin", json!(null), 1_795_570_087_907, json!(null)),
        row(json!(71), "done", json!("In the search."), 1_795_570_090_930, json!(1512)),
    ];
    assert_eq!(rows(home.data()), expected);
}

#[test]
fn why_a_browser_does_not_record_is_stored() {
    let home = home();
    let server = home.serve(&[]);
    let mut client = server.connect();
    let path = "/v1/web/not-started";
    let good = r#"{"projectKey":"webOne","trackerVersion":"12.0.3","doNotTrack":true,"reason":"x","missingApi":[]}"#;
    let answer = post(&mut client, path, None, good);
    assert!(is_ok_and_empty(&answer), "{}", answer.text());
    let unknown = good.replace("webOne", "nobody");
    for (body, status, error) in [
        ("", 400, "unexpected end of JSON input"),
        (
            r#"{"projectKey":"webOne","DoNotTrack":"yes"}"#,
            400,
            "json: cannot unmarshal string into Go struct field NotStartedRequest.DoNotTrack of type bool",
        ),
        ("null", 403, "projectKey value required"),
        (r#"{"projectKey":null}"#, 403, "projectKey value required"),
        (&unknown, 404, "project doesn't exist"),
        (r#"{"projectKey":"off"}"#, 404, "project doesn't exist"),
        (&" ".repeat(131_073), 413, "http: request body too large"),
    ] {
        let answer = post(&mut server.connect(), path, None, body);
        assert_eq!((answer.status, answer.json()), (status, json!({"error": error})));
    }
    let no_agent = client.exchange(Request::post(path).body(good));
    assert_eq!((no_agent.status, no_agent.json()), (403, json!({"error": "browser not recognized"})));
    let row = json!({
        "project_id": 1, "tracker_version": "12.0.3", "do_not_track": true, "platform": "web", "user_os": "Linux",
        "user_os_version": null, "user_browser": "Chrome", "user_browser_version": "122", "user_device": "",
        "user_device_type": "desktop", "user_country": "UN", "user_state": null, "user_city": null,
    });
    assert_eq!(rows(home.data()), [("unstarted_sessions".to_owned(), 0, 1, row)]);
}

/// The secrets of a data folder.
fn secrets(home: &Home) -> Secrets {
    let secret = std::fs::read_to_string(home.data().join("secrets/token")).expect("a secret is there");
    Secrets::new(vec![secret.trim().as_bytes().to_vec()]).expect("it is not empty")
}

/// The URL that the server gives a session for its recording, and the path in it.
fn upload_url(server: &Server, path: &str, token: &str, headers: &str) -> (String, String) {
    let request = Request::get(path).without("Host").header("Host", "shop.example:81").token(token);
    let answer = server.connect().exchange(request.headers(headers.lines()));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let url = answer.json()["url"].as_str().expect("a URL").to_owned();
    let path = url.splitn(4, '/').nth(3).map(|path| format!("/{path}")).expect("it has a path");
    (url, path)
}

/// A film whose bytes tell where they belong.
fn film(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| (at / 7 * 31 % 251) as u8).collect()
}

fn put(path: &str, film: &[u8]) -> Request {
    Request::put(path, film).header("Content-Type", "video/webm")
}

#[test]
fn a_recording_goes_to_the_url_that_was_given_and_comes_out_whole() {
    let home = home();
    let server = home.serve(&[("prefix", "/media")]);
    let token = server.start_session("webOne");
    let (url, path) = upload_url(&server, "/media/v1/web/uxt/upload-url", &token, "X-Forwarded-Proto: https\r\n");
    assert!(url.starts_with("https://shop.example:81/media/v1/web/uxt/recording/"), "{url}");
    let preflight = Request::options(&path).header("Origin", "http://shop");
    let preflight =
        preflight.headers(["Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: content-type"]);
    let preflight = server.connect().exchange(preflight);
    assert!(preflight.header("access-control-allow-methods").is_some_and(|methods| methods.contains("PUT")));

    let film = film(3_000_000);
    let mut client = server.connect();
    let answer = client.exchange(put(&path, &film));
    assert!(is_ok_and_empty(&answer), "{}", answer.text());
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    // In chunks, the next request right behind it.
    client.send(Request::put(&path, &film[..1_400_000]).in_chunks(70_001).then(Request::get("/").bytes()));
    assert_eq!((client.read().status, client.read().status), (200, 200));
    assert_eq!(client.exchange(put(&path, b"")).status, 200, "an empty film is one");

    let out = home.data().join("films");
    let finished = home.takeup(&["recordings", "--json", "--out", out.to_str().expect("UTF-8")]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let lines = finished.lines();
    let bytes: Vec<_> = lines.iter().map(|line| line["bytes"].as_u64()).collect();
    assert_eq!(bytes, [Some(3_000_000), Some(1_400_000), Some(0)]);
    let session = session_of(&token).to_string();
    for (line, length) in lines.iter().zip([3_000_000, 1_400_000, 0]) {
        assert_eq!((&line["complete"], &line["project_id"]), (&json!(true), &json!(1)));
        let name = line["file"].as_str().expect("a file");
        assert!(name.starts_with(&format!("{session}-20")) && name.ends_with("Z.webm"), "{name}");
        assert_eq!(std::fs::read(out.join(name)).expect("it was written"), film[..length]);
    }
    let again = home.takeup(&["recordings", "--out", out.to_str().expect("UTF-8")]);
    assert_ne!(again.code, Some(0), "a file that is there is not written over");
    let table = home.takeup(&["recordings", "--session", &session]);
    assert_eq!(table.stdout.matches(" complete").count(), 3, "{}", table.stdout);
    assert_eq!(home.takeup(&["verify"]).code, Some(0));
}

#[test]
fn a_recording_needs_a_good_url_and_has_a_limit() {
    let home = home();
    let server = home.serve(&[
        ("recording_size_limit", "1MiB"),
        ("public_url", "https://example.com/ingest/"),
        // A log that has no room for a large piece.
        ("group_bytes_max", "512KiB"),
        ("beacon_size_limit", "4096"),
        ("json_size_limit", "4096"),
    ]);
    let token = server.start_session("webOne");
    let (url, path) = upload_url(&server, "/v1/web/uxt/upload-url", &token, "");
    assert!(url.starts_with("https://example.com/ingest/v1/web/uxt/recording/"), "{url}");
    assert_eq!(get(&mut server.connect(), "/v1/web/uxt/upload-url", None).status, 401);
    let refused = |path: &str, bytes: usize| server.connect().exchange(put(path, &film(bytes))).status;
    assert_eq!(refused(&path, 1 << 20), 200);
    assert_eq!(refused(&path, (1 << 20) + 1), 413);
    let chunked = Request::put(&path, b"").chunked().then("100001\r\n");
    assert_eq!(server.connect().exchange(chunked).status, 413);
    assert_eq!(refused(&format!("/v1/web/uxt/recording/{token}"), 5), 403, "a session's token is none");
    let old =
        UploadToken { session: SessionId(session_of(&token)), expires_ms: 1_700_000_000_000 }.sign(&secrets(&home));
    assert_eq!(refused(&format!("/v1/web/uxt/recording/{old}"), 5), 403, "its time is over");
    assert_eq!(refused(&path.replace("/recording/", "/recording/1"), 5), 403);
    let as_bearer = path.rsplit('/').next().expect("a token");
    assert_eq!(get(&mut server.connect(), "/v1/web/tags", Some(as_bearer)).status, 401);
    assert_eq!(home.takeup(&["recordings", "--json"]).lines().len(), 1);
    server.wait_for_line(&["code: 403", "/v1/web/uxt/recording/\""], PATIENCE);
    assert!(!server.said().contains(as_bearer), "no token reaches a log line");
}

#[test]
fn recordings_are_uploads_like_others_to_the_limits() {
    let home = home();
    let settings = [("admission", "on"), ("cores", "1"), ("limit_bytes_session", "1/h burst 1MiB")];
    let server = home.serve(&settings);
    let token = server.start_session("webOne");
    let (_, path) = upload_url(&server, "/v1/web/uxt/upload-url", &token, "");
    let statuses = [(); 3].map(|()| server.connect().exchange(put(&path, &film(900_000))).status);
    assert_eq!(statuses, [200, 200, 429], "the second one is let in, and uses up what there is");
}

#[test]
fn a_recording_that_ends_early_is_listed_as_incomplete() {
    let home = home();
    let server = home.serve(&[]);
    let token = server.start_session("webOne");
    let (_, path) = upload_url(&server, "/v1/web/uxt/upload-url", &token, "");
    let whole = put(&path, &film(2_000_000)).bytes();
    let mut client = server.connect();
    client.send(&whole[..1_500_000]);
    let listed = || home.takeup(&["recordings", "--json"]).lines();
    let come = wait_for("some pieces", PATIENCE, || {
        let lines = listed();
        lines.first().and_then(|line| line["bytes"].as_u64()).filter(|&bytes| bytes >= 1_000_000)
    });
    assert!(come <= 1_500_000, "{come}");
    drop(client);
    assert_eq!(listed()[0]["complete"], false);
}

#[test]
fn a_slow_recording_outlives_the_patience_of_a_single_request() {
    let home = home();
    // Small groups, so that the second half waits for the log again and again.
    let small = [("group_bytes_max", "512KiB"), ("beacon_size_limit", "4096"), ("json_size_limit", "4096")];
    let server = home.serve(&[small[0], small[1], small[2], ("patience", "3s")]);
    let token = server.start_session("webOne");
    let (_, path) = upload_url(&server, "/v1/web/uxt/upload-url", &token, "");
    let whole = put(&path, &film(12_000_000)).bytes();
    let mut client = server.connect();
    client.send(&whole[..1_000_000]);
    std::thread::sleep(Duration::from_millis(3500));
    client.send(&whole[1_000_000..]);
    assert_eq!(client.read().status, 200);
    assert_eq!(home.takeup(&["recordings", "--json"]).lines()[0]["bytes"], 12_000_000);
}

#[cfg(feature = "object-store")]
#[test]
fn with_a_bucket_a_recording_goes_there() {
    let home = home();
    let settings = [
        ("bucket_name", "uxtesting-records"),
        ("aws_region", "eu-central-1"),
        ("aws_endpoint", "http://127.0.0.1:9"),
        ("aws_access_key_id", "k"),
        ("aws_secret_access_key", "s3cret"),
    ];
    let server = home.serve(&settings);
    let token = server.start_session("webOne");
    let (url, _) = upload_url(&server, "/v1/web/uxt/upload-url", &token, "");
    let object = format!("http://127.0.0.1:9/uxtesting-records/{}/ux_webcam_record.webm?X-Amz-", session_of(&token));
    assert!(url.starts_with(&object) && url.contains("&X-Amz-Expires=900&"), "{url}");
    assert!(!server.said().contains("s3cret"), "{}", server.said());
    server.stop();
    let server = home.serve(&settings[..1]);
    server.wait_for_line(&["the bucket is not used", "aws_secret_access_key"], PATIENCE);
    let (url, _) = upload_url(&server, "/v1/web/uxt/upload-url", &server.start_session("webOne"), "");
    assert!(url.starts_with("http://shop.example:81/v1/web/uxt/recording/"), "{url}");
}
