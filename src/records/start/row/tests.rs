use super::*;

fn row() -> SessionRow<&'static str> {
    SessionRow {
        session_id: u64::MAX,
        project_id: 3,
        started_ms: 1_710_417_074_000,
        tracker_version: "18.0.7",
        revision: "r-1",
        platform: "web",
        user_uuid: Uuid::from_u128(0x0e37_dfb5_3f5a_4c7a_9d3e_2f1f_6f1b_7c11),
        os: "Linux",
        os_version: "6",
        browser: "Chrome",
        browser_version: "122.0.0",
        device: "a \"device\" <1>\n",
        device_type: "desktop",
        device_memory: 8_192,
        device_heap: i64::MAX as u64,
        country: "FR",
        state: "Île-de-France",
        city: "Paris",
        user_id: "user@example.com",
        timezone: "UTC+02:00",
        width: -1,
        height: 1_080,
        campaign: None,
    }
}

fn read(row: &SessionRow<&str>) -> SessionRow<String> {
    let mut json = Vec::new();
    row.write(&mut json);
    let read = SessionRow::read(&json).expect("a row is read");
    let mut again = Vec::new();
    read.write(&mut again);
    assert_eq!(again, json);
    read
}

#[test]
fn what_is_written_is_read() {
    assert_eq!(format!("{:?}", read(&row())), format!("{:?}", row()));
    let campaign = Campaign { referrer: "https://e.com/", source: "", medium: "mail", campaign: "spring" };
    let of_sdk = SessionRow { campaign: Some(campaign), ..row() };
    assert_eq!(format!("{:?}", read(&of_sdk)), format!("{of_sdk:?}"));
    let empty = SessionRow::default();
    assert_eq!(format!("{:?}", read(&empty)), format!("{empty:?}"));
}

#[test]
fn columns_may_be_missing_but_not_of_another_type() {
    let row = SessionRow::read(br#"{"tracker_version":"1.0.22","user_os":null,"column_of_tomorrow":[1]}"#);
    assert_eq!(row, Some(SessionRow { tracker_version: "1.0.22".to_owned(), ..SessionRow::default() }));
    for broken in [&b""[..], b"[]", br#"{"platform":"web""#, br#"{"platform":7}"#, br#"{"user_uuid":"x"}"#] {
        assert_eq!(SessionRow::read(broken), None);
    }
}
