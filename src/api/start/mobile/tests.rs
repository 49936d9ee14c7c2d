use serde_json::json;

use crate::api::start::bench::{Bench, NOW_MS, ROBOT};
use crate::api::start::{StartKind, StartOutcome};
use crate::client::user_agent::unready_for_tests;
use crate::session::SessionId;

use super::*;

const CLIENT_MS: i64 = 1_710_417_074_000;

fn bench() -> Bench {
    let mut bench = Bench::of(StartKind::Mobile { legacy: false });
    bench.user_agent = "ORTracker/1 CFNetwork/1490.0.4 Darwin/23.2.0";
    bench
}

fn legacy() -> Bench {
    Bench { kind: StartKind::Mobile { legacy: true }, ..bench() }
}

fn ios(extra: &str) -> String {
    request_of("ios", extra)
}

fn request_of(key: &str, extra: &str) -> String {
    format!(
        r#"{{"projectKey":"{key}","trackerVersion":"1.0.10","revID":"1","userDevice":"iPhone14,5",
        "userUUID":"0e37dfb5-3f5a-4c7a-9d3e-2f1f6f1b7c11","userOSVersion":"17.4","userDeviceType":"iPhone 13",
        "timestamp":{CLIENT_MS},"timezone":"UTC+01:00","deviceMemory":5900000,"doNotRecord":false,
        "performances":{{"orientation":1}},"width":390,"height":844{extra}}}"#
    )
}

#[test]
fn a_full_start_is_answered_byte_for_byte_as_recorded() {
    let mut bench = bench();
    let started = bench.started(ios(""));
    let token = bench.token();
    let expected = format!(
        concat!(
            r#"{{"token":"{token}","imagesHashList":null,"userUUID":"0e37dfb5-3f5a-4c7a-9d3e-2f1f6f1b7c11","#,
            r#""beaconSizeLimit":1000000,"sessionID":"{session}","quality":"low","fps":1,"projectID":"3","#,
            r#""framesSupport":true}}"#
        ),
        token = token,
        session = started.session,
    );
    assert_eq!(String::from_utf8_lossy(&bench.scratch.response), expected);
    let token = bench.secrets.verify(token.as_bytes()).unwrap();
    assert_eq!((token.delay_ms, token.expires_ms), (0, NOW_MS + 7_200_000));
    assert_eq!((started.session.start_ms(), started.project), (NOW_MS, 3));
    assert!(started.record && !started.resumed);
    assert_eq!(bench.scratch.tracker, "1.0.10");
}

#[test]
fn the_row_and_the_message_are_those_that_were_recorded() {
    let mut bench = bench();
    let started = bench.started(ios(""));
    let row = json!({
        "session_id": started.session.0, "project_id": 3, "platform": "ios",
        "start_ts": CLIENT_MS, "tracker_version": "1.0.10", "rev_id": "1",
        "user_uuid": "0e37dfb5-3f5a-4c7a-9d3e-2f1f6f1b7c11", "user_os": "IOS", "user_os_version": "17.4",
        "user_browser": null, "user_browser_version": null, "user_device": "iPhone 13",
        "user_device_type": "mobile", "user_device_memory_size": 5_900_000, "user_device_heap_size": 5_900_000,
        "user_country": "UN", "user_state": null, "user_city": null, "user_id": null,
        "timezone": "UTC+01:00", "screen_width": 390, "screen_height": 844,
    });
    assert_eq!(bench.row(), row);
    let mut message = Vec::new();
    MobileSessionStart {
        timestamp_ms: CLIENT_MS as u64,
        project: 3,
        tracker_version: "1.0.10",
        revision: "1",
        user_uuid: "0e37dfb5-3f5a-4c7a-9d3e-2f1f6f1b7c11",
        os: "IOS",
        os_version: "17.4",
        device: "iPhone 13",
        device_type: "mobile",
        place: ("UN", "", ""),
    }
    .write(&mut message);
    assert_eq!(bench.scratch.message, message);
}

