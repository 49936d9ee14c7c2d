//! Every file system that people will try: the log works on it, or says at the start why not.
//!
//! `scripts/filesystems` runs this alone and shows the table.

use std::fs;

use crate::common::{Disk, DiskKind};
use crate::*;

use takeup::log::read::reader::LogReader;
use takeup::log::repair::verify::verify;
use takeup::log::{Ack, LogError};

const DISK_BYTES: u64 = 384 << 20;

/// What is appended before anything else.
const FIRST_RECORDS: u64 = 2_000;

/// How much of it is left for the log to fill.
const LEFT_BYTES: u64 = 64 << 20;

/// Segments that a small disk has room for.
fn small(dir: &Path) -> Options {
    Options {
        segment_bytes: 16 << 20,
        window_bytes: 4 << 20,
        group_bytes_max: 2 << 20,
        reserve_bytes: 16 << 20,
        insist: false,
        ..options(dir)
    }
}

/// Opens the log of a child. Its parent has found out whether that needs `insist`.
fn open_insisting(dir: &Path) -> Log {
    Log::open(Options { insist: true, ..small(dir) }).unwrap().0
}

/// The process that ends without closing its log. Does nothing in an ordinary run of the tests.
#[test]
fn child_leaves_without_closing() {
    let Some(dir) = child_dir() else { return };
    let log = open_insisting(&dir);
    Clients::new(&log, 8).send_plainly(LEFT_RECORDS, &[6; 1024]);
    // SAFETY: ends the process at once, as a kill does.
    unsafe { libc::_exit(0) }
}

const LEFT_RECORDS: u64 = 1_000;

/// The process that fills the disk, and goes on when there is space again. Does nothing in an ordinary run of the tests.
#[test]
fn child_fills_the_disk() {
    let Some(dir) = child_dir() else { return };
    let ballast = dir.join("ballast");
    let log = open_insisting(&dir);
    let mut clients = Clients::new(&log, 8);
    let payload = vec![7; 64 << 10];
    let mut refused = 0;
    let begun = Instant::now();
    // More than fits on the disk.
    let last = Seq(4 * DISK_BYTES / payload.len() as u64);
    while refused < 3 {
        assert!(begun.elapsed() < 2 * PATIENCE && clients.appended < last, "the disk is never full: {:?}", log.stats());
        refused += u32::from(clients.turn(&batch(&payload), last) == Turn::Full);
    }
    assert!(clients.appended > Seq(100), "too little fitted: {:?}", log.stats());
    fs::remove_file(ballast).unwrap();
    let more = Seq(clients.appended.0 + 500);
    while clients.acked < more {
        assert!(begun.elapsed() < 4 * PATIENCE, "it does not go on: {:?}", log.stats());
        clients.turn(&batch(&payload), more);
    }
    assert_eq!(log.stats().failures, 0, "a full disk fails no segment");
    drop(clients);
    log.close().unwrap();
}

/// The result for one file system.
struct Outcome {
    /// What the log says of it without `insist`.
    said: String,
    sync_us: Vec<u64>,
    seal_ms: u128,
}

fn percentile(sorted: &[u64], percent: usize) -> u64 {
    sorted[(sorted.len() - 1) * percent / 100]
}

