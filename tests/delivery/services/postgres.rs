use std::process::{Command, Stdio};

use serde_json::json;

use crate::common::services::{PgBouncer, Postgres, PostgresOptions, Schema, program};

const INSERT: &str = "INSERT INTO sessions (session_id, project_id, tracker_version, start_ts, user_uuid, user_os, user_device, \
                      user_device_type, user_country) VALUES (7, 1, '12.0.4', 1, 'f1c7d9c2-5b5e-4f1c-8f5a-0d5a5b1c9e11', '', '', 'other', 'UN')";

#[test]
fn postgres_keeps_what_each_verb_says() {
    let postgres = Postgres::new(Schema::Main);
    postgres.sql(INSERT);
    postgres.restart();
    postgres.kill();
    postgres.start();
    let rows = postgres.rows("SELECT session_id, user_country, screen_width FROM sessions");
    assert_eq!(rows, [json!({ "session_id": 7, "user_country": "UN", "screen_width": null })]);

    postgres.pause();
    postgres.resume();
    assert_eq!(postgres.sql("SELECT count(*) FROM sessions"), "1");
    postgres.pause();
    postgres.kill();
    postgres.start();
    postgres.restart_empty();
    assert_eq!(postgres.sql("SELECT count(*) FROM sessions"), "0");
    assert_eq!(postgres.sql("SELECT count(*) FROM projects"), "11");
}

#[test]
fn postgres_has_the_tables_of_both_releases() {
    let seed = Postgres::new(Schema::Seed);
    let error = seed.try_sql("SELECT screen_width FROM sessions").unwrap_err();
    assert!(error.starts_with("ERROR:  42703"), "{error}");
    let error = seed.try_sql("SELECT * FROM unstarted_sessions").unwrap_err();
    assert!(error.starts_with("ERROR:  42P01"), "{error}");
    assert_eq!(seed.sql("SELECT count(*) FROM feature_flags_variants"), "1");
    assert_eq!(seed.sql("SELECT count(*) FROM ut_tests_tasks WHERE test_id = 1"), "2");
    seed.sql(INSERT);
    let error = seed
        .try_sql("INSERT INTO ut_tests_signals (session_id, test_id, status, timestamp) VALUES (7, 99, 'begin', 1)");
    let error = error.unwrap_err();
    assert!(error.starts_with("ERROR:  23503") && error.contains("ut_tests_signals_test_id_fkey"), "{error}");

    let other = Postgres::new(Schema::SeedWithUnstarted);
    assert_eq!(other.sql("SELECT count(*) FROM unstarted_sessions"), "0");
}

#[test]
fn postgres_serves_tls_and_then_refuses_plain_connections() {
    let postgres = Postgres::with(PostgresOptions { tls: true, ..PostgresOptions::default() });
    assert!(postgres.url().ends_with("sslmode=require"));
    assert_eq!(postgres.sql("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"), "t");
    let plain = postgres.url().replace("sslmode=require", "sslmode=disable");
    let status = Command::new(program("psql")).args(["-c", "SELECT 1", &plain]).stderr(Stdio::null()).status().unwrap();
    assert_eq!(status.code(), Some(2), "psql cannot connect");
}

#[test]
fn pgbouncer_stands_before_postgres_and_can_be_stopped_alone() {
    let postgres = Postgres::new(Schema::Main);
    let pgbouncer = PgBouncer::before(&postgres);
    let count = || {
        let mut psql = Command::new(program("psql"));
        let output = psql.args(["-XAtqc", "SELECT count(*) FROM projects", &pgbouncer.url()]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(count(), "11\n");
    pgbouncer.restart();
    postgres.restart();
    assert_eq!(count(), "11\n");
    pgbouncer.stop();
    assert_eq!(count(), "");
}
