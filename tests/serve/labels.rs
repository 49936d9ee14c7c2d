//! Bodies and their `Content-Encoding`: one reading for every route, whatever a proxy has made of the label.

use std::time::Duration;

use super::bodies::{CODINGS, WHOLE};
use crate::common::{BROWSER, Home, Request, Response, Server, gzip};
use serde_json::{Value, json};

use takeup::log::format::record::{Kind, ext_type};
use takeup::log::read::merge::{Merge, RepeatWindow};
use takeup::log::read::reader::LogReader;

const PROJECTS: &str = r#"
[[projects]]
project_id = 1
project_key = "one"
[[projects]]
project_id = 2
project_key = "two"
[[projects]]
project_id = 3
project_key = "ios"
platform = "ios"
[[feature_flags]]
project_id = 1
flag_key = "linux"
conditions = [{ rollout_percentage = 100, filters = [{ type = "userOs", operator = "is", value = ["Linux"] }] }]
[[ut_tests]]
test_id = 31
project_id = 1
title = "Buy a kettle"
status = "in-progress"
tasks = [{ task_id = 71, title = "Find it" }]
"#;

fn post(server: &Server, path: &str, token: Option<&str>, label: Option<&str>, body: &[u8]) -> Response {
    let request = Request::post(path).header("User-Agent", BROWSER).maybe_token(token);
    let labelled = label.into_iter().fold(request, |request, label| request.header("Content-Encoding", label));
    server.connect().exchange(labelled.body(body))
}

/// Rows in the log, by table.
fn rows(home: &Home, table: &str) -> Vec<Value> {
    let reader = LogReader::open(&home.data().join("log")).expect("the log opens");
    let mut merge = Merge::new(reader).with_repeat_window(RepeatWindow::OFF);
    let mut rows = Vec::new();
    while let Some(record) = merge.next().expect("the log is readable") {
        if record.kind == Kind::Row && record.ext.get(ext_type::TABLE) == Some(table.as_bytes()) {
            rows.push(serde_json::from_slice(record.payload).expect("a row is JSON"));
        }
    }
    rows
}

const FLAGS: &str = r#"{"os":"Linux"}"#;
const TEST: &str = r#"{"testId":31,"status":"begin","timestamp":5}"#;
const TASK: &str = r#"{"testId":31,"taskId":71,"status":"done","taskAnswer":"there"}"#;
const NOT_STARTED: &str = r#"{"projectKey":"one","trackerVersion":"12.0.3","doNotTrack":true}"#;
const START: &str = r#"{"projectKey":"one","trackerVersion":"18.0.6","timestamp":1795570936808}"#;
const PHONE_START: &str =
    r#"{"projectKey":"ios","trackerVersion":"1.0.10","platform":"ios","timestamp":1795570936808}"#;
const SDK_START: &str = r#"{"projectKey":"one","trackerVersion":"1.0.0","platform":"web","timestamp":1795570936808}"#;

const SMALL: [(&str, &str); 6] = [
    ("/v1/web/feature-flags", FLAGS),
    ("/v1/web/uxt/signals/test", TEST),
    ("/v1/web/uxt/signals/task", TASK),
    ("/v1/web/not-started", NOT_STARTED),
    ("/v1/web/start", START),
    ("/v1/sdk/start", SDK_START),
];

