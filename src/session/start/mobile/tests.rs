use super::*;

fn request(body: &str) -> Result<MobileStartRequest, String> {
    let mut request = MobileStartRequest { token: "left".to_owned(), width: 7, ..MobileStartRequest::default() };
    request.read(body.as_bytes(), &mut JsonScratch::default()).map_err(|error| error.to_string())?;
    Ok(request)
}

#[test]
fn a_screen_is_measured_in_floating_point_numbers_and_kept_in_whole_ones() {
    for (text, width) in [
        ("390", 390),
        ("390.0", 390),
        ("390.5", 391),
        ("3.9e2", 390),
        ("-0", 0),
        ("1e999", 2_147_483_647),
        ("-2147483649", -2_147_483_648),
        ("99999999999999999999", 2_147_483_647),
        ("null", 0),
    ] {
        let read = request(&format!(r#"{{"width":{text},"height":844.0}}"#)).expect(text);
        assert_eq!((read.width, read.height), (width, 844), "{text}");
    }
    let text = "json: cannot unmarshal string into Go struct field StartMobileSessionRequest.width of type int";
    assert_eq!(request(r#"{"width":"390"}"#).unwrap_err(), text);
    // Other numbers are read strictly.
    assert!(request(r#"{"timestamp":1.5}"#).is_err() && request(r#"{"timestamp":-1}"#).is_err());
}

#[test]
fn only_the_first_value_is_read() {
    let read = request(r#" {"token":"a"} garbage"#).unwrap();
    assert_eq!((read.token.as_str(), read.width), ("a", 0));
    assert_eq!(request("null x").unwrap(), MobileStartRequest::default());
    let text = "json: cannot unmarshal array into Go value of type mobile.StartMobileSessionRequest";
    assert_eq!(request("[]").unwrap_err(), text);
    assert!(request(r#"{"token":"#).is_err());
}

#[test]
fn the_project_id_of_old_clients_is_a_number_or_a_text_and_never_a_fault() {
    for (value, kept) in
        [("17", "17"), (r#""17""#, "17"), (r#""a-key""#, "a-key"), ("1.5", "1.5"), ("{}", ""), ("null", "")]
    {
        assert_eq!(request(&format!(r#"{{"projectID":{value}}}"#)).expect(value).project_id, kept);
    }
}

#[test]
fn the_start_time_is_the_clients_if_there_is_one() {
    let now = 1_795_571_000_000;
    for (timestamp, started) in [
        ("1710417074000", 1_710_417_074_000),
        ("0", now),
        ("null", now),
        ("9223372036854775807", i64::MAX),
        ("9223372036854775808", now),
    ] {
        let read = request(&format!(r#"{{"timestamp":{timestamp}}}"#)).expect(timestamp);
        assert_eq!(read.started_ms(now), started, "{timestamp}");
    }
}
