//! The connection to Postgres: what it agrees on with a real server, and what it calls that server's faults.

use std::future::Future;
use std::time::Duration;

use takeup::postgres::{Link, PgCause, PgFault, PostgresUrl, Transaction};
use tokio_postgres::types::Type;

use crate::common::PATIENCE;
use crate::common::services::{Certificate, Postgres, PostgresOptions, Schema};

fn run<T>(task: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(task)
}

async fn open(text: &str) -> Result<Link, PgFault> {
    Link::open(&PostgresUrl::parse(text, Some("tests")).expect("is well formed"), PATIENCE).await
}

fn cause(text: &str) -> PgCause {
    run(open(text)).expect_err("no connection").cause()
}

/// The string with another value of a parameter.
fn with(url: &str, parameters: &str) -> String {
    format!("{}?{parameters}", url.split('?').next().unwrap_or_default())
}

#[test]
fn postgres_each_mode_of_tls_means_what_it_means_in_libpq() {
    let certificate = Certificate::server();
    let (good, other) = (certificate.authority().display().to_string(), certificate.other_authority());
    let (other, own) = (other.display().to_string(), certificate.certificate().display().to_string());
    let tls = Postgres::with(PostgresOptions { tls: true, ..PostgresOptions::default() });
    let is_encrypted = |parameters: &str| {
        run(async {
            let link = open(&with(&tls.url(), parameters)).await?;
            let rows = link.simple("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").await?;
            Ok::<_, PgFault>(rows[0].get(0) == Some("t"))
        })
        .map_err(|fault| fault.cause())
    };
    for parameters in [
        "sslmode=allow",
        "sslmode=prefer",
        "sslmode=require",
        "sslmode=require&ssl_min_protocol_version=TLSv1.3",
        "sslmode=require&ssl_max_protocol_version=TLSv1.2&channel_binding=require",
        &format!("sslmode=verify-ca&sslrootcert={good}"),
        &format!("sslmode=verify-full&sslrootcert={good}"),
        &format!("sslmode=verify-full&sslrootcert={own}"),
        &format!("sslmode=verify-ca&sslrootcert={good}&host=another.example&hostaddr=127.0.0.1"),
    ] {
        assert_eq!(is_encrypted(parameters), Ok(true), "{parameters}");
    }
    for (parameters, cause) in [
        ("sslmode=disable", PgCause::LoginRefused),
        (&*format!("sslmode=verify-ca&sslrootcert={other}"), PgCause::Tls),
        (&*format!("sslmode=require&sslrootcert={other}"), PgCause::Tls),
        (&*format!("sslmode=verify-full&sslrootcert={good}&host=another.example&hostaddr=127.0.0.1"), PgCause::Tls),
        ("sslmode=verify-ca", PgCause::Tls),
        ("sslmode=verify-ca&sslrootcert=/missing.pem", PgCause::Files),
    ] {
        assert_eq!(is_encrypted(parameters), Err(cause), "{parameters}");
    }

    let plain = Postgres::new(Schema::None);
    for parameters in ["sslmode=disable", "sslmode=allow", "sslmode=prefer"] {
        run(open(&with(&plain.url(), parameters))).unwrap_or_else(|fault| panic!("{parameters}: {fault}"));
    }
    assert_eq!(cause(&with(&plain.url(), "sslmode=require")), PgCause::Tls);
}

