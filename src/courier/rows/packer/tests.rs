use crate::courier::rows::value::Value;
use crate::log::format::record::{Entry, Kind};
use crate::records::bench::stored;
use crate::records::{Campaign, UnstartedSessionRow};
use crate::session::SessionId;

use super::*;

fn packed(entry: &Entry<'_>) -> Result<Vec<Row>, Cause> {
    let mut rows = Vec::new();
    RowPacker.pack(&stored(entry), &mut rows)?;
    Ok(rows)
}

/// The row of a start with this row in its extension.
fn session(source: Source, row: &[u8]) -> Result<Row, Cause> {
    let mut ext = Vec::new();
    Start::write_ext(row, &mut ext);
    let ext = crate::log::format::record::Ext(&ext);
    let rows = packed(&Start { source, session: SessionId(7), project: 1, ext, message: b"" }.entry())?;
    Ok(rows.into_iter().next().expect("a start has a row"))
}

fn written(row: &SessionRow<&str>) -> Vec<u8> {
    let mut json = Vec::new();
    row.write(&mut json);
    json
}

fn value<'a>(row: &'a Row, column: &str) -> &'a Value {
    let at = row.table.columns().iter().position(|known| known.name == column).expect("a column");
    &row.values[at]
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

#[test]
fn rows_of_old_logs_are_cleaned_of_what_no_table_takes() {
    let user_id = format!("a\0b{}", "ü".repeat(9000));
    let stored = SessionRow {
        session_id: u64::MAX,
        started_ms: -5,
        tracker_version: "1\0",
        revision: "\0",
        platform: "windows",
        os: "IOS",
        device_heap: u64::MAX,
        user_id: &user_id,
        ..SessionRow::default()
    };
    let row = session(Source::Mobile, &written(&stored)).expect("can be read");
    assert_eq!(value(&row, "session_id"), &Value::Integer(-1));
    assert_eq!(value(&row, "start_ts"), &Value::Integer(0));
    assert_eq!(value(&row, "issue_score"), &Value::Integer(0));
    assert_eq!(value(&row, "tracker_version"), &text("1"));
    assert_eq!(value(&row, "rev_id"), &Value::Null);
    assert_eq!(value(&row, "platform"), &text("ios"));
    assert_eq!(value(&row, "user_country"), &text("UN"));
    assert_eq!(value(&row, "user_device_heap_size"), &Value::Integer(i64::MAX));
    let Value::Text(user_id) = value(&row, "user_id") else { panic!("a text") };
    assert!(user_id.starts_with("abü"), "{}", &user_id[..8]);
    assert_eq!(user_id.chars().count(), 7999, "cut as OpenReplay cuts it, then cleaned");
}

#[test]
fn each_column_has_the_value_of_the_same_name() {
    let campaign =
        Campaign { referrer: "referrer", source: "utm_source", medium: "utm_medium", campaign: "utm_campaign" };
    let stored = SessionRow {
        session_id: 1,
        project_id: 2,
        started_ms: 3000,
        tracker_version: "tracker_version",
        revision: "rev_id",
        platform: "web",
        user_uuid: uuid::Uuid::from_u128(4),
        os: "user_os",
        os_version: "user_os_version",
        browser: "user_browser",
        browser_version: "user_browser_version",
        device: "user_device",
        device_type: "user_device_type",
        device_memory: 5,
        device_heap: 6,
        country: "user_country",
        state: "user_state",
        city: "user_city",
        user_id: "user_id",
        timezone: "timezone",
        width: 7,
        height: 8,
        campaign: Some(campaign),
    };
    let json = written(&stored);
    let row = session(Source::Sdk, &json).expect("can be read");
    let columns: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&json).expect("JSON");
    for (column, stored) in &columns {
        let expected = match stored {
            serde_json::Value::Number(number) => Value::Integer(number.as_i64().expect("small")),
            other => text(other.as_str().expect("a text")),
        };
        assert_eq!(value(&row, column), &expected, "{column}");
    }
    assert_eq!(value(&row, "issue_score"), &Value::Integer(3));
    assert_eq!(row.values.len(), columns.len() + 1);
    assert!(row.bytes() > json.len() / 2);
}

#[test]
fn a_start_without_a_row_and_a_signal_of_no_known_status_cannot_be_built() {
    for json in ["", "{", "[]", r#"{"session_id": -1}"#] {
        let cause = session(Source::Web, json.as_bytes()).expect_err("is no row");
        assert_eq!(cause.trouble, Trouble::CannotBuild, "{json}");
    }
    let signal = |status| {
        let row = TestSignalRow { session_id: 7, test_id: 1, status, ..TestSignalRow::default() };
        let (mut json, mut ext) = (Vec::new(), Vec::new());
        row.write(&mut json);
        let stored = TableRow { table: Table::TestSignals, session: SessionId(7), project: 1, json: &json };
        packed(&stored.entry(&mut ext))
    };
    assert_eq!(signal("maybe").expect_err("is no status").trouble, Trouble::CannotBuild);
    assert_eq!(value(&signal("done").expect("a status")[0], "task_id"), &Value::Null);
}

#[test]
fn only_starts_and_stored_rows_are_packed() {
    let mut json = Vec::new();
    UnstartedSessionRow::<&str> { project_id: 1, do_not_track: true, ..Default::default() }.write(&mut json);
    let mut ext = Vec::new();
    let stored = TableRow { table: Table::UnstartedSessions, session: SessionId(0), project: 1, json: &json };
    let rows = packed(&stored.entry(&mut ext)).expect("a row");
    assert_eq!((rows.len(), value(&rows[0], "do_not_track")), (1, &Value::Bool(true)));

    let mut ext = Vec::new();
    let batch = Entry { kind: Kind::Batch, ..stored.entry(&mut ext) };
    assert_eq!(packed(&batch).expect("not for this destination"), []);
}
