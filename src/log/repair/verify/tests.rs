use std::fs;

use uuid::Uuid;

use crate::log::cursor::Cursors;
use crate::log::erase::{Erasing, erase_segment};
use crate::log::read::reader::hand::{HandControl, HandSegment, take_lock, temp_dir, write_log_file};

use super::*;

fn sound() -> (tempfile::TempDir, PathBuf, Vec<u8>) {
    let dir = temp_dir();
    write_log_file(dir.path());
    let mut segment = HandSegment::new(0, 1000);
    segment.batch(1001, 7, b"one");
    segment.batch(1002, 7, &[3; 200]);
    segment.group();
    segment.batch(1003, 7, b"three");
    let path = segment.write_sealed(dir.path());
    (dir, path, segment.bytes)
}

fn faults(log_dir: &Path) -> Vec<Fault> {
    let mut found = Vec::new();
    let summary = verify(log_dir, &mut |verdict| found.extend(verdict.faults.clone())).unwrap();
    assert_eq!(summary.ok(), found.is_empty());
    found
}

#[test]
fn a_sound_log_passes_and_is_counted() {
    let (dir, _, bytes) = sound();
    let mut writing = HandSegment::new(1, 2000);
    writing.batch(2001, 7, b"durable");
    writing.group();
    writing.batch(2002, 7, b"not yet");
    writing.write_open(dir.path(), 8192);
    HandControl::live(&writing).write(dir.path());
    let _lock = take_lock(dir.path());
    let summary = verify(dir.path(), &mut |verdict| assert!(verdict.ok(), "{verdict:?}")).unwrap();
    assert_eq!((summary.segments, summary.sealed, summary.records, summary.payload_bytes), (2, 1, 4, 215));
    assert_eq!(summary.bytes, bytes.len() as u64 + 8192);
}

#[test]
fn every_flipped_byte_is_named_by_segment_and_offset() {
    let (dir, path, bytes) = sound();
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x40;
        fs::write(&path, &flipped).unwrap();
        let faults = faults(dir.path());
        assert!(
            faults.iter().any(|fault| (fault.offset..fault.offset + fault.bytes).contains(&(at as u64))),
            "{at}: {faults:?}"
        );
    }
}

#[test]
fn every_cut_is_noticed() {
    let (dir, path, bytes) = sound();
    for length in 0..bytes.len() {
        fs::write(&path, &bytes[..length]).unwrap();
        assert!(!faults(dir.path()).is_empty(), "cut to {length}");
    }
}

#[test]
fn a_wrong_or_missing_sidecar_is_noticed() {
    let (dir, path, _) = sound();
    let mut sidecar = Sidecar::read(&path).unwrap().unwrap();
    sidecar.records += 1;
    sidecar.write(&path).unwrap();
    assert_eq!(faults(dir.path()).len(), 1);
    sidecar.records -= 1;
    sidecar.blake3 = "00".repeat(32);
    sidecar.write(&path).unwrap();
    assert_eq!(faults(dir.path()).len(), 1);
    fs::remove_file(path.with_extension("json")).unwrap();
    assert_eq!(faults(dir.path()).len(), 1);
}

#[test]
fn many_segments_are_told_of_in_their_order() {
    let dir = temp_dir();
    write_log_file(dir.path());
    for id in 1..=50_u64 {
        let mut segment = HandSegment::new((id % 2) as u16, id * 1000);
        // Unlike sizes, so that they are not done in the order in which they were begun.
        for number in 0..(id * 37) % 50 {
            segment.batch(id * 1000 + number, 7, &vec![3; 2_000]);
        }
        segment.batch(id * 1000 + 99, 7, b"last");
        segment.group();
        segment.write_sealed(dir.path());
    }
    let mut told = Vec::new();
    let summary = verify(dir.path(), &mut |verdict| told.push((verdict.core, verdict.segment))).unwrap();
    assert!(summary.ok());
    assert_eq!((told.len(), told.is_sorted()), (50, true), "{told:?}");
}

#[test]
fn a_sidecar_that_names_more_damage_than_there_can_be_is_a_fault_and_not_a_panic() {
    use crate::log::format::sidecar::Hole;
    let (dir, path, _) = sound();
    let mut sidecar = Sidecar::read(&path).unwrap().unwrap();
    sidecar.damage = vec![Hole::damage(4096, u64::MAX), Hole::damage(0, u64::MAX)];
    sidecar.write(&path).unwrap();
    assert_eq!(faults(dir.path()).len(), 1);
}

