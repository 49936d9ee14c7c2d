//! Adds a table's file to the archive's folders, and removes those that are none of the archive's.

use std::collections::HashSet;

use super::error::ArchiveError;
use super::hour::Hour;
use super::manifest::{FileEntry, Manifest, Places};
use super::place::{Place, remove};
use super::rows::TableBuffer;
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
pub fn add_file(
    place: &Place,
    rows: &TableBuffer,
    hour: Hour,
    range: &LogRange,
    number: u64,
    group_bytes: u64,
) -> Result<FileEntry, ArchiveError> {
    let json = |places| serde_json::to_string(places).unwrap_or_default();
    let meta = FileMeta { log: range.log.clone(), from: json(&range.from), to: json(&range.to) };
    let first_us = (0..rows.rows()).map(|row| rows.key(row).received_us).min().unwrap_or_default();
    let path = Place::relative(rows.table(), hour, first_us.cast_unsigned(), number);
    place.make_parents(&path)?;
    let written = write_file(rows, group_bytes, &meta, &place.file(&path))?;
    let (date, hour) = hour.date_and_hour();
    let Written { rows: count, bytes, blake3, keys: (first, last), received_us } = written;
    Ok(FileEntry {
        path,
        table: rows.table().name.to_owned(),
        date,
        hour,
        log: meta.log,
        from: range.from.clone(),
        to: range.to.clone(),
        rows: count,
        bytes,
        inflated_bytes: rows.bytes(),
        blake3,
        first_us: received_us.0,
        last_us: received_us.1,
        first_session: (first.project, first.session),
        last_session: (last.project, last.session),
        merged_from: 0,
    })
}

/// Removes those of these files that the manifest does not name: a crash or a failure left them. The lock is held.
///
/// # Errors
/// One can't be removed.
pub fn remove_strays(place: &Place, files: &[String], manifest: &Manifest) -> Result<(), ArchiveError> {
    let named: HashSet<&str> = manifest.files.iter().map(|file| file.path.as_str()).collect();
    files.iter().filter(|file| !named.contains(file.as_str())).try_for_each(|file| remove(&place.file(file)))
}
