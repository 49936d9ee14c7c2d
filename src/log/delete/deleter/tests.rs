use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::log::cursor::{ConsumerName, From};
use crate::log::format::ledger;
use crate::log::format::ledger::Ledger;
use crate::log::format::record::{DataType, Encoding, Entry, Flags, Kind, Topic};
use crate::log::names;
use crate::log::names::{core_dir, file_name, segment_id};
use crate::log::read::merge::Merge;
use crate::log::read::reader::LogReader;
use crate::log::retain::{FullDisk, Listener, Policy, Reason};
use crate::log::write::writer::{AppendError, Writer};
use crate::log::{Ack, Log, Options};

use super::*;

mod archived;
mod recycled;

/// No step of a test waits longer.
const PATIENCE: Duration = Duration::from_secs(20);

const SEGMENT_BYTES: u64 = 256 << 10;

/// A log of small segments that is looked at all the time.
fn options(dir: &Path) -> Options {
    Options {
        dir: dir.join("log"),
        ack: Ack::Memory,
        segment_bytes: SEGMENT_BYTES,
        window_bytes: 64 << 10,
        group_bytes_max: 64 << 10,
        start_reserve_bytes: 8 << 10,
        reserve_bytes: 1 << 20,
        retain_interval: Duration::from_millis(10),
        insist: true,
        ..Options::default()
    }
}

/// So many bytes are kept.
fn keep(bytes: Option<u64>, full_disk: FullDisk) -> Rules {
    Rules::new(Policy { age: None, bytes, full_disk, step_bytes: 64 << 10 }, BTreeMap::new())
}

/// Opens a log of which goes what may go: its cap is 0 bytes.
fn open(options: Options) -> Log {
    let (log, _) = Log::open(options).unwrap();
    log.start_deleting(keep(Some(0), FullDisk::Hold)).unwrap();
    log
}

fn temp_dir() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn name(text: &str) -> ConsumerName {
    text.parse().unwrap()
}

/// Appends a record of 20 KB that begins with its number.
fn append(writer: &mut Writer, number: u64) {
    let payload = number.to_le_bytes().repeat(2_500);
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
    while let Err(error) = writer.append(&entry) {
        assert!(error == AppendError::NotReady && begun.elapsed() < PATIENCE, "{error}");
        writer.progress();
        writer.kick();
        thread::sleep(Duration::from_millis(1));
    }
    writer.kick();
}

fn number(payload: &[u8]) -> u64 {
    u64::from_le_bytes(payload[..8].try_into().unwrap())
}

fn ids(log_dir: &Path, core: u16, extension: &str) -> Vec<u64> {
    let files = fs::read_dir(core_dir(log_dir, core)).unwrap().map(|file| file.unwrap().path());
    let stem = |path: PathBuf| segment_id(path.file_stem()?.to_str()?);
    let mut ids: Vec<u64> =
        files.filter(|path| path.extension().is_some_and(|e| e == extension)).filter_map(stem).collect();
    ids.sort_unstable();
    ids
}

fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A log with this many records, all sealed, closed.
fn filled(dir: &Path, records: u64) -> Vec<u64> {
    let (log, _) = Log::open(options(dir)).unwrap();
    let mut writer = log.writer(0).unwrap();
    (1..=records).for_each(|number| append(&mut writer, number));
    drop(writer);
    log.close().unwrap();
    ids(&dir.join("log"), 0, "seg")
}

#[test]
fn nothing_is_deleted_before_all_that_protects_has_been_told() {
    let dir = temp_dir();
    let log_dir = dir.path().join("log");
    let all = filled(dir.path(), 100);
    let begun = core_dir(&log_dir, 0).join(file_name(all[0], "del"));
    fs::rename(begun.with_extension("seg"), &begun).unwrap();
    // The disk is nearly full besides, and the deleter is woken for it.
    let (log, _) = Log::open(Options { reserve_bytes: 1 << 60, ..options(dir.path()) }).unwrap();
    let writer = log.writer(0).unwrap();
    thread::sleep(Duration::from_millis(100));
    assert_eq!(ids(&log_dir, 0, "seg"), all[1..], "the log was told nothing yet");
    assert!(begun.exists(), "not even what was begun goes on");
    // Everything may go by age, and by a full disk; but the project of all records keeps them for ever.
    let age = Some(Duration::ZERO);
    let policy = Policy { age, bytes: None, full_disk: FullDisk::DropDelivered, step_bytes: 64 << 10 };
    let deleting = log.start_deleting(Rules::new(policy, BTreeMap::from([(1, None)]))).unwrap();
    wait_for("what was begun is finished", || !begun.exists());
    thread::sleep(Duration::from_millis(100));
    assert_eq!(ids(&log_dir, 0, "seg"), all[1..]);
    deleting.set_project_ages(BTreeMap::new());
    wait_for("the segments to go", || !ids(&log_dir, 0, "seg").contains(&all[1]));
    drop(writer);
    log.close().unwrap();
}

