//! Every length, count and offset of the format at its extremes, with every checksum right: nothing panics, nothing that is intact is hidden, and what
//! can't be true below a known durable end is damage.

use std::fs;

use crate::log::cursor::{ConsumerName, Cursors, From as Begin};
use crate::log::format::control;
use crate::log::format::header::{PAGE_BYTES, SegmentHeader};
use crate::log::format::ledger;
use crate::log::format::ledger::Ledger;
use crate::log::format::record::{HEADER_BYTES, Kind, RecordHeader};
use crate::log::format::sidecar::{Hole, Sidecar};
use crate::log::read::merge::{Merge, MergePosition, Place};
use crate::log::repair::recovery::recover;
use crate::log::repair::verify::verify;

use super::hand::{HandControl, HandSegment, LOG, take_lock, temp_dir, write_clock, write_log_file};
use super::{LogReader, segment_stem};

const RECORDS: usize = 64;

/// 64 records in groups of eight; `change` is made to the header of one of them, whose checksum is put right after it.
fn segment(changed: usize, change: impl Fn(&mut RecordHeader)) -> HandSegment {
    let mut segment = HandSegment::new(0, 1000);
    let mut offsets = Vec::new();
    for number in 0..RECORDS as u64 {
        offsets.push(segment.batch(1001 + number, 7, &[3; 300]) as usize);
        if number % 8 == 7 {
            segment.group();
        }
    }
    let at = offsets[changed];
    let bytes: [u8; HEADER_BYTES] = segment.bytes[at..at + HEADER_BYTES].try_into().unwrap();
    let mut header = RecordHeader::decode(&bytes, segment.marker).unwrap();
    change(&mut header);
    segment.bytes[at..at + HEADER_BYTES].copy_from_slice(&header.to_bytes());
    segment
}

/// How many records a merge hands out, and how many places of damage it meets.
fn read(log_dir: &std::path::Path) -> (usize, u64) {
    let mut merge = Merge::new(LogReader::open(log_dir).unwrap());
    let mut records = 0;
    while merge.next_settled().unwrap().is_some() {
        records += 1;
    }
    (records, merge.damage_count())
}

type Change = fn(&mut RecordHeader);

/// What can't be true, or makes the payload's checksum wrong.
const LENGTHS: [(&str, Change); 6] = [
    ("the longest payload", |header| header.payload_len = u32::MAX),
    ("the longest record", |header| (header.payload_len, header.ext_len) = (u32::MAX, u16::MAX)),
    ("no payload", |header| (header.payload_len, header.ext_len) = (0, 0)),
    ("a pad over all", |header| (header.kind, header.payload_len) = (Kind::Pad, u32::MAX)),
    ("a pad over some", |header| (header.kind, header.payload_len) = (Kind::Pad, 3 * 4096 - 64)),
    ("a pad with an extension", |header| (header.kind, header.ext_len) = (Kind::Pad, u16::MAX)),
];

#[test]
fn an_impossible_length_hides_no_record_behind_it() {
    for (what, change) in LENGTHS {
        for changed in [0, 1, 20, RECORDS - 1] {
            let dir = temp_dir();
            write_log_file(dir.path());
            let segment = segment(changed, change);
            let expected = (RECORDS - 1, 1);

            // Left by a server that is gone, and known to be durable by its control page.
            segment.write_open(dir.path(), 8192);
            HandControl { pid: HandControl::DEAD, ..HandControl::live(&segment) }.write(dir.path());
            assert_eq!(read(dir.path()), expected, "{what} at {changed}, left");
            let summary = verify(dir.path(), &mut |_| {}).unwrap();
            assert_eq!((summary.records as usize, summary.faults), expected, "{what} at {changed}, left");

            // Being written.
            let lock = take_lock(dir.path());
            write_clock(dir.path(), 5_000);
            HandControl::live(&segment).write(dir.path());
            assert_eq!(read(dir.path()), expected, "{what} at {changed}, writing");

            // About to be sealed: durable as a whole.
            let mut next = HandSegment::new(0, 2000);
            next.batch(2001, 7, b"next");
            next.group();
            next.write_open(dir.path(), 8192);
            HandControl::live(&next).write(dir.path());
            assert_eq!(read(dir.path()), (RECORDS, 1), "{what} at {changed}, sealing");
            drop(lock);

            // Recovered, and sealed without anybody having named it.
            fs::remove_file(next.open_path(dir.path())).unwrap();
            HandControl { pid: HandControl::DEAD, ..HandControl::live(&segment) }.write(dir.path());
            let recovery = recover(dir.path(), LOG).unwrap();
            assert_eq!(
                (recovery.records as usize, recovery.damage.len()),
                expected_of(expected),
                "{what} at {changed}"
            );
            fs::remove_file(segment.seg_path(dir.path()).with_extension("json")).unwrap();
            assert_eq!(read(dir.path()), expected, "{what} at {changed}, sealed");
        }
    }
}

fn expected_of((records, damage): (usize, u64)) -> (usize, usize) {
    (records, damage as usize)
}

