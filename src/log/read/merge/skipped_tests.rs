//! A consumer whose place was deleted is told what it has missed.

use std::fs;
use std::path::Path;

use crate::log::format::ledger::{DeletedSegment, Ledger};
use crate::log::read::reader::hand::{HandSegment, temp_dir, write_log_file};

use super::*;

/// A segment of ten batches from `id + 1` on, sealed.
fn segment(log_dir: &Path, core: u16, id: u64) -> HandSegment {
    let mut segment = HandSegment::new(core, id);
    for at in 1..=10 {
        // Unlike those of every other segment: equal ones would be repeats.
        segment.batch(id + at, 7, &[id.to_le_bytes(); 25].concat());
    }
    segment.write_sealed(log_dir);
    segment
}

/// Deletes a segment as the log does.
fn delete(log_dir: &Path, segment: &HandSegment) {
    let path = segment.seg_path(log_dir);
    let mut ledger = Ledger::read(path.parent().unwrap());
    ledger.add(DeletedSegment { segment: segment.id, bytes: segment.bytes.len() as u64, records: 10 });
    ledger.write(path.parent().unwrap()).unwrap();
    fs::rename(&path, path.with_extension("del")).unwrap();
    fs::OpenOptions::new().write(true).open(path.with_extension("del")).unwrap().set_len(0).unwrap();
    fs::remove_file(path.with_extension("json")).unwrap();
    fs::remove_file(path.with_extension("del")).unwrap();
}

fn resume(log_dir: &Path, position: &MergePosition) -> Merge {
    Merge::resume(LogReader::open(log_dir).unwrap(), position).unwrap()
}

fn take(merge: &mut Merge, records: usize) -> Vec<u64> {
    let mut times = Vec::new();
    while times.len() < records
        && let Some(record) = merge.next().unwrap()
    {
        times.push(record.order_us);
    }
    times
}

struct Case {
    dir: tempfile::TempDir,
    segments: Vec<HandSegment>,
}

impl Case {
    /// Segments 100, 200, ... of core 0.
    fn new(segments: u64) -> Case {
        let dir = temp_dir();
        write_log_file(dir.path());
        let segments = (1..=segments).map(|at| segment(dir.path(), 0, at * 100)).collect();
        Case { dir, segments }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn delete(&self, at: &[usize]) {
        at.iter().for_each(|&at| delete(self.path(), &self.segments[at]));
    }

    fn merge(&self) -> Merge {
        Merge::new(LogReader::open(self.path()).unwrap())
    }

    fn bytes(&self) -> u64 {
        self.segments[0].bytes.len() as u64
    }
}

#[test]
fn a_gap_between_the_place_and_the_next_record_is_counted_once() {
    let case = Case::new(6);
    let mut merge = case.merge();
    take(&mut merge, 15);
    let position = merge.position();
    case.delete(&[0, 1, 2, 4]);
    let mut merge = resume(case.path(), &position);
    assert_eq!(merge.skipped(), Skipped::default());
    assert_eq!(take(&mut merge, 1), [401]);
    let place = position.cores[&0].offset;
    let expected = Skipped { segments: 2, records: 20, bytes: 2 * case.bytes() - place };
    assert_eq!(merge.skipped(), expected, "the rest of 200, and 300; 100 had been read");
    let within = merge.position();
    assert_eq!(take(&mut merge, 100).last(), Some(&610));
    assert_eq!(merge.skipped().segments, 3, "500 lay between 400 and 600");
    let mut again = resume(case.path(), &within);
    take(&mut again, 100);
    assert_eq!(
        again.skipped(),
        Skipped { segments: 1, records: 10, bytes: case.bytes() },
        "what was told is not told again"
    );
    assert_eq!(merge.damage(), []);
}

#[test]
fn deleting_what_was_read_is_no_gap() {
    let case = Case::new(4);
    let mut merge = case.merge();
    assert_eq!(take(&mut merge, 20).len(), 20);
    // Whether the third was opened already or not.
    for position in [merge.position(), {
        let mut merge = case.merge();
        take(&mut merge, 21);
        merge.position()
    }] {
        case.segments[..2].iter().filter(|s| s.seg_path(case.path()).exists()).for_each(|s| delete(case.path(), s));
        let mut merge = resume(case.path(), &position);
        assert!(take(&mut merge, 100).len() >= 19);
        assert_eq!(merge.skipped(), Skipped::default());
    }
}

#[test]
fn a_merge_from_the_start_misses_nothing_that_was_deleted_before() {
    let case = Case::new(3);
    case.delete(&[0]);
    let mut merge = case.merge();
    assert_eq!(take(&mut merge, 100).len(), 20);
    assert_eq!(merge.skipped(), Skipped::default());
    // Also where all was deleted, and the consumer comes back when there is something new.
    case.delete(&[1, 2]);
    let mut merge = case.merge();
    assert!(take(&mut merge, 1).is_empty());
    let position = merge.position();
    let new = segment(case.path(), 0, 400);
    let mut merge = resume(case.path(), &position);
    assert_eq!(take(&mut merge, 100).len(), 10);
    assert_eq!(merge.skipped(), Skipped::default());
    // But what comes and goes while the consumer is away is missed.
    delete(case.path(), &new);
    segment(case.path(), 0, 500);
    let mut merge = resume(case.path(), &position);
    assert_eq!(take(&mut merge, 100).len(), 10);
    assert_eq!(merge.skipped().records, 10);
}

#[test]
fn all_of_a_core_that_is_new_since_the_place_is_missed() {
    let case = Case::new(1);
    let mut merge = case.merge();
    take(&mut merge, 5);
    let position = merge.position();
    let gone = segment(case.path(), 1, 150);
    segment(case.path(), 1, 160);
    delete(case.path(), &gone);
    let mut merge = resume(case.path(), &position);
    assert_eq!(take(&mut merge, 100).len(), 15);
    assert_eq!(merge.skipped(), Skipped { segments: 1, records: 10, bytes: case.bytes() });
}

#[test]
fn a_segment_that_is_cut_under_a_reader_ends_it_without_damage() {
    for left in [0, 64, 4096, 4096 + 300, 4096 + 1500] {
        let case = Case::new(2);
        // Long enough that a reader does not have all of it in memory.
        let mut long = HandSegment::new(0, 150);
        for at in 1..=40 {
            long.batch(150 + at, 7, &[b'y'; 50_000]);
        }
        let path = long.write_sealed(case.path());
        let mut merge = case.merge();
        take(&mut merge, 12);
        let deleted = path.with_extension("del");
        let mut ledger = Ledger::default();
        ledger.add(DeletedSegment { segment: 150, bytes: long.bytes.len() as u64, records: 40 });
        ledger.write(path.parent().unwrap()).unwrap();
        fs::rename(&path, &deleted).unwrap();
        fs::OpenOptions::new().write(true).open(&deleted).unwrap().set_len(left).unwrap();
        let rest = take(&mut merge, 100);
        assert_eq!(rest[rest.len() - 10..], (201..=210).collect::<Vec<_>>());
        assert!(rest.len() < 38, "{} records came from a file that is gone", rest.len());
        assert_eq!((merge.damage(), merge.skipped().segments), (&[][..], 1));
        assert!(merge.skipped().bytes > 500_000);
    }
}