#[test]
fn every_json_route_reads_every_coding_with_its_label_without_and_with_a_wrong_one() {
    let home = Home::with_projects(PROJECTS);
    let server = home.serve(&[]);
    let token = server.start_session("one");
    let mut sent = 0;
    for (path, body) in SMALL {
        let mut ways = vec![("plain", None, body.as_bytes().to_vec())];
        for (coding, pack) in CODINGS {
            ways.push(("packed", Some(coding), pack(body.as_bytes())));
            ways.push(("inflated on the way", Some(coding), body.as_bytes().to_vec()));
        }
        ways.push(("its label lost", None, gzip(body.as_bytes())));
        ways.push(("its label lost", None, zstd::bulk::compress(body.as_bytes(), 3).expect("memory takes it")));
        sent = ways.len();
        for (what, label, bytes) in ways {
            let answer = post(&server, path, Some(&token), label, &bytes);
            assert_eq!(answer.status, 200, "{path} {what} {label:?}: {}", answer.text());
            if path.ends_with("flags") {
                assert_eq!(answer.json()["flags"][0]["key"], "linux", "{what} {label:?}");
            }
        }
        // A body that is not what it says, nor anything else, is as broken here as there.
        let broken = post(&server, path, Some(&token), Some("gzip"), b"x");
        let text = "can't create gzip reader: unexpected EOF";
        assert_eq!((broken.status, broken.json()), (413, json!({"error": text})), "{path}");
    }
    let signals = rows(&home, "ut_tests_signals");
    assert_eq!(signals.len(), 2 * sent);
    assert!(signals[sent..].iter().all(|row| row["comment"] == "there"), "{signals:?}");
    assert_eq!(rows(&home, "unstarted_sessions").len(), sent);
}

#[test]
fn what_small_requests_inflate_to_is_bounded_as_a_start_is() {
    let home = Home::with_projects(PROJECTS);
    let server = home.serve(&[("json_inflated_limit", "256KiB")]);
    let token = server.start_session("one");
    for (path, body) in SMALL {
        let padded = |bytes: usize| gzip(format!("{body}{}", " ".repeat(bytes)).as_bytes());
        assert_eq!(post(&server, path, Some(&token), Some("gzip"), &padded(200_000)).status, 200, "{path}");
        let bomb = post(&server, path, Some(&token), Some("gzip"), &padded(5_000_000));
        let text = "can't read gzip body: http: request body too large";
        assert_eq!((bomb.status, bomb.json()), (413, json!({"error": text})), "{path}");
    }
    // Who gets nothing has nothing inflated for it.
    let none = post(&server, "/v1/web/feature-flags", None, Some("gzip"), &gzip(&vec![b' '; 5_000_000]));
    assert_eq!((none.status, none.json()), (200, json!({"flags": []})));
}

#[test]
fn a_start_is_bounded_as_sent_and_as_inflated_and_both_bounds_are_inclusive() {
    let home = Home::with_projects(PROJECTS);
    let server = home.serve(&[("json_size_limit", "4096"), ("json_inflated_limit", "262144")]);
    let padded = |body: &str, bytes: usize| format!("{body}{}", " ".repeat(bytes - body.len())).into_bytes();
    for (path, body) in [("/v1/web/start", START), ("/v1/mobile/start", PHONE_START), ("/v1/sdk/start", SDK_START)] {
        assert_eq!(post(&server, path, None, None, &padded(body, 4096)).status, 200, "{path}");
        let large = post(&server, path, None, None, &padded(body, 4097));
        assert_eq!((large.status, large.json()), (413, json!({"error": "http: request body too large"})), "{path}");
        assert_eq!(post(&server, path, None, Some("gzip"), &gzip(&padded(body, 262_144))).status, 200, "{path}");
        let bomb = post(&server, path, None, Some("gzip"), &gzip(&padded(body, 262_145)));
        let text = "can't read gzip body: http: request body too large";
        assert_eq!((bomb.status, bomb.json()), (413, json!({"error": text})), "{path}");
    }
}

#[test]
fn only_the_exact_name_of_a_coding_is_one_and_a_phone_that_lies_is_read_all_the_same() {
    let home = Home::with_projects(PROJECTS);
    let server = home.serve(&[]);
    let upper = post(&server, "/v1/web/start", None, Some("GZIP"), &gzip(START.as_bytes()));
    let text = r"invalid character '\x1f' looking for beginning of value";
    assert_eq!((upper.status, upper.json()), (400, json!({"error": text})));
    let spaced = post(&server, "/v1/web/start", None, Some("  gzip "), &gzip(START.as_bytes()));
    assert_eq!(spaced.status, 200, "{}", spaced.text());
    for label in [None, Some("gzip"), Some("identity")] {
        for body in [gzip(PHONE_START.as_bytes()), PHONE_START.into()] {
            let answer = post(&server, "/v1/mobile/start", None, label, &body);
            assert_eq!(answer.status, 200, "{label:?}: {}", answer.text());
        }
    }
    let packed = gzip(PHONE_START.as_bytes());
    assert_eq!(post(&server, "/v1/mobile/start", None, None, &packed[..packed.len() - 1]).status, 413);
}

