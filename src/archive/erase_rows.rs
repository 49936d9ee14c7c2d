//! Erases rows from the archive's files.
//!
//! A file with such rows is written anew as a whole, without them: nothing of them is left in a page, a dictionary, a statistic, a Bloom filter or the
//! footer, nor in the manifest's smallest and largest session. The new file is read back and compared. Then the manifest names it instead of the
//! old one, in one step for some files at a time, and the old ones are removed. A file keeps its range of the log, so nothing is compacted again.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::add_file::{remove_strays, remove_unfinished};
use super::erasures;
use super::error::ArchiveError;
use super::lock::ArchiveLock;
use super::manifest::{Change, FileEntry, FileFilter, Manifest};
use super::place::{Place, remove, sync_dir};
use super::read_file::{read_entry, table_of};
use super::rewrite::{Rewritten, rewrite_file};
use super::rows::TableBuffer;
use super::source::Source;

/// How many files are replaced by one writing of the manifest. Until then both take space.
const FILES_AT_ONCE: usize = 16;

/// What was erased, or would be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ErasedRows {
    /// Files that were looked at.
    pub files: u64,
    /// Files that were replaced, or removed because nothing was left.
    pub files_changed: u64,
    /// Rows.
    pub rows: u64,
    /// Bytes by which the files are smaller.
    pub bytes: u64,
    /// Files that can't be read, and stay as they are; why.
    pub unreadable: Vec<(PathBuf, String)>,
}

/// Erases the rows that are `wanted`, by session and project.
///
/// # Errors
/// The lock, a manifest that can't be believed, failures to write. What was replaced stays so, and the rest is as it was.
pub fn erase_rows(
    place: &Place,
    wanted: &dyn Fn(u64, u32) -> bool,
    dry_run: bool,
    is_stopping: &dyn Fn() -> bool,
) -> Result<ErasedRows, ArchiveError> {
    let mut all = ErasedRows::default();
    if !place.dir().is_dir() {
        return Ok(all);
    }
    let lock = ArchiveLock::take(place, is_stopping)?;
    if !dry_run {
        erasures::raise(place)?;
    }
    let source = Source::folder(place);
    let Some(mut manifest) = Manifest::read(&source)? else { return Ok(all) };
    if !dry_run {
        if manifest.is_old() {
            manifest.commit(place, &lock, Change::default())?;
        }
        remove_strays(place, &manifest)?;
    }
    let (before, filter) = (manifest.clone(), FileFilter::default());
    let mut erasing = Erasing { place, lock: &lock, next_number: manifest.next_number, manifest, replaced: Vec::new() };
    for file in before.files(&source, &filter) {
        if is_stopping() {
            return Err(erasing.give_up(ArchiveError::Stopped));
        }
        let file = match file {
            Ok(file) => file,
            // The list of a day: its files can't be named.
            Err(
                error @ (ArchiveError::Damaged { .. } | ArchiveError::Missing { .. } | ArchiveError::Manifest { .. }),
            ) => {
                all.unreadable.push((place.manifest(), error.to_string()));
                continue;
            }
            Err(error) => return Err(erasing.give_up(error)),
        };
        all.files += 1;
        if !may_have(&file, wanted) {
            continue;
        }
        let erased = if dry_run { count(place, &file, wanted) } else { erasing.rewrite(&file, wanted) };
        let (rows, bytes) = match erased {
            Ok(erased) => erased,
            Err(error) if is_of(place, &file, &error) => {
                all.unreadable.push((place.file(&file.path), error.to_string()));
                continue;
            }
            Err(error) => return Err(erasing.give_up(error)),
        };
        all.files_changed += u64::from(rows > 0);
        all.rows += rows;
        all.bytes += bytes;
        if erasing.replaced.len() == FILES_AT_ONCE {
            erasing.put_in_place()?;
        }
    }
    erasing.put_in_place()?;
    if !dry_run {
        // Lists that could not be removed at once name sessions too.
        remove_strays(place, &erasing.manifest)?;
    }
    Ok(all)
}

