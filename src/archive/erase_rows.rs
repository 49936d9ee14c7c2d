//! Erases rows from the archive's files.
//!
//! A file with such rows is written anew as a whole, without them ([`super::rewrite`]): nothing of them is left in a page, a dictionary, a statistic, a
//! Bloom filter or the footer, nor in the manifest's smallest and largest session. The manifest names the new files in one step for some at a
//! time, and the old ones are removed. A file keeps its range of the log, so nothing is compacted again.

use std::path::PathBuf;

use super::add_file::remove_strays;
use super::erasures;
use super::error::ArchiveError;
use super::lock::ArchiveLock;
use super::manifest::{FileEntry, FileFilter, Manifest};
use super::place::Place;
use super::rewrite::Replacement;
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
    let source = Source::folder(place);
    if !dry_run {
        erasures::raise(place)?;
    }
    let Some((manifest, files)) = Manifest::snapshot(&source, &FileFilter::default())? else { return Ok(all) };
    if !dry_run {
        remove_strays(place, &manifest)?;
    }
    all.files = files.len() as u64;
    let with_rows: Vec<FileEntry> = {
        let mut found = Vec::new();
        for file in files.into_iter().filter(|file| may_have(file, wanted)) {
            if is_stopping() {
                return Err(ArchiveError::Stopped);
            }
            match count(place, &file, wanted) {
                Ok(0) => {}
                Ok(rows) => {
                    all.rows += rows;
                    all.files_changed += 1;
                    found.push(file);
                }
                Err(
                    error
                    @ (ArchiveError::Damaged { .. } | ArchiveError::Parquet { .. } | ArchiveError::Missing { .. }),
                ) => all.unreadable.push((place.file(&file.path), error.to_string())),
                Err(error) => return Err(error),
            }
        }
        found
    };
    if dry_run {
        return Ok(all);
    }
    for some in with_rows.chunks(FILES_AT_ONCE) {
        let Some(manifest) = Manifest::read(&source)? else { return Ok(all) };
        let mut replacement = Replacement::begin(place, manifest, &lock);
        for file in some {
            if is_stopping() {
                return Err(ArchiveError::Stopped);
            }
            replacement.rewrite(file, |rows, row| is_wanted(rows, row, wanted))?;
        }
        all.bytes += replacement.commit()?.bytes;
    }
    Ok(all)
}

fn is_wanted(rows: &TableBuffer, row: usize, wanted: &dyn Fn(u64, u32) -> bool) -> bool {
    let key = rows.key(row);
    wanted(key.session.cast_unsigned(), u32::try_from(key.project).unwrap_or_default())
}

fn count(place: &Place, file: &FileEntry, wanted: &dyn Fn(u64, u32) -> bool) -> Result<u64, ArchiveError> {
    let mut rows = TableBuffer::new(super::read_file::table_of(place, file)?);
    super::read_file::read_entry(place, file, &mut rows)?;
    Ok((0..rows.rows()).filter(|&row| is_wanted(&rows, row, wanted)).count() as u64)
}

/// Whether a file can have such rows, by the manifest: one with a single session has that one alone.
fn may_have(file: &FileEntry, wanted: &dyn Fn(u64, u32) -> bool) -> bool {
    let ((first, smallest), (last, largest)) = (file.first_session, file.last_session);
    let is_one = first == last && smallest == largest;
    !is_one || wanted(smallest.cast_unsigned(), u32::try_from(first).unwrap_or_default())
}
