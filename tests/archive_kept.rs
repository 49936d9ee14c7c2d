//! The archive that a server keeps: what was acknowledged is in it exactly once, whatever happens to the server, and whatever fails around it is no
//! reason to refuse a request.
#![cfg(feature = "archive")]
#![allow(clippy::disallowed_methods, reason = "what would hurt a server is harmless in a test")]

mod common;

#[path = "archive/read.rs"]
#[allow(missing_docs, dead_code)]
mod read;

#[path = "archive/recorded.rs"]
#[allow(missing_docs)]
mod recorded;

#[path = "archive/sender.rs"]
#[allow(missing_docs)]
mod sender;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use common::{Disk, Home, PATIENCE, Request, Server, wait_for};
use read::Archived;
use recorded::{compact, expected, record_all};
use rustix::process::Signal;
use sender::Sender;

/// An archive that follows the log closely.
const KEPT: &[(&str, &str)] = &[("archive", "true"), ("archive_flush", "100ms"), ("archive_budget_percent", "100")];

fn kept<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [KEPT, more].concat()
}

/// Waits until all that is in the log is in the archive.
#[track_caller]
fn wait_until_archived(server: &Server) {
    wait_for("nothing is left to archive", PATIENCE, || {
        let report = report(server);
        (report["lag"]["bytes"] == 0 && report["state"] == "ready").then_some(())
    });
}

/// What the server says of its compactor.
fn report(server: &Server) -> serde_json::Value {
    let reports = server.admin_page("/couriers").json();
    let of = reports.as_array().and_then(|all| all.iter().find(|report| report["name"] == "compactor"));
    of.expect("the compactor is listed").clone()
}

fn state(server: &Server) -> String {
    report(server)["state"].as_str().expect("a state").to_owned()
}

/// Waits until the archive can't be written, and health says so with this text.
#[track_caller]
fn wait_until_waiting(server: &Server, text: &str) -> serde_json::Value {
    wait_for("health tells of the archive", PATIENCE, || {
        let health = server.admin_page("/health").json();
        let output = health["checks"]["archive"][0]["output"].as_str().unwrap_or_default();
        (state(server) == "waiting" && output.contains(text)).then_some(health)
    })
}

#[test]
fn a_server_keeps_the_archive_up_to_its_log() {
    let home = Home::new();
    let server = home.serve(&kept(&[("cores", "2")]));
    record_all(&server, &home.project_key(), 1);
    wait_until_archived(&server);
    let expected = expected(home.data());
    expected.check(&Archived::read(home.data()));
    assert_eq!(server.metric("takeup_archive_records_total") as u64, expected.records());
    assert_eq!(server.metric("takeup_archive_failures_total"), 0.0);
    assert_eq!(server.admin_page("/health").json()["checks"]["archive"][0]["status"], "pass");

    // Nothing is left for the command, and its consumer is where the log ends.
    assert_eq!(compact(home.data(), &[])["records"], 0);
    let shown = home.takeup(&["consumers", "--json"]);
    let lines = shown.lines();
    let consumer = lines.iter().find(|line| line["consumer"] == "compactor").expect("it is registered");
    assert_eq!((&consumer["holds"], &consumer["fault"]), (&true.into(), &serde_json::Value::Null));

    // A restart goes on where the archive ends, also with another number of cores.
    server.stop();
    let server = home.serve(&kept(&[("cores", "1")]));
    record_all(&server, &home.project_key(), 1);
    wait_until_archived(&server);
    recorded::expected(home.data()).check(&Archived::read(home.data()));
    server.stop();
}

#[test]
fn a_kill_at_any_moment_leaves_every_acknowledged_batch_in_the_archive_once() {
    let rounds: u64 = std::env::var("TAKEUP_TEST_KILLS").map_or(8, |text| text.parse().expect("a number"));
    let home = Home::new();
    let settings = kept(&[
        ("cores", "2"),
        ("segment_bytes", "2MiB"),
        ("window_bytes", "512KiB"),
        ("group_bytes_max", "512KiB"),
        ("beacon_size_limit", "100000"),
    ]);
    let mut sender = Sender::default();
    for round in 0..rounds {
        let server = home.serve(&settings);
        // A prime keeps the moments apart.
        let until = Instant::now() + Duration::from_millis(100 + round * 7_919 % 900);
        sender.send_until(&home, &server, |_| Instant::now() > until);
        server.kill();
        if Archived::is_there(home.data()) {
            // What the manifest names is whole, at any moment, and the log's.
            expected(home.data()).check_part(&Archived::read_named(home.data()));
        }
    }
    let server = home.serve(&settings);
    wait_until_archived(&server);
    server.stop();
    let archived = Archived::read(home.data());
    sender.check_each_once(&archived);
    expected(home.data()).check(&archived);
}

