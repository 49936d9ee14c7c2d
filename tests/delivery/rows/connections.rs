//! Ways to the database.

use crate::common::Home;
use crate::common::services::{Certificate, PgBouncer, Postgres, PostgresOptions, Schema};

use super::support::*;

#[test]
fn rows_arrive_through_pgbouncer_in_transaction_mode() {
    let (postgres, home) = (Postgres::new(Schema::Main), Home::new());
    let pgbouncer = PgBouncer::before(&postgres);
    let server = serve(&home, &pgbouncer.url());
    start_some(&server, 20);
    wait_for_rows(&postgres, "sessions", 20);
    pgbouncer.kill();
    start_some(&server, 5);
    wait_for_trouble(&server, "unreachable");
    pgbouncer.start();
    wait_for_rows(&postgres, "sessions", 25);
    postgres.restart();
    start_some(&server, 5);
    assert_all_there(&home, &postgres);
    server.stop();
}

#[test]
fn rows_arrive_by_tls() {
    let postgres = Postgres::with(PostgresOptions { tls: true, ..PostgresOptions::default() });
    let (certificate, home) = (Certificate::server(), Home::new());
    let plain = postgres.url();
    let url = plain.split('?').next().expect("a URL");
    let (good, other) = (certificate.authority(), certificate.other_authority());
    let mut expected = 0;
    for mode in ["require".to_owned(), format!("verify-full&sslrootcert={}", good.display())] {
        let server = serve(&home, &format!("{url}?sslmode={mode}"));
        start_some(&server, 2);
        expected += 2;
        wait_for_rows(&postgres, "sessions", expected);
        server.stop();
    }
    let server = serve(&home, &format!("{url}?sslmode=verify-full&sslrootcert={}", other.display()));
    start_some(&server, 1);
    wait_for_trouble(&server, "mismatch");
    assert_eq!(rows_in(&postgres, "sessions"), expected);
    assert!(!server.said().contains(":openreplay@"), "the password is told");
    server.stop();
}
