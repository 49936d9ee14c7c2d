use super::*;

fn request(body: &str) -> WebStartRequest {
    let mut request =
        WebStartRequest { token: "left from before".to_owned(), reset: true, width: 7, ..WebStartRequest::default() };
    request.read(body.as_bytes(), &mut JsonScratch::default()).unwrap();
    request
}

#[test]
fn a_request_leaves_nothing_of_the_one_before() {
    let empty = request("{}");
    assert_eq!((empty.token.as_str(), empty.reset, empty.width), ("", false, 0));
    assert!(!empty.has_project_key);
}

#[test]
fn a_null_project_key_is_none_and_an_empty_one_is_one() {
    assert!(!request(r#"{"projectKey":"a","projectKey":null}"#).has_project_key);
    assert!(request(r#"{"projectKey":""}"#).has_project_key);
    assert_eq!(request(r#"{"userUUID":"a","userUUID":null}"#).user_uuid, "");
}

#[test]
fn fields_are_cleaned_before_they_can_hurt_a_later_stage() {
    let long = "ü".repeat(300);
    let cleaned = request(&format!(
        r#"{{"userID":"\u0000{long}","revID":"a\u0000b","deviceMemory":2147483648,
            "jsHeapSizeLimit":9223372036854775808,"width":2147483648,"height":-5}}"#
    ));
    assert_eq!(cleaned.user_id, "ü".repeat(127));
    assert_eq!(cleaned.revision, "ab");
    assert_eq!(cleaned.device_memory, 2_147_483_647);
    assert_eq!(cleaned.heap_limit, 9_223_372_036_854_775_807);
    assert_eq!((cleaned.width, cleaned.height), (2_147_483_647, -5));
}

#[test]
fn versions_are_read_as_leniently_as_ever() {
    for good in ["6.0.0", "6", "6.0", "6.0.0-beta.1", "6.0.0-", "06.0.0", "6.0.0+build.5", "v7.1", "12.0.3", "18.0.6"] {
        let body = format!(r#"{{"trackerVersion":"{good}"}}"#);
        assert!(request(&body).tracker_is_supported(), "{good}");
    }
    for bad in [
        "5.9.9-beta",
        "",
        "abc",
        "6.0.0.1",
        "6.0.0 ",
        "99999999999999999999.0.0",
        "V7.0.0",
        "6.x",
        "-6.0.0",
        "+6.0.0",
        "4.1.6",
        "6..0",
        "6.0.0+",
    ] {
        let body = format!(r#"{{"trackerVersion":"{bad}"}}"#);
        assert!(!request(&body).tracker_is_supported(), "{bad}");
    }
}

#[test]
fn the_start_time_is_ours_unless_there_is_reason_to_believe_the_client() {
    let now = 1_795_571_000_000;
    for (body, started) in [
        (r#"{"timestamp":1}"#, now),
        (r#"{"bufferDiff":5000}"#, now - 5_000),
        (r#"{"bufferDiff":299999}"#, now - 299_999),
        (r#"{"bufferDiff":300000}"#, now),
        (r#"{"isOffline":true,"timestamp":1710417074000,"bufferDiff":1000}"#, 1_710_417_074_000),
        (r#"{"isOffline":true,"timestamp":-1}"#, now),
        (r#"{"isOffline":true,"timestamp":9223372036854775807}"#, now),
    ] {
        assert_eq!(request(body).started_ms(now), started, "{body}");
    }
}