#[test]
fn a_stop_at_any_moment_ends_soon_and_loses_nothing() {
    let home = Home::new();
    let mut sender = Sender::default();
    for round in 0..6u64 {
        let mut server = home.serve(&kept(&[("cores", "1")]));
        let until = Instant::now() + Duration::from_millis(50 + round * 7_919 % 400);
        sender.send_until(&home, &server, |_| Instant::now() > until);
        server.signal(Signal::TERM);
        let status = server.wait(PATIENCE);
        assert!(status.success(), "{status}: {}", server.said());
        Archived::read_named(home.data()).check_each_once();
    }
    // What was gathered when it stopped is put there by whoever comes next.
    compact(home.data(), &[]);
    let archived = Archived::read(home.data());
    sender.check_each_once(&archived);
    expected(home.data()).check(&archived);
}

#[test]
fn a_server_and_the_command_at_once_put_every_record_into_the_archive_once() {
    let home = Home::new();
    let server = home.serve(&kept(&[]));
    let mut sender = Sender::default();
    for turn in 1..=5 {
        sender.send_until(&home, &server, |sender| sender.sent() >= turn * 40);
        compact(home.data(), &["--chunk", "1", "--merge", "all"]);
    }
    wait_until_archived(&server);
    let archived = Archived::read(home.data());
    sender.check_each_once(&archived);
    expected(home.data()).check(&archived);
    server.stop();
}

