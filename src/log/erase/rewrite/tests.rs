use std::fs;

use crate::log::erase::{Hold, hold, remove_leftovers};
use crate::log::format::record::{Encoding, Entry, Flags, Topic};
use crate::log::read::merge::{Merge, RepeatWindow};
use crate::log::read::reader::hand::{HandSegment, take_lock, temp_dir, write_log_file};
use crate::log::read::reader::{LogReader, SegmentReader};
use crate::log::repair::verify::verify;

use super::*;

mod flipping;

const RECEIPT: Uuid = Uuid::from_u128(0x5eed);
const PERSON: u64 = 0x1122_3344_5566_7788;
const SECRET: &[u8] = b"the person's own words";

/// A segment with records of a person between those of others; the offsets of the person's.
fn segment(core: u16, id: u64) -> (HandSegment, Vec<u64>) {
    let mut segment = HandSegment::new(core, id);
    let mut of_person = Vec::new();
    for number in 0..40u64 {
        if number % 3 == 1 {
            let ext = [2, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8];
            let entry = Entry {
                session: PERSON,
                ext: &ext,
                topic: Topic::RawImages,
                encoding: Encoding::Gzip,
                flags: Flags::JUST_EXPIRED,
                ..HandSegment::entry(SECRET)
            };
            of_person.push(segment.record(id + number, &entry));
        } else {
            segment.batch(id + number, 100 + number, format!("of somebody else {number}").as_bytes());
        }
        if number % 10 == 9 {
            segment.group();
        }
    }
    segment.group();
    (segment, of_person)
}

fn log_of(segments: &[&HandSegment]) -> (tempfile::TempDir, LogReader) {
    let dir = temp_dir();
    write_log_file(dir.path());
    segments.iter().for_each(|segment| drop(segment.write_sealed(dir.path())));
    let reader = LogReader::open(dir.path()).unwrap();
    (dir, reader)
}

/// Erases the person's records from all segments.
fn erase(reader: &LogReader, dry_run: bool) -> Vec<Result<SegmentErasure, LogError>> {
    let cursors = Cursors::of(reader);
    let mut found = |_: Found| {};
    let mut all = Vec::new();
    for info in reader.segments().unwrap() {
        let mut erasing = Erasing {
            wanted: &|session, _| session == PERSON,
            receipt: RECEIPT,
            unix_seconds: 9,
            dry_run,
            found: &mut found,
        };
        all.push(erase_segment(&info, &cursors, &mut erasing));
    }
    all
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

/// No byte of the person is in any file below a folder.
fn assert_nothing_is_left(dir: &Path) {
    let needles = [SECRET, &PERSON.to_le_bytes(), PERSON.to_string().as_bytes()].map(<[u8]>::to_vec);
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_nothing_is_left(&path);
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        assert!(!needles.iter().any(|needle| contains(&bytes, needle)), "{}", path.display());
    }
}

#[test]
fn erased_records_become_tombstones_in_place_and_the_rest_stays_byte_for_byte() {
    let (segment, of_person) = segment(0, 1_000);
    let (dir, reader) = log_of(&[&segment]);
    let before = fs::read(segment.seg_path(dir.path())).unwrap();
    let records = |reader: &LogReader| {
        let mut merge = Merge::new(reader.clone()).with_repeat_window(RepeatWindow::OFF);
        let mut all = Vec::new();
        while let Some(record) = merge.next().unwrap() {
            all.push((record.id.to_string(), record.order_us, record.kind, record.session, record.payload.to_vec()));
        }
        assert_eq!(merge.damage_count(), 0);
        all
    };
    let old = records(&reader);

    let dry = erase(&reader, true).remove(0).unwrap();
    assert_eq!((dry.records, fs::read(segment.seg_path(dir.path())).unwrap() == before), (13, true));
    let erased = erase(&reader, false).remove(0).unwrap();
    assert_eq!(erased, dry, "a dry run tells what is done");
    assert_eq!((erased.records, erased.batches, erased.unreadable_count), (13, 13, 0));

    assert_nothing_is_left(dir.path());
    let after = fs::read(segment.seg_path(dir.path())).unwrap();
    assert_eq!(after.len(), before.len());
    let stored = (HEADER_BYTES + 11 + SECRET.len()).next_multiple_of(64);
    let mut at = 0;
    while at < before.len() {
        let step = if of_person.contains(&(at as u64)) { stored } else { 64 };
        if step == 64 {
            assert_eq!(before[at..at + 64], after[at..at + 64], "at {at}");
        } else {
            assert!(after[at + HEADER_BYTES..at + step].iter().all(|&byte| byte == 0));
        }
        at += step;
    }
    let new = records(&reader);
    assert_eq!(old.len(), new.len(), "every record is still there, with its id");
    for (old, new) in old.iter().zip(&new) {
        assert_eq!((&old.0, old.1), (&new.0, new.1));
        if old.3 == PERSON {
            assert_eq!((new.2, new.3), (Kind::Tombstone, 0));
        } else {
            assert_eq!(old, new);
        }
    }
    let summary = verify(dir.path(), &mut |verdict| assert!(verdict.ok(), "{verdict:?}")).unwrap();
    assert_eq!((summary.faults, summary.records), (0, 40));
    let sidecar = Sidecar::read(&segment.seg_path(dir.path())).unwrap().unwrap();
    assert_eq!((sidecar.records, sidecar.batches, sidecar.sessions), (40, 27, 27));
    let note = sidecar.erased.unwrap();
    assert_eq!((note.records, note.unix_seconds, note.receipt), (13, 9, RECEIPT));

    let again = erase(&reader, false).remove(0).unwrap();
    assert_eq!(again, SegmentErasure::default(), "there is nothing more");
}

