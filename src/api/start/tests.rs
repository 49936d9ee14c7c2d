use crate::api::refusal::ERROR_BYTES_MAX;
use crate::records::SessionStart;
use crate::session::SessionId;
use crate::session::token::Secrets;

use super::bench::{Bench, CHROME, NOW_MS, ROBOT};
use super::scratch::LARGE_BYTES;
use super::*;

fn bench() -> Bench {
    Bench::of(StartKind::Web)
}

fn request(extra: &str) -> String {
    request_of("web", extra)
}

fn request_of(key: &str, extra: &str) -> String {
    format!(
        r#"{{"projectKey":"{key}","trackerVersion":"18.0.6","timestamp":{NOW_MS},
        "userUUID":"0e37dfb5-3f5a-4c7a-9d3e-2f1f6f1b7c11"{extra}}}"#
    )
}

#[test]
fn a_full_start_is_answered_byte_for_byte_as_recorded() {
    let mut bench = bench();
    let started = bench.started(request(""));
    assert_eq!(
        String::from_utf8_lossy(&bench.scratch.response),
        concat!(
            r#"{"timestamp":0,"startTimestamp":1795570916808,"delay":0,"token":"#,
            r#""vav4sxwk1szk.0.mwvkulzc.4vSuSe3bdaPgbUMaRC4vkPWoRyqYvFndkVafxBJvr9hq","#,
            r#""userUUID":"0e37dfb5-3f5a-4c7a-9d3e-2f1f6f1b7c11","userOS":"Linux","#,
            r#""userDevice":"","userBrowser":"Chrome","userCountry":"UN","userState":"","#,
            r#""userCity":"","sessionID":"4119996314606267648","projectID":"1","#,
            r#""beaconSizeLimit":1000000,"compressionThreshold":20000,"canvasEnabled":true,"#,
            r#""canvasQuality":"low","canvasFPS":1,"framesSupport":true,"protocolVersion":2}"#
        )
    );
    assert_eq!(
        started,
        Started { session: SessionId(4_119_996_314_606_267_648), project: 1, resumed: false, record: true }
    );
    assert_eq!(bench.scratch.tracker, "18.0.6");
}

#[test]
fn the_row_has_the_columns_and_the_nulls_that_postgres_gets() {
    let mut bench = bench();
    bench.started(request(""));
    let expected = serde_json::json!({
        "session_id": 4_119_996_314_606_267_648_u64, "project_id": 1, "platform": "web",
        "start_ts": NOW_MS, "tracker_version": "18.0.6", "rev_id": null,
        "user_uuid": "0e37dfb5-3f5a-4c7a-9d3e-2f1f6f1b7c11", "user_os": "Linux",
        "user_os_version": null, "user_browser": "Chrome", "user_browser_version": "122.0.0",
        "user_device": "", "user_device_type": "desktop", "user_device_memory_size": null,
        "user_device_heap_size": null, "user_country": "UN", "user_state": null,
        "user_city": null, "user_id": null, "timezone": "", "screen_width": 0,
        "screen_height": 0,
    });
    assert_eq!(bench.row(), expected);

    bench.started(request(
        r#","revID":"r-1","timezone":"UTC+02:00","deviceMemory":8192,"userID":"user@example.com",
        "jsHeapSizeLimit":4294705152,"width":1920,"height":1080,"referrer":"https://e.com/""#,
    ));
    let row = bench.row();
    assert_eq!(row["rev_id"], "r-1");
    assert_eq!(row["timezone"], "UTC+02:00");
    assert_eq!(row["user_id"], "user@example.com");
    assert_eq!(row["user_device_memory_size"], 8_192);
    assert_eq!(row["user_device_heap_size"], 4_294_705_152_u64);
    assert_eq!((row["screen_width"].as_i64(), row["screen_height"].as_i64()), (Some(1_920), Some(1_080)));
}