#[test]
fn an_archive_that_vanishes_is_told_does_not_stop_ingestion_and_is_not_begun_anew_until_a_restart() {
    let home = Home::new();
    let server = home.serve(&kept(&[]));
    let mut sender = Sender::default();
    sender.send_until(&home, &server, |sender| sender.sent() >= 20);
    wait_until_archived(&server);
    let (archive, away) = (home.data().join("archive"), home.data().join("away"));

    fs::rename(&archive, &away).expect("it is there");
    sender.send_until(&home, &server, |sender| sender.sent() >= 40);
    let health = wait_until_waiting(&server, "do what the error says");
    assert_eq!(health["status"], "warn", "{health}");
    assert_eq!(server.admin_page("/health/ready").status, 200);
    assert_eq!(server.metric("takeup_archive_waiting"), 1.0);
    assert!(!archive.join("manifest.json").exists(), "it may come back");
    let shown = home.takeup(&["couriers", "--admin", &server.admin.to_string()]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(shown.stdout.contains("compactor") && shown.stdout.contains("to do: do what the error says"), "{shown:?}");
    server.wait_for_line(&["nothing goes into the archive", "manifest.json"], PATIENCE);

    // It comes back.
    let _ = fs::remove_dir_all(&archive);
    fs::rename(&away, &archive).expect("it is there");
    sender.send_until(&home, &server, |sender| sender.sent() >= 60);
    wait_until_archived(&server);
    server.wait_for_line(&["the archive grows again"], PATIENCE);
    sender.check_each_once(&Archived::read(home.data()));

    // It is gone for good: the next start begins with the oldest record that there is.
    server.stop();
    fs::remove_dir_all(&archive).expect("it is there");
    let server = home.serve(&kept(&[]));
    wait_until_archived(&server);
    sender.check_each_once(&Archived::read(home.data()));
    server.wait_for_line(&["there is no archive of this log"], PATIENCE);
    server.stop();
}

#[test]
fn a_damaged_manifest_is_told_and_does_not_stop_the_server() {
    let home = Home::new();
    let server = home.serve(&kept(&[]));
    let mut sender = Sender::default();
    sender.send_until(&home, &server, |sender| sender.sent() >= 20);
    wait_until_archived(&server);
    server.stop();
    let manifest = home.data().join("archive/manifest.json");
    let good = fs::read(&manifest).expect("it is there");
    fs::write(&manifest, &good[..good.len() / 2]).expect("it can be written");

    let server = home.serve(&kept(&[]));
    sender.send_until(&home, &server, |sender| sender.sent() >= 40);
    wait_until_waiting(&server, "wait in the log, nothing is lost");
    fs::write(&manifest, &good).expect("it can be written");
    wait_until_archived(&server);
    sender.check_each_once(&Archived::read(home.data()));
    server.stop();
}

#[test]
fn a_removed_cursor_ends_the_compactor_until_a_restart_and_one_that_is_doubtful_is_made_anew() {
    let home = Home::new();
    let server = home.serve(&kept(&[]));
    let mut sender = Sender::default();
    sender.send_until(&home, &server, |sender| sender.sent() >= 20);
    wait_until_archived(&server);
    let removed = home.takeup(&["consumers", "remove", "compactor"]);
    assert_eq!(removed.code, Some(0), "{removed:?}");
    wait_for("it has ended", PATIENCE, || (state(&server) == "ended").then_some(()));
    assert_eq!(server.metric("takeup_archive_running"), 0.0);
    sender.send_until(&home, &server, |sender| sender.sent() >= 40);
    server.stop();

    fs::write(home.data().join("cursors/compactor.json"), "{").expect("it can be written");
    let server = home.serve(&kept(&[]));
    wait_until_archived(&server);
    server.stop();
    let archived = Archived::read(home.data());
    sender.check_each_once(&archived);
    expected(home.data()).check(&archived);
}

#[test]
fn another_log_in_the_place_of_one_is_archived_behind_it() {
    let home = Home::new();
    let server = home.serve(&kept(&[]));
    let mut sender = Sender::default();
    sender.send_until(&home, &server, |sender| sender.sent() >= 20);
    wait_until_archived(&server);
    server.stop();
    fs::remove_dir_all(home.data().join("log")).expect("it is there");
    let server = home.serve(&kept(&[]));
    sender.send_until(&home, &server, |sender| sender.sent() >= 40);
    wait_until_archived(&server);
    server.stop();
    sender.check_each_once(&Archived::read(home.data()));
}

#[test]
fn without_the_archive_a_compactor_that_holds_segments_is_warned_of() {
    let home = Home::new();
    home.serve(&kept(&[])).stop();
    let server = home.serve(&[]);
    server.wait_for_line(&["archive = false", "takeup consumers remove compactor"], PATIENCE);
    assert!(!server.admin_page("/metrics").text().contains("takeup_archive_running"));
    server.stop();
}

#[test]
fn a_full_disk_is_the_logs_and_the_archive_grows_again_when_there_is_room() {
    let Some(disk) = Disk::new() else { return };
    let home = Home::with_data(&disk.path("data"));
    let settings = kept(&[
        ("cores", "1"),
        ("segment_bytes", "4MiB"),
        ("window_bytes", "1MiB"),
        ("group_bytes_max", "1MiB"),
        ("reserve_bytes", "4MiB"),
        ("beacon_size_limit", "500000"),
        ("unusable_size_limit", "500000"),
    ]);
    let server = home.serve(&settings);
    let mut sender = Sender::default();
    sender.send_until(&home, &server, |sender| sender.sent() >= 20);
    wait_until_archived(&server);

    let ballast = disk.path("ballast");
    let free = free_bytes(&disk.path(""));
    let file = fs::File::create(&ballast).expect("the disk takes a file");
    // Enough for the log, and too little for the archive: 8 MiB of the log and 8 more.
    rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, free - (14 << 20)).expect("it fits");
    sender.send_until(&home, &server, |sender| sender.sent() >= 40);
    wait_until_waiting(&server, "make room on the disk");
    assert_eq!(server.metric("takeup_archive_waiting"), 1.0);
    assert_eq!(server.admin_page("/health/ready").status, 200, "requests are served");

    drop(file);
    fs::remove_file(&ballast).expect("it is there");
    wait_until_archived(&server);
    server.stop();
    let archived = Archived::read(home.data());
    sender.check_each_once(&archived);
    expected(home.data()).check(&archived);
}

/// Small segments, so that many are sealed.
const UNTIL_ARCHIVED: &[(&str, &str)] = &[
    ("retain_log", "until archived"),
    ("cores", "2"),
    ("segment_bytes", "1MiB"),
    ("window_bytes", "512KiB"),
    ("group_bytes_max", "512KiB"),
    ("beacon_size_limit", "100000"),
];

/// Segments that were deleted for being archived.
fn left(server: &Server) -> f64 {
    let page = server.admin_page("/metrics").text();
    let line = page.lines().find(|line| line.starts_with("takeup_log_deleted_segments_total{reason=\"archived\"}"));
    line.and_then(|line| line.rsplit(' ').next()).map_or(0.0, |value| value.parse().expect("a number"))
}

/// Every acknowledged batch is in the log or in the archive. Records leave the log only once they are in the archive, so the log is read first.
#[track_caller]
fn check_nothing_is_lost(home: &Home, sender: &Sender) {
    let log: Vec<blake3::Hash> = home.stored().iter().map(|stored| blake3::hash(&stored.body)).collect();
    sender.check_kept(&log, &Archived::read_named(home.data()));
}