/// The whole life of a log: append, sync, seal, be killed, recover, fill the disk, go on.
fn cycle(disk: &Disk) -> Outcome {
    let dir = disk.path("data");
    fs::create_dir(&dir).unwrap();
    let (said, insist) = match Log::open(small(&dir)) {
        Ok((log, _)) => {
            log.close().unwrap();
            ("works".to_owned(), false)
        }
        Err(LogError::FileSystem { found, advice, .. }) => (format!("{found}: {advice}"), true),
        Err(error) => panic!("{error}"),
    };

    let (log, _) = Log::open(Options { insist, ..small(&dir) }).unwrap();
    let mut clients = Clients::new(&log, 8);
    clients.send_plainly(FIRST_RECORDS, &[5; 1024]);
    let sync_us = std::mem::take(&mut clients.sync_us);
    drop(clients);
    let begun = Instant::now();
    log.close().unwrap();
    let seal_ms = begun.elapsed().as_millis();
    // The lock is held as long as the log exists.
    drop(log);
    let mut records = FIRST_RECORDS;

    let (status, text) = run_child("gates::filesystems::child_leaves_without_closing", &dir, |_| {});
    assert!(status.success(), "{status}: {text}");
    let (log, recovery) = Log::open(Options { insist, ..small(&dir) }).unwrap();
    assert!(recovery.damage.is_empty() && recovery.problems.is_empty(), "{recovery:?}");
    assert!(recovery.records >= LEFT_RECORDS, "{recovery:?}");
    log.close().unwrap();
    drop(log);
    records += recovery.records;
    assert_eq!(sealed_records(&dir), records);

    // Something else takes most of the disk.
    fill(&dir.join("ballast"), LEFT_BYTES);
    let (status, text) = run_child("gates::filesystems::child_fills_the_disk", &dir, |_| {});
    assert!(status.success(), "{status}: {text}");
    assert!(sealed_records(&dir) >= records + 600);
    let mut sync_us = sync_us;
    sync_us.sort_unstable();
    Outcome { said, sync_us, seal_ms }
}

/// Takes all space but `left`.
fn fill(path: &Path, left: u64) {
    let file = fs::File::create(path).unwrap();
    let stat = rustix::fs::fstatvfs(&file).unwrap();
    let bytes = (stat.f_bavail * stat.f_frsize).saturating_sub(left);
    rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, bytes).unwrap();
    file.sync_all().unwrap();
}

/// All segments are sealed and sound; returns their records.
fn sealed_records(dir: &Path) -> u64 {
    let log = dir.join("log");
    let summary = verify(&log, &mut |verdict| assert!(verdict.ok(), "{verdict:?}")).unwrap();
    assert!(LogReader::open(&log).unwrap().segments().unwrap().iter().all(|segment| segment.sealed()));
    summary.records
}

fn try_out(name: &str, kind: DiskKind<'_>) -> Option<Outcome> {
    let _alone = alone();
    let disk = Disk::of(kind, DISK_BYTES)?;
    let outcome = cycle(&disk);
    let (p50, p99) = (percentile(&outcome.sync_us, 50), percentile(&outcome.sync_us, 99));
    println!("| {name} | {p50} | {p99} | {} | {} |", outcome.seal_ms, outcome.said);
    Some(outcome)
}

#[test]
fn ext4_keeps_the_logs_promises() {
    let Some(outcome) = try_out("ext4", DiskKind::Made(&["mkfs.ext4", "-q", "-F", "-m", "0"])) else { return };
    assert_eq!(outcome.said, "works");
}

#[test]
fn ext4_without_a_journal_keeps_the_logs_promises() {
    let mkfs = ["mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^has_journal"];
    let Some(outcome) = try_out("ext4, no journal", DiskKind::Made(&mkfs)) else { return };
    assert_eq!(outcome.said, "works");
}

#[test]
fn xfs_keeps_the_logs_promises() {
    let Some(outcome) = try_out("xfs", DiskKind::Made(&["mkfs.xfs", "-q", "-f"])) else { return };
    assert_eq!(outcome.said, "works");
}

#[test]
fn btrfs_keeps_the_logs_promises() {
    let Some(outcome) = try_out("btrfs", DiskKind::Made(&["mkfs.btrfs", "-q", "-f"])) else { return };
    assert_eq!(outcome.said, "works");
}

#[test]
fn tmpfs_is_refused_for_what_must_survive_the_machine_and_taken_otherwise() {
    let Some(outcome) = try_out("tmpfs", DiskKind::Tmpfs) else { return };
    assert!(outcome.said.contains("tmpfs") && outcome.said.contains("ack = \"memory\""), "{}", outcome.said);
    let Some(disk) = Disk::of(DiskKind::Tmpfs, DISK_BYTES) else { return };
    let (log, _) = Log::open(Options { ack: Ack::Memory, ..small(&disk.path("data")) }).unwrap();
    log.close().unwrap();
}

#[test]
fn a_containers_own_layer_is_refused_and_works_for_those_who_insist() {
    let Some(outcome) = try_out("overlay on ext4", DiskKind::Overlay) else { return };
    assert!(outcome.said.contains("volume") && outcome.said.contains("insist"), "{}", outcome.said);
}
