//! `takeup erase` in object stores: nothing of a person is left in copies of segments and of the archive, nor in versions that a bucket keeps of them;
//! what is others' stays as it is, and a restore gives a whole log at every moment.
#![cfg(all(feature = "archive", feature = "object-store"))]
#![allow(clippy::disallowed_methods, reason = "what would hurt a server is harmless in a test")]

mod common;

#[path = "erase/bucket.rs"]
#[allow(missing_docs)]
mod bucket;

#[path = "erase/no_server.rs"]
#[allow(missing_docs)]
mod no_server;

#[path = "erase/person.rs"]
#[allow(missing_docs)]
mod person;

#[path = "erase/shipped.rs"]
#[allow(missing_docs)]
mod shipped;

#[path = "erase/traces.rs"]
#[allow(missing_docs)]
mod traces;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use bucket::Bucket;
use common::services::{Relay, RelayMode};
use common::{PATIENCE, Server, wait_for};
use no_server::NoServer;
use person::{Person, SENT, USER, under_load};
use serde_json::Value;
use shipped::{Shipped, check_bodies, place, sealed};
use takeup::courier::stores::StoreAccess;
use takeup::erase::receipt::NotReached;
use takeup::erase::{Request, Stage, Stores, erase};
use traces::found;

/// Whenever a segment was removed from a bucket, another one with its id had been uploaded.
#[track_caller]
fn check_order(said: &str) {
    let mut there: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut removed = 0;
    for line in said.lines().filter(|line| line.contains(".seg")) {
        let key = line.split_once("/takeup/").and_then(|(_, rest)| rest.split_once(".seg")).map(|(key, _)| key);
        let (id, hash) = key.and_then(|key| key.rsplit_once('-')).expect("a segment's key");
        let there = there.entry(id).or_default();
        if line.contains("PUT /") {
            there.insert(hash);
        } else if line.contains("DELETE /") {
            there.remove(hash);
            removed += 1;
            assert!(!there.is_empty(), "{id} was not there for a moment");
        }
    }
    assert!(removed > 0, "some were removed");
}

fn erase_beside_a_server(bucket: Bucket) {
    let shipped = Shipped::to(bucket);
    let (home, bucket) = (&shipped.home, &shipped.bucket);
    let server = shipped.serve();
    let person = Person::start(home, &server);
    let traces = person.traces();
    let (before, sent) = under_load(home, &server, || {
        (0..SENT / 2).for_each(|number| person.send(&server, number));
        wait_for("some segments to be in the store, the person's among them", PATIENCE, || {
            (bucket.segments() >= 6 && !bucket.found(&traces).is_empty()).then_some(())
        });
        (SENT / 2..SENT).for_each(|number| person.send(&server, number));
        let before = bucket.all();
        let theirs = bucket.found(&traces);
        let receipt = shipped.erase(Some(&server), &["--user", USER]);
        assert_eq!(bucket.found(&traces), Vec::<String>::new());
        assert!(Shipped::place(&receipt)["files_changed"].as_u64() > Some(0), "{receipt}");
        assert_eq!(receipt["complete"], true, "{receipt}");
        before.into_iter().filter(|(name, _)| !theirs.contains(name)).collect::<BTreeMap<_, _>>()
    });
    server.stop();
    assert!(!before.is_empty(), "some copies have nothing of the person");
    let after = bucket.all();
    for (name, bytes) in &before {
        // A segment and its sidecar have the same fate.
        let stem = name.split('?').next().unwrap_or_default().trim_end_matches(".json").trim_end_matches(".seg");
        let has_gone = !after.keys().any(|name| name.starts_with(stem));
        assert!(has_gone || after.get(name) == Some(bytes), "{name} is as it was");
    }
    // What was sealed at the end is uploaded by the next one, and the courier does not bring the person back.
    let server = shipped.serve();
    shipped.wait_until_copied();
    server.stop();
    assert_eq!(bucket.found(&traces), Vec::<String>::new());
    assert_eq!(found(home.data(), &traces), Vec::<String>::new());
    let restored = shipped.restored("restored");
    assert_eq!(found(&restored, &traces), Vec::<String>::new());
    assert_eq!(sealed(&restored), sealed(home.data()));
    check_bodies(&restored, &sent);
}

#[test]
fn copies_of_segments_in_a_folder_are_erased_from_and_the_rest_stays() {
    erase_beside_a_server(Bucket::folder());
}

