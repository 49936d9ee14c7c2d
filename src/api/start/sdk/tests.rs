use serde_json::json;

use crate::api::start::StartKind;
use crate::api::start::bench::{Bench, NOW_MS};

const FIELDS: &str = r#""os":"Linux","os_version":"6","browser":"Chrome","browser_version":"122","platform":"web",
    "screen_height":10,"screen_width":20,"initial_referrer":"https://ref.example/","utm_source":"s","utm_medium":"m",
    "utm_campaign":"c","user_id":"u","device_id":"0e37dfb5-3f5a-4c7a-9d3e-2f1f6f1b7c11","sdk_edition":"e",
    "sdk_version":"1.2.3","timezone":"UTC","search_engine":"g""#;

fn bench() -> Bench {
    Bench { user_agent: "", ..Bench::of(StartKind::Sdk) }
}

#[test]
fn both_forms_of_a_start_leave_the_same_whole_row_and_no_message() {
    let mut bench = bench();
    for body in [
        format!(r#"{{"projectKey":"web",{FIELDS}}}"#),
        format!(r#"{{"projectKey":"web","defaultFields":{{{FIELDS}}}}}"#),
    ] {
        let started = bench.started(body);
        let row = json!({
            "session_id": started.session.0, "project_id": 1, "platform": "web", "start_ts": NOW_MS,
            "tracker_version": "1.2.3", "rev_id": null, "user_uuid": "0e37dfb5-3f5a-4c7a-9d3e-2f1f6f1b7c11",
            "user_os": "Linux", "user_os_version": "6", "user_browser": "Chrome", "user_browser_version": "122",
            "user_device": "", "user_device_type": "other", "user_device_memory_size": null,
            "user_device_heap_size": null, "user_country": "UN", "user_state": null, "user_city": null,
            "user_id": "u", "timezone": "UTC", "screen_width": 20, "screen_height": 10,
            "referrer": "https://ref.example/", "utm_source": "s", "utm_medium": "m", "utm_campaign": "c",
        });
        assert_eq!(bench.row(), row);
        assert!(started.record && !started.resumed && bench.scratch.message.is_empty());
        assert_eq!(bench.response(), json!({ "token": bench.token() }));
        let token = bench.secrets.verify(bench.token().as_bytes()).unwrap();
        assert_eq!((token.delay_ms, token.expires_ms), (0, NOW_MS + 86_400_000));
    }
}

#[test]
fn what_a_client_leaves_out_is_filled_in_with_what_a_row_needs() {
    let mut bench = bench();
    for (key, extra, platform) in [
        ("web", "", "web"),
        ("web", r#","platform":"desktop""#, "web"),
        ("web", r#","platform":"""#, "web"),
        ("ios", r#","platform":"ios""#, "ios"),
        ("rate-0", r#","platform":"android","device_id":"nope""#, "android"),
    ] {
        bench.started(format!(r#"{{"projectKey":"{key}"{extra}}}"#));
        let row = bench.row();
        assert_eq!((&row["platform"], &row["user_device_type"]), (&json!(platform), &json!("other")), "{extra}");
        assert_eq!((&row["start_ts"], &row["tracker_version"]), (&json!(NOW_MS), &json!("")));
        assert_eq!(row["user_uuid"].as_str().map(str::len), Some(36));
        assert!(row["referrer"].is_null() && row["utm_source"].is_null());
    }
}

#[test]
fn a_start_is_refused_as_recorded() {
    let mut bench = bench();
    let nobody = "project doesn't exist or is not active, key: ";
    let no_number =
        "json: cannot unmarshal string into Go struct field StartSDKSessionRequest.screen_width of type int";
    for (body, status, text) in [
        ("", 400, "unexpected end of JSON input".to_owned()),
        (r#"{"projectKey":"web","screen_width":"20"}"#, 400, no_number.to_owned()),
        ("{}", 404, nobody.to_owned()),
        (r#"{"projectKey":null}"#, 404, nobody.to_owned()),
        (r#"{"projectKey":"inactive"}"#, 404, format!("{nobody}inactive")),
    ] {
        assert_eq!(bench.refused(body), (status, text), "{body}");
    }
    bench.now_ms = 1_000;
    assert_eq!(bench.refused(r#"{"projectKey":"web"}"#).0, 500);
}

#[test]
fn the_longest_row_fits_beside_a_record() {
    let mut bench = bench();
    let long = r"\u0001".repeat(10_000);
    let fields = [
        "os",
        "os_version",
        "browser",
        "browser_version",
        "platform",
        "initial_referrer",
        "utm_source",
        "utm_medium",
        "utm_campaign",
        "user_id",
        "device_id",
        "sdk_version",
        "timezone",
    ];
    let fields: String = fields.iter().map(|field| format!(r#","{field}":"{long}""#)).collect();
    bench.started(format!(r#"{{"projectKey":"web"{fields}}}"#));
    let reserve = 2 * 255 * 6;
    assert!(bench.scratch.row.len() + reserve < crate::api::start::ROW_BYTES_MAX, "{}", bench.scratch.row.len());
}