#[test]
fn a_proxy_that_changes_a_body_and_not_its_label_is_told_once_for_each_project_and_costs_no_batch() {
    let home = Home::with_projects(PROJECTS);
    let server = home.serve(&[("check_bodies", "inline"), ("cores", "2")]);
    let (one, two) = (server.start_session("one"), server.start_session("two"));
    let message = "a body is not in the coding that its label names";
    let told = || server.stdout().matches(message).count();
    for (path, body) in
        [("/v1/web/i", WHOLE), ("/v1/mobile/i", &[&[107], &WHOLE[1..]].concat()), ("/v1/sdk/i", b"[{}]")]
    {
        for label in ["gzip", "zstd", "br", "deflate"] {
            let answer = post(&server, path, Some(&one), Some(label), body);
            assert_eq!(answer.status, 200, "{path} {label}: {}", answer.text());
        }
        let answer = post(&server, path, Some(&one), None, &gzip(body));
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
    let encodings: Vec<_> = home.stored().iter().map(|batch| batch.line["encoding"].to_string()).collect();
    let each = ["\"identity\"", "\"identity\"", "\"identity\"", "\"identity\"", "\"gzip\""];
    assert_eq!(encodings, [each, each, each].concat());
    // A phone's labels say nothing, and are not told of.
    assert_eq!(server.metric("takeup_labels_wrong_total"), 8.0);
    assert_eq!(server.metric("takeup_labels_missing_total"), 2.0);
    let line = server.wait_for_line(&[message], Duration::from_secs(20));
    let line: Value = serde_json::from_str(&line).expect("a log line is JSON");
    assert_eq!((&line["level"], &line["project"], &line["url"]), (&json!("warn"), &json!("1"), &json!("/v1/web/i")));
    assert_eq!((&line["named"], &line["is"]), (&json!("gzip"), &json!("identity")));

    assert_eq!(post(&server, "/v1/web/i", Some(&two), None, &gzip(WHOLE)).status, 200);
    server.wait_for_line(&[message, r#""project":"2""#, r#""named":"""#, r#""is":"gzip""#], Duration::from_secs(20));
    assert_eq!(told(), 2);
    assert_eq!(home.takeup(&["verify"]).code, Some(0));
}

#[test]
fn a_batch_without_its_label_is_read_and_replayed_as_any_other() {
    let (home, receiver_home) = (Home::new(), Home::new());
    let server = home.serve(&[]);
    let token = server.start_session(&home.project_key());
    for (label, body) in [(None, gzip(WHOLE)), (Some("gzip"), WHOLE.to_vec()), (Some("gzip"), gzip(WHOLE))] {
        assert_eq!(post(&server, "/v1/web/i", Some(&token), label, &body).status, 200);
    }
    drop(server);
    let receiver = receiver_home.serve(&[]);
    let url = format!("http://{}", receiver.addr);
    let secret = receiver_home.data().join("secrets/token").to_string_lossy().into_owned();
    let finished = home.takeup(&["replay", "--to", &url, "--fast", "--with-repeats", "--token-secret-file", &secret]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let labelled = |home: &Home| {
        let mut kept: Vec<_> =
            home.stored().into_iter().map(|batch| (batch.body, batch.line["encoding"].to_string())).collect();
        kept.sort();
        kept
    };
    let expected = [gzip(WHOLE), gzip(WHOLE), WHOLE.to_vec()].into_iter().zip(["\"gzip\"", "\"gzip\"", "\"identity\""]);
    let expected: Vec<_> = expected.map(|(body, encoding)| (body, encoding.to_owned())).collect();
    assert_eq!((labelled(&home), labelled(&receiver_home)), (expected.clone(), expected), "{}", finished.stdout);
    assert_eq!(receiver.metric("takeup_labels_wrong_total") + receiver.metric("takeup_labels_missing_total"), 0.0);
}