/// Whether a file can have such rows, by the manifest. Rows are sorted by project and session.
fn may_have(file: &FileEntry, wanted: &dyn Fn(u64, u32) -> bool) -> bool {
    let ((first, smallest), (last, largest)) = (file.first_session, file.last_session);
    let is_one = first == last && smallest == largest;
    !is_one || wanted(smallest.cast_unsigned(), u32::try_from(first).unwrap_or_default())
}

/// Whether the fault is that of a file that can't be read, and not one of what is written.
fn is_of(place: &Place, file: &FileEntry, error: &ArchiveError) -> bool {
    let old = place.file(&file.path);
    match error {
        ArchiveError::Damaged { path } | ArchiveError::Missing { path } | ArchiveError::Parquet { path, .. } => {
            *path == old
        }
        ArchiveError::Io { path, source, .. } => *path == old && source.kind() == std::io::ErrorKind::NotFound,
        _ => false,
    }
}

fn goes(rows: &TableBuffer, row: usize, wanted: &dyn Fn(u64, u32) -> bool) -> bool {
    let key = rows.key(row);
    wanted(key.session.cast_unsigned(), u32::try_from(key.project).unwrap_or_default())
}

/// How many rows of a file would be erased.
fn count(place: &Place, file: &FileEntry, wanted: &dyn Fn(u64, u32) -> bool) -> Result<(u64, u64), ArchiveError> {
    let mut rows = TableBuffer::new(table_of(place, file)?);
    read_entry(place, file, &mut rows)?;
    Ok(((0..rows.rows()).filter(|&row| goes(&rows, row, wanted)).count() as u64, 0))
}

/// An erasure at work.
struct Erasing<'a> {
    place: &'a Place,
    lock: &'a ArchiveLock,
    manifest: Manifest,
    next_number: u64,
    /// Files, and what comes in their place; `None`: nothing was left of it.
    replaced: Vec<(FileEntry, Option<FileEntry>)>,
}

impl Erasing<'_> {
    /// Writes what is left of a file. Returns how many rows go, and by how many bytes it is smaller.
    fn rewrite(&mut self, old: &FileEntry, wanted: &dyn Fn(u64, u32) -> bool) -> Result<(u64, u64), ArchiveError> {
        let rewritten = rewrite_file(self.place, old, self.next_number, |rows, row| goes(rows, row, wanted))?;
        let (rows, new) = match rewritten {
            Rewritten::Unchanged => return Ok((0, 0)),
            Rewritten::Emptied { rows } => (rows, None),
            Rewritten::Smaller { rows, file } => (rows, Some(*file)),
        };
        self.next_number += u64::from(new.is_some());
        let bytes = old.bytes.saturating_sub(new.as_ref().map_or(0, |new| new.bytes));
        self.replaced.push((old.clone(), new));
        Ok((rows, bytes))
    }

    /// Makes the manifest name the new files, and removes the old ones.
    fn put_in_place(&mut self) -> Result<(), ArchiveError> {
        let replaced = std::mem::take(&mut self.replaced);
        if replaced.is_empty() {
            return Ok(());
        }
        let folder = |file: &FileEntry| self.place.file(&file.path).parent().map(PathBuf::from);
        let folders: BTreeSet<PathBuf> = replaced.iter().filter_map(|(old, _)| folder(old)).collect();
        // A file and what takes its place are of the same hour.
        folders.iter().try_for_each(|folder| sync_dir(folder))?;
        let change = replaced
            .iter()
            .fold(Change::default(), |change, (old, new)| change.replace(std::slice::from_ref(old), new.clone()));
        self.manifest.commit(self.place, self.lock, change)?;
        self.next_number = self.manifest.next_number;
        replaced.iter().try_for_each(|(old, _)| remove(&self.place.file(&old.path)))?;
        folders.iter().try_for_each(|folder| sync_dir(folder))
    }

    /// Removes what was written and is not in place.
    fn give_up(&self, error: ArchiveError) -> ArchiveError {
        if !self.replaced.is_empty() {
            let _ = remove_unfinished(self.place, self.lock);
        }
        error
    }
}

#[cfg(test)]
mod tests;