#[test]
fn a_wall_clock_that_jumps_ahead_deletes_nothing_and_the_deleter_says_so_once() {
    let dir = temp_dir();
    let log_dir = dir.path().join("log");
    let all = filled(dir.path(), 40);
    let told = Arc::new(Mutex::new(Vec::new()));
    let hear = Arc::clone(&told);
    let listener = Listener::new(move |event| hear.lock().unwrap().push(format!("{event:?}")));
    let (log, _) = Log::open(Options { retain_listener: listener, ..options(dir.path()) }).unwrap();
    let day = Duration::from_secs(24 * 3600);
    let policy = Policy { age: Some(day), bytes: None, full_disk: FullDisk::Hold, step_bytes: 64 << 10 };
    // Looked at by hand, because the log's own keeper goes by the right clock.
    let mut deleter = Deleter::new(log.shared(), Rules::new(policy, BTreeMap::new()));
    wait_for("what is held is told", || {
        let wrong_us = log.clock().latest_us() + 40 * day.as_micros() as u64;
        log.clock().anchor_by(wrong_us);
        deleter.look_and_delete();
        log.clock().anchor();
        log.retention().clock_held_segments == all.len() as u64 - 1
    });
    assert_eq!(ids(&log_dir, 0, "seg"), all);
    let told = told.lock().unwrap();
    assert!(told.len() == 1 && told[0].contains("needs_word: true"), "{told:?}");
    drop(told);
    log.close().unwrap();
}

#[test]
fn retention_that_is_changed_while_the_log_is_open_deletes_from_then_on() {
    let dir = temp_dir();
    let log_dir = dir.path().join("log");
    let all = filled(dir.path(), 100);
    let (log, _) = Log::open(options(dir.path())).unwrap();
    let deleting = log.start_deleting(keep(None, FullDisk::Hold)).unwrap();
    let writer = log.writer(0).unwrap();
    thread::sleep(Duration::from_millis(100));
    assert!(all.iter().all(|id| ids(&log_dir, 0, "seg").contains(id)), "nothing says that anything may go");
    deleting.set_policy(Policy { age: None, bytes: Some(0), full_disk: FullDisk::Hold, step_bytes: 64 << 10 });
    wait_for("the segments to go", || !ids(&log_dir, 0, "seg").contains(&all[0]));
    drop(writer);
    log.close().unwrap();
}

#[test]
fn a_holding_consumer_keeps_what_it_has_not_passed_until_it_is_removed() {
    let dir = temp_dir();
    let log_dir = dir.path().join("log");
    let all = filled(dir.path(), 100);
    let reader = LogReader::open(&log_dir).unwrap();
    let cursors = Cursors::of(&reader);
    cursors.register_at(&reader, &name("slow"), true, From::Start).unwrap();
    cursors.register_at(&reader, &name("advisory"), false, From::Start).unwrap();

    let log = open(options(dir.path()));
    let looks = |log: &Log| log.retention().consumers.len() == 2;
    wait_for("a look", || looks(&log));
    thread::sleep(Duration::from_millis(100));
    assert_eq!(ids(&log_dir, 0, "seg"), all, "nothing of it was passed");
    let stats = log.retention();
    assert_eq!((stats.deleted, stats.consumers[1].segments), ([0; 6], all.len() as u64));
    assert_eq!((stats.held_bytes, stats.consumers[1].bytes), (stats.consumers[0].bytes, stats.held_bytes));
    assert!(stats.held_bytes > 100 * 20_000 && stats.held_bytes <= stats.log_bytes);

    let mut merge = Merge::resume(reader.clone(), &cursors.read(&name("slow")).unwrap().unwrap().position).unwrap();
    while merge.position().cores.get(&0).is_none_or(|place| place.segment < all[3]) {
        merge.next().unwrap().unwrap();
    }
    cursors.keep(&name("slow"), &merge.position()).unwrap();
    wait_for("what was passed goes", || ids(&log_dir, 0, "seg") == all[3..]);
    thread::sleep(Duration::from_millis(100));
    assert_eq!(ids(&log_dir, 0, "seg"), all[3..]);

    assert!(cursors.remove(&name("slow")).unwrap());
    wait_for("all but the newest go", || ids(&log_dir, 0, "seg") == all[all.len() - 1..]);
    wait_for("nothing is left of them", || ids(&log_dir, 0, "json").len() + ids(&log_dir, 0, "del").len() == 1);
    assert_eq!(log.retention().deleted[Reason::Bytes as usize], all.len() as u64 - 1);
    log.close().unwrap();
}

