use super::*;

use std::collections::BTreeMap;

use crate::archive::lock::ArchiveLock;
use crate::archive::manifest::{Change, crafted};
use crate::log::read::merge::{MergePosition, Place as LogPlace};
use crate::log::retain::Facts;

const LOG: Uuid = Uuid::from_u128(7);

fn segment(id: u64) -> Sealed {
    let facts = Facts { last_us: id + 5, received_us: id + 5, records: 3, projects: None };
    Sealed { core: 0, id, bytes: 100, facts: Some(facts) }
}

/// A segment, and an offset in it.
type At = (u64, u64);

/// An archive of these ranges of core 0, each a file with rows of time 50; it ends where the last one does.
fn archive(ranges: &[(At, At)]) -> (tempfile::TempDir, Place, Vec<FileEntry>) {
    let data = tempfile::tempdir().unwrap();
    let place = Place::in_data(data.path());
    place.make().unwrap();
    let lock = ArchiveLock::take(&place, &|| false).unwrap();
    let mut manifest = Manifest::empty();
    manifest.begin(&place, &lock).unwrap();
    let mut files = Vec::new();
    for (number, &(from, to)) in (1..).zip(ranges) {
        let mut file = crafted::entry("batches", "1970-01-01", "00", number);
        (file.log, file.bytes, file.first_us, file.last_us) = (LOG.to_string(), 4, 50, 50);
        (file.from, file.to) = (BTreeMap::from([(0, from)]), BTreeMap::from([(0, to)]));
        place.make_parents(&file.path).unwrap();
        fs::write(place.file(&file.path), b"rows").unwrap();
        files.push(file);
    }
    let to = ranges.last().map_or((0, 0), |range| range.1);
    let cores = BTreeMap::from([(0, LogPlace { segment: to.0, offset: to.1 })]);
    let change = files.iter().cloned().fold(Change::default(), Change::with);
    manifest.commit(&place, &lock, change.to(MergePosition { log: LOG, cores, behind: BTreeMap::new() })).unwrap();
    (data, place, files)
}

#[test]
fn a_segment_is_in_the_archive_if_the_end_is_behind_it_and_files_cover_it_without_a_hole() {
    let (_data, place, _) = archive(&[((0, 0), (10, 60)), ((10, 60), (20, 30)), ((20, 40), (30, 50))]);
    let of = |segments: &[Sealed]| holds(&place, LOG, segments).unwrap();
    // The second one has a hole, the third is not passed.
    assert_eq!(of(&[segment(10), segment(20), segment(30)]), [true, false, false]);
    assert_eq!(holds(&place, Uuid::from_u128(8), &[segment(10)]).unwrap(), [false], "another log");
}

#[test]
fn nothing_is_certain_without_the_manifest_its_lists_or_a_file() {
    let ranges = [((0, 0), (10, 60)), ((10, 60), (20, 30))];
    let asked = |place: &Place| holds(place, LOG, &[segment(10)]);
    let (_data, place, files) = archive(&ranges);
    assert_eq!(asked(&place).unwrap(), [true]);
    fs::write(place.file(&files[1].path), b"row").unwrap();
    assert!(asked(&place).is_err(), "a file of another length");
    fs::remove_file(place.file(&files[1].path)).unwrap();
    assert!(asked(&place).is_err(), "a file is gone");

    let (_data, place, _) = archive(&ranges);
    fs::remove_dir_all(place.dir().join("manifest")).unwrap();
    assert!(asked(&place).is_err(), "the lists are gone");

    let (_data, place, _) = archive(&ranges);
    fs::rename(place.dir(), place.dir().with_extension("away")).unwrap();
    assert!(asked(&place).is_err(), "the archive is gone");
}

#[test]
fn a_segment_that_could_not_be_read_as_a_whole_is_not_in_the_archive() {
    let (_data, place, _) = archive(&[((0, 0), (30, 50))]);
    let of = |id| holds(&place, LOG, &[segment(id)]).unwrap();
    assert_eq!((of(10), of(20)), (vec![true], vec![true]));
    let lock = ArchiveLock::take(&place, &|| false).unwrap();
    let mut manifest = Manifest::read(&Source::folder(&place)).unwrap().unwrap();
    let to = manifest.to.clone().unwrap();
    let unread = [(0, [10].into())].into();
    manifest.commit(&place, &lock, Change::default().to(to.clone()).unread(unread)).unwrap();
    assert_eq!((of(10), of(20)), (vec![false], vec![true]));
    // It stays so, also while another log is archived.
    let other = MergePosition { log: Uuid::from_u128(8), ..to.clone() };
    manifest.commit(&place, &lock, Change::default().to(other)).unwrap();
    assert_eq!((of(10), of(20)), (vec![false], vec![true]));
    manifest.commit(&place, &lock, Change::default().to(to)).unwrap();
    assert_eq!((of(10), of(20)), (vec![false], vec![true]));
}