#[test]
fn copies_of_segments_in_a_bucket_are_erased_from_and_the_rest_stays() {
    erase_beside_a_server(Bucket::s3());
}

#[test]
fn versions_that_a_bucket_keeps_of_segments_are_erased_too_and_those_of_others_stay() {
    erase_beside_a_server(Bucket::s3_with_versions());
}

#[test]
fn a_user_of_whom_only_the_store_has_segments_is_found_and_erased_there() {
    for bucket in [Bucket::folder(), Bucket::s3_with_versions()] {
        let shipped = Shipped::to(bucket);
        let (home, bucket) = (&shipped.home, &shipped.bucket);
        let server = shipped.serve();
        let person = Person::start(home, &server);
        let ((), sent) = under_load(home, &server, || (0..SENT).for_each(|number| person.send(&server, number)));
        server.stop();
        let server = shipped.serve();
        shipped.wait_until_copied();
        server.stop();
        let traces = person.traces();
        // As retention takes segments out of the log.
        let mut all = Vec::new();
        traces::files(&home.data().join("log"), &mut all);
        let is_of_segment =
            |path: &PathBuf| path.with_extension("seg").exists() && path.extension().is_some_and(|ext| ext != "ledger");
        let (segments, sidecars): (Vec<_>, Vec<_>) =
            all.into_iter().filter(is_of_segment).partition(|path| path.extension().is_some_and(|ext| ext == "seg"));
        sidecars.iter().chain(&segments).for_each(|path| fs::remove_file(path).expect("it can be removed"));
        let before = bucket.all();

        let dry = shipped.erase(None, &["--user", USER, "--dry-run"]);
        assert_eq!(bucket.all(), before, "a dry run changes nothing");
        let erased = shipped.erase(None, &["--user", USER]);
        for receipt in [&dry, &erased] {
            let expected = (&serde_json::json!([person.session.to_string()]), &Value::from(1));
            assert_eq!((&receipt["session_ids"], &receipt["search"]["by_start"]), expected, "{receipt}");
            // A start, and each batch twice.
            assert_eq!(Shipped::place(receipt)["records"], 1 + 2 * SENT, "{receipt}");
        }
        assert_eq!(Shipped::place(&dry), Shipped::place(&erased));
        if let Bucket::S3(s3) = bucket {
            check_order(&s3.said());
        }
        assert_eq!(bucket.found(&traces), Vec::<String>::new());
        let left: Vec<String> = found(home.data(), &traces);
        assert_eq!(left, Vec::<String>::new());
        let restored = shipped.restored("restored");
        assert_eq!(found(&restored, &traces), Vec::<String>::new());
        check_bodies(&restored, &sent);
        // There is nothing left to do.
        let again = shipped.erase(None, &["--session", &person.session.to_string()]);
        assert_eq!(Shipped::place(&again)["records"], 0, "{again}");
    }
}

#[test]
fn a_copy_that_comes_back_whenever_it_is_erased_is_told() {
    let shipped = Shipped::to(Bucket::folder());
    let (home, bucket) = (&shipped.home, &shipped.bucket);
    let server = shipped.serve();
    let person = Person::start(home, &server);
    (0..SENT).for_each(|number| person.send(&server, number));
    server.stop();
    let server = shipped.serve();
    shipped.wait_until_copied();
    server.stop();

    let before = bucket.all();
    let url = shipped.bucket.url("logs").parse().expect("an address");
    let stores = Stores { segments: Some(StoreAccess::to(url)), ..Stores::default() };
    let request = Request { sessions: [person.session].into(), ..Request::default() };
    let mut rounds = 0;
    // As a courier elsewhere would that has not met the erasure.
    let mut uploads_again = |stage: Stage| {
        if matches!(stage, Stage::Copies(done, all) if done == all) {
            rounds += 1;
            before.iter().for_each(|(name, bytes)| fs::write(name, bytes).expect("it can be written"));
        }
    };
    let receipt = erase(home.data(), &request, &stores, &mut NoServer, &mut uploads_again).expect("it ends");
    assert!(rounds > 1);
    assert!(!receipt.complete);
    let told =
        |missed: &NotReached| missed.place == "object-store" && missed.reason.contains("was uploaded there again");
    assert!(receipt.not_reached.iter().any(told), "{receipt:?}");

    // What the receipt advises.
    let receipt = erase(home.data(), &request, &stores, &mut NoServer, &mut |_| {}).expect("it ends");
    assert!(receipt.complete, "{receipt:?}");
    assert_eq!(bucket.found(&person.traces()), Vec::<String>::new());
}

