//! Writes files again without some of their rows, and puts them in the place of the old ones.
//!
//! [`rewrite_file`] writes the new file beside the old one. [`Replacement::commit`] replaces the manifest by one that names the new files in the
//! place of the old, and then removes the old ones. A crash before the manifest is replaced leaves the old archive, one after it the new; what the
//! manifest does not name is removed when the archive is next opened. The manifest's end is left alone: what was removed is not compacted again.

use std::collections::BTreeSet;

use super::add_file::{LogRange, add_file, remove_unfinished};
use super::encode::ColumnEncoder;
use super::error::ArchiveError;
use super::hour::Hour;
use super::lock::ArchiveLock;
use super::manifest::{Change, FileEntry, Manifest};
use super::merge_files::GROUP_BYTES;
use super::place::{Place, remove, sync_dir};
use super::read_file::{read_entry, table_of};
use super::rows::TableBuffer;

/// What becomes of a file without the rows that go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rewritten {
    /// None of its rows goes. Nothing was written.
    Unchanged,
    /// All of them go. Nothing was written.
    Emptied {
        /// How many.
        rows: u64,
    },
    /// Some go. This file has the others; it is whole and synced, its name is not durable yet, and the manifest does not name it.
    Smaller {
        /// How many rows went.
        rows: u64,
        /// The file with the others.
        file: Box<FileEntry>,
    },
}

/// Writes a file of the manifest again, with this number, without the rows that `goes` names: it is given all rows, and the place of one. The lock
/// is held. The old file stays as it is. This takes as much memory as the file's rows.
///
/// # Errors
/// [`ArchiveError::Damaged`] if the file is not as it was written; failures to read and write.
pub fn rewrite_file(
    place: &Place,
    old: &FileEntry,
    number: u64,
    mut goes: impl FnMut(&TableBuffer, usize) -> bool,
) -> Result<Rewritten, ArchiveError> {
    let mut rows = TableBuffer::new(table_of(place, old)?);
    read_entry(place, old, &mut rows)?;
    let kept = rows.without(|row| goes(&rows, row));
    let gone = (rows.rows() - kept.rows()) as u64;
    drop(rows);
    if gone == 0 {
        return Ok(Rewritten::Unchanged);
    }
    if kept.rows() == 0 {
        return Ok(Rewritten::Emptied { rows: gone });
    }
    let range = LogRange { log: old.log.clone(), from: old.from.clone(), to: old.to.clone() };
    let hour = Hour::of_us(old.first_us.cast_unsigned());
    let mut file = add_file(place, &kept, hour, &range, number, GROUP_BYTES, &mut ColumnEncoder::default())?;
    file.set_received_by(old.received_by_us());
    file.merged_from = old.merged_from;
    // What takes the place of a file is read back first.
    let mut back = TableBuffer::new(table_of(place, &file)?);
    read_entry(place, &file, &mut back)?;
    if back.rows() != kept.rows() || back.hash_of_all() != kept.hash_of_all() {
        return Err(ArchiveError::Damaged { path: place.file(&file.path) });
    }
    Ok(Rewritten::Smaller { rows: gone, file: Box::new(file) })
}

/// Files that take the place of others, once the manifest says so.
#[derive(Debug)]
pub struct Replacement<'a> {
    place: &'a Place,
    manifest: Manifest,
    next_number: u64,
    /// Old files, and what comes in their place.
    replaced: Vec<(FileEntry, Option<FileEntry>)>,
    done: Replaced,
    lock: &'a ArchiveLock,
}

/// What was replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Replaced {
    /// Files that were removed.
    pub removed: u64,
    /// Files that were written again with fewer rows.
    pub rewritten: u64,
    /// Rows that went.
    pub rows: u64,
    /// Bytes by which the archive became smaller.
    pub bytes: u64,
}

impl<'a> Replacement<'a> {
    /// Begins with the manifest as it is now. The lock is held until the replacement is committed or dropped.
    pub fn begin(place: &'a Place, manifest: Manifest, lock: &'a ArchiveLock) -> Self {
        let next_number = manifest.next_number;
        Self { place, manifest, next_number, replaced: Vec::new(), done: Replaced::default(), lock }
    }

    /// Takes a whole file out.
    pub fn remove(&mut self, old: &FileEntry) {
        self.done.removed += 1;
        self.done.rows += old.rows;
        self.done.bytes += old.bytes;
        self.replaced.push((old.clone(), None));
    }

    /// Writes a file again without the rows that `goes` names; see [`rewrite_file`]. Returns how many that are.
    ///
    /// # Errors
    /// Those of [`rewrite_file`]; what was written so far has been removed, and the archive is as it was.
    pub fn rewrite(
        &mut self,
        old: &FileEntry,
        goes: impl FnMut(&TableBuffer, usize) -> bool,
    ) -> Result<u64, ArchiveError> {
        let rewritten = rewrite_file(self.place, old, self.next_number, goes).inspect_err(|_| self.clear())?;
        match rewritten {
            Rewritten::Unchanged => Ok(0),
            Rewritten::Emptied { rows } => {
                self.remove(old);
                Ok(rows)
            }
            Rewritten::Smaller { rows, file } => {
                self.next_number += 1;
                self.done.rewritten += 1;
                self.done.rows += rows;
                // Another order of the same values can take more.
                self.done.bytes += old.bytes.saturating_sub(file.bytes);
                self.replaced.push((old.clone(), Some(*file)));
                Ok(rows)
            }
        }
    }

    /// Replaces the manifest, and removes the old files. Nothing is written if nothing was to be replaced.
    ///
    /// # Errors
    /// Failures to write the manifest; the archive is as it was, or already without what goes.
    pub fn commit(mut self) -> Result<Replaced, ArchiveError> {
        if self.replaced.is_empty() {
            return Ok(Replaced::default());
        }
        self.sync_names().inspect_err(|_| self.clear())?;
        let replace = |change: Change, (old, new): &(FileEntry, Option<FileEntry>)| {
            change.replace(std::slice::from_ref(old), new.clone())
        };
        let change = self.replaced.iter().fold(Change::default(), replace);
        // What is removed after a failure is what the manifest on disk does not name. If it was replaced, but perhaps not durably, that is nothing.
        let place = self.place;
        self.manifest.commit(place, self.lock, change).inspect_err(|_| {
            let _ = remove_unfinished(place, self.lock);
        })?;
        for (old, _) in &self.replaced {
            // One that can't be removed now goes when the archive is next opened.
            let _ = remove(&self.place.file(&old.path));
        }
        Ok(self.done)
    }

    fn sync_names(&self) -> Result<(), ArchiveError> {
        let fresh = self.replaced.iter().filter_map(|(_, new)| new.as_ref()).map(|file| self.place.file(&file.path));
        let folders: BTreeSet<_> = fresh.filter_map(|path| path.parent().map(ToOwned::to_owned)).collect();
        folders.iter().try_for_each(|folder| sync_dir(folder))
    }

    /// Removes what was written and is not part of the archive: it takes space that may be short.
    fn clear(&self) {
        let _ = remove_unfinished(self.place, self.lock);
    }
}

#[cfg(test)]
mod tests;