#[test]
fn device_and_platform_are_told_from_what_the_tracker_says() {
    let mut bench = bench();
    for (key, extra, platform, os, device, device_type) in [
        ("ios", r#","userDevice":"iPad13,18""#, "ios", "IOS", "iPad (10th generation)", "tablet"),
        ("ios", r#","userDevice":"iPhone99,1""#, "ios", "IOS", "iPhone99,1", "mobile"),
        ("ios", r#","userDevice":"arm64""#, "ios", "IOS", "Simulator", "other"),
        ("ios", r#","platform":"ios""#, "ios", "IOS", "iPhone 13", "mobile"),
        ("ios", r#","platform":"IOS","userDeviceType":"mobile""#, "ios", "IOS", "iPhone 13", "mobile"),
        ("ios", r#","platform":"windows","userDeviceType":"desktop""#, "ios", "IOS", "iPhone 13", "mobile"),
        ("android", r#","platform":"windows","userDevice":"x""#, "android", "Android", "x", "other"),
        ("android", r#","platform":"web","userDevice":"x""#, "android", "Android", "x", "other"),
        ("android", r#","userDevice":"oriole""#, "ios", "IOS", "oriole", "other"),
        (
            "android",
            r#","platform":"android","userDevice":"oriole","userDeviceType":"mobile""#,
            "android",
            "Android",
            "oriole",
            "mobile",
        ),
        ("ios", r#","platform":"android","userDeviceType":"tablet""#, "android", "Android", "iPhone 13", "tablet"),
        ("android", r#","platform":"android","userDeviceType":"tv""#, "android", "Android", "iPhone 13", "other"),
        ("android", r#","platform":"android","userDeviceType":"""#, "android", "Android", "iPhone 13", "other"),
    ] {
        bench.started(request_of(key, extra));
        let row = bench.row();
        let told = ["platform", "user_os", "user_device", "user_device_type"].map(|column| row[column].clone());
        assert_eq!(told, [platform, os, device, device_type].map(|text| json!(text)), "{extra}");
        let message = String::from_utf8_lossy(&bench.scratch.message).into_owned();
        for text in [os, device, device_type] {
            assert!(message.contains(text), "{extra}: {message}");
        }
    }
}

#[test]
fn no_number_of_a_client_makes_its_row_one_that_is_refused() {
    let mut bench = bench();
    bench.started(ios(r#","deviceMemory":18446744073709551615,"width":390.5,"height":1e300,"timestamp":0"#));
    let row = bench.row();
    assert_eq!(row["user_device_memory_size"], i32::MAX);
    assert_eq!(row["user_device_heap_size"], i64::MAX);
    assert_eq!((&row["screen_width"], &row["screen_height"]), (&json!(391), &json!(i32::MAX)));
    assert_eq!(row["start_ts"], NOW_MS);
    bench.started(ios(r#","deviceMemory":0,"timestamp":18446744073709551615,"userDevice":"a\u0000b""#));
    let row = bench.row();
    assert_eq!((&row["user_device_memory_size"], &row["user_device_heap_size"]), (&json!(null), &json!(null)));
    assert_eq!((&row["start_ts"], &row["user_device"]), (&json!(NOW_MS), &json!("ab")));
}

#[test]
fn checks_come_in_the_recorded_order_with_the_recorded_answers() {
    let mut bench = bench();
    let missing = "projectKey value required";
    let unsupported = "tracker version not supported";
    for (body, status, text) in [
        (String::new(), 400, "EOF"),
        (" \n".to_owned(), 400, "EOF"),
        (r#"{"projectKey":"#.to_owned(), 400, "unexpected EOF"),
        ("{}".to_owned(), 403, missing),
        ("null".to_owned(), 403, missing),
        (r#"{"projectKey":null,"projectID":3}"#.to_owned(), 403, missing),
        (r#"{"projectKey":"nope"}"#.to_owned(), 404, "project doesn't exist or is not active, key: nope"),
        (r#"{"projectKey":"inactive"}"#.to_owned(), 404, "project doesn't exist or is not active, key: inactive"),
        (r#"{"projectKey":"web"}"#.to_owned(), 403, "project doesn't support mobile sessions"),
        (r#"{"projectKey":"ios"}"#.to_owned(), 426, unsupported),
        (ios(r#","trackerVersion":"1.0.8""#), 426, unsupported),
        (request_of("ios-rate-0", r#","trackerVersion":"1.0.8""#), 426, unsupported),
        (request_of("ios-rate-0", ""), 403, "capture rate miss, rate: 0"),
    ] {
        assert_eq!(bench.refused(&body), (status, text.to_owned()), "{body}");
    }
    let project = match bench.start(r#"{"projectKey":"web"}"#) {
        StartOutcome::Refused(refused) => refused.project,
        other => panic!("{other:?}"),
    };
    assert_eq!(project, Some(1));
    bench.user_agent = "";
    assert_eq!(bench.refused(request_of("ios-rate-0", "")).1, "capture rate miss, rate: 0");
    assert_eq!(bench.refused(ios("")), (403, "browser not recognized, user-agent: ".to_owned()));
    bench.user_agent = ROBOT;
    assert_eq!(bench.refused(ios("")), (403, format!("browser not recognized, user-agent: {ROBOT}")));
    bench.user_agent = "okhttp/4.12.0";
    bench.started(ios(r#","trackerVersion":"1.0.9-beta""#));
    bench.now_ms = 1_000;
    assert_eq!(bench.refused(ios("")), (500, "epoch is not in the past".to_owned()));
}

#[test]
fn a_known_condition_is_sampled_at_its_own_rate() {
    let mut bench = bench();
    bench.started(request_of("ios-rate-0", r#","condition":"always""#));
    assert_eq!(bench.refused(request_of("ios-rate-0", r#","condition":"another""#)).0, 403);
    assert_eq!(bench.refused(request_of("ios-rate-0", "")).0, 403);
}

#[test]
fn a_good_token_resumes_its_session_whatever_the_user_agent_and_the_rate() {
    let mut bench = bench();
    let first = bench.started(ios(""));
    let token = bench.token();
    let again = format!(r#","token":"{token}""#);
    bench.user_agent = "";
    for known in [None, Some(3)] {
        bench.known.set(known);
        let resumed = bench.started(ios(&again));
        assert_eq!((resumed.session, resumed.resumed, resumed.record), (first.session, true, false));
        assert_eq!(bench.token(), token);
        assert!(bench.scratch.message.is_empty() && bench.scratch.row.is_empty());
    }
    // A token does not resume a session in another project: the new session must pass that project's checks.
    assert_eq!(bench.refused(request_of("ios-rate-0", &again)).1, "capture rate miss, rate: 0");
    bench.user_agent = "okhttp/4.12.0";
    let other = bench.started(request_of("android", &again));
    assert!(other.record && other.session != first.session);
    // An expired token does not resume a session either.
    bench.now_ms += 7_200_000;
    assert!(!bench.started(ios(&again)).resumed);
}

#[test]
fn a_new_session_waits_for_the_expressions_before_its_one_draw_and_others_do_not_wait() {
    let mut bench = bench();
    bench.started(ios(""));
    let token = bench.token();
    bench.agents = unready_for_tests();
    assert!(bench.started(ios(&format!(r#","token":"{token}""#))).resumed);
    assert_eq!(bench.start(ios("")), StartOutcome::NotReady);
    // If sampling were repeated, every session would be dropped in the end, whatever the rate.
    assert_eq!(bench.start(request_of("ios-rate-0", "")), StartOutcome::NotReady);
    assert_eq!(bench.refused(request_of("web", "")).0, 403);
}

#[test]
fn a_session_that_is_not_to_be_recorded_gets_a_token_and_leaves_nothing() {
    let mut bench = bench();
    let started = bench.started(ios(r#","doNotRecord":true"#));
    assert!(!started.record && bench.scratch.message.is_empty() && bench.scratch.row.is_empty());
    assert!(bench.secrets.verify(bench.token().as_bytes()).is_ok());
}

#[test]
fn clients_of_old_are_taken_whatever_they_call_their_version_and_project() {
    let mut bench = legacy();
    for (named, project) in [
        (r#""projectID":3"#, 3),
        (r#""projectID":"3""#, 3),
        (r#""projectID":"ios""#, 3),
        (r#""projectKey":null,"projectID":4"#, 4),
        (r#""projectKey":"ios","projectID":4"#, 3),
        (r#""projectID":1"#, 1),
    ] {
        let started = bench.started(format!(r#"{{{named},"trackerVersion":"2021-05"}}"#));
        assert_eq!(started.project, project, "{named}");
        let answer = bench.response();
        assert_eq!(answer["sessionID"], started.session.to_string());
        assert!(answer["imagesHashList"].is_null() && answer["beaconSizeLimit"] == 1_000_000);
        assert_eq!(answer["userUUID"].as_str().map(str::len), Some(36));
        assert_eq!(bench.row()["platform"], "ios");
    }
    for (named, status) in [
        ("{}", 403),
        (r#"{"projectID":null}"#, 403),
        (r#"{"projectID":5}"#, 404),
        (r#"{"projectID":99}"#, 404),
        (r#"{"projectID":-3}"#, 404),
        (r#"{"projectID":3.0}"#, 404),
        (r#"{"projectKey":"nope","projectID":3}"#, 404),
    ] {
        assert_eq!(bench.refused(named).0, status, "{named}");
    }
}

#[test]
fn the_longest_row_fits_beside_a_record() {
    let mut bench = bench();
    // JSON takes at most six bytes per character.
    let long = r"\u0001".repeat(10_000);
    let fields = ["revID", "timezone", "userOSVersion", "userDevice", "userDeviceType", "platform", "condition"];
    let extra: String = fields.iter().map(|field| format!(r#","{field}":"{long}""#)).collect();
    bench.started(ios(&extra).replace("1.0.10", &format!("1.0.10-{}", "<".repeat(10_000))));
    let reserve = 2 * 255 * 6;
    assert!(bench.scratch.row.len() + reserve < crate::api::start::ROW_BYTES_MAX, "{}", bench.scratch.row.len());
}

#[test]
fn a_session_id_is_a_number_that_the_clients_own_clock_has_no_part_in() {
    let mut bench = bench();
    let started = bench.started(ios(r#","timestamp":1"#));
    assert_ne!(started.session, SessionId(1));
    assert_eq!(started.session.start_ms(), NOW_MS);
    assert_eq!(bench.row()["start_ts"], 1);
}
