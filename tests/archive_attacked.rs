//! The archive when something around it is not as it was: logs that come and go, files that are lost, disks that fail.
#![cfg(feature = "archive")]
#![allow(clippy::disallowed_methods, reason = "what would hurt a server is harmless in a test")]

mod common;

#[path = "archive/read.rs"]
#[allow(missing_docs, dead_code)]
mod read;

#[path = "archive/recorded.rs"]
#[allow(missing_docs, dead_code)]
mod recorded;

#[path = "archive/sender.rs"]
#[allow(missing_docs, dead_code)]
mod sender;

use std::fs;
use std::path::Path;

use common::{Home, PATIENCE, Server, wait_for};
use read::Archived;
use recorded::compact;
use sender::Sender;
use takeup::log::read::merge::Merge;
use takeup::log::read::reader::LogReader;

/// An archive that follows the log closely.
const KEPT: &[(&str, &str)] = &[("archive", "true"), ("archive_flush", "100ms"), ("archive_budget_percent", "100")];

/// What the server says of its compactor.
fn report(server: &Server) -> serde_json::Value {
    let reports = server.admin_page("/couriers").json();
    let of = reports.as_array().and_then(|all| all.iter().find(|report| report["name"] == "compactor"));
    of.expect("the compactor is listed").clone()
}

/// Waits until all that is in the log is in the archive.
#[track_caller]
fn wait_until_archived(server: &Server) {
    wait_for("nothing is left to archive", PATIENCE, || {
        let report = report(server);
        (report["lag"]["bytes"] == 0 && report["state"] == "ready").then_some(())
    });
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("it is there").flatten() {
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy_folder(&path, &to);
        } else {
            fs::copy(&path, to).expect("it can be copied");
        }
    }
}

#[test]
fn a_log_that_is_put_back_after_another_goes_on_where_its_archive_ends() {
    let home = Home::new();
    let mut sender = Sender::default();
    let (log, away) = (home.data().join("log"), home.data().join("away"));
    let server = home.serve(KEPT);
    sender.send_until(&home, &server, |sender| sender.sent() >= 20);
    wait_until_archived(&server);
    server.stop();
    compact(home.data(), &["--merge", "none"]);

    // Another log for a while, and then the first again, which has grown behind the archive's back.
    fs::rename(&log, &away).expect("it is there");
    let server = home.serve(KEPT);
    sender.send_until(&home, &server, |sender| sender.sent() >= 40);
    wait_until_archived(&server);
    server.stop();
    fs::remove_dir_all(&log).expect("it is there");
    fs::rename(&away, &log).expect("it is there");
    home.takeup(&["consumers", "remove", "compactor"]);
    let server = home.serve(&[]);
    sender.send_until(&home, &server, |sender| sender.sent() >= 60);
    server.stop();
    let server = home.serve(KEPT);
    wait_until_archived(&server);
    server.stop();
    let archived = Archived::read(home.data());
    archived.check_each_once();
    sender.check_each_once(&archived);
    assert_eq!(compact(home.data(), &["--merge", "all"])["records"], 0);
    Archived::read(home.data()).check_each_once();
}

#[test]
fn a_log_that_is_older_than_its_archive_gets_what_is_new_into_it_and_nothing_twice() {
    let home = Home::new();
    let mut sender = Sender::default();
    let (log, older) = (home.data().join("log"), home.data().join("older"));
    let server = home.serve(KEPT);
    sender.send_until(&home, &server, |sender| sender.sent() >= 20);
    wait_until_archived(&server);
    server.stop();
    copy_folder(&log, &older);
    let server = home.serve(KEPT);
    sender.send_until(&home, &server, |sender| sender.sent() >= 40);
    wait_until_archived(&server);
    server.stop();
    fs::remove_dir_all(&log).expect("it is there");
    fs::rename(&older, &log).expect("it is there");
    let server = home.serve(KEPT);
    sender.send_until(&home, &server, |sender| sender.sent() >= 60);
    wait_until_archived(&server);
    server.stop();
    let archived = Archived::read(home.data());
    archived.check_each_once();
    sender.check_each_once(&archived);
}

/// The sealed segments of the log, by path.
fn sealed(data: &Path) -> Vec<std::path::PathBuf> {
    let mut found: Vec<_> = fs::read_dir(data.join("log/core-00"))
        .expect("the core's folder")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "seg"))
        .collect();
    found.sort();
    found
}

