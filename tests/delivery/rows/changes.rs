//! Tables that change while rows are written to them.

use crate::common::services::{Postgres, Schema};
use crate::common::{Home, PATIENCE, Request, wait_for};

use super::support::*;

#[test]
fn rows_follow_columns_and_labels_that_come_and_go() {
    let (postgres, home) = (Postgres::new(Schema::Main), Home::new());
    let server = serve(&home, &postgres.url());
    let next = |expected: usize| {
        let session = start(&server, &Request::start(WEB).field("width", 1920).field("timezone", "UTC+02:00"));
        wait_for_rows(&postgres, "sessions", expected);
        sessions(&postgres).remove(&session).expect("its row")
    };
    assert_eq!(next(1)["screen_width"], 1920);

    postgres.sql("ALTER TABLE sessions DROP COLUMN utm_source, DROP COLUMN timezone");
    assert_eq!(next(2).get("timezone"), None);
    server.wait_for_line(&["what the database lacks", "column timezone of table sessions"], PATIENCE);

    postgres.sql("ALTER TYPE device_type RENAME VALUE 'desktop' TO 'desk'; ALTER TABLE sessions ALTER screen_width TYPE smallint");
    assert_eq!(next(3)["user_device_type"], "other");

    postgres
        .sql("ALTER TABLE sessions ADD COLUMN timezone varchar(3), ADD COLUMN issue_score bigint NOT NULL DEFAULT 0");
    server.wait_for_line(&["what the database lacks", "ut_tests_signals"], PATIENCE);
    // An idle courier looks every few seconds.
    let lacking = || server.stdout().lines().filter(|line| line.contains("what the database lacks")).count();
    wait_for("the new column to be found", PATIENCE, || (lacking() == 3).then_some(()));
    let row = next(4);
    assert_eq!(row["timezone"], "UTC");
    assert_eq!(row["issue_score"].as_i64(), row["start_ts"].as_i64().map(|ms| ms / 1000));

    // Another schema that comes first in the search_path.
    postgres
        .sql("CREATE SCHEMA newer; ALTER TABLE sessions SET SCHEMA newer; GRANT USAGE ON SCHEMA newer TO openreplay");
    postgres.sql("ALTER DATABASE openreplay SET search_path = newer, public");
    postgres.restart();
    assert_eq!(next(5)["screen_width"], 1920);
    assert_eq!(dead_letters(&home), 0);
    server.stop();
}

#[test]
fn rows_of_a_table_that_is_not_there_are_left_out_until_it_is() {
    let (postgres, home) = (Postgres::new(Schema::Seed), Home::new());
    postgres.sql("ALTER TABLE ut_tests_signals RENAME TO elsewhere");
    let server = serve(&home, &postgres.url());
    let token = server.start_session(WEB);
    let signal = || {
        let body = serde_json::json!({ "testID": 1, "status": "begin", "timestamp": 5 });
        let answer = server.connect().exchange(Request::post("/v1/web/uxt/signals/test").token(&token).json(&body));
        assert_eq!(answer.status, 200, "{}", answer.text());
    };
    signal();
    // Behind the signal, so the signal has been left out.
    start_some(&server, 1);
    wait_for_rows(&postgres, "sessions", 2);
    postgres.sql("ALTER TABLE elsewhere RENAME TO ut_tests_signals");
    let lacking = || server.stdout().lines().filter(|line| line.contains("what the database lacks")).count();
    wait_for("the table to be found", PATIENCE, || (lacking() == 2).then_some(()));
    server.wait_for_line(&["what the database lacks", "\"rows_left_out\":\"1\""], PATIENCE);
    signal();
    wait_for_rows(&postgres, "ut_tests_signals", 1);
    assert_eq!(dead_letters(&home), 0);
    server.stop();
}
