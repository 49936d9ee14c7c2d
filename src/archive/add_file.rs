//! Adds a table's file to the archive's folders, and removes those that are none of the archive's.

use std::collections::{BTreeMap, HashSet};

use super::encode::ColumnEncoder;
use super::error::ArchiveError;
use super::hour::Hour;
use super::lock::ArchiveLock;
use super::manifest::{FileEntry, LARGE_ROW_BYTES, Manifest, Places};
use super::place::{ArchivePath, Place, remove, whole};
use super::rows::TableBuffer;
use super::source::Source;
use super::table::Table;
use super::write_file::{FileMeta, Written, write_file};

/// A range of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRange {
    /// The log.
    pub log: String,
    /// The next record of each core at its beginning.
    pub from: Places,
    /// The same at its end.
    pub to: Places,
}

/// Writes rows of an hour to a file with this number, whole and synced, and returns its entry for the manifest. Its name is durable once its
/// folder is synced. The lock is held, and there is at least one row.
///
/// # Errors
/// Failures to write.
pub(super) fn add_file(
    place: &Place,
    rows: &TableBuffer,
    hour: Hour,
    range: &LogRange,
    number: u64,
    group_bytes: u64,
    encoder: &mut ColumnEncoder,
) -> Result<FileEntry, ArchiveError> {
    let first_us = (0..rows.rows()).map(|row| rows.key(row).received_us).min().unwrap_or_default();
    let path = Place::relative(rows.table(), hour, first_us.cast_unsigned(), number);
    place.make_parents(&path)?;
    let written = write_file(encoder, rows, group_bytes, &file_meta(range), &place.file(&path))?;
    Ok(entry_of(path, rows.table(), hour, range, written))
}

/// What a file of this range says about itself.
pub(super) fn file_meta(range: &LogRange) -> FileMeta {
    let json = |places| serde_json::to_string(places).unwrap_or_default();
    FileMeta { log: range.log.clone(), from: json(&range.from), to: json(&range.to) }
}

/// The manifest's entry for a file that was written.
pub(super) fn entry_of(path: String, table: Table, hour: Hour, range: &LogRange, written: Written) -> FileEntry {
    let (date, hour) = hour.date_and_hour();
    let Written { rows, bytes, inflated_bytes, largest_row, blake3, keys: (first, last), received_us } = written;
    FileEntry {
        path,
        table: table.name.to_owned(),
        date,
        hour,
        log: range.log.clone(),
        from: range.from.clone(),
        to: range.to.clone(),
        rows,
        bytes,
        inflated_bytes,
        largest_row: if largest_row < LARGE_ROW_BYTES { 0 } else { largest_row },
        blake3,
        first_us: received_us.0,
        last_us: received_us.1,
        received_us: 0,
        first_session: (first.project, first.session),
        last_session: (last.project, last.session),
        merged_from: 0,
    }
}

/// Removes what the manifest does not name: a crash or a failure left it; and the folders of hours that have left. The lock is held.
///
/// # Errors
/// The list of a day can't be read; something can't be removed.
pub fn remove_strays(place: &Place, manifest: &Manifest) -> Result<(), ArchiveError> {
    for list in place.lists()?.iter().filter(|list| !manifest.names_list(list)) {
        remove(&place.file(list))?;
    }
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in place.files()? {
        let date = ArchivePath::parse(whole(&path)).map(|parsed| parsed.date.to_owned());
        found.entry(date.unwrap_or_default()).or_default().push(path);
    }
    let source = Source::folder(place);
    for (date, paths) in found {
        let day = manifest.days.iter().find(|day| day.date == date);
        let are_whole = paths.iter().all(|path| whole(path) == path);
        // As many as there should be: reading the list of each day would take long.
        if are_whole && day.is_some_and(|day| day.files == paths.len() as u64) {
            continue;
        }
        let files = day.map_or(Ok(Vec::new()), |day| manifest.files_of(&source, day))?;
        let named: HashSet<&str> = files.iter().map(|file| &*file.path).collect();
        paths.iter().filter(|path| !named.contains(&***path)).try_for_each(|path| remove(&place.file(path)))?;
    }
    place.remove_empty_folders()
}

/// Removes what was written for a change that failed. Nothing, if the lock is not the one in its place any more: what is there may be what its holder writes.
///
/// # Errors
/// The manifest can't be read; something can't be removed.
pub fn remove_unfinished(place: &Place, lock: &ArchiveLock) -> Result<(), ArchiveError> {
    if !lock.is_in_place() {
        return Ok(());
    }
    let Some(manifest) = Manifest::read(&Source::folder(place))? else { return Ok(()) };
    let is_new = |path: &str| ArchivePath::parse(whole(path)).is_some_and(|path| path.number >= manifest.next_number);
    place.files()?.iter().filter(|path| is_new(path)).try_for_each(|path| remove(&place.file(path)))
}
