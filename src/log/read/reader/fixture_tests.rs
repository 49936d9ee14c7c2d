//! The logs of version 1 in `tests/fixtures/log-v1`: a later build must read them as this one wrote them.
//!
//! They are written by hand with the encoders of the format. `TAKEUP_WRITE_FIXTURES=1` writes them anew, which only a new kind of fixture
//! should ever need.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::log::error::LogError;
use crate::log::format::header::SegmentHeader;
use crate::log::read::merge::{Merge, RepeatWindow};
use crate::log::repair::recovery::{Recovery, recover};
use crate::log::repair::verify::{VerifySummary, verify};

use super::LogReader;
use super::hand::{HandControl, HandSegment, LOG, temp_dir, write_log_file};

const ID: u64 = 1_700_000_000_000_000;
/// Where the second record of the first group lies.
const SECOND: usize = 4096 + 128;

type Write = fn(&Path);

const FIXTURES: [(&str, Write); 8] = [
    ("valid", valid),
    ("torn-tail", torn_tail),
    ("bad-header", |dir| flipped(dir, SECOND + 30)),
    ("bad-payload", |dir| flipped(dir, SECOND + 90)),
    ("hole", hole),
    ("newer-version", newer_version),
    ("truncated-sidecar", truncated_sidecar),
    ("foreign-file", foreign_file),
];

fn segment(core: u16) -> HandSegment {
    let mut segment = HandSegment::new(core, ID + u64::from(core));
    segment.batch(ID + 10, 7_700_000_000_001, b"the first batch");
    segment.batch(ID + 20, 7_700_000_000_001, b"the second batch");
    segment.batch(ID + 30, 7_700_000_000_002, b"of another session");
    segment.group();
    segment.batch(ID + 40, 7_700_000_000_001, b"of the second group");
    segment.group();
    segment
}

fn valid(dir: &Path) {
    segment(0).write_sealed(dir);
    segment(1).write_sealed(dir);
}

fn torn_tail(dir: &Path) {
    let mut segment = segment(0);
    let control = HandControl { pid: HandControl::DEAD, ..HandControl::live(&segment) };
    segment.batch(ID + 50, 7_700_000_000_001, b"never answered, but whole");
    let torn =
        segment.batch(ID + 60, 7_700_000_000_001, b"never answered, and torn in the middle of its payload") as usize;
    segment.bytes[torn + 100..].fill(0);
    segment.write_open(dir, 4096);
    control.write(dir);
}

fn flipped(dir: &Path, at: usize) {
    let mut segment = segment(0);
    let path = segment.write_sealed(dir);
    segment.bytes[at] ^= 4;
    fs::write(path, segment.bytes).unwrap();
}

fn hole(dir: &Path) {
    let mut segment = segment(0);
    segment.bytes[4096..8192].fill(0);
    segment.write_sealed(dir);
}

fn newer_version(dir: &Path) {
    let mut segment = segment(0);
    let path = segment.write_sealed(dir);
    let header = SegmentHeader { core: 0, log: LOG, segment: ID, marker: segment.marker, segment_bytes: 1 << 16 };
    segment.bytes[..4096].copy_from_slice(&header.encode_version(2));
    fs::write(path, segment.bytes).unwrap();
}

fn truncated_sidecar(dir: &Path) {
    let path = segment(0).write_sealed(dir).with_extension("json");
    let text = fs::read(&path).unwrap();
    fs::write(path, &text[..text.len() / 2]).unwrap();
}

fn foreign_file(dir: &Path) {
    let path = segment(0).write_sealed(dir);
    fs::write(path.with_file_name(format!("{:020}.open", ID + 5)), "somebody put this here\n").unwrap();
}

fn fixture_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/log-v1")
}

/// Every file below a folder, by its path within it.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![dir.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.insert(path.strip_prefix(dir).unwrap().to_path_buf(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn copy(files: &BTreeMap<PathBuf, Vec<u8>>, to: &Path) {
    for (name, bytes) in files {
        fs::create_dir_all(to.join(name).parent().unwrap()).unwrap();
        fs::write(to.join(name), bytes).unwrap();
    }
}

#[test]
fn the_fixtures_are_what_the_encoders_of_version_1_write() {
    for (name, write) in FIXTURES {
        let dir = temp_dir();
        write_log_file(dir.path());
        write(dir.path());
        let fixture = fixture_dir().join(name);
        if std::env::var_os("TAKEUP_WRITE_FIXTURES").is_some() {
            let _ = fs::remove_dir_all(&fixture);
            copy(&files(dir.path()), &fixture);
        }
        assert!(files(dir.path()) == files(&fixture), "{name} differs from {}", fixture.display());
    }
}

/// A fixture after recovery: what that did, what verify finds, and how many records come out of the merge.
fn recovered(name: &str) -> (Recovery, VerifySummary, Result<usize, LogError>) {
    let dir = temp_dir();
    copy(&files(&fixture_dir().join(name)), dir.path());
    let recovery = recover(dir.path(), LOG).unwrap();
    let summary = verify(dir.path(), &mut |_| {}).unwrap();
    let mut merge = Merge::new(LogReader::open(dir.path()).unwrap()).with_repeat_window(RepeatWindow::OFF);
    let mut records = 0;
    let read = loop {
        match merge.next() {
            Ok(Some(_)) => records += 1,
            Ok(None) => break Ok(records),
            Err(error) => break Err(error),
        }
    };
    (recovery, summary, read)
}

#[test]
fn the_fixtures_of_version_1_read_as_they_should() {
    for (name, records, faults, known_damage_bytes) in [
        ("valid", 8, 0, 0),
        ("torn-tail", 5, 0, 0),
        ("bad-header", 3, 1, 0),
        ("bad-payload", 3, 1, 0),
        ("hole", 1, 0, 4096),
        ("truncated-sidecar", 4, 1, 0),
        ("foreign-file", 4, 0, 0),
    ] {
        let (recovery, summary, read) = recovered(name);
        assert!(recovery.problems.is_empty() && recovery.damage.is_empty(), "{name}: {recovery:?}");
        assert_eq!(read.unwrap(), records, "{name}");
        assert_eq!((summary.faults, summary.known_damage_bytes), (faults, known_damage_bytes), "{name}");
        assert_eq!(recovery.quarantined.len(), usize::from(name == "foreign-file"), "{name}");
        assert_eq!(recovery.dropped_bytes, if name == "torn-tail" { 100 } else { 0 }, "{name}");
    }
}

#[test]
fn a_newer_version_is_refused_by_name_and_never_read_wrongly() {
    let (_, summary, read) = recovered("newer-version");
    assert_eq!(summary.faults, 1);
    assert!(matches!(read, Err(LogError::Version { found: 2, known: 1, .. })), "{read:?}");
}