#[test]
fn a_cursor_that_cannot_be_believed_holds_everything_and_is_told_once() {
    let dir = temp_dir();
    let log_dir = dir.path().join("log");
    let all = filled(dir.path(), 40);
    let reader = LogReader::open(&log_dir).unwrap();
    let cursors = Cursors::of(&reader);
    cursors.register_at(&reader, &name("torn"), false, From::End).unwrap();
    let path = cursors.path(&name("torn"));
    let text = fs::read(&path).unwrap();
    fs::write(&path, &text[..text.len() / 2]).unwrap();

    let told = Arc::new(Mutex::new(Vec::new()));
    let hear = Arc::clone(&told);
    let listener = Listener::new(move |event| hear.lock().unwrap().push(format!("{event:?}")));
    let log = open(Options { retain_listener: listener, ..options(dir.path()) });
    wait_for("the doubt is seen", || log.retention().doubtful_cursors == 1);
    thread::sleep(Duration::from_millis(100));
    assert_eq!(ids(&log_dir, 0, "seg"), all);
    {
        let told = told.lock().unwrap();
        assert!(told.len() == 1 && told[0].contains("torn.json") && told[0].starts_with("Doubt"), "{told:?}");
    }
    cursors.remove(&name("torn")).unwrap();
    wait_for("it holds no more", || ids(&log_dir, 0, "seg").len() == 1);
    assert_eq!(told.lock().unwrap().len(), all.len());
    log.close().unwrap();
}

#[test]
fn a_file_is_given_back_in_steps() {
    let dir = temp_dir();
    let all = filled(dir.path(), 60);
    let lengths = |id: &u64| fs::metadata(dir.path().join("log/core-00").join(file_name(*id, "seg"))).unwrap().len();
    let steps: u64 = all[..all.len() - 1].iter().map(|id| lengths(id).div_ceil(64 << 10)).sum();
    let log = open(options(dir.path()));
    wait_for("all go", || log.retention().deleted[Reason::Bytes as usize] == all.len() as u64 - 1);
    wait_for("and are given back", || ids(log.dir(), 0, "del").is_empty());
    assert!(log.retention().steps >= steps, "{} steps of 64 KiB, {steps} were to be made", log.retention().steps);
    log.close().unwrap();
}

#[test]
fn a_deletion_that_a_crash_broke_off_is_finished_at_the_next_start() {
    let dir = temp_dir();
    let log_dir = dir.path().join("log");
    let core = log_dir.join("core-00");
    let all = filled(dir.path(), 60);
    let [noted, renamed, cut, bare] = [0, 1, 2, 3].map(|at: usize| all[at]);
    let note = |id: u64| {
        let mut ledger = Ledger::read(&core);
        ledger.add(ledger::DeletedSegment { segment: id, bytes: 4096, records: 1 });
        ledger.write(&core).unwrap();
    };
    for id in [noted, renamed, cut, bare] {
        note(id);
    }
    for id in [renamed, cut, bare] {
        fs::rename(core.join(file_name(id, "seg")), core.join(file_name(id, "del"))).unwrap();
    }
    for id in [cut, bare] {
        fs::OpenOptions::new().write(true).open(core.join(file_name(id, "del"))).unwrap().set_len(10_000).unwrap();
    }
    fs::remove_file(core.join(file_name(bare, "json"))).unwrap();

    let merge = Merge::new(LogReader::open(&log_dir).unwrap());
    let numbers = read_all(merge);
    assert_eq!(numbers.first(), Some(&1), "what was only noted is there, and is read");
    let (log, recovery) = Log::open(options(dir.path())).unwrap();
    assert!(recovery.problems.is_empty() && recovery.quarantined.is_empty(), "{recovery:?}");
    log.start_deleting(keep(None, FullDisk::Hold)).unwrap();
    wait_for("what was begun is finished", || ids(&log_dir, 0, "del").is_empty());
    log.close().unwrap();
    let left: Vec<u64> = all.iter().copied().filter(|id| ![renamed, cut, bare].contains(id)).collect();
    assert_eq!((ids(&log_dir, 0, "seg"), ids(&log_dir, 0, "json")), (left.clone(), left));
    assert_eq!(read_all(Merge::new(LogReader::open(&log_dir).unwrap())), numbers);
}

