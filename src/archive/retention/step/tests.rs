use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use crate::archive::crafted::{archive, files, rows};
use crate::log::retain::Reason;

use super::*;

const HOUR_US: u64 = 3_600_000_000;
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Hours since 1970; the first of a day.
const BEGAN_H: u64 = 24 * 20_000;

/// A batch this many hours after the beginning, of a project and a session.
fn batch(hour: u64, project: u32, session: u64) -> (u64, u32, u64) {
    ((BEGAN_H + hour) * HOUR_US + session, project, session)
}

/// Days after the beginning.
fn day(days: u64) -> u64 {
    (BEGAN_H + 24 * days) * HOUR_US
}

fn ages(age: Option<u32>, projects: &[(u32, Option<u32>)]) -> Retain {
    let length = |days: Option<u32>| days.map(|days| DAY * days);
    let projects = projects.iter().map(|&(project, days)| (project, length(days))).collect();
    Retain { age: length(age), bytes: None, projects }
}

/// The projects and sessions of each table, all whose hours are the same.
fn sessions(archive: &Archive) -> Vec<(i64, i64)> {
    let mut tables: BTreeMap<String, Vec<(i64, i64)>> = BTreeMap::new();
    for file in files(archive) {
        let rows = rows(archive, &file);
        let keys = (0..rows.rows()).map(|row| (rows.key(row).project, rows.key(row).session));
        tables.entry(file.table).or_default().extend(keys);
    }
    assert_eq!(archive.place().files().unwrap().len(), files(archive).len(), "no file but those that are named");
    tables.values_mut().for_each(|keys| keys.sort_unstable());
    let mut tables = tables.into_values();
    let first = tables.next().unwrap_or_default();
    assert!(tables.all(|table| table == first), "all tables have forgotten the same");
    first
}

fn step(retention: &mut Retention, retain: &Retain, now_us: u64) -> Option<(u64, Reason)> {
    let removed = retention.step(retain, now_us, &|| false).unwrap()?;
    assert!(removed.done.rows == removed.removal.rows && removed.done.rows > 0, "as planned: {removed:?}");
    Some((removed.removal.hour.0 - BEGAN_H, removed.removal.reason()))
}

#[test]
fn rows_leave_by_the_ages_of_their_projects_an_hour_at_a_time() {
    let temp = tempfile::tempdir().unwrap();
    let batches = [batch(0, 1, 10), batch(0, 7, 70), batch(5, 7, 71), batch(24, 1, 11), batch(24, 7, 72)];
    let archive = archive(temp.path(), &batches);
    let to = archive.manifest().unwrap().to;
    let mut retention = Retention::new(archive.place().clone());
    let retain = ages(Some(30), &[(7, Some(3))]);
    assert_eq!(step(&mut retention, &retain, day(3)), None);
    // The hour is over, and three days.
    let now_us = day(3) + 6 * HOUR_US;
    assert_eq!(step(&mut retention, &retain, now_us), Some((0, Reason::ProjectAge)));
    assert_eq!(sessions(&archive), [(1, 10), (1, 11), (7, 71), (7, 72)]);
    assert_eq!(step(&mut retention, &retain, now_us), Some((5, Reason::ProjectAge)), "as a whole");
    assert_eq!(step(&mut retention, &retain, now_us), None);
    assert_eq!(sessions(&archive), [(1, 10), (1, 11), (7, 72)]);
    // Later, with what was found before in mind.
    assert_eq!(step(&mut retention, &retain, day(5)), Some((24, Reason::ProjectAge)));
    assert_eq!(step(&mut retention, &retain, day(30)), None);
    assert_eq!(sessions(&archive), [(1, 10), (1, 11)]);
    // Other rules count at once.
    let shorter = ages(Some(20), &[(7, Some(3))]);
    assert_eq!(step(&mut retention, &shorter, day(30)), Some((0, Reason::Age)));
    assert_eq!(step(&mut retention, &shorter, day(30)), Some((24, Reason::Age)));
    assert_eq!(step(&mut retention, &shorter, day(30)), None);
    let manifest = archive.manifest().unwrap();
    assert!(manifest.days.is_empty() && manifest.to == to, "what has left is not compacted again");
}

#[test]
fn the_oldest_hours_leave_until_the_archive_is_within_its_size() {
    let temp = tempfile::tempdir().unwrap();
    let archive = archive(temp.path(), &[batch(0, 1, 10), batch(1, 1, 11), batch(30, 1, 12), batch(31, 1, 13)]);
    let mut retention = Retention::new(archive.place().clone());
    let total: u64 = files(&archive).iter().map(|file| file.bytes).sum();
    let mut retain = Retain { bytes: Some(total), ..Retain::default() };
    assert_eq!(step(&mut retention, &retain, 0), None);
    retain.bytes = Some(total - 1);
    assert_eq!(step(&mut retention, &retain, 0), Some((0, Reason::Bytes)));
    assert_eq!(step(&mut retention, &retain, 0), None);
    retain.bytes = Some(0);
    assert_eq!(step(&mut retention, &retain, 0), Some((1, Reason::Bytes)));
    assert_eq!(step(&mut retention, &retain, 0), Some((30, Reason::Bytes)));
    assert_eq!(step(&mut retention, &retain, 0), None, "the newest hour stays");
    assert_eq!(sessions(&archive), [(1, 13)]);
}

