use std::fs;

use super::*;
use crate::archive::manifest::crafted::entry;

struct Home {
    _temp: tempfile::TempDir,
    place: Place,
    lock: ArchiveLock,
    source: Source,
}

impl Home {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let place = Place::in_data(temp.path());
        place.make().unwrap();
        let lock = ArchiveLock::take(&place, &|| false).unwrap();
        let source = Source::folder(&place);
        Self { _temp: temp, place, lock, source }
    }

    fn read(&self) -> Manifest {
        Manifest::read(&self.source).unwrap().unwrap()
    }

    fn paths(&self) -> Vec<String> {
        let (_, files) = Manifest::snapshot(&self.source, &FileFilter::default()).unwrap().unwrap();
        files.into_iter().map(|file| file.path).collect()
    }

    fn commit(&self, change: Change) -> Result<Manifest, ArchiveError> {
        let mut manifest = self.read();
        manifest.commit(&self.place, &self.lock, change)?;
        assert_eq!(manifest, self.read(), "what is in memory is what is on disk");
        Ok(manifest)
    }
}

#[test]
fn a_change_writes_the_lists_of_its_days_alone_and_the_old_ones_go() {
    let home = Home::new();
    Manifest::empty().begin(&home.place, &home.lock).unwrap();
    let [one, two, other] = [("2026-11-29", 1), ("2026-11-29", 2), ("2026-11-30", 3)]
        .map(|(date, number)| entry("events", date, "08", number));
    let first = home.commit(Change::default().with(one.clone()).with(two.clone()).with(other.clone())).unwrap();
    assert_eq!(
        first.days.iter().map(|day| (&*day.date, day.files, day.to_merge)).collect::<Vec<_>>(),
        [("2026-11-29", 2, 2), ("2026-11-30", 1, 0)]
    );
    let third = entry("events", "2026-11-29", "08", first.next_number);
    let second = home.commit(Change::default().with(third.clone())).unwrap();
    assert_eq!(first.days[1], second.days[1], "the other day is not written again");
    assert_ne!(first.days[0].path, second.days[0].path);
    assert_eq!(second.archive, first.archive);
    let mut lists = home.place.lists().unwrap();
    lists.sort_unstable();
    assert_eq!(lists, second.days.iter().map(|day| day.path.clone()).collect::<Vec<_>>());
    assert!(second.next_number > ListPath::parse(&second.days[0].path).unwrap().number);

    // A merge takes the place of what it was made of.
    let merged = entry("events", "2026-11-29", "08", second.next_number);
    let change =
        Change::default().replace(&[one.clone(), two], Some(merged.clone())).remove(std::slice::from_ref(&other));
    let third_head = home.commit(change).unwrap();
    assert_eq!(home.paths(), [merged.path.clone(), third.path.clone()]);
    assert_eq!(third_head.days.len(), 1, "a day without files has no list");

    // What is gone can't be replaced again, and nothing happens.
    let error = home.commit(Change::default().with(other).replace(&[one], Some(merged.clone()))).unwrap_err();
    assert!(error.to_string().contains("not part of the archive any more"), "{error}");
    assert_eq!(home.read(), third_head);
    assert_eq!(home.paths(), [merged.path, third.path]);
}

#[test]
fn a_list_that_is_missing_or_changed_is_named_and_one_that_names_other_paths_is_refused() {
    let home = Home::new();
    Manifest::empty().begin(&home.place, &home.lock).unwrap();
    let manifest = home.commit(Change::default().with(entry("events", "2026-11-29", "08", 1))).unwrap();
    let path = home.place.file(&manifest.days[0].path);
    let whole = fs::read(&path).unwrap();
    let refused = |what: &str| {
        let error = Manifest::snapshot(&home.source, &FileFilter::default()).unwrap_err().to_string();
        assert!(error.contains("2026-11-29-2.json") && error.contains(what), "{error}");
    };
    let changed = String::from_utf8_lossy(&whole).replace("\"rows\":10", "\"rows\":11");
    fs::write(&path, changed).unwrap();
    refused("damaged");
    fs::write(&path, &whole[..9]).unwrap();
    refused("damaged");
    fs::remove_file(&path).unwrap();
    refused("missing");

    let mut outside = entry("events", "2026-11-29", "08", 3);
    outside.path = "events/date=2026-11-29/hour=08/../../../x.parquet".into();
    fs::write(&path, &whole).unwrap();
    home.commit(Change::default().with(outside.clone())).unwrap_err();
    let list = String::from_utf8_lossy(&whole).replace("08/0", "08/../0");
    fs::write(&path, &list).unwrap();
    let head = fs::read_to_string(home.place.manifest()).unwrap();
    let head = head.replace(&manifest.days[0].blake3, blake3::hash(list.as_bytes()).to_hex().as_str());
    let head = head.replace(&format!("\"list_bytes\":{}", whole.len()), &format!("\"list_bytes\":{}", list.len()));
    let (head, _) = head.rsplit_once(",\"blake3\"").unwrap();
    fs::write(home.place.manifest(), head_text::sealed(format!("{head}}}").into())).unwrap();
    refused("no path of a file");
}