#[test]
fn a_segment_that_was_damaged_when_it_was_archived_stays_in_the_log_also_if_it_is_whole_later() {
    let home = Home::new();
    let mut sender = Sender::default();
    let small = [
        ("cores", "1"),
        ("segment_bytes", "1MiB"),
        ("window_bytes", "512KiB"),
        ("group_bytes_max", "512KiB"),
        ("beacon_size_limit", "100000"),
    ];
    let server = home.serve(&small);
    sender.send_until(&home, &server, |sender| sender.sent() >= 400);
    server.stop();
    let segments = sealed(home.data());
    assert!(segments.len() > 3, "{segments:?}");
    let good = fs::read(&segments[0]).expect("it is there");
    let mut damaged = good.clone();
    let in_body = good.windows(64).skip(good.len() / 2).position(|bytes| bytes == [b'x'; 64]).expect("a body");
    damaged[good.len() / 2 + in_body + 32] ^= 1;
    fs::write(&segments[0], damaged).expect("it can be written");

    // The disk could not be believed for a while.
    let server = home.serve(&[&small[..], KEPT].concat());
    wait_until_archived(&server);
    server.stop();
    assert!(!sender.is_in(&Archived::read(home.data())));
    fs::write(&segments[0], &good).expect("it can be written");

    let until = [&small[..], KEPT, &[("retain_log", "until archived")]].concat();
    let server = home.serve(&until);
    wait_for("the others leave the log", PATIENCE, || (!segments[1].exists()).then_some(()));
    assert!(server.metric("takeup_log_awaiting_archive_segments") >= 1.0);
    server.stop();
    assert!(segments[0].exists(), "the archive lacks a record of it");
    let mut log = Vec::new();
    let mut merge = Merge::new(LogReader::open(&home.data().join("log")).expect("the log opens"));
    while let Some(record) = merge.next_settled().expect("the log is readable") {
        log.push(blake3::hash(record.payload));
    }
    sender.check_kept(&log, &Archived::read(home.data()));
}

#[test]
fn a_killed_process_that_held_the_lock_and_left_files_is_in_nobodys_way() {
    let home = Home::new();
    let mut sender = Sender::default();
    let server = home.serve(KEPT);
    sender.send_until(&home, &server, |sender| sender.sent() >= 20);
    wait_until_archived(&server);
    // Somebody removes what looks like an old lock, and what an archive has beside its manifest.
    fs::remove_file(home.data().join("archive/lock")).expect("it is there");
    let stray = home.data().join("archive/batches/date=2020-01-01/hour=00/00000000000000000001-999999.parquet.tmp");
    fs::create_dir_all(stray.parent().expect("a folder")).expect("a folder");
    fs::write(&stray, b"half").expect("a file");
    sender.send_until(&home, &server, |sender| sender.sent() >= 40);
    compact(home.data(), &["--merge", "all"]);
    wait_until_archived(&server);
    server.stop();
    assert!(!home.data().join("archive/batches/date=2020-01-01").exists());
    sender.check_each_once(&Archived::read(home.data()));
}

#[test]
fn a_file_that_is_damaged_keeps_the_command_from_nothing_but_merging_it() {
    let home = Home::new();
    let mut sender = Sender::default();
    let server = home.serve(&[]);
    for turn in 1..=3 {
        sender.send_until(&home, &server, |sender| sender.sent() >= turn * 10);
        compact(home.data(), &["--merge", "none"]);
    }
    sender.send_until(&home, &server, |sender| sender.sent() >= 40);
    server.stop();
    let paths = Archived::paths(home.data());
    let damaged = paths.iter().find(|path| path.to_string_lossy().contains("/activity/")).expect("there is one");
    let good = fs::read(damaged).expect("it is there");
    let mut bad = good.clone();
    bad[good.len() / 2] ^= 1;
    fs::write(damaged, bad).expect("it can be written");
    let finished = home.takeup(&["compact", "--merge", "all", "--json"]);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stderr.contains("not merged") && finished.stderr.contains("activity"), "{finished:?}");
    let summary = &finished.lines()[0];
    assert!(summary["records"].as_u64() >= Some(10) && summary["merged_files"].as_u64() >= Some(5), "{summary}");
    fs::write(damaged, good).expect("it can be written");
    assert_eq!(compact(home.data(), &["--merge", "all"])["records"], 0);
    sender.check_each_once(&Archived::read(home.data()));
}

#[test]
fn a_rate_that_was_set_far_too_low_is_put_right_without_a_restart() {
    let home = Home::new();
    let mut sender = Sender::default();
    fs::create_dir_all(home.data()).expect("a folder");
    let config = home.data().join("takeup.toml");
    let settings = |rate: &str| {
        let text = format!("archive = true\narchive_flush = \"100ms\"\narchive_rate_max = {rate}\n");
        let fresh = home.data().join("takeup.toml.new");
        fs::write(&fresh, text).expect("the settings");
        fs::rename(&fresh, &config).expect("the settings");
    };
    settings("1000");
    let server = home.serve(&[]);
    sender.send_until(&home, &server, |sender| sender.sent() >= 100);
    settings("0");
    wait_until_archived(&server);
    server.stop();
    sender.check_each_once(&Archived::read(home.data()));
}

#[test]
fn a_lock_that_another_process_never_gives_up_delays_no_answer_and_no_stop() {
    let home = Home::new();
    let mut sender = Sender::default();
    let mut server = home.serve(KEPT);
    sender.send_until(&home, &server, |sender| sender.sent() >= 20);
    wait_until_archived(&server);
    // As a process that was stopped with SIGSTOP holds it.
    let lock = fs::File::open(home.data().join("archive/lock")).expect("it is there");
    wait_for("the lock", PATIENCE, || {
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).ok()
    });
    sender.send_until(&home, &server, |sender| sender.sent() >= 40);
    server.signal(rustix::process::Signal::TERM);
    let status = server.wait(PATIENCE);
    assert!(status.success(), "{status}: {}", server.said());
    drop(lock);
    compact(home.data(), &[]);
    sender.check_each_once(&Archived::read(home.data()));
}
