//! Erasing beside a server under load.

use std::collections::BTreeMap;

use crate::common::{Finished, Home, PATIENCE, Server, gzip, wait_for};
use crate::read::Archived;
use crate::recorded;

use super::person::{Person, SECRET, SENT, USER, body, under_load};
use super::search::Traces;

pub fn settings(flush: &str) -> Vec<(&str, &str)> {
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

/// What must be nowhere.
pub fn traces(person: &Person) -> Traces {
    let mut traces = Traces::of(&[USER, SECRET]);
    traces.session(person.session);
    (0..SENT).for_each(|number| traces.body("a packed body", &gzip(&body(number))));
    traces
}

pub fn wait_until_archived(server: &Server) {
    // The compactor has the lowest priority: beside other programs it takes long.
    wait_for("nothing is left to archive", 4 * PATIENCE, || {
        let reports = server.admin_page("/couriers").json();
        let of = reports.as_array().and_then(|all| all.iter().find(|report| report["name"] == "compactor"))?;
        (of["lag"]["bytes"] == 0 && of["state"] == "ready").then_some(())
    });
}

pub fn erase(home: &Home, server: &Server, what: &[&str]) -> Finished {
    let admin = server.admin.to_string();
    home.takeup(&[&["erase", "--yes", "--json", "--admin", &admin], what].concat())
}

/// Each of these is in the archive once, and the archive is what the log has now.
#[track_caller]
pub fn check_the_rest(home: &Home, sent: &[blake3::Hash]) {
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
pub fn check_verified(home: &Home) {
    for what in [&["verify"][..], &["verify", "--archive"]] {
        let verified = home.takeup(what);
        assert_eq!(verified.code, Some(0), "{verified:?}");
    }
}

/// Erases a person beside a server that puts chunks of this age into its archive.
pub fn erase_beside_a_server(flush: &str, more: &[(&str, &str)], before: impl Fn(&Server)) {
    let home = Home::new();
    let server = home.serve(&[&settings(flush), more].concat());
    let person = Person::start(&home, &server);
    let traces = traces(&person);
    let ((), mut sent) = under_load(&home, &server, || {
        (0..SENT / 2).for_each(|number| person.send(&server, number));
        before(&server);
    });
    assert!(!traces.found(home.data()).is_empty(), "the search finds what is there");
    let (receipt, more) = under_load(&home, &server, || {
        (SENT / 2..SENT).for_each(|number| person.send(&server, number));
        let erased = erase(&home, &server, &["--user", USER]);
        assert_eq!(erased.code, Some(0), "{erased:?}");
        erased.lines().remove(0)
    });
    sent.extend(more);
    assert_eq!(traces.found(home.data()), Vec::<String>::new());
    assert_eq!(receipt["session_ids"], serde_json::json!([person.session.to_string()]), "{receipt}");
    assert_eq!((&receipt["complete"], &receipt["beside_server"]), (&true.into(), &true.into()), "{receipt}");
    server.stop();
    assert_eq!(traces.found(home.data()), Vec::<String>::new());

    // What the keeper had in memory is read again, and does not bring the person back.
    let server = home.serve(&settings("100ms"));
    wait_until_archived(&server);
    server.stop();
    assert_eq!(traces.found(home.data()), Vec::<String>::new());
    check_the_rest(&home, &sent);
    check_verified(&home);
}

#[test]
fn a_person_whose_records_are_in_the_archive_is_erased_under_load_and_the_rest_stays() {
    erase_beside_a_server("100ms", &[], |server| {
        let added = || server.metric("takeup_archive_records_total");
        let begun = added();
        wait_for("the archive to grow", PATIENCE, || (added() > begun).then_some(()));
    });
}

#[test]
fn what_the_keeper_has_in_memory_does_not_come_into_the_archive_after_an_erasure() {
    erase_beside_a_server("1h", &[], |_| {});
}

#[test]
fn what_is_answered_from_memory_stays_in_no_file_of_memory_after_an_erasure() {
    erase_beside_a_server("100ms", &[("ack", "memory"), ("writer", "direct")], |_| {});
}
