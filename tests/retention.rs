//! What the log does by each policy when its disk gets full, and what a power cut leaves of it.
//!
//! Each test makes a small file system of its own, for which it needs root; without it, it says so and passes.
#![allow(clippy::disallowed_methods, reason = "what would hurt a server is harmless in a test")]

mod common;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use common::Disk;

use takeup::log::cursor::{ConsumerName, Cursors, From};
use takeup::log::format::record::{DataType, Encoding, Entry, Flags, Kind, Topic};
use takeup::log::read::merge::Merge;
use takeup::log::read::reader::LogReader;
use takeup::log::retain::{FullDisk, Policy, Reason, Rules};
use takeup::log::{Log, Options, Recovery, Writer};

/// What the log may take of the disk of 64 MB, and what is taken from it before.
const DISK_BYTES: u64 = 30 << 20;
const TAKEN_BYTES: u64 = 28 << 20;

const RECORD_BYTES: usize = 20_000;

/// Records that fill the disk twice.
const RECORDS: u64 = 2 * DISK_BYTES / RECORD_BYTES as u64;

/// The longest that a record may wait for room that should be there.
const PATIENCE: Duration = Duration::from_secs(30);

/// The disk counts as full when a record has waited this long for room.
const FULL_AFTER: Duration = Duration::from_secs(2);

/// How soon records must be accepted again once there is space.
const BACK_WITHIN: Duration = Duration::from_secs(5);

/// A log on it, of small segments.
fn options(disk: &Disk) -> Options {
    Options {
        dir: disk.path("data/log"),
        segment_bytes: 2 << 20,
        window_bytes: 512 << 10,
        group_bytes_max: 512 << 10,
        start_reserve_bytes: 64 << 10,
        reserve_bytes: 2 << 20,
        ..Options::default()
    }
}

/// Opens the log, which keeps this many bytes.
fn open(options: Options, full_disk: FullDisk, bytes: Option<u64>) -> (Log, Recovery) {
    let (log, recovery) = Log::open(options).expect("the disk has room");
    let policy = Policy { age: None, bytes, full_disk, step_bytes: 1 << 20 };
    log.start_deleting(Rules::new(policy, BTreeMap::new())).expect("a thread");
    (log, recovery)
}

/// Takes space from the disk until the file is removed.
fn take_space(disk: &Disk, name: &str, bytes: u64) {
    let file = File::create(disk.path(name)).expect("the disk takes a file");
    rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, bytes).expect("it fits");
}

/// Appends a record that begins with its number. False: there was no room for it within the patience.
fn append(writer: &mut Writer, number: u64, patience: Duration) -> bool {
    let payload = number.to_le_bytes().repeat(RECORD_BYTES / 8);
    let entry = Entry {
        kind: Kind::Batch,
        topic: Topic::Raw,
        data_type: DataType::All,
        encoding: Encoding::Identity,
        session: 7,
        project: 1,
        split: 0,
        label: None,
        flags: Flags::NONE,
        ext: &[],
        payload: &payload,
    };
    let begun = Instant::now();
    while writer.append(&entry).is_err() {
        assert!(writer.progress().lost.is_none(), "a full disk fails no segment");
        writer.kick();
        if begun.elapsed() > patience {
            return false;
        }
        thread::sleep(Duration::from_millis(1));
    }
    writer.progress();
    writer.kick();
    true
}

/// Waits until everything that was appended is durable.
fn settle(writer: &mut Writer, records: u64) {
    let begun = Instant::now();
    while writer.progress().acked.0 < records {
        assert!(begun.elapsed() < PATIENCE);
        writer.kick();
        thread::sleep(Duration::from_millis(1));
    }
}

fn name() -> ConsumerName {
    "consumer".parse().expect("a good name")
}

fn resume(log_dir: &Path) -> (Cursors, Merge) {
    let reader = LogReader::open(log_dir).expect("there is a log");
    let cursors = Cursors::of(&reader);
    let cursor = cursors.read(&name()).expect("the cursor is whole").expect("it is registered");
    (cursors, Merge::resume(reader, &cursor.position).expect("a position of this log"))
}

