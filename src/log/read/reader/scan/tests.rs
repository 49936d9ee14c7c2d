use std::fs;
use std::os::unix::fs::FileExt;

use crate::log::read::reader::hand::{HandSegment, LOG, temp_dir};

use super::window::PIECE_BYTES;
use super::*;

fn offsets(reader: &mut SegmentReader) -> (Vec<u64>, Vec<Damage>) {
    let (mut offsets, mut damage) = (Vec::new(), Vec::new());
    loop {
        match reader.next() {
            Ok(Some(record)) => offsets.push(record.id.offset),
            Ok(None) => return (offsets, damage),
            Err(LogError::Damaged { .. }) => damage.push(reader.resync().unwrap()),
            Err(error) => panic!("{error}"),
        }
    }
}

fn open(path: &Path, bytes: u64) -> SegmentReader {
    SegmentReader::open_path(path, LOG, 0, 1000, End::At(bytes)).unwrap()
}

fn three_records() -> (tempfile::TempDir, PathBuf, HandSegment, Vec<u64>) {
    let dir = temp_dir();
    let mut segment = HandSegment::new(0, 1000);
    let places =
        vec![segment.batch(1001, 7, b"one"), segment.batch(1002, 8, &[b'2'; 500]), segment.batch(1003, 7, b"three")];
    segment.group();
    let path = segment.write_open(dir.path(), 0);
    (dir, path, segment, places)
}

#[test]
fn records_come_back_as_they_were_written() {
    let (_dir, path, segment, places) = three_records();
    let mut reader = open(&path, segment.bytes.len() as u64);
    let first = reader.next().unwrap().unwrap();
    assert_eq!((first.id.offset, first.order_us, first.session, first.payload), (places[0], 1001, 7, &b"one"[..]));
    assert_eq!((first.ext.wall_time_ms(), first.label.unwrap().number, first.id.log), (Some(1), 1, LOG));
    assert_eq!(reader.next().unwrap().unwrap().payload, [b'2'; 500]);
    assert_eq!(reader.next().unwrap().unwrap().payload, b"three");
    assert!(reader.next().unwrap().is_none());
}

#[test]
fn a_reader_goes_to_a_records_own_offset() {
    let (_dir, path, segment, places) = three_records();
    let mut reader = open(&path, segment.bytes.len() as u64);
    reader.seek(places[2]);
    assert_eq!(reader.next().unwrap().unwrap().payload, b"three");
    reader.seek(places[0]);
    assert_eq!(reader.next().unwrap().unwrap().payload, b"one");
}

#[test]
fn a_torn_payload_does_not_hide_the_records_behind_it() {
    let (_dir, path, mut segment, places) = three_records();
    segment.bytes[places[1] as usize + 100] ^= 1;
    fs::write(&path, &segment.bytes).unwrap();
    let (found, damage) = offsets(&mut open(&path, segment.bytes.len() as u64));
    assert_eq!(found, [places[0], places[2]]);
    assert_eq!((damage[0].offset, damage[0].bytes), (places[1], places[2] - places[1]));
}

#[test]
fn a_damaged_header_does_not_hide_the_records_behind_it() {
    let (_dir, path, mut segment, places) = three_records();
    segment.bytes[places[1] as usize + 30] ^= 1;
    fs::write(&path, &segment.bytes).unwrap();
    let (found, damage) = offsets(&mut open(&path, segment.bytes.len() as u64));
    assert_eq!(found, [places[0], places[2]]);
    assert_eq!((damage[0].offset, damage[0].bytes), (places[1], places[2] - places[1]));
}

#[test]
fn a_damaged_first_page_does_not_hide_the_records() {
    let (_dir, path, mut segment, places) = three_records();
    segment.bytes[..4096].fill(0xee);
    fs::write(&path, &segment.bytes).unwrap();
    let (found, damage) = offsets(&mut open(&path, segment.bytes.len() as u64));
    assert_eq!(found, places);
    assert_eq!((damage[0].offset, damage[0].bytes), (0, 4096));
}