#[test]
fn a_crash_at_any_step_leaves_the_old_file_or_the_new_one_and_a_second_run_finishes() {
    let (segment, _) = segment(0, 1_000);
    let path = |dir: &Path| segment.seg_path(dir);
    // Before the sidecar: a copy that is not finished, or is.
    for length in [0, 5_000, usize::MAX] {
        let (dir, reader) = log_of(&[&segment]);
        let fresh = path(dir.path()).with_extension("seg.tmp");
        fs::write(&fresh, &segment.bytes[..segment.bytes.len().min(length)]).unwrap();
        assert!(verify(dir.path(), &mut |verdict| assert!(verdict.ok())).unwrap().ok());
        let left = remove_leftovers(dir.path(), &Cursors::of(&reader), true, true).unwrap();
        assert_eq!((left.len(), fresh.exists()), (1, false));
        assert_eq!(erase(&reader, false).remove(0).unwrap().records, 13);
        assert_nothing_is_left(dir.path());
    }
    // Between the sidecar and the file.
    let (dir, reader) = log_of(&[&segment]);
    erase(&reader, false).remove(0).unwrap();
    let sidecar = Sidecar::read(&path(dir.path())).unwrap().unwrap();
    fs::write(path(dir.path()), &segment.bytes).unwrap();
    let summary = verify(dir.path(), &mut |verdict| assert!(verdict.ok(), "{verdict:?}")).unwrap();
    assert_eq!(summary.faults, 0, "the file of before is no damage");
    assert_eq!(erase(&reader, false).remove(0).unwrap().records, 13);
    assert_nothing_is_left(dir.path());
    let again = Sidecar::read(&path(dir.path())).unwrap().unwrap();
    assert_eq!(again, sidecar, "counted once");
    assert!(verify(dir.path(), &mut |_| {}).unwrap().ok());
}

#[test]
fn damage_is_neither_hidden_nor_mended_and_a_record_with_a_broken_payload_is_erased() {
    let (segment, of_person) = segment(0, 1_000);
    let (dir, reader) = log_of(&[&segment]);
    let mut bytes = segment.bytes.clone();
    // The payload of one of the person's records, and the header of somebody else's.
    bytes[of_person[2] as usize + HEADER_BYTES + 20] ^= 1;
    let header = of_person[5] as usize + (HEADER_BYTES + 11 + SECRET.len()).next_multiple_of(64);
    bytes[header + 30] ^= 1;
    fs::write(segment.seg_path(dir.path()), &bytes).unwrap();
    let faults = |dir: &Path| {
        let mut all = Vec::new();
        let _ = verify(dir, &mut |verdict| all.extend(verdict.faults.iter().map(|fault| fault.offset))).unwrap();
        all
    };
    assert_eq!(faults(dir.path()).len(), 2);

    let erased = erase(&reader, false).remove(0).unwrap();
    assert_eq!((erased.records, erased.torn, erased.unreadable_count), (13, 1, 1));
    assert_eq!(erased.unreadable[0].offset, header as u64);
    assert_nothing_is_left(dir.path());
    assert_eq!(faults(dir.path()), [header as u64], "what was damaged and is nobody's known is still told");
    let after = fs::read(segment.seg_path(dir.path())).unwrap();
    assert_eq!(after[header..header + 128], bytes[header..header + 128]);
}

#[test]
fn damage_that_the_sidecar_knows_stays_known() {
    let (segment, of_person) = segment(0, 1_000);
    let (dir, reader) = log_of(&[]);
    let mut damaged = segment.clone();
    let header = of_person[5] as usize + (HEADER_BYTES + 11 + SECRET.len()).next_multiple_of(64);
    damaged.bytes[header + 30] ^= 1;
    damaged.bytes[of_person[1] as usize + HEADER_BYTES + 20] ^= 1;
    damaged.write_sealed(dir.path());
    let known = |dir: &Path| verify(dir, &mut |verdict| assert!(verdict.ok(), "{verdict:?}")).unwrap();
    assert!(known(dir.path()).known_damage_bytes > 0);
    erase(&reader, false).remove(0).unwrap();
    assert_nothing_is_left(dir.path());
    assert!(known(dir.path()).known_damage_bytes > 0);
}