/// Registers the consumer that holds records back, before there are any.
fn register(log: &Log) {
    let reader = LogReader::open(log.dir()).expect("there is a log");
    Cursors::of(&reader).register_at(&reader, &name(), true, From::Start).expect("it is the first");
}

/// The numbers of the records that are there now, which must follow each other.
fn read_on(merge: &mut Merge, after: u64) -> u64 {
    let mut last = after;
    while let Some(record) = merge.next().expect("the log can be read") {
        let number = u64::from_le_bytes(record.payload[..8].try_into().expect("8 bytes"));
        assert_eq!(number, last + 1, "records are lost, or come again");
        last = number;
    }
    last
}

#[test]
fn drop_delivered_makes_room_of_what_was_delivered_and_never_of_anything_else() {
    let Some(disk) = Disk::new() else { return };
    take_space(&disk, "ballast", TAKEN_BYTES);
    let (log, _) = open(options(&disk), FullDisk::DropDelivered, None);
    register(&log);
    let mut writer = log.writer(0).expect("the first");
    let (cursors, mut merge) = resume(log.dir());

    // A consumer that keeps up: twice what the disk holds goes through it.
    let mut delivered = 0;
    for number in 1..=RECORDS {
        assert!(append(&mut writer, number, PATIENCE), "no room for record {number}: {:?}", log.retention());
        if number % 200 == 0 {
            delivered = read_on(&mut merge, delivered);
            cursors.keep(&name(), &merge.position()).expect("the cursor is kept");
        }
    }
    let stats = log.retention();
    assert!(stats.deleted[Reason::FullDisk as usize] > 5 && stats.steps > 20, "{stats:?}");

    // A consumer that stops: in the end there is no room, and nothing that it has not read is deleted.
    let mut number = RECORDS;
    while append(&mut writer, number + 1, FULL_AFTER) {
        number += 1;
        assert!(number < 2 * RECORDS, "a small disk takes no end of records");
    }
    assert!(!log.health().can_append);
    settle(&mut writer, number);
    let stats = log.retention();
    assert_eq!((stats.deleted[Reason::Undelivered as usize], stats.undelivered_records), (0, 0));
    let (cursors, mut again) = resume(log.dir());
    cursors.keep(&name(), &merge.position()).expect("a cursor can be kept on a full disk");
    let first = again.next().expect("the log can be read").map(|record| record.id);
    assert!(first.is_some() && again.skipped().segments == 0, "what it had not seen is gone: {first:?}");

    // When the consumer continues, so does the log, by itself.
    delivered = read_on(&mut merge, delivered);
    assert_eq!(delivered, number);
    assert_eq!((merge.skipped(), merge.damage()), (Default::default(), &[][..]));
    cursors.keep(&name(), &merge.position()).expect("the cursor is kept");
    assert!(append(&mut writer, number + 1, BACK_WITHIN), "no room though all was delivered: {:?}", log.retention());
    drop(writer);
    log.close().expect("sealing has its reserve");
    assert_eq!(read_on(&mut merge, delivered), number + 1);
}

#[test]
fn drop_oldest_goes_on_and_counts_what_was_not_delivered() {
    let Some(disk) = Disk::new() else { return };
    take_space(&disk, "ballast", TAKEN_BYTES);
    let (log, _) = open(options(&disk), FullDisk::DropOldest, None);
    register(&log);
    let mut writer = log.writer(0).expect("the first");
    for number in 1..=RECORDS {
        assert!(append(&mut writer, number, PATIENCE), "no room for record {number}: {:?}", log.retention());
    }
    settle(&mut writer, RECORDS);
    drop(writer);
    log.close().expect("sealing has its reserve");
    let stats = log.retention();
    assert!(stats.undelivered_records > RECORDS / 4, "{stats:?}");

    let (_, mut merge) = resume(log.dir());
    let first = merge.next().expect("the log can be read").map(|record| record.payload[..8].to_vec());
    let first = u64::from_le_bytes(first.expect("something is left").try_into().expect("8 bytes"));
    assert_eq!(first, stats.undelivered_records + 1, "the oldest went, and each is counted");
    assert_eq!(read_on(&mut merge, first), RECORDS);
    assert_eq!((merge.skipped().records, merge.damage()), (stats.undelivered_records, &[][..]));
}