#[test]
fn a_segment_that_is_deleted_while_it_is_read_is_no_damage() {
    let dir = temp_dir();
    write_log_file(dir.path());
    let mut segment = HandSegment::new(0, 1000);
    for number in 0..60 {
        segment.batch(1001 + number, 7, &[number as u8; 60_000]);
    }
    segment.group();
    let path = segment.write_sealed(dir.path());
    let info = LogReader::open(dir.path()).unwrap().segments().unwrap().remove(0);
    // As the deleter does: the name first, then the bytes from the end, then the sidecar.
    let (stamp, opened) = (info.stamp(), SegmentReader::open(&info));
    let gone = path.with_extension("del");
    fs::rename(&path, &gone).unwrap();
    fs::OpenOptions::new().write(true).open(&gone).unwrap().set_len(1 << 20).unwrap();
    fs::remove_file(path.with_extension("json")).unwrap();
    let verdict = verify_opened(&info, stamp, opened).unwrap();
    assert!(verdict.ok() && verdict.deleted, "{verdict:?}");
    // The same where it was gone before it was opened.
    assert!(verify_segment(&info).unwrap().deleted);
    let mut summary = VerifySummary::default();
    summary.add(&verdict);
    assert_eq!((summary.ok(), summary.segments, summary.deleted), (true, 0, 1));
}

#[test]
fn a_segment_of_another_log_is_passed_over_and_no_damage() {
    use uuid::Uuid;
    let (dir, path, bytes) = sound();
    let mut foreign = bytes.clone();
    let header = header::SegmentHeader::decode(&foreign).unwrap();
    let page = header::SegmentHeader { log: Uuid::from_bytes([7; 16]), segment: 9000, ..header }.encode();
    foreign[..page.len()].copy_from_slice(&page);
    let newest = path.with_file_name(format!("{:020}.seg", 9000));
    fs::write(&newest, &foreign).unwrap();
    let summary = verify(dir.path(), &mut |verdict| assert_eq!(verdict.foreign, verdict.path == newest)).unwrap();
    assert_eq!((summary.ok(), summary.segments, summary.foreign, summary.records), (true, 1, 1, 3));
}

#[test]
fn what_only_bears_a_segments_name_ends_no_reading() {
    let (dir, path, _) = sound();
    fs::create_dir(path.with_file_name(format!("{:020}.seg", 9000))).unwrap();
    fs::create_dir(path.with_file_name(format!("{:020}.open", 900))).unwrap();
    std::os::unix::fs::symlink("nowhere", path.with_file_name(format!("{:020}.seg", 9001))).unwrap();
    fs::write(dir.path().join("core-07"), b"no folder").unwrap();
    // A folder in the place of each small file, too.
    fs::create_dir(path.with_file_name("control")).unwrap();
    fs::create_dir(path.with_file_name("deleted.json")).unwrap();
    assert!(faults(dir.path()).is_empty());
    let reader = LogReader::open(dir.path()).unwrap();
    let strangers = reader.strangers();
    assert_eq!(strangers.len(), 4, "{strangers:?}");
    let mut merge = crate::log::read::merge::Merge::new(reader);
    let mut records = 0;
    while merge.next_settled().unwrap().is_some() {
        records += 1;
    }
    assert_eq!((records, merge.damage_count()), (3, 0));
}

#[test]
fn a_segment_in_the_making_is_no_damage() {
    let (dir, path, _) = sound();
    for (name, bytes) in [("empty", 0), ("short", 100), ("blank", 1 << 16)] {
        let making = path.with_file_name(format!("{:020}.open", 9000));
        fs::write(&making, vec![0; bytes]).unwrap();
        // Nobody holds the log; a server starts; one writes.
        assert!(faults(dir.path()).is_empty(), "{name}: left");
        let lock = take_lock(dir.path());
        fs::write(dir.path().join("lock"), "starting 1\n").unwrap();
        assert!(faults(dir.path()).is_empty(), "{name}: starting");
        drop(lock);
    }
    // Where the control page tells of durable records, it is damage.
    let mut told = HandSegment::new(0, 9000);
    told.batch(9001, 7, b"gone");
    told.group();
    let control = HandControl { pid: HandControl::DEAD, ..HandControl::live(&told) };
    control.write(dir.path());
    assert!(!faults(dir.path()).is_empty());
}

