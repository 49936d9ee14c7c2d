//! The manifest of an archive that lacks some of its files.

use std::collections::{BTreeMap, BTreeSet};

use crate::archive::error::ArchiveError;
use crate::archive::place::{ArchivePath, list_path};
use crate::archive::source::Source;

use super::day::Day;
use super::head::Manifest;

/// Set in the number of a list that is in no folder: an archive that gives out a million numbers a second gets there in 292,000 years.
const OF_PARTIAL: u64 = 1 << 63;

/// A manifest without some files, for a copy that does not have them.
#[derive(Debug, Clone)]
pub struct Partial {
    /// The manifest.
    pub manifest: Manifest,
    /// The texts of the lists that differ, by their paths. They are named for what they hold, and so are never changed either.
    pub lists: BTreeMap<String, Vec<u8>>,
    /// Which files it would name.
    pub left_out: BTreeSet<String>,
}

impl Manifest {
    /// This manifest without the files of these paths.
    ///
    /// # Errors
    /// The list of a day can't be read.
    pub fn without(&self, source: &Source, paths: &BTreeSet<String>) -> Result<Partial, ArchiveError> {
        let mut partial = Partial { manifest: self.clone(), lists: BTreeMap::new(), left_out: BTreeSet::new() };
        let dates: BTreeSet<&str> = paths.iter().filter_map(|path| Some(ArchivePath::parse(path)?.date)).collect();
        for date in dates {
            let Some(at) = partial.manifest.days.iter().position(|day| day.date == date) else { continue };
            let (out, kept): (Vec<_>, Vec<_>) = self
                .files_of(source, &partial.manifest.days[at])?
                .into_iter()
                .partition(|file| paths.contains(&file.path));
            if out.is_empty() {
                continue;
            }
            partial.left_out.extend(out.into_iter().map(|file| file.path));
            if kept.is_empty() {
                partial.manifest.days.remove(at);
                continue;
            }
            let text = Day::text(date, &kept).map_err(|error| ArchiveError::Manifest {
                path: source.path(&partial.manifest.days[at].path),
                reason: format!("cannot be written as JSON: {error}"),
            })?;
            let hash = blake3::hash(&text);
            let number = hash.as_bytes().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
            let path = list_path(date, number | OF_PARTIAL);
            partial.manifest.days[at] = Day::listed(date, &kept, path.clone(), &text);
            partial.manifest.unlisted.insert(date.to_owned(), kept);
            partial.lists.insert(path, text);
        }
        Ok(partial)
    }
}

#[cfg(test)]
mod tests;