#[test]
fn what_is_archived_leaves_the_log_and_nothing_is_lost_whatever_kills_the_server() {
    let home = Home::new();
    let settings = kept(UNTIL_ARCHIVED);
    let mut sender = Sender::default();
    for round in 0..5u64 {
        let server = home.serve(&settings);
        let until = Instant::now() + Duration::from_millis(500 + round * 7_919 % 2_000);
        sender.send_until(&home, &server, |_| Instant::now() > until);
        server.kill();
        check_nothing_is_lost(&home, &sender);
    }
    let server = home.serve(&settings);
    // The deleter looks every few seconds, and the newest sealed segment stays.
    wait_for("segments leave the log", PATIENCE, || {
        sender.send_until(&home, &server, |_| true);
        (left(&server) > 0.0).then_some(())
    });
    wait_until_archived(&server);
    check_nothing_is_lost(&home, &sender);
    server.stop();
    sender.check_each_once(&Archived::read(home.data()));
}

#[test]
fn a_session_whose_start_has_left_the_log_is_known_to_its_first_request_after_a_restart() {
    let home = Home::new();
    let settings = kept(UNTIL_ARCHIVED);
    let server = home.serve(&settings);
    let token = server.start_session(&home.project_key());
    let mut sender = Sender::default();
    wait_for("the start leaves the log", PATIENCE, || {
        let until = sender.sent() + 50;
        sender.send_until(&home, &server, |sender| sender.sent() >= until);
        let shown = home.takeup(&["inspect", "--records", "--json"]);
        let has_start = shown.lines().iter().any(|line| line["kind"] == "start");
        (shown.code == Some(0) && !has_start).then_some(())
    });
    server.kill();

    let server = home.serve(&settings);
    assert_eq!(server.connect().exchange(Request::batch(&token, b"a body")).status, 200);
    server.stop();
    let shown = home.takeup(&["inspect", "--records", "--json"]);
    let lines = shown.lines();
    let stored: Vec<_> = lines.iter().filter(|line| line["kind"] == "batch" && line["bytes"] == 6).collect();
    assert_eq!(stored.iter().map(|line| &line["project_id"]).collect::<Vec<_>>(), [1], "{stored:?}");
}

#[test]
fn nothing_leaves_the_log_while_the_archive_is_not_there() {
    let home = Home::new();
    let server = home.serve(&kept(&[UNTIL_ARCHIVED, &[("retain_log", "until expired")]].concat()));
    let mut sender = Sender::default();
    sender.send_until(&home, &server, |sender| sender.sent() >= 600);
    wait_until_archived(&server);
    server.stop();
    let away = home.data().join("away");
    // The cursor says that all is archived.
    fs::rename(home.data().join("archive"), &away).expect("it is there");
    fs::create_dir_all(home.data().join("archive/batches/date=2026-01-01/hour=00")).expect("a folder");
    let stray = home.data().join("archive/batches/date=2026-01-01/hour=00/00000000000000000001-1.parquet");
    fs::write(stray, b"").expect("a file");
    let before = home.stored().len();
    let server = home.serve(&kept(UNTIL_ARCHIVED));
    wait_until_waiting(&server, "wait in the log");
    // Looked for it, and found nothing that may go.
    wait_for("the deleter has looked", PATIENCE, || (server.metric("takeup_log_size_bytes") > 0.0).then_some(()));
    assert_eq!(left(&server), 0.0);
    server.stop();
    assert_eq!(home.stored().len(), before);

    // It is back.
    fs::remove_dir_all(home.data().join("archive")).expect("it is there");
    fs::rename(&away, home.data().join("archive")).expect("it is there");
    let server = home.serve(&kept(UNTIL_ARCHIVED));
    wait_for("segments leave the log", PATIENCE, || (left(&server) > 0.0).then_some(()));
    server.stop();
    sender.check_each_once(&Archived::read(home.data()));
}

#[test]
fn until_archived_without_an_archive_is_refused() {
    let home = Home::new();
    home.serve(&[]).stop();
    let refused = home.serve_in_vain(&["--set", "retain_log=until archived"]);
    assert_ne!(refused.code, Some(0));
    assert!(refused.stderr.contains("needs archive = true"), "{refused:?}");
}

fn free_bytes(dir: &Path) -> u64 {
    let stat = rustix::fs::statvfs(dir).expect("a folder");
    stat.f_bavail * stat.f_frsize
}
