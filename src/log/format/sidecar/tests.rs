use std::fs;

use crate::log::read::reader::hand::{HandSegment, LOG, temp_dir};

use super::*;

#[test]
fn a_sidecar_describes_its_segment_and_reads_back() {
    let dir = temp_dir();
    let mut segment = HandSegment::new(3, 1000);
    segment.batch(1001, 70, b"one");
    segment.batch(1005, u64::MAX, b"twelve");
    segment.group();
    let path = segment.write_sealed(dir.path());
    let sidecar = Sidecar::read(&path).unwrap().unwrap();
    assert_eq!((sidecar.core, sidecar.segment, sidecar.log), (3, 1000, LOG));
    assert_eq!((sidecar.records, sidecar.batches, sidecar.starts, sidecar.payload_bytes), (2, 2, 0, 9));
    assert_eq!((sidecar.first_us, sidecar.last_us, sidecar.bytes), (1001, 1005, segment.bytes.len() as u64));
    assert_eq!((sidecar.sessions, sidecar.sessions_complete), (2, true));
    assert_eq!(sidecar.session_ids, ["70", "18446744073709551615"]);
    assert_eq!((&sidecar.projects[..], sidecar.projectless), (&[1][..], 0));
    assert_eq!(sidecar.blake3, blake3::hash(&segment.bytes).to_hex().as_str());
    assert!(sidecar.damage.is_empty() && !sidecar.recovered);
}

#[test]
fn a_segment_with_more_sessions_than_a_sidecar_names_says_so() {
    let mut tally = Tally::default();
    let mut segment = HandSegment::new(0, 1);
    segment.batch(1, 1, b"");
    let marker = segment.marker;
    let mut header = RecordHeader::decode(segment.bytes[4096..].first_chunk().unwrap(), marker).unwrap();
    for session in 1..=NAMES_MAX as u64 + 1 {
        header.session = session;
        tally.add(&header);
    }
    let sidecar = tally.into_sidecar(LOG, 0, 1);
    assert_eq!((sidecar.sessions, sidecar.sessions_complete), (NAMES_MAX as u64, false));
}

#[test]
fn records_of_no_known_project_are_counted() {
    let mut tally = Tally::default();
    let mut segment = HandSegment::new(0, 1);
    segment.batch(1, 1, b"");
    let mut header = RecordHeader::decode(segment.bytes[4096..].first_chunk().unwrap(), segment.marker).unwrap();
    for project in [0, 4, 0, 2] {
        header.project = project;
        tally.add(&header);
    }
    let sidecar = tally.into_sidecar(LOG, 0, 1);
    assert_eq!((&sidecar.projects[..], sidecar.projectless), (&[2, 4][..], 2));
}

#[test]
fn a_damaged_missing_or_newer_sidecar_is_told_apart() {
    let dir = temp_dir();
    let segment = HandSegment::new(0, 1000);
    let path = segment.write_sealed(dir.path());
    let text = fs::read_to_string(path_of(&path)).unwrap();
    for cut in 0..text.len() - 2 {
        fs::write(path_of(&path), &text[..cut]).unwrap();
        assert!(matches!(Sidecar::read(&path), Err(LogError::Io { .. })), "cut at {cut}");
    }
    fs::write(path_of(&path), text.replace("\"version\":1", "\"version\":2")).unwrap();
    assert!(matches!(Sidecar::read(&path), Err(LogError::Version { found: 2, .. })));
    fs::remove_file(path_of(&path)).unwrap();
    assert!(matches!(Sidecar::read(&path), Ok(None)));
}
