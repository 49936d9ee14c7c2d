//! A server that writes rows to a Postgres, and its rows there and in its log.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::common::log::Record;
use crate::common::services::Postgres;
use crate::common::{Home, PATIENCE, Request, Server, wait_for};

/// The key of the web project with id 1.
pub const WEB: &str = "webFullRate000000001";

/// A server that reads projects from this database and writes rows to it.
pub fn serve(home: &Home, url: &str) -> Server {
    home.serve(&[("postgres_string", url)])
}

/// Starts a session, and returns its id.
pub fn start(server: &Server, request: &Request) -> u64 {
    let answer = server.connect().exchange(request);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["sessionID"].as_str().expect("an id").parse().expect("a number")
}

/// Starts this many sessions of the web project.
pub fn start_some(server: &Server, count: usize) -> Vec<u64> {
    (0..count).map(|_| start(server, &Request::start(WEB))).collect()
}

/// Waits until the table has this many rows, and demands that it has no more.
#[track_caller]
pub fn wait_for_rows(postgres: &Postgres, table: &str, count: usize) {
    let what = format!("{count} rows in {table}");
    wait_for(&what, PATIENCE, || (rows_in(postgres, table) >= count).then_some(()));
    assert_eq!(rows_in(postgres, table), count);
}

/// How many rows a table has.
#[track_caller]
pub fn rows_in(postgres: &Postgres, table: &str) -> usize {
    postgres.sql(&format!("SELECT count(*) FROM {table}")).parse().expect("a number")
}

/// The rows of `sessions` by session.
pub fn sessions(postgres: &Postgres) -> BTreeMap<u64, Value> {
    let rows = postgres.rows("SELECT * FROM sessions");
    rows.into_iter().map(|row| (row["session_id"].as_u64().expect("an id"), row)).collect()
}

/// The rows of starts in the log, by session.
pub fn stored_sessions(records: &[Record]) -> BTreeMap<u64, Value> {
    records.iter().filter_map(|record| Some((record.session, record.row.clone()?))).collect()
}

/// What a row of `sessions` must be, given the row in the log: the columns that the table has, and nothing in those that no start fills.
pub fn expected(stored: &Value, columns: &Value) -> Value {
    let mut expected = serde_json::Map::new();
    for (column, value) in columns.as_object().expect("a row has columns") {
        let value = match (column.as_str(), stored.get(column)) {
            (_, Some(stored)) => stored.clone(),
            ("issue_score", _) => json!(stored["start_ts"].as_i64().expect("a time") / 1000),
            ("pages_count" | "events_count" | "errors_count", _) => json!(0),
            ("issue_types", _) => json!([]),
            _ => {
                assert!(value.is_null(), "no start fills {column}, yet it is {value}");
                Value::Null
            }
        };
        expected.insert(column.clone(), value);
    }
    Value::Object(expected)
}

/// Demands that the table has the rows of the log, and no others.
#[track_caller]
pub fn assert_all_there(home: &Home, postgres: &Postgres) {
    let stored = stored_sessions(&home.records());
    wait_for_rows(postgres, "sessions", stored.len());
    for (session, row) in sessions(postgres) {
        let stored = stored.get(&session).unwrap_or_else(|| panic!("session {session} is not in the log"));
        assert_eq!(row, expected(stored, &row));
    }
}

/// How many dead letters the courier has.
pub fn dead_letters(home: &Home) -> usize {
    let text = std::fs::read_to_string(home.data().join("dead-letters/courier-postgres.ndjson"));
    text.map_or(0, |text| text.lines().count())
}

/// Waits until the server's log says that the database takes nothing, for this reason.
#[track_caller]
pub fn wait_for_trouble(server: &Server, trouble: &str) {
    let trouble = format!("\"{trouble}\"");
    server.wait_for_line(&["a destination takes no records", &trouble], PATIENCE);
}