#[test]
fn a_restore_gives_all_of_the_others_whenever_the_erasure_is_killed_and_the_next_one_finishes_it() {
    let rounds: u64 = std::env::var("TAKEUP_TEST_KILLS").map_or(6, |text| text.parse().expect("a number"));
    let rounds: Vec<u64> = (0..rounds).collect();
    // Each round reads all that was ever sent to its log.
    let killed: u64 = rounds.chunks(6).map(kill_and_restore).sum();
    assert!(killed > 0, "some were killed before their end");
}

/// Returns how many were killed before their end.
fn kill_and_restore(rounds: &[u64]) -> u64 {
    let shipped = Shipped::with_archive(Bucket::s3_with_versions());
    let (home, bucket) = (&shipped.home, &shipped.bucket);
    let (mut sent, mut killed) = (Vec::new(), 0);
    for &round in rounds {
        let server = shipped.serve();
        let person = Person::start(home, &server);
        let ((), more) = under_load(home, &server, || (0..SENT).for_each(|number| person.send(&server, number)));
        sent.extend(more);
        server.stop();
        let server = shipped.serve();
        shipped.wait_until_copied();
        shipped.wait_until_archived(&server);
        // Half of the rounds beside a server.
        let server = if round % 2 == 0 {
            Some(server)
        } else {
            server.stop();
            None
        };
        let session = person.session.to_string();
        let admin = server.as_ref().map_or("127.0.0.1:1".to_owned(), |server| server.admin.to_string());
        let arguments = shipped.with_settings(&["erase", "--yes", "--json", "--admin", &admin, "--session", &session]);
        let mut child = home.follow(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        // A prime keeps the moments apart.
        let until = Instant::now() + Duration::from_millis(50 + round * 7_919 % 900);
        while Instant::now() < until {
            thread::sleep(Duration::from_millis(1));
        }
        let _ = child.kill();
        killed += u64::from(child.wait().expect("a child").code().is_none());
        check_bodies(&shipped.restored(&format!("killed-{round}")), &sent);
        shipped.check_archive();
        fs::remove_dir_all(home.data().with_file_name(format!("killed-{round}"))).expect("it can be removed");

        shipped.erase(server.as_ref(), &["--session", &session]);
        let traces = person.traces();
        assert_eq!(bucket.found(&traces), Vec::<String>::new());
        assert_eq!(found(home.data(), &traces), Vec::<String>::new());
        let restored = shipped.restored(&format!("after-{round}"));
        assert_eq!(found(&restored, &traces), Vec::<String>::new());
        check_bodies(&restored, &sent);
        shipped.check_archive();
        fs::remove_dir_all(restored).expect("it can be removed");
        server.into_iter().for_each(Server::stop);
    }
    killed
}

/// Erases a person whose rows were merged before: they are in files that the archive no longer has, too.
fn erase_from_the_archives_copy(bucket: Bucket, beside_server: bool) {
    let keeps_versions = matches!(&bucket, Bucket::S3(_));
    let shipped = Shipped::with_archive(bucket);
    let (home, bucket) = (&shipped.home, &shipped.bucket);
    let server = shipped.serve();
    let person = Person::start(home, &server);
    let traces = person.traces();
    let mut sent = Vec::new();
    for number in 0..SENT {
        let ((), more) = under_load(home, &server, || person.send(&server, number));
        sent.extend(more);
        shipped.wait_until_archived(&server);
    }
    let compacted = shipped.home.takeup(&["compact", "--merge", "all", "--json"]);
    assert_eq!(compacted.code, Some(0), "{compacted:?}");
    shipped.wait_until_archived(&server);
    let server = if beside_server {
        Some(server)
    } else {
        server.stop();
        None
    };
    let is_archives = |name: &String| name.contains("archive/");
    let (before, theirs) = (bucket.all(), bucket.found(&traces));
    assert!(theirs.iter().filter(|name| is_archives(name)).count() > 1, "{theirs:?}");

    let receipt = shipped.erase(server.as_ref(), &["--user", USER]);
    assert_eq!(bucket.found(&traces), Vec::<String>::new(), "{receipt}");
    let changed = &place(&receipt, "archive-store")["files_changed"];
    // Beside a server, its courier may be faster.
    assert!(beside_server && !keeps_versions || changed.as_u64() > Some(0), "{receipt}");
    shipped.check_archive();
    if keeps_versions {
        let after = bucket.all();
        for (name, bytes) in before.iter().filter(|(name, _)| is_archives(name) && !theirs.contains(name)) {
            assert_eq!(after.get(name), Some(bytes), "{name} has nothing of the person, and stays");
        }
    }
    server.into_iter().for_each(Server::stop);
    check_bodies(home.data(), &sent);
}

#[test]
fn the_archives_copy_in_a_folder_has_nothing_of_the_person_when_the_command_ends() {
    erase_from_the_archives_copy(Bucket::folder(), true);
    erase_from_the_archives_copy(Bucket::folder(), false);
}

#[test]
fn the_archives_copy_in_a_bucket_has_nothing_of_the_person_in_any_version_when_the_command_ends() {
    erase_from_the_archives_copy(Bucket::s3_with_versions(), true);
    erase_from_the_archives_copy(Bucket::s3_with_versions(), false);
}

#[test]
fn a_segment_that_is_being_uploaded_while_it_is_erased_from_does_not_bring_the_person_back() {
    let mut shipped = Shipped::to(Bucket::s3_with_versions());
    let Bucket::S3(s3) = &shipped.bucket else { unreachable!("it is one") };
    let relay = Relay::to(s3.port());
    // Several parts, of which the first arrive soon.
    relay.set(RelayMode::Slow(4_000_000));
    let (direct, slow) = (s3.endpoint(), format!("http://127.0.0.1:{}", relay.port()));
    shipped.store.push(("segment_bytes".to_owned(), "24MiB".to_owned()));
    let set_endpoint = |shipped: &mut Shipped, url: &str| {
        let endpoint = shipped.store.iter_mut().find(|(name, _)| name == "aws_endpoint").expect("it is set");
        endpoint.1 = url.to_owned();
    };
    set_endpoint(&mut shipped, &slow);
    let server = shipped.serve();
    set_endpoint(&mut shipped, &direct);
    let person = Person::start(&shipped.home, &server);
    let Bucket::S3(s3) = &shipped.bucket else { unreachable!("it is one") };
    let ((), sent) = under_load(&shipped.home, &server, || {
        (0..SENT).for_each(|number| person.send(&server, number));
        wait_for("an upload to be under way", PATIENCE, || s3.said().contains("partNumber=1").then_some(()));
    });
    let admin = server.admin.to_string();
    let session = person.session.to_string();
    let erased = shipped.takeup(&["erase", "--yes", "--json", "--admin", &admin, "--session", &session]);
    // A courier whose store is slow may take longer to meet the erasure than the server waits for it. Then the receipt says so.
    let receipt = erased.lines().remove(0);
    assert_eq!(erased.code, Some(i32::from(receipt["complete"] == false)), "{erased:?}");
    relay.set(RelayMode::Pass);
    shipped.wait_until_copied();
    server.stop();
    let server = shipped.serve();
    shipped.wait_until_copied();
    server.stop();
    assert_eq!(shipped.bucket.found(&person.traces()), Vec::<String>::new());
    let restored = shipped.restored("restored");
    assert_eq!(sealed(&restored), sealed(shipped.home.data()));
    check_bodies(&restored, &sent);
}

#[test]
fn stores_that_the_settings_do_not_name_are_told() {
    let shipped = Shipped::with_archive(Bucket::folder());
    let server = shipped.serve();
    let person = Person::start(&shipped.home, &server);
    person.send(&server, 0);
    server.stop();
    let server = shipped.serve();
    shipped.wait_until_copied();
    shipped.wait_until_archived(&server);
    server.stop();
    let session = person.session.to_string();
    let erased = shipped.home.takeup(&["erase", "--yes", "--json", "--session", &session]);
    assert_eq!(erased.code, Some(1), "{erased:?}");
    let receipt = erased.lines().remove(0);
    let missed = receipt["not_reached"].as_array().expect("a list");
    for (place, setting) in [("object-store", "segments_url"), ("archive-store", "archive_store")] {
        let is_told =
            |one: &Value| one["place"] == place && one["reason"].as_str().is_some_and(|it| it.contains(setting));
        assert!(missed.iter().any(is_told), "{receipt}");
    }
    // Named, they are reached, although the log has nothing any more.
    shipped.erase(None, &["--session", &session]);
    assert_eq!(shipped.bucket.found(&person.traces()), Vec::<String>::new());
}

#[test]
fn a_version_that_the_bucket_does_not_let_go_is_named_with_the_command_that_removes_it() {
    let shipped = Shipped::to(Bucket::s3());
    let Bucket::S3(s3) = &shipped.bucket else { unreachable!("it is one") };
    s3.let_versions_be_held();
    let server = shipped.serve();
    let person = Person::start(&shipped.home, &server);
    person.send(&server, 0);
    server.stop();
    let server = shipped.serve();
    shipped.wait_until_copied();
    server.stop();
    let held = shipped.bucket.found(&person.traces());
    let held = held.iter().find(|name| name.contains(".seg")).expect("a segment of the person");
    let (key, id) = held.split_once('?').expect("a version");
    s3.hold(key, id);

    let session = person.session.to_string();
    let erased = shipped.takeup(&["erase", "--yes", "--json", "--session", &session]);
    assert_eq!(erased.code, Some(1), "{erased:?}");
    let receipt = erased.lines().remove(0);
    let missed = receipt["not_reached"].as_array().expect("a list");
    let one =
        missed.iter().find(|one| one["path"].as_str().is_some_and(|path| path.ends_with(key))).expect("it is named");
    let command = format!(
        "aws s3api delete-object --bucket {} --key {key} --version-id {id} --endpoint-url {}",
        s3.bucket(),
        s3.endpoint()
    );
    assert!(one["reason"].as_str().is_some_and(|reason| reason.contains(&command)), "{one}");
    assert_eq!(missed.len(), 1, "{receipt}");
    // No one finds it by its name.
    assert!(!s3.keys().contains(&key.to_owned()));
    assert_eq!(found(&shipped.restored("restored"), &person.traces()), Vec::<String>::new());
}

#[test]
fn an_older_version_that_the_bucket_does_not_let_go_is_not_brought_back_under_its_name() {
    let shipped = Shipped::to(Bucket::s3());
    let Bucket::S3(s3) = &shipped.bucket else { unreachable!("it is one") };
    s3.let_versions_be_held();
    let server = shipped.serve();
    let person = Person::start(&shipped.home, &server);
    person.send(&server, 0);
    server.stop();
    let server = shipped.serve();
    shipped.wait_until_copied();
    server.stop();
    let held = shipped.bucket.found(&person.traces());
    let held = held.iter().find(|name| name.contains(".seg")).expect("a segment of the person");
    let (key, id) = held.split_once('?').expect("a version");
    s3.hold(key, id);
    // A mark of removal is above it, which nothing holds.
    s3.remove(key);
    assert!(!s3.keys().contains(&key.to_owned()));

    let session = person.session.to_string();
    let erased = shipped.takeup(&["erase", "--yes", "--json", "--session", &session]);
    assert_eq!(erased.code, Some(1), "{erased:?}");
    assert_eq!(erased.lines()[0]["not_reached_count"], 1, "{erased:?}");
    assert!(!s3.keys().contains(&key.to_owned()), "its mark of removal is gone: a restore would find it");
}

#[test]
fn a_copy_in_which_a_user_could_not_be_looked_for_is_told() {
    let shipped = Shipped::to(Bucket::folder());
    let server = shipped.serve();
    let person = Person::start(&shipped.home, &server);
    person.send(&server, 0);
    server.stop();
    let server = shipped.serve();
    shipped.wait_until_copied();
    server.stop();
    // Only the store has the person's segment, and there it is damaged.
    let (log, traces) = (shipped.home.data().join("log"), person.traces());
    found(&log, &traces).iter().for_each(|path| fs::remove_file(path).expect("it can be removed"));
    let copies = shipped.bucket.found(&traces);
    let copy = copies.iter().find(|path| path.ends_with(".seg")).expect("a segment of the person");
    let mut bytes = fs::read(copy).expect("it is there");
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    fs::write(copy, bytes).expect("it can be written");

    for dry_run in [&["--dry-run"][..], &[]] {
        let erased = shipped.takeup(&[&["erase", "--yes", "--json", "--user", USER], dry_run].concat());
        assert_eq!(erased.code, Some(1), "{erased:?}");
        let receipt = erased.lines().remove(0);
        let missed = receipt["not_reached"].as_array().expect("a list");
        assert!(
            missed.len() == 1 && missed[0]["path"].as_str().is_some_and(|path| path.ends_with(".seg")),
            "{receipt}"
        );
        assert_eq!(receipt["complete"], false);
    }
}
