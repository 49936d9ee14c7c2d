use std::collections::BTreeMap;

use crate::log::format::header::{PAGE_BYTES, SegmentHeader};
use crate::log::read::reader::hand::{HandControl, HandSegment, LOG, temp_dir, write_log_file};
use crate::log::read::reader::{LogReader, SegmentReader, SegmentState};
use crate::log::repair::verify::verify;

use super::*;

fn log_dir() -> tempfile::TempDir {
    let dir = temp_dir();
    write_log_file(dir.path());
    dir
}

/// Every record of the log by segment and offset, and whether any damage was met that no sidecar names.
fn read_all(log_dir: &Path) -> (BTreeMap<(u64, u64), Vec<u8>>, bool) {
    let (mut records, mut damaged) = (BTreeMap::new(), false);
    for info in LogReader::open(log_dir).unwrap().segments().unwrap() {
        assert_eq!(info.state, SegmentState::Sealed);
        let mut reader = SegmentReader::open(&info).unwrap();
        loop {
            match reader.next() {
                Ok(Some(record)) => {
                    records.insert((record.id.segment, record.id.offset), record.payload.to_vec());
                }
                Ok(None) => break,
                Err(LogError::Damaged { .. }) => {
                    damaged = true;
                    reader.resync().unwrap();
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
    (records, damaged)
}

/// A segment as a killed server left it: two acknowledged groups, and a tail that was not.
struct Left {
    segment: HandSegment,
    /// Each record's bytes in the file, its payload, and whether it was acknowledged.
    records: Vec<(std::ops::Range<u64>, Vec<u8>, bool)>,
    control: HandControl,
}

fn left() -> Left {
    let mut segment = HandSegment::new(0, 1000);
    let mut records = Vec::new();
    let mut batch = |segment: &mut HandSegment, order_us, payload: &[u8], acknowledged| {
        let from = segment.batch(order_us, 7, payload);
        records.push((from..from + 64 + 11 + payload.len() as u64, payload.to_vec(), acknowledged));
    };
    batch(&mut segment, 1001, b"first", true);
    batch(&mut segment, 1002, &[0xab; 200], true);
    segment.group();
    batch(&mut segment, 1003, b"second group", true);
    segment.group();
    batch(&mut segment, 1004, b"never answered", false);
    batch(&mut segment, 1005, &[0xcd; 100], false);
    let mut control = HandControl::live(&segment);
    control.pid = HandControl::DEAD;
    Left { segment, records, control }
}

/// Recovers a changed segment and checks every promise about it. `changed` holds the bytes that were changed.
fn check(left: &Left, bytes: &[u8], changed: std::ops::Range<u64>, with_control: bool, what: &str) {
    let dir = log_dir();
    let path = left.segment.open_path(dir.path());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    if with_control {
        left.control.write(dir.path());
    }
    let recovery = recover(dir.path(), LOG).unwrap();
    assert!(recovery.problems.is_empty(), "{what}: {:?}", recovery.problems);
    assert!(!path.exists(), "{what}: still open");
    let (found, unnamed) = read_all(dir.path());
    assert!(!unnamed, "{what}: damage that no sidecar names");
    let reported = !recovery.damage.is_empty() || !recovery.quarantined.is_empty();
    let mut known = 0;
    for (range, payload, acknowledged) in &left.records {
        let touched = range.start < changed.end && changed.start < range.end;
        match found.get(&(1000, range.start)) {
            Some(back) => {
                known += 1;
                assert_eq!(back, payload, "{what}: a wrong record at {}", range.start);
            }
            None if !touched => assert!(
                !recovery.quarantined.is_empty(),
                "{what}: the intact record at {} is lost and the file is not kept",
                range.start
            ),
            None if *acknowledged && with_control => assert!(reported, "{what}: loss at {} not reported", range.start),
            None => {}
        }
    }
    assert_eq!(known, found.len(), "{what}: a record that nobody wrote");
    assert_eq!(recovery.records, found.len() as u64, "{what}");
    let summary = verify(dir.path(), &mut |verdict| assert!(verdict.ok(), "{what}: {verdict:?}")).unwrap();
    assert_eq!(summary.records, found.len() as u64, "{what}");
}

fn with_tail(left: &Left) -> Vec<u8> {
    let mut bytes = left.segment.bytes.clone();
    bytes.resize(bytes.len() + 256, 0);
    bytes
}

#[test]
fn every_flipped_byte_leaves_the_acknowledged_prefix_and_intact_later_records_or_a_report() {
    let left = left();
    let sound = with_tail(&left);
    for at in 0..sound.len() {
        let mut bytes = sound.clone();
        bytes[at] ^= 1 << (at % 8);
        check(&left, &bytes, at as u64..at as u64 + 1, true, &format!("flip at {at}"));
    }
}

#[test]
fn every_cut_leaves_the_records_before_it_and_a_report() {
    let left = left();
    let sound = with_tail(&left);
    for at in 0..sound.len() {
        check(&left, &sound[..at], at as u64..u64::MAX, true, &format!("cut at {at}"));
    }
}

#[test]
fn every_zeroed_stretch_leaves_the_acknowledged_prefix_and_intact_later_records_or_a_report() {
    let left = left();
    let sound = with_tail(&left);
    for at in (0..sound.len()).step_by(8) {
        let to = (at + 64).min(sound.len());
        let mut bytes = sound.clone();
        bytes[at..to].fill(0);
        check(&left, &bytes, at as u64..to as u64, true, &format!("zero at {at}"));
    }
}

#[test]
fn without_a_control_page_the_records_vouch_for_each_other() {
    let left = left();
    let sound = with_tail(&left);
    for at in (0..sound.len()).step_by(16) {
        let mut bytes = sound.clone();
        bytes[at] ^= 0x10;
        check(&left, &bytes, at as u64..at as u64 + 1, false, &format!("flip at {at}"));
    }
    // The first group is vouched for by the second, so its loss is reported.
    let dir = log_dir();
    let mut bytes = sound;
    bytes[4096 + 70] ^= 1;
    fs::create_dir_all(dir.path().join("core-00")).unwrap();
    fs::write(left.segment.open_path(dir.path()), bytes).unwrap();
    let recovery = recover(dir.path(), LOG).unwrap();
    assert_eq!((recovery.damage.len(), recovery.damage[0].offset, recovery.records), (1, 4096, 4));
}

#[test]
fn an_unacknowledged_tail_is_kept_where_intact_and_dropped_where_torn() {
    let left = left();
    let dir = log_dir();
    let mut torn = left.segment.clone();
    let last = left.records[4].0.clone();
    torn.bytes[last.end as usize - 1] ^= 1;
    torn.write_open(dir.path(), 1 << 16);
    left.control.write(dir.path());
    let recovery = recover(dir.path(), LOG).unwrap();
    assert_eq!((recovery.segments, recovery.records, recovery.batches), (1, 4, 4));
    assert_eq!((recovery.damage.len(), recovery.newest_us), (0, 1004));
    assert_eq!(recovery.dropped_bytes, last.end - last.start);
    let length = fs::metadata(left.segment.seg_path(dir.path())).unwrap().len();
    assert_eq!(length, last.start, "cut behind the last intact record");
    assert!(Sidecar::read(&left.segment.seg_path(dir.path())).unwrap().unwrap().recovered);
}

#[test]
fn damage_is_copied_to_quarantine_with_a_report() {
    let left = left();
    let dir = log_dir();
    let mut bad = left.segment.clone();
    bad.bytes[left.records[1].0.start as usize + 100] ^= 1;
    let bytes = bad.bytes.clone();
    bad.write_open(dir.path(), 0);
    left.control.write(dir.path());
    let recovery = recover(dir.path(), LOG).unwrap();
    let damage = &recovery.damage[0];
    assert_eq!((damage.core, damage.segment, damage.offset, damage.bytes), (0, 1000, left.records[1].0.start, 320));
    let copy = dir.path().join("quarantine").join(format!("core-00-{:020}-{}.bytes", 1000, damage.offset));
    let range = damage.offset as usize..(damage.offset + damage.bytes) as usize;
    assert_eq!(fs::read(&copy).unwrap(), bytes[range]);
    let report: serde_json::Value =
        serde_json::from_slice(&fs::read(format!("{}.report.json", copy.display())).unwrap()).unwrap();
    assert_eq!(report["offset"], damage.offset);
    assert_eq!(report["bytes"], 320);
}

#[test]
fn prepared_and_blank_segments_leave_nothing_behind() {
    let dir = log_dir();
    HandSegment::new(0, 1000).write_open(dir.path(), 1 << 16);
    fs::write(HandSegment::new(0, 2000).open_path(dir.path()), vec![0; 1 << 16]).unwrap();
    fs::write(HandSegment::new(0, 3000).open_path(dir.path()), b"").unwrap();
    fs::write(dir.path().join("core-00").join(format!("{:020}.json.tmp", 4000)), b"{").unwrap();
    let recovery = recover(dir.path(), LOG).unwrap();
    assert!(recovery.problems.is_empty() && recovery.quarantined.is_empty());
    assert_eq!((recovery.segments, recovery.dropped_bytes), (0, 0));
    assert_eq!(fs::read_dir(dir.path().join("core-00")).unwrap().count(), 0);
}

#[test]
fn what_is_foreign_newer_or_unreadable_is_set_aside_and_no_reason_not_to_start() {
    let dir = log_dir();
    let core = dir.path().join("core-00");
    fs::create_dir_all(&core).unwrap();
    fs::write(core.join(format!("{:020}.open", 1)), b"not a segment at all").unwrap();
    let mut newer = HandSegment::new(0, 2);
    let header = SegmentHeader { core: 0, log: LOG, segment: 2, marker: 9, segment_bytes: 1 };
    newer.bytes[..4096].copy_from_slice(&header.encode_version(7));
    newer.write_open(dir.path(), 100);
    let mut other = HandSegment::new(0, 3);
    let header = SegmentHeader { core: 0, log: uuid::Uuid::nil(), segment: 3, marker: 9, segment_bytes: 1 };
    other.bytes[..4096].copy_from_slice(&header.encode());
    other.write_open(dir.path(), 0);
    fs::write(core.join("holiday.open"), b"?").unwrap();
    let doubled = HandSegment::new(0, 4);
    doubled.write_sealed(dir.path());
    doubled.write_open(dir.path(), 0);
    let mut sound = HandSegment::new(0, 5);
    sound.batch(6, 7, b"kept");
    sound.write_open(dir.path(), 0);
    let recovery = recover(dir.path(), LOG).unwrap();
    assert!(recovery.problems.is_empty(), "{:?}", recovery.problems);
    assert_eq!((recovery.quarantined.len(), recovery.segments, recovery.records), (5, 1, 1));
    assert!(recovery.quarantined.iter().all(|path| path.exists()));
    assert_eq!(read_all(dir.path()).0.len(), 1);
}

/// A segment of several groups without its first page and its first record, and the records that are left in it.
fn beheaded(forged: Option<&[u8]>) -> (HandSegment, Vec<u64>) {
    let mut segment = HandSegment::new(0, 1000);
    segment.batch(1001, 7, b"lost with the page");
    let mut left = Vec::new();
    if let Some(forged) = forged {
        let at = segment.batch(1002, 666, forged) as usize;
        // The header of the record that holds it is lost, too, so that nothing says that it is a body.
        segment.bytes[at + 9] ^= 1;
    } else {
        left.push(segment.batch(1002, 7, b"of the first group"));
    }
    segment.group();
    for group in 1..5 {
        for record in 0..group {
            left.push(segment.batch(1000 + group * 100 + record, 7, &vec![group as u8; 900 * group as usize]));
        }
        segment.group();
    }
    segment.bytes[40] ^= 1;
    segment.bytes[4096 + 10] ^= 1;
    (segment, left)
}

#[test]
fn intact_records_behind_a_lost_first_page_and_a_lost_first_record_stay_in_their_place() {
    let (segment, left) = beheaded(None);
    for with_control in [false, true] {
        let dir = log_dir();
        segment.write_open(dir.path(), 1 << 16);
        if with_control {
            HandControl { pid: HandControl::DEAD, ..HandControl::live(&segment) }.write(dir.path());
        }
        let recovery = recover(dir.path(), LOG).unwrap();
        assert!(recovery.problems.is_empty() && recovery.quarantined.is_empty(), "{recovery:?}");
        let found = read_all(dir.path()).0;
        assert!(found.keys().map(|(_, offset)| *offset).eq(left.iter().copied()), "{found:?}");
        assert_eq!((recovery.damage.len(), recovery.damage[0].offset, recovery.damage[0].bytes), (1, 0, left[0]));
        let copy = dir.path().join("quarantine").join(format!("core-00-{:020}-0.bytes", 1000));
        assert_eq!(fs::read(copy).unwrap(), segment.bytes[..left[0] as usize]);
        assert!(verify(dir.path(), &mut |verdict| assert!(verdict.ok(), "{verdict:?}")).is_ok());
        assert_eq!(recover(dir.path(), LOG).unwrap().segments, 0);
    }
}

#[test]
fn a_client_cannot_pose_as_a_segment_whose_first_page_and_first_record_are_lost() {
    // Groups as a server writes them, as if they lay at each offset that the client might guess, but for the right one.
    let mut forged = HandSegment::new(0, 1000);
    forged.marker ^= 0xffff;
    for number in 0..60u64 {
        forged.durable = 1 << 20 | number << 12;
        forged.batch(5000 + number, 666, &[0x66; 300]);
        let durable = forged.durable;
        forged.group();
        forged.durable = durable;
    }
    let mut payload = vec![0; 53];
    payload.extend_from_slice(&forged.bytes[PAGE_BYTES..]);
    let (segment, left) = beheaded(Some(&payload));
    let dir = log_dir();
    segment.write_open(dir.path(), 1 << 16);
    let recovery = recover(dir.path(), LOG).unwrap();
    let found = read_all(dir.path()).0;
    assert!(found.keys().map(|(_, offset)| *offset).eq(left.iter().copied()), "{recovery:?}");
    // With nothing of the server's left, nothing is believed: the file goes to quarantine whole.
    let dir = log_dir();
    let mut alone = segment.clone();
    alone.bytes.truncate(PAGE_BYTES + 128 + 64 + 64 + payload.len());
    alone.write_open(dir.path(), 0);
    let recovery = recover(dir.path(), LOG).unwrap();
    assert_eq!((recovery.records, recovery.quarantined.len()), (0, 1));
    assert_eq!(fs::read(&recovery.quarantined[0]).unwrap(), alone.bytes);
}

#[test]
fn a_segment_older_than_the_one_in_use_is_durable_as_a_whole() {
    let left = left();
    let dir = log_dir();
    let mut torn = left.segment.clone();
    let last = left.records[4].0.clone();
    torn.bytes[last.end as usize - 1] ^= 1;
    torn.write_open(dir.path(), 1 << 16);
    let mut newer = HandSegment::new(0, 2000);
    newer.batch(2001, 7, b"newer");
    newer.group();
    newer.write_open(dir.path(), 1 << 16);
    HandControl { pid: HandControl::DEAD, ..HandControl::live(&newer) }.write(dir.path());
    let recovery = recover(dir.path(), LOG).unwrap();
    assert_eq!((recovery.segments, recovery.records, recovery.newest_us), (2, 5, 2001));
    assert_eq!((recovery.damage.len(), recovery.damage[0].offset), (1, last.start));
}

#[test]
fn a_control_page_that_tells_nonsense_is_not_believed() {
    let left = left();
    let dir = log_dir();
    left.segment.write_open(dir.path(), 1 << 16);
    HandControl { durable: 1 << 40, ..left.control.clone() }.write(dir.path());
    let recovery = recover(dir.path(), LOG).unwrap();
    assert_eq!((recovery.damage.len(), recovery.records), (0, 5));
}

#[test]
fn every_core_folder_is_settled_and_the_newest_record_found() {
    let dir = log_dir();
    for core in [0, 1, 2, 7] {
        let mut sealed = HandSegment::new(core, 1000);
        sealed.batch(1001 + u64::from(core) * 1000, 7, b"sealed");
        sealed.write_sealed(dir.path());
    }
    let mut open = HandSegment::new(1, 5000);
    open.batch(5001, 7, b"open");
    open.write_open(dir.path(), 1 << 16);
    let recovery = recover(dir.path(), LOG).unwrap();
    assert_eq!((recovery.segments, recovery.records, recovery.newest_us), (1, 1, 8001));
    assert_eq!(recover(dir.path(), LOG).unwrap().segments, 0, "a second start finds nothing to do");
}

#[test]
fn a_sidecar_that_tells_an_impossible_time_does_not_move_the_clock() {
    let dir = log_dir();
    let mut sealed = HandSegment::new(0, 1000);
    sealed.batch(1001, 7, b"sealed");
    let path = sealed.write_sealed(dir.path());
    let sidecar = Sidecar::read(&path).unwrap().unwrap();
    Sidecar { last_us: u64::MAX, ..sidecar }.write(&path).unwrap();
    assert_eq!(recover(dir.path(), LOG).unwrap().newest_us, 1001);
}

/// Three groups, the middle one's pages blank as two writes past the page cache leave them that were in flight together.
fn with_a_hole(durable_groups: usize) -> (tempfile::TempDir, Recovery) {
    let dir = log_dir();
    let mut segment = HandSegment::new(0, 1000);
    let mut durable = Vec::new();
    for number in 0..3 {
        segment.batch(1001 + number, 7, &[5; 3_000]);
        // What a record vouches for is what was durable when it was written.
        let vouched = segment.durable;
        segment.group();
        durable.push(segment.bytes.len() as u64);
        segment.durable = if number < durable_groups as u64 { segment.durable } else { vouched };
    }
    segment.bytes[8192..12288].fill(0);
    segment.write_open(dir.path(), 4096);
    let control = HandControl::live(&segment);
    HandControl { durable: durable[durable_groups - 1], pid: HandControl::DEAD, ..control }.write(dir.path());
    let recovery = recover(dir.path(), LOG).unwrap();
    (dir, recovery)
}

#[test]
fn a_hole_that_was_never_acknowledged_is_a_gap_and_no_damage() {
    let (dir, recovery) = with_a_hole(1);
    assert_eq!((recovery.damage.len(), recovery.records), (0, 2), "{recovery:?}");
    let mut gaps = Vec::new();
    let summary = verify(dir.path(), &mut |verdict| gaps.extend(verdict.gaps.clone())).unwrap();
    assert_eq!((summary.ok(), summary.known_damage_bytes, summary.gap_bytes), (true, 0, 4096));
    assert_eq!((gaps.len(), gaps[0].offset, gaps[0].unacknowledged), (1, 8192, true));
    assert!(!read_all(dir.path()).1, "readers pass over it");
}

#[test]
fn a_hole_below_the_durable_end_is_damage_that_the_sidecar_names() {
    let (dir, recovery) = with_a_hole(3);
    assert_eq!((recovery.damage.len(), recovery.records), (1, 2), "{recovery:?}");
    let summary = verify(dir.path(), &mut |_| {}).unwrap();
    assert_eq!((summary.ok(), summary.known_damage_bytes, summary.gap_bytes), (true, 4096, 0));
}

#[test]
fn a_folder_under_a_segments_name_is_set_aside_whole() {
    let left = left();
    let dir = log_dir();
    let path = left.segment.open_path(dir.path());
    fs::create_dir_all(path.with_file_name(format!("{:020}.seg", 9000)).join("within")).unwrap();
    fs::create_dir(&path).unwrap();
    left.control.write(dir.path());
    let recovery = recover(dir.path(), LOG).unwrap();
    assert_eq!((recovery.quarantined.len(), recovery.problems.len()), (2, 0), "{recovery:?}");
    assert!(recovery.quarantined.iter().any(|path| path.join("within").is_dir()), "{recovery:?}");
}