#[test]
fn postgres_every_fault_of_a_server_has_its_cause() {
    let postgres = Postgres::new(Schema::Main);
    let url = postgres.url();
    let (user, _) = postgres.role();
    assert_eq!(cause(&url.replace(&format!(":{user}@"), ":wrong@")), PgCause::LoginRefused);
    assert_eq!(cause(&url.replace(&format!("/{user}?"), "/missing?")), PgCause::NoDatabase);
    assert_eq!(cause(&with(&url, "sslmode=disable&target_session_attrs=standby")), PgCause::ReadOnly);
    assert_eq!(cause("postgres://u@127.0.0.1:1/d?sslmode=disable"), PgCause::Unreachable);
    assert_eq!(cause("postgres://u@no-such-host.invalid/d"), PgCause::Unreachable);

    let statement = |sql: &'static str| {
        let asked = async { open(&url).await.expect("it runs").simple(sql).await };
        run(asked).map(drop).map_err(|fault| fault.cause())
    };
    assert_eq!(statement("SELECT 1 FROM missing"), Err(PgCause::NoTable));
    assert_eq!(statement("SELECT missing FROM projects"), Err(PgCause::NoColumn));
    assert_eq!(statement("SELEC 1"), Err(PgCause::Statement));
    assert_eq!(statement("BEGIN READ ONLY; UPDATE projects SET active = true"), Err(PgCause::ReadOnly));
    assert_eq!(statement("SET statement_timeout = 50; SELECT pg_sleep(60)"), Err(PgCause::Locked));
    assert_eq!(statement("SELECT 'XX'::country"), Err(PgCause::EnumValue));
    assert_eq!(statement("SELECT 'x'::int"), Err(PgCause::Record));
    assert_eq!(statement("INSERT INTO projects (project_key) VALUES ('k')"), Err(PgCause::NullValue));
    postgres.sql("REVOKE SELECT ON projects FROM openreplay");
    assert_eq!(statement("SELECT 1 FROM projects"), Err(PgCause::NoRight));
    assert_eq!(statement("SELECT 1"), Ok(()));

    run(async {
        let idle = open(&url).await.expect("it runs");
        postgres.stop();
        let fault = idle.simple("SELECT 1").await.expect_err("the server has gone");
        assert_eq!(fault.cause(), PgCause::Restarting, "{fault}");
        assert!(!idle.is_open());
    });
    assert_eq!(cause(&url), PgCause::Unreachable);
}

#[test]
fn postgres_that_hangs_is_given_up_after_the_limit() {
    let postgres = Postgres::new(Schema::None);
    let text = with(&postgres.url(), "sslmode=disable&connect_timeout=1");
    let url = PostgresUrl::parse(&text, None).expect("is well formed");
    run(async {
        let link = Link::open(&url, Duration::from_millis(200)).await.expect("it runs");
        postgres.pause();
        assert_eq!(link.simple("SELECT 1").await.expect_err("it hangs").cause(), PgCause::TimedOut);
        assert!(!link.is_open(), "what hangs is dropped");
        assert_eq!(Link::open(&url, PATIENCE).await.expect_err("it hangs").cause(), PgCause::TimedOut);
        postgres.resume();
        Link::open(&url, PATIENCE).await.expect("it goes on");
    });
}

#[test]
fn postgres_a_transaction_is_committed_or_says_that_it_was_not() {
    let postgres = Postgres::new(Schema::Main);
    run(async {
        let mut link = open(&postgres.url()).await.expect("it runs");
        let insert = "INSERT INTO tags (name, project_id, selector, ignore_click_rage, ignore_dead_click) \
                      VALUES ($1, $2, '#a', false, false)";
        let mut good = Transaction::begin(&mut link).await.expect("it begins");
        let values = [(&"new" as _, Type::TEXT), (&1i32 as _, Type::INT4)];
        assert_eq!(good.execute(insert, &values).await, Ok(1));
        good.commit().await.expect("it is committed");

        let mut bad = Transaction::begin(&mut link).await.expect("it begins");
        assert_eq!(bad.execute(insert, &values).await, Ok(1));
        let fault = bad.execute(insert, &[(&"none" as _, Type::TEXT), (&77i32 as _, Type::INT4)]).await;
        assert_eq!(fault.expect_err("no such project").cause(), PgCause::Reference);
        bad.commit().await.expect_err("the server rolls such a transaction back without an error");
        assert!(link.is_open());

        let mut dropped = Transaction::begin(&mut link).await.expect("it begins");
        assert_eq!(dropped.execute(insert, &values).await, Ok(1));
        drop(dropped);
        assert!(!link.is_open(), "an open transaction must not pass to the next user");
    });
    assert_eq!(postgres.sql("SELECT count(*) FROM tags WHERE name = 'new'"), "1");
}
