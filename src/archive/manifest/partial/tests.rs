use super::*;

use crate::archive::lock::ArchiveLock;
use crate::archive::manifest::Change;
use crate::archive::manifest::crafted::entry;
use crate::archive::place::Place;

#[test]
fn a_manifest_without_some_files_is_whole_and_its_lists_are_named_for_what_they_hold() {
    let temp = tempfile::tempdir().unwrap();
    let place = Place::in_data(temp.path());
    place.make().unwrap();
    let lock = ArchiveLock::take(&place, &|| false).unwrap();
    let files = [("08", 1), ("09", 2)].map(|(hour, number)| entry("batches", "2026-11-28", hour, number));
    let alone = entry("batches", "2026-11-29", "00", 3);
    let mut manifest = Manifest::empty();
    manifest.begin(&place, &lock).unwrap();
    let change = files.iter().chain([&alone]).cloned().fold(Change::default(), Change::with);
    manifest.commit(&place, &lock, change).unwrap();
    let source = Source::folder(&place);
    let without = |paths: &[&str]| manifest.without(&source, &paths.iter().map(|&path| path.to_owned()).collect());

    let gone = "batches/date=2026-11-27/hour=00/00000000000000000007-9.parquet";
    for paths in [&[][..], &[gone]] {
        let same = without(paths).unwrap();
        assert_eq!((&same.manifest, same.lists.len(), same.left_out.len()), (&manifest, 0, 0));
    }

    let one = without(&[&files[0].path, gone]).unwrap();
    assert_eq!(one.left_out, BTreeSet::from([files[0].path.clone()]));
    let read = Manifest::parse(&source, &one.manifest.text(&place).unwrap()).unwrap();
    let [first, second] = &read.days[..] else { panic!("{:?}", read.days) };
    assert_eq!((&*first.date, first.files, second), ("2026-11-28", 1, &manifest.days[1]));
    assert_eq!(first.parse(first.path.clone().into(), &one.lists[&first.path]).unwrap(), files[1..]);
    assert_eq!(one.manifest.files_of(&source, first).unwrap(), files[1..]);
    let other = without(&[&files[1].path]).unwrap();
    let paths = [&manifest.days[0].path, &first.path, &other.manifest.days[0].path];
    assert_eq!(BTreeSet::from(paths).len(), 3, "{paths:?}");

    let day = without(&[&alone.path]).unwrap();
    assert_eq!((day.manifest.days.len(), day.lists.len()), (1, 0));
}