#[test]
fn counts_that_say_nothing_of_the_record_are_taken_as_they_are() {
    let changes: [Change; 4] = [
        |header| header.durable_to = u32::MAX,
        |header| header.durable_to = 0,
        |header| (header.order_us, header.session) = (u64::MAX, u64::MAX),
        |header| (header.split, header.page, header.number, header.project) = (u32::MAX, u32::MAX, u32::MAX, u32::MAX),
    ];
    for change in changes {
        let dir = temp_dir();
        write_log_file(dir.path());
        let segment = segment(20, change);
        segment.write_open(dir.path(), 1 << 16);
        HandControl { pid: HandControl::DEAD, ..HandControl::live(&segment) }.write(dir.path());
        assert_eq!(read(dir.path()), (RECORDS, 0));
        // Without the page the records vouch for all but the last group.
        fs::remove_file(dir.path().join("core-00/control")).unwrap();
        assert_eq!(read(dir.path()), (RECORDS - 8, 0));
        let recovery = recover(dir.path(), LOG).unwrap();
        assert_eq!((recovery.records as usize, recovery.damage.len()), (RECORDS, 0));
        assert_eq!(read(dir.path()), (RECORDS, 0));
    }
}

#[test]
fn a_control_page_of_impossible_words_hides_and_damages_nothing() {
    let segment = segment(20, |_| {});
    let sound = HandControl { pid: HandControl::DEAD, ..HandControl::live(&segment) };
    for word in [0, 1, 63, 4096, u64::from(u32::MAX), u64::MAX - 63, u64::MAX] {
        let pages = [
            HandControl { durable: word, ..sound.clone() },
            HandControl { durable: word, cursor: word, ..sound.clone() },
            HandControl { cursor: word, ..sound.clone() },
            HandControl { segment: word, ..sound.clone() },
            HandControl { first_unsynced: word, last_order: word, in_append: 1, ..sound.clone() },
        ];
        for (at, page) in pages.into_iter().enumerate() {
            let dir = temp_dir();
            write_log_file(dir.path());
            segment.write_open(dir.path(), 8192);
            page.write(dir.path());
            let (records, damage) = read(dir.path());
            assert!(records >= RECORDS - 8 && damage == 0, "{word} in {at}: {records} records, {damage} damaged");
            let recovery = recover(dir.path(), LOG).unwrap();
            assert_eq!((recovery.records as usize, recovery.problems.len()), (RECORDS, 0), "{word} in {at}");
        }
    }
}

#[test]
fn a_live_control_page_of_impossible_words_does_not_end_a_follower() {
    let segment = segment(20, |_| {});
    for word in [u64::from(u32::MAX), u64::MAX - 63, u64::MAX] {
        let dir = temp_dir();
        write_log_file(dir.path());
        segment.write_open(dir.path(), 8192);
        let _lock = take_lock(dir.path());
        write_clock(dir.path(), 5_000);
        HandControl { durable: word, cursor: word, ..HandControl::live(&segment) }.write(dir.path());
        let mut merge = Merge::new(LogReader::open(dir.path()).unwrap());
        assert!(merge.next().unwrap().is_none());
        HandControl::live(&segment).write(dir.path());
        let mut records = 0;
        while merge.next().unwrap().is_some() {
            records += 1;
        }
        assert_eq!((records, merge.damage_count()), (RECORDS, 0), "{word}");
    }
}

#[test]
fn a_clock_page_of_impossible_words_ends_no_reading() {
    let segment = segment(20, |_| {});
    for now_us in [0, u64::MAX] {
        let dir = temp_dir();
        write_log_file(dir.path());
        segment.write_sealed(dir.path());
        write_clock(dir.path(), now_us);
        assert_eq!(read(dir.path()), (RECORDS, 0));
    }
    let dir = temp_dir();
    write_log_file(dir.path());
    segment.write_sealed(dir.path());
    fs::write(dir.path().join(control::CLOCK_FILE_NAME), [0xff; 4096]).unwrap();
    assert_eq!(read(dir.path()), (RECORDS, 0));
}

#[test]
fn a_first_page_of_impossible_sizes_hides_no_record() {
    for segment_bytes in [0, 1, u64::MAX] {
        let dir = temp_dir();
        write_log_file(dir.path());
        let mut segment = segment(20, |_| {});
        let header = SegmentHeader::decode(&segment.bytes).unwrap();
        segment.bytes[..PAGE_BYTES].copy_from_slice(&SegmentHeader { segment_bytes, ..header }.encode());
        segment.write_open(dir.path(), 8192);
        HandControl { pid: HandControl::DEAD, ..HandControl::live(&segment) }.write(dir.path());
        let (records, damage) = read(dir.path());
        assert!(records >= RECORDS - 8 && damage == 0, "{segment_bytes}: {records}, {damage}");
        assert_eq!(recover(dir.path(), LOG).unwrap().records as usize, RECORDS);
    }
}