fn read_all(mut merge: Merge) -> Vec<u64> {
    let mut numbers = Vec::new();
    while let Some(record) = merge.next().unwrap() {
        numbers.push(number(record.payload));
    }
    assert_eq!(merge.damage(), []);
    numbers
}

#[test]
fn a_merge_beside_deletion_neither_loses_nor_repeats() {
    const RECORDS: u64 = 600;
    let dir = temp_dir();
    let log_dir = dir.path().join("log");
    let log = open(Options { cores: 2, ..options(dir.path()) });
    let reader = LogReader::open(&log_dir).unwrap();
    let cursors = Cursors::of(&reader);
    // Before there is anything, so that the first segment is held too.
    cursors.register_at(&reader, &name("follower"), true, From::Start).unwrap();
    let mut seen = [0; 2];
    let mut skipped = Vec::new();
    thread::scope(|scope| {
        for core in 0..2 {
            let mut writer = log.writer(core).unwrap();
            scope.spawn(move || {
                for number in 1..=RECORDS {
                    append(&mut writer, number);
                    // So that deleting keeps up, and happens beside.
                    thread::sleep(Duration::from_millis(1));
                }
            });
        }
        let resume = || Merge::resume(reader.clone(), &cursors.read(&name("follower")).unwrap().unwrap().position);
        let mut merge = resume().unwrap();
        let begun = Instant::now();
        while seen != [RECORDS; 2] {
            assert!(begun.elapsed() < PATIENCE * 2, "stuck at {seen:?}");
            let Some(record) = merge.next().unwrap() else {
                thread::sleep(Duration::from_millis(1));
                continue;
            };
            let core = usize::from(record.id.core);
            assert_eq!(number(record.payload), seen[core] + 1, "core {core} lost or repeated a record");
            seen[core] += 1;
            if seen.iter().sum::<u64>().is_multiple_of(37) {
                cursors.keep(&name("follower"), &merge.position()).unwrap();
            }
            // Now and then the consumer begins anew where its cursor is.
            if seen.iter().sum::<u64>().is_multiple_of(37 * 5) {
                skipped.push(merge.skipped());
                merge = resume().unwrap();
            }
        }
        skipped.push(merge.skipped());
        assert_eq!(merge.damage(), []);
    });
    let deleted: u64 = log.retention().deleted.iter().sum();
    assert!(deleted > 5, "only {deleted} segments were deleted beside the merge");
    assert!(skipped.iter().all(|skipped| *skipped == Default::default()), "{skipped:?}");
    log.close().unwrap();
}

#[test]
fn a_consumer_that_begins_at_the_end_gets_all_that_comes_after() {
    let dir = temp_dir();
    // The end is that of what is durable, and here what is acknowledged is.
    let (log, _) = Log::open(Options { ack: Ack::Disk, ..options(dir.path()) }).unwrap();
    let mut writer = log.writer(0).unwrap();
    append(&mut writer, 1);
    // The next segment is made ready while this one is written.
    wait_for("the next segment", || ids(log.dir(), 0, "open").len() == 2 && writer.progress().acked.0 == 1);
    let reader = LogReader::open(log.dir()).unwrap();
    let cursor = Cursors::of(&reader).register_at(&reader, &name("late"), true, From::End).unwrap();
    append(&mut writer, 2);
    append(&mut writer, 3);
    drop(writer);
    log.close().unwrap();
    assert_eq!(read_all(Merge::resume(reader, &cursor.position).unwrap()), [2, 3]);
}