#[test]
fn the_manifest_of_version_1_is_read_and_the_next_change_splits_it() {
    let home = Home::new();
    let files = [entry("events", "2026-11-29", "08", 1), entry("batches", "2026-11-30", "00", 2)];
    let old = serde_json::json!({ "version": 1, "schema": 1, "to": null, "next_number": 3, "files": files });
    fs::write(home.place.manifest(), old.to_string()).unwrap();
    let manifest = home.read();
    assert!(manifest.is_old());
    assert_eq!(home.paths(), [files[0].path.clone(), files[1].path.clone()]);
    let manifest =
        home.commit(Change::default().with(entry("events", "2026-11-29", "09", manifest.next_number))).unwrap();
    assert!(!manifest.is_old() && manifest.days.len() == 2);
    assert_eq!(home.paths().len(), 3);
}

#[test]
fn a_snapshot_is_of_one_moment_though_the_archive_changes_while_it_is_taken() {
    let home = Home::new();
    Manifest::empty().begin(&home.place, &home.lock).unwrap();
    let stale = home.commit(Change::default().with(entry("events", "2026-11-29", "08", 1))).unwrap();
    let next = stale.next_number;
    home.commit(Change::default().with(entry("events", "2026-11-29", "08", next))).unwrap();
    let all = FileFilter::default();
    let missing = stale.files(&home.source, &all).next().unwrap();
    assert!(matches!(missing, Err(ArchiveError::Missing { .. })), "{missing:?}");
    assert_eq!(home.paths().len(), 2);
}

#[test]
fn a_change_never_replaces_another_manifest_than_the_one_that_it_was_made_from() {
    let home = Home::new();
    Manifest::empty().begin(&home.place, &home.lock).unwrap();
    let first = home.commit(Change::default().with(entry("events", "2026-11-29", "08", 1))).unwrap();
    let refused = |error: &ArchiveError| error.to_string().contains("was replaced while files were written");

    // The folder was replaced by another archive's, or an older copy.
    let mut stale = first.clone();
    let second = home.commit(Change::default().with(entry("events", "2026-11-29", "08", 9))).unwrap();
    let change = || Change::default().with(entry("events", "2026-11-30", "08", 20));
    assert!(refused(&stale.commit(&home.place, &home.lock, change()).unwrap_err()));
    assert_eq!((stale, home.read()), (first, second.clone()));
    assert_eq!(home.place.lists().unwrap(), [second.days[0].path.clone()], "what was written for it is gone");

    // The lock was removed by hand, and somebody else may hold one of the same name.
    fs::remove_file(home.place.lock()).unwrap();
    let other = ArchiveLock::try_take(&home.place.lock()).unwrap();
    assert!(other.is_some() && !home.lock.is_in_place());
    assert!(refused(&second.clone().commit(&home.place, &home.lock, change()).unwrap_err()));
    assert_eq!(home.read(), second);
    drop(other);
    let lock = ArchiveLock::take(&home.place, &|| false).unwrap();
    second.clone().commit(&home.place, &lock, change()).unwrap();
}

#[test]
fn a_head_in_which_a_digit_has_changed_is_not_believed_and_one_without_a_hash_is_of_an_older_takeup() {
    let home = Home::new();
    Manifest::empty().begin(&home.place, &home.lock).unwrap();
    let manifest = home.commit(Change::default().with(entry("events", "2026-11-29", "08", 7))).unwrap();
    let text = fs::read_to_string(home.place.manifest()).unwrap();
    let number = format!("\"next_number\":{}", manifest.next_number);
    assert!(text.contains(&number));
    let changed = text.replace(&number, "\"next_number\":1");
    let error = Manifest::parse(&home.source, changed.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("not those that were written"), "{error}");
    let (head, _) = text.rsplit_once(",\"blake3\"").unwrap();
    assert_eq!(Manifest::parse(&home.source, format!("{head}}}").as_bytes()).unwrap(), manifest);
}
