//! `takeup erase` beside a real server: nothing of a person is left anywhere under the data folder, and all that others sent is there.
#![cfg(feature = "archive")]
#![allow(clippy::disallowed_methods, reason = "what would hurt a server is harmless in a test")]

mod common;

#[path = "archive/read.rs"]
#[allow(missing_docs, dead_code)]
mod read;

#[path = "archive/recorded.rs"]
#[allow(missing_docs, dead_code)]
mod recorded;

#[path = "erase/person.rs"]
#[allow(missing_docs)]
mod person;

#[path = "erase/traces.rs"]
#[allow(missing_docs, dead_code)]
mod traces;

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use common::{Finished, Home, PATIENCE, Server, wait_for};
use person::{Person, SENT, USER, under_load};
use read::Archived;
use traces::found;

fn settings(flush: &str) -> Vec<(&str, &str)> {
    vec![
        ("cores", "2"),
        ("segment_bytes", "2MiB"),
        ("window_bytes", "512KiB"),
        ("group_bytes_max", "512KiB"),
        ("beacon_size_limit", "100000"),
        ("archive", "true"),
        ("archive_budget_percent", "100"),
        ("archive_flush", flush),
    ]
}

fn wait_until_archived(server: &Server) {
    wait_for("nothing is left to archive", PATIENCE, || {
        let reports = server.admin_page("/couriers").json();
        let of = reports.as_array().and_then(|all| all.iter().find(|report| report["name"] == "compactor"))?;
        (of["lag"]["bytes"] == 0 && of["state"] == "ready").then_some(())
    });
}

fn erase(home: &Home, server: &Server, what: &[&str]) -> Finished {
    let admin = server.admin.to_string();
    home.takeup(&[&["erase", "--yes", "--json", "--admin", &admin], what].concat())
}

/// Each of these is in the archive once, and the archive is what the log has now.
#[track_caller]
fn check_the_rest(home: &Home, sent: &[blake3::Hash]) {
    let archived = Archived::read(home.data());
    recorded::expected(home.data()).check(&archived);
    let mut found: BTreeMap<[u8; 32], u64> = BTreeMap::new();
    for (_, hash) in archived.payloads() {
        *found.entry(*hash.as_bytes()).or_default() += 1;
    }
    assert!(!sent.is_empty());
    for hash in sent {
        assert_eq!(found.get(hash.as_bytes()), Some(&1));
    }
}

#[track_caller]
fn check_verified(home: &Home) {
    let verified = home.takeup(&["verify"]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
}

/// Erases a person beside a server that puts chunks of this age into its archive.
fn erase_beside_a_server(flush: &str, before: impl Fn(&Server)) {
    let home = Home::new();
    let server = home.serve(&settings(flush));
    let person = Person::start(&home, &server);
    let traces = person.traces();
    let (receipt, sent) = under_load(&home, &server, || {
        (0..SENT / 2).for_each(|number| person.send(&server, number));
        before(&server);
        (SENT / 2..SENT).for_each(|number| person.send(&server, number));
        assert!(!found(home.data(), &traces).is_empty(), "the search finds what is there");
        let erased = erase(&home, &server, &["--user", USER]);
        assert_eq!(erased.code, Some(0), "{erased:?}");
        assert_eq!(found(home.data(), &traces), Vec::<String>::new());
        erased.lines().remove(0)
    });
    assert_eq!(receipt["session_ids"], serde_json::json!([person.session.to_string()]), "{receipt}");
    assert_eq!((&receipt["complete"], &receipt["beside_server"]), (&true.into(), &true.into()), "{receipt}");
    server.stop();
    assert_eq!(found(home.data(), &traces), Vec::<String>::new());

    // What the keeper had in memory is read again, and does not bring the person back.
    let server = home.serve(&settings("100ms"));
    wait_until_archived(&server);
    server.stop();
    assert_eq!(found(home.data(), &traces), Vec::<String>::new());
    check_the_rest(&home, &sent);
    check_verified(&home);
}

#[test]
fn a_person_whose_records_are_in_the_archive_is_erased_under_load_and_the_rest_stays() {
    erase_beside_a_server("100ms", |server| {
        let added = || server.metric("takeup_archive_records_total");
        let begun = added();
        wait_for("the archive to grow", PATIENCE, || (added() > begun).then_some(()));
    });
}

#[test]
fn what_the_keeper_has_in_memory_does_not_come_into_the_archive_after_an_erasure() {
    erase_beside_a_server("1h", |_| {});
}

#[test]
fn an_erasure_that_is_killed_at_any_moment_is_finished_by_the_next() {
    let rounds: u64 = std::env::var("TAKEUP_TEST_KILLS").map_or(8, |text| text.parse().expect("a number"));
    let home = Home::new();
    let server = home.serve(&settings("100ms"));
    let admin = server.admin.to_string();
    let mut sent = Vec::new();
    for round in 0..rounds {
        let person = Person::start(&home, &server);
        (0..SENT).for_each(|number| person.send(&server, number));
        wait_until_archived(&server);
        let session = person.session.to_string();
        let ((), more) = under_load(&home, &server, || {
            let arguments = ["erase", "--yes", "--json", "--admin", &admin, "--session", &session];
            let mut child = home.follow(&arguments);
            // A prime keeps the moments apart.
            let until = Instant::now() + Duration::from_millis(20 + round * 7_919 % 600);
            while Instant::now() < until {
                thread::sleep(Duration::from_millis(1));
            }
            let _ = child.kill();
            child.wait().expect("a child");
            check_verified(&home);
            let erased = erase(&home, &server, &["--session", &session]);
            assert_eq!(erased.code, Some(0), "{erased:?}");
            assert_eq!(found(home.data(), &person.traces()), Vec::<String>::new());
        });
        sent.extend(more);
    }
    wait_until_archived(&server);
    server.stop();
    check_the_rest(&home, &sent);
    check_verified(&home);
}
