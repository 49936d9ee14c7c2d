use std::fs;

use super::super::reader::hand::{HandControl, HandSegment, take_lock, temp_dir, write_log_file};
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
    use super::super::sidecar::Hole;
    let (dir, path, _) = sound();
    let mut sidecar = Sidecar::read(&path).unwrap().unwrap();
    sidecar.damage = vec![Hole { offset: 4096, bytes: u64::MAX }, Hole { offset: 0, bytes: u64::MAX }];
    sidecar.write(&path).unwrap();
    assert_eq!(faults(dir.path()).len(), 1);
}
