//! The files of an archive that have records.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::archive::error::ArchiveError;
use crate::archive::manifest::{FileEntry, FileFilter, LogEnds, Manifest};
use crate::archive::place::{MANIFEST, Place};
use crate::archive::source::{Source, SourceFile};
use crate::archive::table::Table;
use crate::archive::tables::batches::{BATCHES, RECORDS};
use crate::log::read::merge::MergePosition;

use super::wanted::{Tables, Wanted};

/// The largest file that is read into memory as a whole, which saves reading it twice.
const READ_WHOLE_BYTES_MAX: u64 = 128 << 20;

/// An archive, as far as a replay reads it.
#[derive(Debug, Clone)]
pub struct ArchiveFiles {
    source: Source,
}

/// The files with records that are wanted, as the archive is at one moment.
#[derive(Debug)]
pub struct FileList {
    /// The files, by the time of their first record.
    pub files: Vec<FileEntry>,
    /// Up to where the log is in the archive.
    pub to: Option<MergePosition>,
    /// The newest time in the archive, in microseconds.
    pub last_us: u64,
    /// Segments of the log that could not be read as a whole when they were archived.
    pub unread: usize,
}

impl ArchiveFiles {
    /// Whether a folder is an archive.
    pub fn is_at(dir: &Path) -> bool {
        Place::at(dir).manifest().is_file()
    }

    /// The archive in a folder of its own.
    pub fn at(dir: &Path) -> Self {
        Self::of(Source::folder(&Place::at(dir)))
    }

    /// The archive that is read so.
    pub fn of(source: Source) -> Self {
        Self { source }
    }

    /// The archive of a data folder, if it has one.
    pub fn of_data(data: &Path) -> Option<Self> {
        let place = Place::in_data(data);
        Self::is_at(place.dir()).then(|| Self::of(Source::folder(&place)))
    }

    /// The files that have something of what is wanted.
    ///
    /// # Errors
    /// The manifest can't be read.
    pub fn list(&self, wanted: &Wanted) -> Result<FileList, ArchiveError> {
        let mut filter = FileFilter::default().table(BATCHES.name);
        if wanted.tables == Tables::All {
            filter = filter.table(RECORDS.name);
        }
        filter = filter
            .from_us(wanted.first_us())
            .until_us(wanted.last_us().saturating_add(1))
            .project(wanted.project.map(i64::from));
        let (manifest, mut files) = self.snapshot(&filter)?;
        files.sort_by_key(|file| (file.first_us.cast_unsigned(), file.path.clone()));
        let last_day = manifest.days.last().map(|day| manifest.files_of(&self.source, day)).transpose()?;
        let last_us = last_day.iter().flatten().map(|file| file.last_us.cast_unsigned()).max();
        let LogEnds { last, earlier } = manifest.ends();
        let unread = last.iter().chain(&earlier).flat_map(|end| end.unread.values()).map(BTreeSet::len).sum();
        Ok(FileList { files, to: manifest.to, last_us: last_us.unwrap_or_default(), unread })
    }

    /// The files of tables, and up to where the log is in the archive.
    ///
    /// # Errors
    /// The manifest can't be read.
    pub fn of_tables(&self, tables: &[Table]) -> Result<(Vec<FileEntry>, Option<MergePosition>), ArchiveError> {
        let filter = tables.iter().fold(FileFilter::default(), |filter, table| filter.table(table.name));
        let (manifest, files) = self.snapshot(&filter)?;
        Ok((files, manifest.to))
    }

    fn snapshot(&self, filter: &FileFilter) -> Result<(Manifest, Vec<FileEntry>), ArchiveError> {
        let gone = || ArchiveError::Manifest {
            path: self.source.path(MANIFEST),
            reason: "is not there: there is no archive".to_owned(),
        };
        Manifest::snapshot(&self.source, filter)?.ok_or_else(gone)
    }

    /// Where a file is.
    pub fn path(&self, file: &FileEntry) -> PathBuf {
        self.source.path(&file.path)
    }

    /// A file, and its hash.
    ///
    /// # Errors
    /// It can't be read.
    pub fn read(&self, file: &FileEntry) -> Result<Content, ArchiveError> {
        let opened = match self.source.open(&file.path, file.bytes) {
            Err(ArchiveError::Missing { .. }) => return Ok(Content::Missing),
            Err(ArchiveError::Damaged { .. }) => return Ok(Content::Damaged),
            opened => opened?,
        };
        if file.bytes > READ_WHOLE_BYTES_MAX {
            return Ok(Content::File { hash: opened.hash()?, file: opened });
        }
        let bytes = opened.read_at(0, usize::try_from(file.bytes).unwrap_or(usize::MAX))?;
        Ok(Content::Bytes { hash: blake3::hash(&bytes), bytes })
    }
}

/// What there is of a file.
#[derive(Debug)]
pub enum Content {
    /// All of it, of the length that the manifest says.
    Bytes {
        /// Its bytes.
        bytes: Bytes,
        /// BLAKE3 of them.
        hash: blake3::Hash,
    },
    /// A large one, of which parts are read as they are needed.
    File {
        /// The file.
        file: SourceFile,
        /// BLAKE3 of it.
        hash: blake3::Hash,
    },
    /// It has another length.
    Damaged,
    /// It is not there.
    Missing,
}
