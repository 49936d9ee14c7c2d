use super::*;

use crate::archive::crafted::{self, files};
use crate::archive::store::Archive;

const HOUR_US: u64 = 3_600_000_000;
const BEGAN_US: u64 = 500_000 * HOUR_US;

/// An archive of one batch for each project and session of these.
fn archive(temp: &tempfile::TempDir, sessions: &[(u32, u64)]) -> Archive {
    let batches = sessions.iter().zip(0..).map(|(&(project, session), at)| (BEGAN_US + at, project, session));
    crafted::archive(temp.path(), &batches.collect::<Vec<_>>())
}

/// All rows of a file as the texts of their values.
fn rows(archive: &Archive, file: &FileEntry) -> Vec<(i64, i64, String)> {
    let rows = crafted::rows(archive, file);
    let value = |row: usize, column: &crate::archive::buffer::ColumnBuffer| match column.kind() {
        _ if !column.has(row) => "-".to_owned(),
        crate::archive::column::ColumnKind::Text | crate::archive::column::ColumnKind::Bytes => {
            format!("{:?}", column.bytes(row))
        }
        _ => column.int(row).to_string(),
    };
    let line = |row| rows.columns().iter().map(|column| value(row, column)).collect::<Vec<_>>().join(" ");
    (0..rows.rows()).map(|row| (rows.key(row).project, rows.key(row).session, line(row))).collect()
}

/// The rows of all files that the manifest names; each file is whole, and there are no others.
fn all(archive: &Archive) -> Vec<(i64, i64, String)> {
    let files = files(archive);
    let mut named: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
    named.sort();
    let mut found = archive.place().files().unwrap();
    found.sort();
    assert_eq!(found, named);
    let mut all: Vec<_> = files.iter().flat_map(|file| rows(archive, file)).collect();
    all.sort();
    all
}

/// Takes the rows of a project out of every file.
fn without(archive: &Archive, project: i64) -> Result<Replaced, ArchiveError> {
    let lock = ArchiveLock::take(archive.place(), &|| false).unwrap();
    let mut replacement = Replacement::begin(archive.place(), archive.manifest().unwrap(), &lock);
    for file in files(archive) {
        replacement.rewrite(&file, |rows, row| rows.key(row).project == project)?;
    }
    replacement.commit()
}

#[test]
fn what_goes_is_gone_and_every_other_row_is_as_it_was() {
    let temp = tempfile::tempdir().unwrap();
    let archive = archive(&temp, &[(1, 11), (2, 21), (1, 12), (3, 31), (2, 22)]);
    let (before, manifest, old) = (all(&archive), archive.manifest().unwrap(), files(&archive));
    let tables = old.len() as u64;
    assert!(tables >= 3, "several tables: {old:?}");

    let replaced = without(&archive, 2).unwrap();
    let kept: Vec<_> = before.iter().filter(|row| row.0 != 2).cloned().collect();
    assert_eq!(all(&archive), kept);
    assert_eq!(replaced.rows, (before.len() - kept.len()) as u64);
    assert_eq!((replaced.rewritten, replaced.removed), (tables, 0));
    let smaller = archive.manifest().unwrap();
    assert_eq!(smaller.to, manifest.to, "what went is not compacted again");
    for (new, old) in files(&archive).iter().zip(&old) {
        assert_eq!((&new.table, &new.log, &new.from, &new.to), (&old.table, &old.log, &old.from, &old.to));
        assert_eq!((new.first_session, new.last_session), ((1, 11), (3, 31)));
        assert!(new.rows < old.rows && new.inflated_bytes < old.inflated_bytes);
    }

    // Nothing to do, then everything of the rest.
    assert_eq!(without(&archive, 2).unwrap(), Replaced::default());
    without(&archive, 1).unwrap();
    let replaced = without(&archive, 3).unwrap();
    assert_eq!((replaced.rewritten, replaced.removed), (0, tables));
    assert!(all(&archive).is_empty());
    assert_eq!(archive.manifest().unwrap().to, manifest.to);
}

#[test]
fn a_damaged_file_is_not_copied_and_leaves_the_archive_as_it_was() {
    let temp = tempfile::tempdir().unwrap();
    let archive = archive(&temp, &[(1, 11), (2, 21)]);
    let manifest = archive.manifest().unwrap();
    let path = archive.place().file(&files(&archive).last().unwrap().path);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let error = without(&archive, 1).unwrap_err();
    assert!(matches!(&error, ArchiveError::Damaged { path: named } if *named == path), "{error}");
    assert_eq!(archive.manifest().unwrap(), manifest);
    assert_eq!(archive.place().files().unwrap().len(), files(&archive).len(), "nothing of the attempt is left");
}

#[test]
fn a_replacement_that_is_not_committed_changes_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let archive = archive(&temp, &[(1, 11), (2, 21)]);
    let manifest = archive.manifest().unwrap();
    let lock = ArchiveLock::take(archive.place(), &|| false).unwrap();
    let mut replacement = Replacement::begin(archive.place(), manifest.clone(), &lock);
    let files = files(&archive);
    replacement.remove(&files[0]);
    let gone = replacement.rewrite(&files[1], |rows, row| rows.key(row).project == 1).unwrap();
    assert!(gone > 0);
    drop(replacement);
    drop(lock);
    assert_eq!(archive.manifest().unwrap(), manifest);
    // What it had written goes when the archive is next opened.
    let (archive, _) = Archive::open(archive.place().clone(), &|| false).unwrap();
    all(&archive);
}

#[test]
fn while_the_manifest_cannot_be_replaced_no_file_that_it_names_goes() {
    let temp = tempfile::tempdir().unwrap();
    let archive = archive(&temp, &[(1, 11), (2, 21), (3, 31)]);
    let (before, old) = (all(&archive), files(&archive));
    // Nothing can be written under the name that the manifest has until it is whole.
    let fresh = archive.place().manifest().with_extension("json.tmp");
    std::fs::create_dir(&fresh).unwrap();
    assert!(without(&archive, 2).is_err());
    assert!(old.iter().all(|file| archive.place().file(&file.path).exists()), "what the manifest names is there");
    std::fs::remove_dir(&fresh).unwrap();
    let (archive, _) = Archive::open(archive.place().clone(), &|| false).unwrap();
    assert_eq!(all(&archive), before);
    assert!(without(&archive, 2).unwrap().rows > 0);
}