#[test]
fn a_clients_body_cannot_pose_as_a_record() {
    let mut inner = HandSegment::new(0, 1000);
    inner.marker ^= 1;
    inner.batch(1, 666, b"forged");
    let mut segment = HandSegment::new(0, 1000);
    let first = segment.batch(1001, 7, &inner.bytes[4096..]);
    let second = segment.batch(1002, 7, b"true");
    segment.bytes[first as usize + 20] ^= 1;
    let dir = temp_dir();
    let path = segment.write_open(dir.path(), 0);
    assert_eq!(offsets(&mut open(&path, segment.bytes.len() as u64)).0, [second]);
}

#[test]
fn a_file_that_ends_too_early_is_reported_once() {
    let (_dir, path, segment, places) = three_records();
    fs::write(&path, &segment.bytes[..places[2] as usize]).unwrap();
    let (found, damage) = offsets(&mut open(&path, segment.bytes.len() as u64));
    assert_eq!(found, places[..2]);
    assert_eq!((damage.len(), damage[0].offset), (1, places[2]));
    assert_eq!(damage[0].offset + damage[0].bytes, segment.bytes.len() as u64);
}

#[test]
fn an_older_open_segment_ends_with_its_records() {
    let (dir, _, segment, places) = three_records();
    let path = segment.write_open(dir.path(), 100_000);
    let mut reader = SegmentReader::open_path(&path, LOG, 0, 1000, End::Within(u64::MAX)).unwrap();
    assert_eq!(offsets(&mut reader), (places, Vec::new()));
}

#[test]
fn records_larger_than_the_buffer_and_across_its_edges_come_back() {
    let dir = temp_dir();
    let mut segment = HandSegment::new(0, 1000);
    let sizes = [PIECE_BYTES - 5000, 3000, 2 * PIECE_BYTES + 17, 1, PIECE_BYTES, 0, 70_000];
    for (at, &size) in sizes.iter().enumerate() {
        segment.batch(at as u64, 7, &vec![at as u8; size]);
    }
    segment.group();
    let path = segment.write_open(dir.path(), 0);
    let mut reader = open(&path, segment.bytes.len() as u64);
    reader.hash_all();
    for (at, &size) in sizes.iter().enumerate() {
        let record = reader.next().unwrap().unwrap();
        assert!(record.payload.len() == size && record.payload.iter().all(|&byte| byte == at as u8), "record {at}");
    }
    assert!(reader.next().unwrap().is_none());
    let hash = reader.finish_hash(segment.bytes.len() as u64).unwrap().unwrap();
    assert_eq!(hash, blake3::hash(&segment.bytes));
}

#[test]
fn what_was_not_readable_before_is_read_anew_when_the_end_moves() {
    let (_dir, path, segment, places) = three_records();
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&vec![0; segment.bytes.len() - places[1] as usize], places[1]).unwrap();
    let mut reader = open(&path, places[1]);
    assert_eq!(offsets(&mut reader).0, places[..1]);
    file.write_all_at(&segment.bytes[places[1] as usize..], places[1]).unwrap();
    reader.set_end(End::At(segment.bytes.len() as u64));
    assert_eq!(offsets(&mut reader).0, places[1..]);
}

#[test]
fn segments_of_others_and_of_the_future_are_refused_by_name() {
    let (dir, path, mut segment, _) = three_records();
    let other = SegmentReader::open_path(&path, Uuid::from_bytes([1; 16]), 0, 1000, End::At(0));
    assert!(matches!(other, Err(LogError::Foreign { .. })));
    assert!(matches!(SegmentReader::open_path(&path, LOG, 1, 1000, End::At(0)), Err(LogError::Foreign { .. })));
    let newer = SegmentHeader { core: 0, log: LOG, segment: 1000, marker: 1, segment_bytes: 1 }.encode_version(2);
    segment.bytes[..4096].copy_from_slice(&newer);
    let path = segment.write_open(dir.path(), 0);
    let refused = SegmentReader::open_path(&path, LOG, 0, 1000, End::At(1 << 20));
    assert!(matches!(refused, Err(LogError::Version { found: 2, known: 1, .. })));
}