#[test]
fn a_sidecar_of_impossible_numbers_hides_no_record() {
    let extremes = [0, 1, u64::MAX - 1, u64::MAX];
    let changes: [fn(&mut Sidecar, u64); 5] = [
        |sidecar, word| sidecar.bytes = word,
        |sidecar, word| (sidecar.records, sidecar.batches, sidecar.starts) = (word, word, word),
        |sidecar, word| (sidecar.first_us, sidecar.last_us) = (word, word),
        |sidecar, word| sidecar.damage = vec![Hole::damage(word, word), Hole::damage(0, word), Hole::damage(word, 0)],
        |sidecar, word| (sidecar.sessions, sidecar.payload_bytes, sidecar.segment) = (word, word, word),
    ];
    for word in extremes {
        for change in changes {
            let dir = temp_dir();
            write_log_file(dir.path());
            let path = segment(20, |_| {}).write_sealed(dir.path());
            let mut sidecar = Sidecar::read(&path).unwrap().unwrap();
            change(&mut sidecar, word);
            sidecar.write(&path).unwrap();
            assert_eq!(read(dir.path()).0, RECORDS, "{word}");
            assert_eq!(verify(dir.path(), &mut |_| {}).unwrap().records as usize, RECORDS, "{word}");
            let since = Merge::since(LogReader::open(dir.path()).unwrap(), 1030);
            assert!(since.unwrap().next().unwrap().is_some(), "{word}");
        }
    }
}

#[test]
fn a_ledger_of_impossible_numbers_hides_nothing_that_comes() {
    let max = u64::MAX;
    let entry = format!(r#"{{"segment":{max},"bytes":{max},"records":{max}}}"#);
    let older = format!(r#"{{"segment":{max},"segments":{max},"bytes":{max},"records":{max}}}"#);
    let early = format!(r#"{{"segment":1,"bytes":{max},"records":{max}}}"#);
    let texts = [
        format!(r#"{{"version":1,"older":{older},"entries":[]}}"#),
        format!(r#"{{"version":1,"older":{older},"entries":[{early},{entry}]}}"#),
        format!(r#"{{"version":1,"older":null,"entries":[{entry}]}}"#),
        format!(r#"{{"version":1,"older":{older},"entries":[{}]}}"#, vec![early.as_str(); 257].join(",")),
    ];
    for text in texts {
        let dir = temp_dir();
        let log_dir = dir.path().join("log");
        write_log_file(&log_dir);
        let core = log_dir.join("core-00");
        fs::create_dir_all(&core).unwrap();
        fs::write(core.join(ledger::FILE_NAME), &text).unwrap();
        let reader = LogReader::open(&log_dir).unwrap();
        // A follower that found the log empty, and a consumer that was registered at its end.
        let mut merge = Merge::new(reader.clone());
        assert!(merge.next().unwrap().is_none());
        let name: ConsumerName = "late".parse().unwrap();
        Cursors::of(&reader).register_at(&reader, &name, true, Begin::End).unwrap();
        let cursor = Cursors::of(&reader).read(&name).unwrap().unwrap();
        segment(20, |_| {}).write_sealed(&log_dir);
        let count = |merge: &mut Merge| {
            let mut records = 0;
            while merge.next().unwrap().is_some() {
                records += 1;
            }
            let _ = merge.skipped();
            records
        };
        assert_eq!(count(&mut merge), RECORDS, "{text}");
        assert_eq!(count(&mut Merge::resume(reader, &cursor.position).unwrap()), RECORDS, "{text}");
        let mut ledger = Ledger::read(&core);
        ledger.add(ledger::DeletedSegment { segment: 2, bytes: max, records: max });
    }
}

#[test]
fn a_cursor_of_impossible_places_ends_no_reading() {
    let dir = temp_dir();
    write_log_file(dir.path());
    let segment = segment(20, |_| {});
    segment.write_sealed(dir.path());
    let places = [0, 1, 63, 4095, 4097, 4096 + 64, segment.bytes.len() as u64, u64::MAX - 63, u64::MAX];
    for offset in places {
        for id in [0, 1, 1000, u64::MAX] {
            let place = Place { segment: id, offset };
            let cores = [(0, place), (u16::MAX, place)].into_iter().collect();
            let position = MergePosition { log: LOG, cores, behind: Default::default() };
            let mut merge = Merge::resume(LogReader::open(dir.path()).unwrap(), &position).unwrap();
            let mut records = 0;
            while merge.next().unwrap().is_some() {
                records += 1;
            }
            assert!(id >= 1000 || records == RECORDS, "{id}/{offset}: {records}");
            // A place between two records goes on with the next one.
            assert!(offset > 4097 || id != 1000 || records >= RECORDS - 1, "{id}/{offset}: {records}");
        }
    }
}

#[test]
fn the_largest_ids_are_segments_like_others() {
    let dir = temp_dir();
    write_log_file(dir.path());
    segment(20, |_| {}).write_sealed(dir.path());
    let mut newest = HandSegment::new(u16::MAX, u64::MAX - 5);
    newest.batch(u64::MAX, 7, b"last");
    newest.group();
    newest.write_sealed(dir.path());
    assert_eq!(read(dir.path()), (RECORDS + 1, 0));
    assert_eq!(segment_stem(u64::MAX).len(), 20);
}
