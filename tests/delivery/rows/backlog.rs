//! Many rows, and rows that no client of today can send.

use crate::common::services::{Postgres, PostgresOptions, Schema};
use crate::common::{Home, PATIENCE, Request, wait_for};

use takeup::records::SessionRow;

use super::logs::{row, write_starts};
use super::support::*;

#[test]
fn rows_of_a_backlog_of_20_000_starts_go_in_few_statements() {
    const STARTS: u64 = 20_000;
    let settings = vec![("log_statement", "all"), ("log_parameter_max_length", "0")];
    let postgres = Postgres::with(PostgresOptions { schema: Schema::Main, settings, ..PostgresOptions::default() });
    let home = Home::new();
    write_starts(&home, (1..=STARTS).map(row));
    let server = serve(&home, &postgres.url());
    wait_for_rows(&postgres, "sessions", STARTS as usize);
    let said = postgres.said();
    let statements = said.lines().filter(|line| line.contains("INSERT INTO public.sessions")).count();
    assert!((1..=100).contains(&statements), "{statements} statements");
    assert_eq!(postgres.sql("SELECT min(session_id), max(session_id) FROM sessions"), format!("1|{STARTS}"));
    server.stop();
}

#[test]
fn rows_that_old_logs_may_hold_are_inserted_all_the_same() {
    let postgres = Postgres::new(Schema::Seed);
    // What does not fit an entry of an index is cut.
    postgres.sql("CREATE INDEX ON sessions (user_id)");
    let long: String =
        (0..2000_u32).map(|n| char::from_u32(0x4e00 + n * n * 7 % 20_000).expect("a character")).collect();
    let rows = [
        SessionRow { user_id: "with\0nul", tracker_version: "\0", ..row(1) },
        SessionRow { user_id: &long, ..row(2) },
        SessionRow { platform: "windows", device_type: "fridge", country: "XX", ..row(3) },
        SessionRow { device_memory: u64::MAX, device_heap: u64::MAX, width: i64::MIN, ..row(4) },
        SessionRow { started_ms: -1, ..row(5) },
        SessionRow { started_ms: i64::MAX, ..row(6) },
        row(u64::MAX - 1),
        row(7),
    ];
    let home = Home::new();
    write_starts(&home, rows);
    let server = serve(&home, &postgres.url());
    start(&server, &Request::start(WEB));
    wait_for_rows(&postgres, "sessions", 9);
    let query = "SELECT session_id, tracker_version, user_id, platform, user_device_type, user_country, user_device_memory_size, \
                 user_device_heap_size, start_ts, issue_score FROM sessions WHERE session_id IN (-2, 1, 3, 4, 5, 6) ORDER BY 1";
    let usual = "1700000000000|1700000000";
    let lines = [
        format!("-2|19.0.1||web|desktop|UN|||{usual}"),
        format!("1||withnul|web|desktop|UN|||{usual}"),
        format!("3|19.0.1||web|other|UN|||{usual}"),
        format!("4|19.0.1||web|desktop|UN|2147483647|9223372036854775807|{usual}"),
        "5|19.0.1||web|desktop|UN|||0|0".to_owned(),
        "6|19.0.1||web|desktop|UN|||9223372036854775807|9223372036854775".to_owned(),
    ];
    assert_eq!(postgres.sql(query), lines.join("\n"));
    let cut: String = long.chars().take(200).collect();
    assert_eq!(postgres.sql("SELECT user_id FROM sessions WHERE session_id = 2"), cut);
    assert_eq!(dead_letters(&home), 0);
    server.stop();
}

#[test]
fn rows_that_the_database_refuses_become_dead_letters_alone() {
    let postgres = Postgres::new(Schema::Main);
    postgres.sql("ALTER TABLE sessions ADD CHECK (user_id <> 'poison')");
    let home = Home::new();
    let is_poison = |session: u64| session.is_multiple_of(97) || (500..520).contains(&session);
    let refused = (1..=1000).filter(|&session| is_poison(session)).count();
    let rows = (1..=1000).map(|session| match is_poison(session) {
        true => SessionRow { user_id: "poison", ..row(session) },
        false => row(session),
    });
    // A project that was deleted.
    let deleted = (1001..=1003).map(|session| SessionRow { project_id: 77, ..row(session) });
    write_starts(&home, rows.chain(deleted).chain([row(1004)]));
    let server = serve(&home, &postgres.url());
    wait_for_rows(&postgres, "sessions", 1001 - refused);
    wait_for("the dead letters", PATIENCE, || (dead_letters(&home) == refused + 3).then_some(()));
    let text = std::fs::read_to_string(home.data().join("dead-letters/courier-postgres.ndjson")).expect("dead letters");
    assert!(text.contains("23514") && text.contains("23503"), "{text}");
    server.stop();
}

#[test]
fn rows_that_a_trigger_refuses_become_dead_letters_alone() {
    let postgres = Postgres::new(Schema::Main);
    postgres.sql(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         IF NEW.user_id = 'poison' THEN RAISE EXCEPTION 'not this one'; END IF; RETURN NEW; END $$; \
         CREATE TRIGGER refuse BEFORE INSERT ON sessions FOR EACH ROW EXECUTE FUNCTION refuse()",
    );
    let home = Home::new();
    let rows = (1..=100).map(|session| match session {
        50 => SessionRow { user_id: "poison", ..row(session) },
        _ => row(session),
    });
    write_starts(&home, rows);
    let server = serve(&home, &postgres.url());
    wait_for_rows(&postgres, "sessions", 99);
    wait_for("the dead letter", PATIENCE, || (dead_letters(&home) == 1).then_some(()));
    server.stop();
}
