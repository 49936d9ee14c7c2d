//! What a pass uploads and removes: the difference of two manifests.

use std::collections::{BTreeMap, BTreeSet};

use crate::archive::error::ArchiveError;
use crate::archive::manifest::{Day, FileEntry, Manifest};
use crate::archive::place::{ArchivePath, ListPath};
use crate::archive::source::Source;
use crate::archive::tables::batches::{BATCHES, RECORDS};

/// A file that must be in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its name, in the archive's folder and in the store.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// BLAKE3 of it.
    pub blake3: String,
    /// How many of the log's records it holds.
    pub records: u64,
    /// Whether what the store has under this name may be something else: an archive that was put back from a copy gives out its numbers again.
    pub replaces: bool,
}

/// What a pass does.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The tables' files to upload.
    pub files: Vec<Wanted>,
    /// The lists to upload after them.
    pub lists: Vec<Wanted>,
    /// The names to remove once the new manifest is there.
    pub gone: BTreeSet<String>,
}

impl Wanted {
    fn file(file: FileEntry, replaces: bool) -> Self {
        let has_records = [BATCHES.name, RECORDS.name].contains(&&*file.table);
        let records = if has_records { file.rows } else { 0 };
        Self { path: file.path, bytes: file.bytes, blake3: file.blake3, records, replaces }
    }

    fn list(day: &Day) -> Self {
        Self { path: day.path.clone(), bytes: day.list_bytes, blake3: day.blake3.clone(), records: 0, replaces: false }
    }
}

impl Plan {
    /// Adds what brings a day from `before`, its files in the store, to what it is now. Either may be nothing.
    pub fn day(&mut self, now: Option<(&Day, Vec<FileEntry>)>, before: Option<(&Day, Vec<FileEntry>)>) {
        let known: BTreeMap<&str, &str> =
            before.iter().flat_map(|(_, files)| files).map(|file| (&*file.path, &*file.blake3)).collect();
        let kept: BTreeSet<&str> = now.iter().flat_map(|(_, files)| files).map(|file| &*file.path).collect();
        self.gone.extend(known.keys().filter(|path| !kept.contains(**path)).map(|path| (*path).to_owned()));
        if let Some((day, _)) =
            before.as_ref().filter(|(day, _)| now.as_ref().is_none_or(|(now, _)| now.path != day.path))
        {
            self.gone.insert(day.path.clone());
        }
        if let Some((day, files)) = now {
            for file in files {
                let there = known.get(&*file.path);
                if there.is_none_or(|blake3| **blake3 != *file.blake3) {
                    let replaces = there.is_some();
                    self.files.push(Wanted::file(file, replaces));
                }
            }
            self.lists.push(Wanted::list(day));
        }
    }

    /// Adds names that may be in the store: those that the archive does not have go.
    ///
    /// # Errors
    /// A list of the archive can't be read.
    pub fn loose(
        &mut self,
        names: impl IntoIterator<Item = String>,
        source: &Source,
        now: &Manifest,
    ) -> Result<(), ArchiveError> {
        let mut by_date: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for name in names {
            if let Some(list) = ListPath::parse(&name) {
                if !now.days.iter().any(|day| day.date == list.date && day.path == name) {
                    self.gone.insert(name);
                }
            } else if let Some(path) = ArchivePath::parse(&name) {
                // No other name is an archive's, and none of those is touched.
                by_date.entry(path.date.to_owned()).or_default().push(name);
            }
        }
        for (date, names) in by_date {
            let files = match now.days.iter().find(|day| day.date == date) {
                Some(day) => now.files_of(source, day)?,
                None => Vec::new(),
            };
            let kept: BTreeSet<&str> = files.iter().map(|file| &*file.path).collect();
            self.gone.extend(names.into_iter().filter(|name| !kept.contains(&**name)));
        }
        Ok(())
    }

    /// Every name that may be in the store without being named there while the pass is under way.
    pub fn names(&self) -> Vec<String> {
        let new = self.files.iter().chain(&self.lists).map(|wanted| wanted.path.clone());
        new.chain(self.gone.iter().cloned()).collect()
    }
}

#[cfg(test)]
mod tests;