#[test]
fn where_there_is_no_archive_none_is_made_and_without_rules_none_is_opened() {
    let temp = tempfile::tempdir().unwrap();
    let mut retention = Retention::new(Place::in_data(temp.path()));
    assert_eq!(step(&mut retention, &ages(Some(1), &[]), u64::MAX), None);
    assert!(!temp.path().join("archive").exists());
    let archive = archive(temp.path(), &[batch(0, 1, 10)]);
    fs::write(archive.place().manifest(), "{").unwrap();
    assert_eq!(step(&mut retention, &ages(None, &[(1, None)]), u64::MAX), None);
    assert!(retention.step(&ages(Some(1), &[]), u64::MAX, &|| false).is_err());
}

#[test]
fn a_damaged_file_keeps_its_hour_and_no_other() {
    let temp = tempfile::tempdir().unwrap();
    let archive = archive(temp.path(), &[batch(0, 1, 10), batch(0, 7, 70), batch(1, 1, 11), batch(1, 7, 71)]);
    let damaged = files(&archive).into_iter().find(|file| file.hour == "00" && file.table == "batches").unwrap();
    let path = archive.place().file(&damaged.path);
    let whole = fs::read(&path).unwrap();
    // Where payloads are: the projects can be read.
    let mut bytes = whole.clone();
    let at = bytes.windows(3).position(|bytes| bytes == b"raw").unwrap_or(bytes.len() / 3);
    bytes[at] ^= 1;
    fs::write(&path, bytes).unwrap();
    let mut retention = Retention::new(archive.place().clone());
    let retain = ages(None, &[(7, Some(3))]);
    let error = retention.step(&retain, day(10), &|| false).unwrap_err();
    assert!(error.is_of_a_file(), "{error}");
    assert_eq!(step(&mut retention, &retain, day(10)), Some((1, Reason::ProjectAge)));
    assert_eq!(step(&mut retention, &retain, day(10)), None);
    retention.try_again();
    assert!(retention.step(&retain, day(10), &|| false).is_err());
    // A copy is put back.
    fs::write(&path, whole).unwrap();
    retention.try_again();
    assert_eq!(step(&mut retention, &retain, day(10)), Some((0, Reason::ProjectAge)));
    assert_eq!(sessions(&archive), [(1, 10), (1, 11)]);
}

#[test]
fn what_a_crash_left_beside_the_archive_goes_with_the_first_step() {
    let temp = tempfile::tempdir().unwrap();
    let archive = archive(temp.path(), &[batch(0, 1, 10), batch(40, 1, 11)]);
    let old = files(&archive)[0].clone();
    let bytes = fs::read(archive.place().file(&old.path)).unwrap();
    let retain = ages(Some(3), &[]);
    assert_eq!(step(&mut Retention::new(archive.place().clone()), &retain, day(4)), Some((0, Reason::Age)));
    // The manifest was replaced, and the file not yet removed.
    fs::write(archive.place().file(&old.path), bytes).unwrap();
    assert_eq!(step(&mut Retention::new(archive.place().clone()), &retain, day(4)), None);
    assert_eq!(sessions(&archive), [(1, 11)]);
}

#[test]
fn nothing_leaves_while_somebody_else_has_the_archives_lock() {
    let temp = tempfile::tempdir().unwrap();
    let archive = archive(temp.path(), &[batch(0, 1, 10), batch(1, 1, 11), batch(2, 1, 12), batch(40, 1, 13)]);
    let mut retention = Retention::new(archive.place().clone());
    let retain = ages(Some(3), &[]);
    assert_eq!(step(&mut retention, &retain, day(4)), Some((0, Reason::Age)));
    // How often it asks whether to stop: once more while it waits for the lock, which is given up then.
    let mut asked = |lock: Option<ArchiveLock>| {
        let (lock, count) = (RefCell::new(lock), Cell::new(0));
        let removed = retention.step(&retain, day(4), &|| {
            count.set(count.get() + 1);
            drop(lock.take());
            false
        });
        assert!(removed.unwrap().is_some());
        count.get()
    };
    let lock = ArchiveLock::take(archive.place(), &|| false).unwrap();
    assert_eq!(asked(Some(lock)), asked(None) + 1);
    assert_eq!(sessions(&archive), [(1, 13)]);
}