#[test]
fn a_segment_that_is_none_of_this_log_or_of_a_newer_version_stays_and_is_told() {
    let (segment, _) = segment(0, 1_000);
    for spoil in [0usize, 20] {
        let (dir, reader) = log_of(&[&segment]);
        let mut bytes = segment.bytes.clone();
        // Its magic and first record; or the log it belongs to.
        bytes[spoil] ^= 0xff;
        bytes[PAGE_BYTES] ^= 0xff;
        fs::write(segment.seg_path(dir.path()), &bytes).unwrap();
        let error = erase(&reader, false).remove(0).unwrap_err();
        assert!(matches!(error, LogError::Foreign { .. }), "{error}");
        assert_eq!(fs::read(segment.seg_path(dir.path())).unwrap(), bytes);
    }
}

#[test]
fn a_segment_that_was_deleted_meanwhile_does_not_come_back() {
    let (segment, _) = segment(0, 1_000);
    let (dir, reader) = log_of(&[&segment]);
    let info = reader.segments().unwrap().remove(0);
    let cursors = Cursors::of(&reader);
    let (path, deleted) = (segment.seg_path(dir.path()), segment.seg_path(dir.path()).with_extension("del"));
    let mut found = |_: Found| {
        // As the deleter does, at the worst moment.
        if path.exists() {
            fs::rename(&path, &deleted).unwrap();
        }
    };
    let mut erasing = Erasing {
        wanted: &|session, _| session == PERSON,
        receipt: RECEIPT,
        unix_seconds: 9,
        dry_run: false,
        found: &mut found,
    };
    let copy = |erasing: &Erasing<'_>| {
        fs::rename(&deleted, &path).unwrap();
        let copied = super::copy(calls::REAL, &info, erasing, &SegmentErasure { records: 1, ..Default::default() });
        fs::rename(&path, &deleted).unwrap();
        copied.unwrap()
    };
    survey(&info, &mut erasing).unwrap();
    let copied = copy(&erasing);
    let fresh = copied.path.clone();
    assert!(!replace::replace(&info, &cursors, copied).unwrap());
    assert!(!path.exists() && !fresh.exists() && deleted.exists());
}

#[test]
fn a_reader_in_the_middle_of_a_segment_goes_on_in_the_new_file_at_the_same_place() {
    let mut big = HandSegment::new(0, 1_000);
    let body = vec![b'x'; 300_000];
    for number in 0..20u64 {
        let session = if number % 2 == 1 { PERSON } else { 5 };
        big.record(1_000 + number, &Entry { session, ..HandSegment::entry(&body) });
    }
    big.group();
    let (_dir, reader) = log_of(&[&big]);
    let info = reader.segments().unwrap().remove(0);
    let mut segment = SegmentReader::open(&info).unwrap();
    let first = segment.next().unwrap().unwrap();
    assert_eq!((first.session, first.payload.len()), (5, body.len()));
    erase(&reader, false).remove(0).unwrap();
    let (mut tombstones, mut others, mut of_person) = (0, 1, 0);
    while let Some(record) = segment.next().unwrap() {
        match record.session {
            0 => {
                assert_eq!(record.kind, Kind::Tombstone);
                assert!(record.payload.iter().all(|&byte| byte == 0));
                tombstones += 1;
            }
            5 => others += 1,
            _ => of_person += 1,
        }
    }
    assert_eq!(others, 10);
    assert_eq!(tombstones + of_person, 10);
    // What was read ahead is at most a piece of a megabyte and a record.
    assert!(of_person <= 2, "{of_person}");
}

#[test]
fn what_a_server_left_open_is_sealed_and_servers_are_kept_away() {
    let (segment, _) = segment(0, 1_000);
    let dir = temp_dir();
    write_log_file(dir.path());
    segment.write_open(dir.path(), 1 << 16);
    {
        let _server = take_lock(dir.path());
        assert!(matches!(hold(dir.path()).unwrap(), Hold::Served));
    }
    let held = hold(dir.path()).unwrap();
    let Hold::Alone(alone) = &held else { panic!("no server runs") };
    assert_eq!((alone.recovered.segments, alone.recovered.problems.len()), (1, 0));
    assert!(!crate::log::is_served(dir.path()), "readers find that no server runs");
    let reader = LogReader::open(dir.path()).unwrap();
    assert_eq!(erase(&reader, false).remove(0).unwrap().records, 13);
    assert_nothing_is_left(dir.path());
    // A server would take the lock for itself.
    let lock = fs::File::open(dir.path().join("core-00")).unwrap();
    let server = || rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive);
    assert!(server().is_err());
    drop(held);
    assert!(server().is_ok());
}
