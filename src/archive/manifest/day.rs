//! A day: its list on disk, and what the head says of it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::archive::error::ArchiveError;
use crate::archive::place::{ListPath, Place, list_path, replace};
use crate::archive::source::Source;

use super::file_entry::FileEntry;
use super::runs::next_merge;

/// The version of the manifest's own form.
pub(super) const VERSION: u32 = 2;

/// What the head says of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Day {
    /// The day of reception, UTC: `2026-11-29`.
    pub date: String,
    /// The path of its list below the archive's folder.
    pub path: String,
    /// BLAKE3 of the list.
    pub blake3: String,
    /// Bytes of the list.
    pub list_bytes: u64,
    /// How many files it names.
    pub files: u64,
    /// Their rows.
    pub rows: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How many of them would be merged next, once their hours are over; 0 if nothing is to be merged.
    pub to_merge: u64,
}

/// A list.
#[derive(Debug, Serialize, Deserialize)]
struct DayList<'a> {
    version: u32,
    date: std::borrow::Cow<'a, str>,
    files: std::borrow::Cow<'a, [FileEntry]>,
}

impl Day {
    /// The figures of a day with these files, without a list.
    pub(super) fn of(date: &str, files: &[FileEntry]) -> Self {
        let sum = |of: fn(&FileEntry) -> u64| files.iter().map(of).fold(0, u64::saturating_add);
        Self {
            date: date.to_owned(),
            path: String::new(),
            blake3: String::new(),
            list_bytes: 0,
            files: files.len() as u64,
            rows: sum(|file| file.rows),
            bytes: sum(|file| file.bytes),
            to_merge: next_merge(files, u64::MAX).map_or(0, |files| files.len() as u64),
        }
    }

    /// Writes the list of these files. When this returns, it survives the machine.
    pub(super) fn write(place: &Place, date: &str, number: u64, files: &[FileEntry]) -> Result<Self, ArchiveError> {
        let path = list_path(date, number);
        let text = Self::text(date, files).map_err(|error| ArchiveError::Manifest {
            path: place.file(&path),
            reason: format!("cannot be written as JSON: {error}"),
        })?;
        replace(&place.file(&path), &text)?;
        Ok(Self::listed(date, files, path, &text))
    }

    /// The text of a list.
    pub(super) fn text(date: &str, files: &[FileEntry]) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&DayList { version: VERSION, date: date.into(), files: files.into() })
    }

    /// A day with these files, whose list has this path and text.
    pub(super) fn listed(date: &str, files: &[FileEntry], path: String, text: &[u8]) -> Self {
        let blake3 = blake3::hash(text).to_hex().to_string();
        Self { path, blake3, list_bytes: text.len() as u64, ..Self::of(date, files) }
    }

    /// Reads its list.
    ///
    /// # Errors
    /// [`ArchiveError::Missing`]; [`ArchiveError::Manifest`] if it is not what was written; failures to read.
    pub(super) fn read(&self, source: &Source) -> Result<Vec<FileEntry>, ArchiveError> {
        let path = source.path(&self.path);
        let text =
            source.read(&self.path, self.list_bytes)?.ok_or_else(|| ArchiveError::Missing { path: path.clone() })?;
        self.parse(path, &text)
    }

    /// The files of its list, given the list's text and what it is called in messages.
    ///
    /// # Errors
    /// [`ArchiveError::Manifest`] if it is not what was written.
    pub fn parse(&self, path: PathBuf, text: &[u8]) -> Result<Vec<FileEntry>, ArchiveError> {
        if text.len() as u64 != self.list_bytes || blake3::hash(text).to_hex().as_str() != self.blake3 {
            return Err(refused(path, "damaged: its bytes are not those that manifest.json has the hash of"));
        }
        let list: DayList<'_> = serde_json::from_slice(text)
            .map_err(|error| refused(path.clone(), &format!("not a list of files ({error})")))?;
        let stranger = list.files.iter().find(|file| file.date != self.date || !file.is_in_place());
        match stranger {
            None => Ok(list.files.into_owned()),
            Some(file) => {
                Err(refused(path, &format!("names {:?}, which is no path of a file of {}", file.path, self.date)))
            }
        }
    }

    /// Whether its path is that of a list of its day.
    pub(super) fn is_in_place(&self) -> bool {
        ListPath::parse(&self.path).is_some_and(|path| path.date == self.date)
    }
}

fn refused(path: PathBuf, what: &str) -> ArchiveError {
    ArchiveError::Manifest {
        path,
        reason: format!(
            "{what}; put back a copy, or move the archive's folder away: the next compaction then begins a new archive with the oldest record of the log"
        ),
    }
}