#[test]
fn the_message_says_what_the_row_says() {
    let mut bench = bench();
    bench.started(request(r#","userID":"u\u0000 1","bufferDiff":5000"#));
    let mut expected = Vec::new();
    SessionStart {
        timestamp_ms: NOW_MS as u64 - 5_000,
        project: 1,
        tracker_version: "18.0.6",
        user_uuid: "0e37dfb5-3f5a-4c7a-9d3e-2f1f6f1b7c11",
        user_agent: CHROME.as_bytes(),
        os: "Linux",
        browser: "Chrome",
        browser_version: "122.0.0",
        device_type: "desktop",
        place: ("UN", "", ""),
        user_id: "u 1",
        ..SessionStart::default()
    }
    .write(&mut expected);
    assert_eq!(bench.scratch.message, expected);
    assert_eq!(bench.row()["start_ts"], NOW_MS - 5_000);
    assert_eq!(bench.response()["startTimestamp"], NOW_MS);
}

#[test]
fn checks_come_in_the_recorded_order_with_the_recorded_answers() {
    let mut bench = bench();
    for (body, status, text) in [
        (String::new(), 400, "unexpected end of JSON input"),
        ("null".to_owned(), 426, "please upgrade the tracker version"),
        (
            r#"{"projectKey":5}"#.to_owned(),
            400,
            "json: cannot unmarshal number into Go struct field \
             StartSessionRequest.projectKey of type string",
        ),
        (r#"{"trackerVersion":"5.9.9","projectKey":"nope"}"#.to_owned(), 426, "please upgrade the tracker version"),
        (r#"{"trackerVersion":"6"}"#.to_owned(), 403, "ProjectKey value required"),
        (request_of("", ""), 404, "project doesn't exist or is not active, key: "),
        (request_of("WEB", ""), 404, "project doesn't exist or is not active, key: WEB"),
        (request_of("inactive", ""), 404, "project doesn't exist or is not active, key: inactive"),
        (request_of("rate-0", ""), 403, "capture rate miss, rate: 0"),
        (request_of("rate-0", r#","doNotRecord":true"#), 403, "capture rate miss, rate: 0"),
    ] {
        assert_eq!(bench.refused(&body), (status, text.to_owned()), "{body}");
    }
    bench.user_agent = "";
    let unrecognized = "browser not recognized, user-agent: ";
    assert_eq!(bench.refused(request_of("rate-0", "")), (403, unrecognized.to_owned()));
    let unsupported = "project doesn't support web sessions".to_owned();
    assert_eq!(bench.refused(request_of("ios", "")), (403, unsupported));
    bench.user_agent = ROBOT;
    assert_eq!(bench.refused(request("")), (403, format!("{unrecognized}{ROBOT}")));
    bench.user_agent = CHROME;
    bench.now_ms = 1_000;
    assert_eq!(bench.refused(request("")), (500, "epoch is not in the past".to_owned()));
}

#[test]
fn a_known_condition_is_sampled_at_its_own_rate_and_any_other_start_at_the_projects() {
    let mut bench = bench();
    for dice in [0, 99] {
        bench.dice = dice;
        let missed = bench.refused(request(r#","condition":"checkout""#));
        assert_eq!(missed, (403, "capture rate miss, rate: 0".to_owned()));
        bench.started(request(r#","condition":"no-such""#));
        // A condition of another project.
        bench.started(request(r#","condition":"always""#));
        // The condition's rate applied to that start only.
        bench.started(request(r#","condition":"""#));
        bench.started(request_of("rate-0", r#","condition":"always""#));
        assert_eq!(bench.refused(request_of("rate-0", "")).0, 403);
    }
}

#[test]
fn the_project_decides_beacon_size_and_duration() {
    let mut bench = bench();
    bench.started(request_of("beacon", ""));
    assert_eq!(bench.response()["beaconSizeLimit"], 2_000);
    let token = bench.secrets.verify(bench.token().as_bytes()).unwrap();
    assert_eq!(token.expires_ms, NOW_MS + 2_000);
}

#[test]
fn a_good_token_resumes_its_session_and_is_answered_unchanged() {
    let mut bench = bench();
    let first = bench.started(request(""));
    let token = bench.token();
    for extra in ["", r#","doNotRecord":true"#] {
        bench.known.set((!extra.is_empty()).then_some(1));
        let again = bench.started(request(&format!(r#","token":"{token}"{extra}"#)));
        assert_eq!((again.session, again.resumed, again.record), (first.session, true, false));
        assert_eq!(bench.token(), token);
        assert!(bench.scratch.message.is_empty() && bench.scratch.row.is_empty());
    }
    // Not sampled again, and a rotated secret changes nothing for it.
    bench.secrets = Secrets::new(vec![b"new".to_vec(), b"secret_token_string".to_vec()]).unwrap();
    bench.known.set(None);
    let again = bench.started(request_of("rate-0", &format!(r#","token":"{token}""#)));
    assert!(again.resumed);
    assert_eq!(bench.token(), token);
    bench.user_agent = ROBOT;
    assert_eq!(bench.refused(request(&format!(r#","token":"{token}""#))).0, 403);
}

#[test]
fn any_other_token_starts_anew() {
    let mut bench = bench();
    let first = bench.started(request(""));
    let token = bench.token();
    for extra in [
        r#","token":"""#.to_owned(),
        format!(r#","token":"{token}x""#),
        format!(r#","token":"{token}.x""#),
        format!(r#","token":"{}""#, token.to_uppercase()),
        format!(r#","token":"{token}","reset":true"#),
    ] {
        let again = bench.started(request(&extra));
        assert!(!again.resumed && again.record && again.session != first.session, "{extra}");
    }
    bench.now_ms += 7_200_000;
    assert!(!bench.started(request(&format!(r#","token":"{token}""#))).resumed);
}

#[test]
fn a_token_of_another_project_starts_anew() {
    let mut bench = bench();
    bench.started(request(""));
    let token = bench.token();
    bench.known.set(Some(1));
    let again = bench.started(request_of("beacon", &format!(r#","token":"{token}""#)));
    assert!(!again.resumed && again.record);
    assert_ne!(bench.token(), token);
}

#[test]
fn a_session_that_is_not_to_be_recorded_gets_a_token_and_leaves_nothing() {
    let mut bench = bench();
    let started = bench.started(request(r#","doNotRecord":true"#));
    assert!(!started.resumed && !started.record);
    assert!(bench.scratch.message.is_empty() && bench.scratch.row.is_empty());
    assert!(bench.secrets.verify(bench.token().as_bytes()).is_ok());
}

#[test]
fn clocks_that_cannot_be_do_no_harm() {
    let mut bench = bench();
    bench.started(r#"{"projectKey":"web","trackerVersion":"18","timestamp":-9223372036854775808,"isOffline":true}"#);
    assert_eq!(bench.response()["delay"], i64::MAX);
    assert_eq!(bench.row()["start_ts"], NOW_MS);
    assert!(bench.secrets.verify(bench.token().as_bytes()).is_ok());
}

#[test]
fn no_text_of_a_client_makes_an_answer_long_or_stays_in_memory() {
    let mut bench = bench();
    let long = "<".repeat(100_000);
    let body = format!(r#"{{"projectKey":"{long}","trackerVersion":"19.0.1","timestamp":1}}"#);
    let (status, text) = bench.refused(&body);
    assert_eq!((status, text.len()), (404, ERROR_BYTES_MAX));
    assert!(text.starts_with("project doesn't exist or is not active, key: <<<") && text.ends_with('\u{2026}'));
    assert!(bench.scratch.response.capacity() < 16 * ERROR_BYTES_MAX, "{}", bench.scratch.response.capacity());
    bench.scratch.give_back(body.len());
    let scratch = &bench.scratch;
    let kept = [&scratch.response, &scratch.message, &scratch.row].map(Vec::capacity);
    let texts = [&scratch.error, &scratch.token, &scratch.web.project_key, &scratch.web.token].map(String::capacity);
    assert!(kept.into_iter().chain(texts).all(|bytes| bytes <= LARGE_BYTES), "{kept:?} {texts:?}");
}

#[test]
fn the_longest_row_fits_beside_a_record() {
    let mut bench = bench();
    // JSON takes at most six bytes per character.
    let long = r"\u0001".repeat(10_000);
    let fields = ["revID", "timezone", "userID", "condition"];
    let extra: String = fields.iter().map(|field| format!(r#","{field}":"{long}""#)).collect();
    bench.started(request(&extra).replace("18.0.6", &format!("18.0.6-{}", "<".repeat(10_000))));
    // The names from the user agent and of places are at most as long as a user's name, five of each.
    let reserve = 7 * 255 * 6;
    assert!(bench.scratch.row.len() + reserve < ROW_BYTES_MAX, "{}", bench.scratch.row.len());
    assert_eq!(bench.row()["user_id"].as_str().unwrap().chars().count(), 255);
}
