use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::common::services::{PgBouncer, Postgres, PostgresOptions, Schema, program};
use crate::common::{Disk, DiskKind, PATIENCE, wait_for};

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

    // A backend that was there before, too, stands still.
    let mut psql = Command::new(program("psql"))
        .arg(postgres.url())
        .args(["-XAtq"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut input, mut output) = (psql.stdin.take().unwrap(), BufReader::new(psql.stdout.take().unwrap()).lines());
    let mut ask = || input.write_all(b"SELECT 'here';\n").unwrap();
    ask();
    assert_eq!(output.next().unwrap().unwrap(), "here");
    postgres.pause();
    ask();
    let (sender, answer) = channel();
    let reader = thread::spawn(move || sender.send(output.next().unwrap().unwrap()).unwrap());
    assert_eq!(answer.recv_timeout(Duration::from_millis(200)), Err(RecvTimeoutError::Timeout), "nothing answers");
    postgres.resume();
    assert_eq!(answer.recv_timeout(PATIENCE).unwrap(), "here", "and the connection has stayed");
    reader.join().unwrap();
    drop(input);
    psql.wait().unwrap();
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

#[test]
fn a_replica_follows_lags_and_takes_no_writes() {
    let postgres = Postgres::new(Schema::Main);
    let replica = postgres.replica();
    let count = || replica.sql("SELECT count(*) FROM sessions");
    replica.sql("SELECT pg_wal_replay_pause()");
    postgres.sql(INSERT);
    assert_eq!(count(), "0");
    replica.sql("SELECT pg_wal_replay_resume()");
    wait_for("the replica to follow", PATIENCE, || (count() == "1").then_some(()));
    let error = replica.try_sql("DELETE FROM sessions").unwrap_err();
    assert!(error.starts_with("ERROR:  25006"), "{error}");
}

#[test]
fn a_postgres_on_a_full_disk_says_so_and_goes_on_when_there_is_room() {
    let Some(disk) = Disk::of(DiskKind::Tmpfs, 160 << 20) else { return };
    let within = disk.path("postgres");
    std::fs::create_dir(&within).unwrap();
    let postgres = Postgres::with(PostgresOptions { within: Some(within), ..PostgresOptions::default() });
    postgres.sql("CREATE TABLE filler (text text)");
    let fill = "INSERT INTO filler SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 300000) n GROUP BY n % 3000";
    let error = wait_for("the disk to be full", PATIENCE, || postgres.try_sql(fill).err());
    assert!(error.starts_with("ERROR:  53100"), "{error}");
    postgres.sql("TRUNCATE filler");
    wait_for("the server to go on", PATIENCE, || postgres.try_sql(INSERT).ok());
    assert_eq!(postgres.sql("SELECT count(*) FROM sessions"), "1");
}
