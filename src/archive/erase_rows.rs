//! Erases rows from the archive's files.
//!
//! A file with such rows is written anew as a whole, without them: nothing of them is left in a page, a dictionary, a statistic, a Bloom filter or the
//! footer, nor in the manifest's smallest and largest session. The new file is read back and compared. Then the manifest names it instead of the
//! old one, in one step for some files at a time, and the old ones are removed. A file keeps its range of the log, so nothing is compacted again.
//!
//! Which files have such rows is found out without the lock. It is held only while some files are rewritten, and what came meanwhile is looked at
//! under it: a compactor waits for seconds, however large the archive is.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::PathBuf;

use super::add_file::{remove_strays, remove_unfinished};
use super::column::{Column, KEY_COLUMNS};
use super::erasures;
use super::error::ArchiveError;
use super::lock::ArchiveLock;
use super::look_ahead::look_ahead;
use super::manifest::{Change, FileEntry, FileFilter, Manifest};
use super::place::{Place, remove, sync_dir};
use super::read_file::{read_entry, table_of};
use super::rewrite::{Rewritten, rewrite_file};
use super::rows::TableBuffer;
use super::source::Source;
use super::table::Table;

/// How many files are replaced by one writing of the manifest, and before the lock is given up for a moment. Until then both take space.
const FILES_AT_ONCE: usize = if cfg!(test) { 2 } else { 16 };

static KEYS: [Column; 3] = KEY_COLUMNS;

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
    if !place.dir().is_dir() {
        return Ok(ErasedRows::default());
    }
    if !dry_run {
        begin(place, is_stopping)?;
    }
    let mut work = Work {
        place,
        wanted,
        dry_run,
        is_stopping,
        looked: HashMap::new(),
        written: HashSet::new(),
        all: ErasedRows::default(),
    };
    loop {
        work.look_ahead()?;
        if work.erase_some()? {
            work.all.files = work.looked.len() as u64;
            return Ok(work.all);
        }
    }
}

/// Makes chunks that were begun before this moment be dropped, and removes what is not part of the archive.
fn begin(place: &Place, is_stopping: &dyn Fn() -> bool) -> Result<(), ArchiveError> {
    let lock = ArchiveLock::take(place, is_stopping)?;
    erasures::raise(place)?;
    let Some(mut manifest) = Manifest::read(&Source::folder(place))? else { return Ok(()) };
    if manifest.is_old() {
        manifest.commit(place, &lock, Change::default())?;
    }
    remove_strays(place, &manifest)
}

/// An erasure, and what is known of the files.
struct Work<'a> {
    place: &'a Place,
    wanted: &'a dyn Fn(u64, u32) -> bool,
    dry_run: bool,
    is_stopping: &'a dyn Fn() -> bool,
    /// How many of a file's rows go, by its path; 0 also for one that can't be read.
    looked: HashMap<String, u64>,
    /// Files that were written in the place of others.
    written: HashSet<String>,
    all: ErasedRows,
}

impl Work<'_> {
    /// Finds out which files have such rows, without the lock: that is most of the work.
    fn look_ahead(&mut self) -> Result<(), ArchiveError> {
        let Self { place, wanted, is_stopping, looked, written, .. } = self;
        look_ahead(place, &FileFilter::default(), |_, file| {
            if is_stopping() {
                return Err(ArchiveError::Stopped);
            }
            if looked.contains_key(&file.path) || written.contains(&file.path) {
                return Ok(());
            }
            // One that is damaged, or gone, is seen again under the lock.
            if let Ok(rows) = count(place, file, *wanted) {
                looked.insert(file.path.clone(), rows);
            }
            Ok(())
        })
    }

    /// Erases from some files under the lock. Returns whether there are no more.
    fn erase_some(&mut self) -> Result<bool, ArchiveError> {
        let lock = ArchiveLock::take(self.place, self.is_stopping)?;
        let (source, filter) = (Source::folder(self.place), FileFilter::default());
        let Some(manifest) = Manifest::read(&source)? else { return Ok(true) };
        let (before, next_number) = (manifest.clone(), manifest.next_number);
        let mut erasing = Erasing { place: self.place, lock: &lock, manifest, next_number, replaced: Vec::new() };
        for file in before.files(&source, &filter) {
            if (self.is_stopping)() {
                return Err(erasing.give_up(ArchiveError::Stopped));
            }
            let file = match file {
                Ok(file) => file,
                // The list of a day: its files can't be named.
                Err(
                    error @ (ArchiveError::Damaged { .. }
                    | ArchiveError::Missing { .. }
                    | ArchiveError::Manifest { .. }),
                ) => {
                    self.tell(self.place.manifest(), &error);
                    continue;
                }
                Err(error) => return Err(erasing.give_up(error)),
            };
            let known = self.looked.get(&file.path).copied();
            if known == Some(0) || self.written.contains(&file.path) {
                continue;
            }
            let erased = match known {
                Some(rows) if self.dry_run => Ok((rows, 0)),
                None if self.dry_run => count(self.place, &file, self.wanted).map(|rows| (rows, 0)),
                _ => erasing.rewrite(&file, self.wanted),
            };
            self.looked.entry(file.path.clone()).or_default();
            let (rows, bytes) = match erased {
                Ok(erased) => erased,
                Err(error) if is_of(self.place, &file, &error) => {
                    self.looked.insert(file.path.clone(), 0);
                    self.tell(self.place.file(&file.path), &error);
                    continue;
                }
                Err(error) => return Err(erasing.give_up(error)),
            };
            self.all.files_changed += u64::from(rows > 0);
            self.all.rows += rows;
            self.all.bytes += bytes;
            if erasing.replaced.len() == FILES_AT_ONCE {
                self.written.extend(erasing.put_in_place()?);
                return Ok(false);
            }
        }
        self.written.extend(erasing.put_in_place()?);
        if !self.dry_run {
            // Lists that could not be removed at once name sessions too.
            remove_strays(self.place, &erasing.manifest)?;
        }
        Ok(true)
    }

    /// Tells of a file that can't be read, once.
    fn tell(&mut self, path: PathBuf, error: &ArchiveError) {
        let told = (path, error.to_string());
        if !self.all.unreadable.contains(&told) {
            self.all.unreadable.push(told);
        }
    }
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

/// How many rows of a file would be erased. Of its columns only the keys are decoded.
fn count(place: &Place, file: &FileEntry, wanted: &dyn Fn(u64, u32) -> bool) -> Result<u64, ArchiveError> {
    if !may_have(file, wanted) {
        return Ok(0);
    }
    let mut rows = TableBuffer::new(Table { columns: &KEYS, ..table_of(place, file)? });
    read_entry(place, file, &mut rows)?;
    Ok((0..rows.rows()).filter(|&row| goes(&rows, row, wanted)).count() as u64)
}

/// Files that are replaced, under the lock.
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
        if !may_have(old, wanted) {
            return Ok((0, 0));
        }
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

    /// Makes the manifest name the new files, and removes the old ones. Returns the new files' paths.
    fn put_in_place(&mut self) -> Result<Vec<String>, ArchiveError> {
        let replaced = std::mem::take(&mut self.replaced);
        if replaced.is_empty() {
            return Ok(Vec::new());
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
        folders.iter().try_for_each(|folder| sync_dir(folder))?;
        Ok(replaced.into_iter().filter_map(|(_, new)| Some(new?.path)).collect())
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