#[test]
fn a_copy_that_was_made_beside_the_writer_is_not_damaged_by_its_torn_end() {
    for torn in [4096..8192, 8192..12288, 8192 + 64..12288, 8192 + 4096..16384] {
        let dir = temp_dir();
        write_log_file(dir.path());
        let mut segment = HandSegment::new(0, 1000);
        let mut ends = Vec::new();
        for number in 0..6_u64 {
            segment.batch(1001 + number, 7, &[1 + number as u8; 5_000]);
            segment.group();
            ends.push(segment.bytes.len() as u64);
        }
        let control = HandControl { pid: HandControl::DEAD, place: 5, ..HandControl::live(&segment) };
        // What was written behind while the copy went on is there; this is not.
        segment.bytes[torn.clone()].fill(0);
        segment.write_open(dir.path(), 8192);
        control.write(dir.path());
        let before = ends.iter().filter(|&&end| end <= torn.start as u64).count() as u64;
        let summary = verify(dir.path(), &mut |verdict| assert!(verdict.ok(), "{torn:?}: {verdict:?}")).unwrap();
        assert_eq!(summary.records, before, "{torn:?}");
        let mut merge = crate::log::read::merge::Merge::new(LogReader::open(dir.path()).unwrap());
        let mut records = 0;
        while merge.next_settled().unwrap().is_some() {
            records += 1;
        }
        assert_eq!((records, merge.damage_count()), (before, 0), "{torn:?}");
        // The same for the server that starts on it.
        let log = LogReader::open(dir.path()).unwrap().log_uuid();
        let recovery = crate::log::repair::recovery::recover(dir.path(), log).unwrap();
        assert_eq!((recovery.damage.len(), recovery.quarantined.len()), (0, 0), "{torn:?}: {recovery:?}");
        assert!(recovery.records >= before, "{torn:?}");
        let summary = verify(dir.path(), &mut |_| {}).unwrap();
        assert_eq!((summary.ok(), summary.known_damage_bytes), (true, 0), "{torn:?}");
        // Where the page is no copy, the same bytes are damage.
        let dir = temp_dir();
        write_log_file(dir.path());
        segment.write_open(dir.path(), 8192);
        HandControl { place: 0, ..control }.write(dir.path());
        assert!(!faults(dir.path()).is_empty(), "{torn:?}");
    }
}

#[test]
fn damage_in_a_copy_is_damage_where_nothing_was_being_written() {
    let dir = temp_dir();
    write_log_file(dir.path());
    let mut segment = HandSegment::new(0, 1000);
    for number in 0..6_u64 {
        segment.batch(1001 + number, 7, &[1 + number as u8; 5_000]);
        segment.group();
    }
    segment.bytes[8192 + 100] ^= 1;
    segment.write_open(dir.path(), 8192);
    HandControl { pid: HandControl::DEAD, place: 5, ..HandControl::live(&segment) }.write(dir.path());
    assert_eq!(faults(dir.path()).len(), 1);
}

#[test]
fn a_segment_from_which_records_are_erased_while_it_is_read_is_no_damage() {
    let (dir, path, _) = sound();
    let reader = LogReader::open(dir.path()).unwrap();
    let info = reader.segments().unwrap().remove(0);
    let (stamp, opened) = (info.stamp(), SegmentReader::open(&info));
    let mut erasing = Erasing {
        wanted: &|session, _| session == 7,
        receipt: Uuid::from_u128(1),
        unix_seconds: 9,
        dry_run: false,
        found: &mut |_| {},
    };
    assert_eq!(erase_segment(&info, &Cursors::of(&reader), &mut erasing).unwrap().records, 3);
    let verdict = verify_opened(&info, stamp, opened).unwrap();
    assert!(verdict.ok() && !verdict.deleted, "{verdict:?}");
    // Damage of the new file is found.
    let mut bytes = fs::read(&path).unwrap();
    bytes[5000] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert!(!verify_segment(&info).unwrap().ok());
}
