//! Faults of the database: each is told, and passes without anybody's help.

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::thread;

use crate::common::services::{Postgres, Schema};
use crate::common::{Disk, DiskKind, Home, PATIENCE, Request, Server, fixtures, wait_for};

use super::logs::{row, write_starts};
use super::support::*;

/// Ends the connections of the server under test, so that it has to make a new one.
const CUT: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'openreplay'";

/// Breaks the database, starts sessions, waits until the trouble is told, mends it, and waits for the rows.
fn endures(server: &Server, postgres: &Postgres, trouble: &str, break_it: impl FnOnce(), mend_it: impl FnOnce()) {
    let before = rows_in(postgres, "sessions");
    break_it();
    start_some(server, 2);
    wait_for_trouble(server, trouble);
    mend_it();
    wait_for_rows(postgres, "sessions", before + 2);
}

#[test]
fn rows_wait_for_a_database_that_is_away_or_takes_none() {
    let (postgres, home) = (Postgres::new(Schema::Main), Home::new());
    let server = serve(&home, &postgres.url());
    start_some(&server, 1);
    wait_for_rows(&postgres, "sessions", 1);
    let statements = [
        ("no-permission", "REVOKE INSERT ON sessions FROM openreplay", "GRANT INSERT ON sessions TO openreplay"),
        ("missing", "ALTER TABLE sessions RENAME TO elsewhere", "ALTER TABLE elsewhere RENAME TO sessions"),
        (
            "read-only",
            &*format!("ALTER ROLE openreplay SET default_transaction_read_only = on; {CUT}"),
            &*format!("ALTER ROLE openreplay RESET default_transaction_read_only; {CUT}"),
        ),
        (
            "wrong-credentials",
            &*format!("ALTER ROLE openreplay PASSWORD 'another'; {CUT}"),
            "ALTER ROLE openreplay PASSWORD 'openreplay'",
        ),
        (
            "mismatch",
            "ALTER TABLE sessions ADD COLUMN strange int NOT NULL DEFAULT 1; ALTER TABLE sessions ALTER strange DROP DEFAULT",
            "ALTER TABLE sessions DROP COLUMN strange",
        ),
        (
            "busy",
            &*format!("ALTER ROLE openreplay CONNECTION LIMIT 0; {CUT}"),
            "ALTER ROLE openreplay CONNECTION LIMIT -1",
        ),
    ];
    for (trouble, break_it, mend_it) in statements {
        let run = |statements: &str| drop(postgres.sql(statements));
        endures(&server, &postgres, trouble, || run(break_it), || run(mend_it));
    }
    for break_it in [Postgres::stop, Postgres::kill] {
        endures(&server, &postgres, "unreachable", || break_it(&postgres), || postgres.start());
    }
    assert_all_there(&home, &postgres);
    assert_eq!(dead_letters(&home), 0);
    server.stop();
}

#[test]
fn rows_wait_for_a_locked_table() {
    let (postgres, home) = (Postgres::new(Schema::Main), Home::new());
    let server = serve(&home, &postgres.url());
    thread::scope(|scope| {
        scope.spawn(|| postgres.try_sql("BEGIN; LOCK TABLE sessions; SELECT pg_sleep(60)"));
        let locked = "SELECT pid FROM pg_locks WHERE relation = 'sessions'::regclass AND mode = 'AccessExclusiveLock' AND granted";
        let pid = wait_for("the lock", PATIENCE, || Some(postgres.sql(locked)).filter(|pid| !pid.is_empty()));
        start_some(&server, 2);
        wait_for_trouble(&server, "busy");
        postgres.sql(&format!("SELECT pg_terminate_backend({pid})"));
        wait_for_rows(&postgres, "sessions", 2);
    });
    server.stop();
}

#[test]
fn rows_wait_for_a_database_that_is_not_there_at_the_start_and_has_no_tables() {
    let (postgres, home) = (Postgres::new(Schema::None), Home::new());
    write_starts(&home, [row(7)]);
    postgres.stop();
    let server = serve(&home, &postgres.url());
    wait_for_trouble(&server, "unreachable");
    postgres.start();
    wait_for_trouble(&server, "missing");
    let tables = fs::read_to_string(fixtures("postgres/main.sql")).expect("the schema is there");
    postgres.sql(&tables);
    wait_for_trouble(&server, "no-permission");
    postgres.sql("GRANT SELECT, INSERT ON sessions, projects TO openreplay");
    wait_for_rows(&postgres, "sessions", 1);
    assert!(sessions(&postgres).contains_key(&7));
    server.stop();
}

#[test]
fn rows_are_not_lost_by_a_server_that_is_killed() {
    let (postgres, home) = (Postgres::new(Schema::Main), Home::new());
    for round in 0..3 {
        let server = serve(&home, &postgres.url());
        if round == 1 {
            postgres.stop();
        }
        start_some(&server, 20);
        server.kill();
        if round == 1 {
            postgres.start();
        }
    }
    let server = serve(&home, &postgres.url());
    wait_for_rows(&postgres, "sessions", 60);
    assert_all_there(&home, &postgres);
    server.stop();
}

#[test]
fn rows_wait_for_a_standby_to_become_the_primary() {
    let (primary, home) = (Postgres::new(Schema::Main), Home::new());
    let standby = primary.replica();
    let server = serve(&home, &standby.url());
    start_some(&server, 2);
    wait_for_trouble(&server, "read-only");
    standby.sql("SELECT pg_promote()");
    wait_for_rows(&standby, "sessions", 2);
    server.stop();
}

#[test]
fn rows_wait_for_a_full_disk_to_have_room_again() {
    let Some(disk) = Disk::of(DiskKind::Made(&["mkfs.ext4", "-q", "-F", "-m", "0"]), 16 << 20) else { return };
    // Only the table: a server without room for its own log ends.
    let (postgres, home) = (Postgres::new(Schema::Main), Home::new());
    let (space, filler) = (disk.path("space"), disk.path("filler"));
    fs::create_dir(&space).expect("the disk takes folders");
    let owner = fs::metadata(postgres.data()).expect("the data folder is there");
    std::os::unix::fs::chown(&space, Some(owner.uid()), Some(owner.gid())).expect("root may");
    postgres.sql(&format!("CREATE TABLESPACE small LOCATION '{}'", space.display()));
    postgres.sql("ALTER TABLE sessions SET TABLESPACE small");
    let server = serve(&home, &postgres.url());
    start_some(&server, 1);
    wait_for_rows(&postgres, "sessions", 1);
    let mut file = fs::File::create(&filler).expect("the disk takes files");
    while file.write_all(&[7; 4096]).is_ok() {}
    drop(file);
    let revision = "r".repeat(4000);
    for _ in 0..20 {
        start(&server, &Request::start(WEB).field("revID", &*revision).field("userID", "u".repeat(255)));
    }
    wait_for_trouble(&server, "full");
    fs::remove_file(&filler).expect("the file is ours");
    wait_for_rows(&postgres, "sessions", 21);
    assert_eq!(dead_letters(&home), 0);
    server.stop();
}