#[test]
fn drop_oldest_deletes_what_is_not_delivered_counts_it_and_tells_the_consumer() {
    let dir = temp_dir();
    let log_dir = dir.path().join("log");
    let all = filled(dir.path(), 60);
    let reader = LogReader::open(&log_dir).unwrap();
    let cursors = Cursors::of(&reader);
    cursors.register_at(&reader, &name("slow"), true, From::Start).unwrap();
    let mut merge = Merge::resume(reader.clone(), &cursors.read(&name("slow")).unwrap().unwrap().position).unwrap();
    assert_eq!(number(merge.next().unwrap().unwrap().payload), 1);
    cursors.keep(&name("slow"), &merge.position()).unwrap();

    // A reserve that no disk has: it is full from the start.
    let full = || Options { reserve_bytes: 1 << 60, ..options(dir.path()) };
    for full_disk in [FullDisk::Hold, FullDisk::DropDelivered] {
        let (log, _) = Log::open(full()).unwrap();
        log.start_deleting(keep(Some(0), full_disk)).unwrap();
        wait_for("a look", || log.retention().consumers.len() == 1);
        thread::sleep(Duration::from_millis(50));
        assert_eq!(ids(&log_dir, 0, "seg"), all, "{full_disk:?} deletes nothing that is not delivered");
        log.close().unwrap();
    }
    let told = Arc::new(Mutex::new(Vec::new()));
    let hear = Arc::clone(&told);
    let listener = Listener::new(move |event| hear.lock().unwrap().push(format!("{event:?}")));
    let (log, _) = Log::open(Options { retain_listener: listener, ..full() }).unwrap();
    log.start_deleting(keep(Some(0), FullDisk::DropOldest)).unwrap();
    wait_for("all but the newest go", || ids(&log_dir, 0, "seg") == all[all.len() - 1..]);
    wait_for("and are counted", || log.retention().deleted[Reason::Undelivered as usize] == all.len() as u64 - 1);
    let stats = log.retention();
    wait_for("and told", || told.lock().unwrap().len() == all.len() - 1);
    {
        let told = told.lock().unwrap();
        assert!(told.iter().all(|event| event.contains("[\"slow\"]")), "{told:?}");
    }
    log.close().unwrap();

    // The merge that was reading has pieces of the first segment in memory, and one that resumes has none.
    let last = read_all_from(&mut merge);
    let mut resumed = Merge::resume(reader, &cursors.read(&name("slow")).unwrap().unwrap().position).unwrap();
    assert_eq!(read_all_from(&mut resumed).last(), Some(&60));
    assert_eq!((last.last(), merge.damage(), resumed.damage()), (Some(&60), &[][..], &[][..]));
    let resumed = resumed.skipped();
    assert_eq!((resumed.segments, resumed.records), (all.len() as u64 - 1, stats.undelivered_records));
    assert!(resumed.bytes < stats.undelivered_bytes && resumed.bytes > stats.undelivered_bytes - 30_000);
    assert!(merge.skipped().segments >= all.len() as u64 - 2 && merge.skipped().bytes <= resumed.bytes);
}

fn read_all_from(merge: &mut Merge) -> Vec<u64> {
    let mut numbers = Vec::new();
    while let Some(record) = merge.next().unwrap() {
        numbers.push(number(record.payload));
    }
    numbers
}

#[test]
fn a_consumer_that_is_registered_between_the_decision_and_the_deletion_holds() {
    let dir = temp_dir();
    let log_dir = dir.path().join("log");
    let all = filled(dir.path(), 40);
    // Looked at by hand, and not by the thread.
    let (log, _) = Log::open(Options { retain_interval: Duration::from_secs(3600), ..options(dir.path()) }).unwrap();
    let mut deleter = Deleter::new(log.shared(), keep(Some(0), FullDisk::Hold));
    let deletion = Deletion { core: 0, id: all[0], bytes: SEGMENT_BYTES, records: 1, reason: Reason::Bytes };
    let reader = LogReader::open(&log_dir).unwrap();
    let cursors = Cursors::of(&reader);
    cursors.register_at(&reader, &name("just-now"), true, From::Start).unwrap();
    assert!(!deleter.take_out(&[deletion]).unwrap());
    assert_eq!(ids(&log_dir, 0, "seg"), all);
    cursors.remove(&name("just-now")).unwrap();
    let lock = cursors.lock().unwrap();
    thread::scope(|scope| {
        let waits = scope.spawn(|| deleter.take_out(&[deletion]).unwrap());
        thread::sleep(Duration::from_millis(50));
        assert_eq!(ids(&log_dir, 0, "seg"), all, "nothing is deleted while somebody registers");
        drop(lock);
        assert!(waits.join().unwrap());
    });
    assert_eq!(ids(&log_dir, 0, "seg"), all[1..]);
    log.close().unwrap();
}