#[test]
fn hold_deletes_nothing_and_goes_on_when_there_is_space() {
    let Some(disk) = Disk::new() else { return };
    take_space(&disk, "ballast", TAKEN_BYTES + (12 << 20));
    let (log, _) = open(options(&disk), FullDisk::Hold, None);
    register(&log);
    let mut writer = log.writer(0).expect("the first");
    let mut number = 0;
    while append(&mut writer, number + 1, FULL_AFTER) {
        number += 1;
    }
    assert!(number > 300 && number < RECORDS, "{number}");
    fs::remove_file(disk.path("ballast")).expect("it is there");
    assert!(append(&mut writer, number + 1, BACK_WITHIN), "there is space, and nothing is taken");
    settle(&mut writer, number + 1);
    assert_eq!(log.retention().deleted, [0; 6]);
    let (_, mut merge) = resume(log.dir());
    assert_eq!(read_on(&mut merge, 0), number + 1);
    drop(writer);
    log.close().expect("there is space");
}

#[test]
fn kept_cursors_and_what_they_hold_survive_a_power_cut_while_segments_are_deleted() {
    let Some(disk) = Disk::new() else { return };
    let mut kept = 0;
    for cycle in 0..4 {
        // What the consumer has passed is deleted at once.
        let options = Options { retain_interval: Duration::from_millis(5), ..options(&disk) };
        let (log, recovery) = open(options, FullDisk::Hold, Some(0));
        assert!(recovery.damage.is_empty() && recovery.problems.is_empty(), "cycle {cycle}: {recovery:?}");
        if cycle == 0 {
            register(&log);
        }
        let mut writer = log.writer(0).expect("the first");
        let (cursors, mut merge) = resume(log.dir());
        let mut last = kept;
        last = read_on(&mut merge, last);
        assert_eq!((merge.skipped(), merge.damage()), (Default::default(), &[][..]), "cycle {cycle}");
        assert!(cycle == 0 || last > kept, "cycle {cycle}: what the consumer had not passed is gone");
        let first = last + 1;
        for number in first..first + 600 {
            assert!(append(&mut writer, number, PATIENCE), "no room");
            if number % 100 == 0 {
                // Not everything, so that there is something to hold.
                last = read_some(&mut merge, last, number - 50);
                cursors.keep(&name(), &merge.position()).expect("the cursor is kept");
                kept = last;
            }
        }
        settle(&mut writer, 600);
        let begun = Instant::now();
        while log.retention().deleted[Reason::Bytes as usize] < 2 {
            assert!(begun.elapsed() < PATIENCE, "nothing is deleted: {:?}", log.retention());
            thread::sleep(Duration::from_millis(1));
        }
        disk.cut();
        drop(writer);
        let _ = log.close();
        drop((log, merge));
        disk.mount_again();
    }
}

/// Reads up to the record with this number.
fn read_some(merge: &mut Merge, mut last: u64, to: u64) -> u64 {
    let begun = Instant::now();
    while last < to {
        match merge.next().expect("the log can be read") {
            Some(record) => {
                let number = u64::from_le_bytes(record.payload[..8].try_into().expect("8 bytes"));
                assert_eq!(number, last + 1, "records are lost, or come again");
                last = number;
            }
            None => thread::sleep(Duration::from_millis(1)),
        }
        assert!(begun.elapsed() < PATIENCE, "record {} does not come", last + 1);
    }
    last
}
