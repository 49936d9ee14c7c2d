use std::fs;
use std::thread;
use std::time::Duration;

use crate::log::error::LogError;
use crate::log::format::control::State;
use crate::log::read::merge::Merge;
use crate::log::read::reader::LogReader;
use crate::log::read::reader::hand::{HandControl, HandSegment, take_lock, temp_dir, write_clock, write_log_file};

fn left() -> (tempfile::TempDir, HandSegment) {
    let dir = temp_dir();
    write_log_file(dir.path());
    let mut segment = HandSegment::new(0, 1000);
    segment.batch(1001, 7, b"one");
    segment.batch(1002, 7, b"two");
    segment.group();
    segment.write_open(dir.path(), 8192);
    HandControl { pid: HandControl::DEAD, ..HandControl::live(&segment) }.write(dir.path());
    (dir, segment)
}

fn merge(dir: &tempfile::TempDir) -> Merge {
    Merge::new(LogReader::open(dir.path()).unwrap())
}

fn count(merge: &mut Merge) -> Result<usize, LogError> {
    let mut records = 0;
    while merge.next_settled()?.is_some() {
        records += 1;
    }
    Ok(records)
}

#[test]
fn a_reader_beside_a_start_waits_for_what_was_durable_before() {
    let (dir, segment) = left();
    let _lock = take_lock(dir.path());
    fs::write(dir.path().join("lock"), "starting 1\n").unwrap();
    assert!(merge(&dir).next().unwrap().is_none(), "it can't be told yet");
    let reading = thread::spawn({
        let mut merge = merge(&dir);
        move || count(&mut merge)
    });
    // The server seals what was left, sets its clock, and makes its control page; then it says that it holds the log.
    thread::sleep(Duration::from_millis(20));
    segment.seal(dir.path());
    write_clock(dir.path(), 5_000);
    let page = HandControl { segment: 0, cursor: 0, durable: 0, state: State::Closed, ..HandControl::live(&segment) };
    page.write(dir.path());
    fs::write(dir.path().join("lock"), format!("{}\n", std::process::id())).unwrap();
    assert_eq!(reading.join().unwrap().unwrap(), 2);
}

#[test]
fn a_reader_that_can_not_tell_says_so_and_shows_no_empty_log() {
    let (dir, _) = left();
    let _lock = take_lock(dir.path());
    fs::write(dir.path().join("lock"), "starting 1\n").unwrap();
    let mut merge = merge(&dir);
    let told = merge.next_settled_within(Duration::from_millis(30)).map(|record| record.is_some());
    assert!(matches!(told, Err(LogError::Unsettled { .. })), "{told:?}");
}

#[test]
fn a_record_that_is_durable_and_held_back_is_waited_for() {
    let (dir, segment) = left();
    let _lock = take_lock(dir.path());
    write_clock(dir.path(), 5_000);
    HandControl::live(&segment).write(dir.path());
    // A second core has an older record that is not durable yet.
    let mut other = HandSegment::new(1, 900);
    other.batch(950, 7, b"older");
    let mut control = HandControl { first_unsynced: 950, last_order: 950, ..HandControl::live(&other) };
    other.group();
    other.write_open(dir.path(), 8192);
    control.write(dir.path());
    let mut merge = merge(&dir);
    let told = merge.next_settled_within(Duration::from_millis(30)).map(|record| record.is_some());
    assert!(matches!(told, Err(LogError::Unsettled { .. })), "{told:?}");
    control.durable = other.bytes.len() as u64;
    control.cursor = control.durable;
    control.first_unsynced = 0;
    control.write(dir.path());
    assert_eq!(count(&mut merge).unwrap(), 3);
}

#[test]
fn a_reader_needs_no_clock_where_no_server_runs() {
    let (dir, _) = left();
    assert_eq!(count(&mut merge(&dir)).unwrap(), 2);
}

#[test]
fn a_reader_that_is_slower_than_the_writer_comes_to_its_end() {
    let (dir, mut segment) = left();
    let _lock = take_lock(dir.path());
    let mut show = |order_us: u64, now_us: u64| {
        write_clock(dir.path(), now_us);
        segment.batch(order_us, 7, b"more");
        segment.group();
        segment.write_open(dir.path(), 8192);
        HandControl::live(&segment).write(dir.path());
    };
    show(2_000, 5_000);
    let mut merge = merge(&dir);
    assert!(merge.next_settled().unwrap().is_some());
    // Stored after the first call.
    show(6_000, 7_000);
    assert_eq!(count(&mut merge).unwrap(), 2);
    assert_eq!(count(&mut merge).unwrap(), 1, "a later call goes on");
}
