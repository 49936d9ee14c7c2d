//! The files of an archive that have records.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::archive::error::ArchiveError;
use crate::archive::manifest::{FileEntry, Manifest};
use crate::archive::place::Place;
use crate::archive::table::Table;
use crate::archive::tables::batches::{BATCHES, RECORDS};
use crate::log::read::merge::MergePosition;

use super::wanted::{Tables, Wanted};

/// An archive, as far as a replay reads it.
#[derive(Debug, Clone)]
pub struct ArchiveFiles {
    place: Place,
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
}

impl ArchiveFiles {
    /// Whether a folder is an archive.
    pub fn is_at(dir: &Path) -> bool {
        Place::at(dir).manifest().is_file()
    }

    /// The archive in a folder of its own.
    pub fn at(dir: &Path) -> Self {
        Self { place: Place::at(dir) }
    }

    /// The archive of a data folder, if it has one.
    pub fn of_data(data: &Path) -> Option<Self> {
        let place = Place::in_data(data);
        Self::is_at(place.dir()).then_some(Self { place })
    }

    /// The files that have something of what is wanted.
    ///
    /// # Errors
    /// The manifest can't be read.
    pub fn list(&self, wanted: &Wanted) -> Result<FileList, ArchiveError> {
        let Manifest { files, to, .. } = self.manifest()?;
        let last_us = files.iter().map(|file| file.last_us.cast_unsigned()).max().unwrap_or_default();
        let mut files: Vec<FileEntry> = files.into_iter().filter(|file| has_some(file, wanted)).collect();
        files.sort_by_key(|file| (file.first_us.cast_unsigned(), file.path.clone()));
        Ok(FileList { files, to, last_us })
    }

    /// The files of tables, and up to where the log is in the archive.
    ///
    /// # Errors
    /// The manifest can't be read.
    pub fn of_tables(&self, tables: &[Table]) -> Result<(Vec<FileEntry>, Option<MergePosition>), ArchiveError> {
        let Manifest { mut files, to, .. } = self.manifest()?;
        files.retain(|file| tables.iter().any(|table| table.name == file.table));
        Ok((files, to))
    }

    fn manifest(&self) -> Result<Manifest, ArchiveError> {
        let gone = || ArchiveError::Manifest { path: self.place.manifest(), reason: "is gone".to_owned() };
        Manifest::read(&self.place)?.ok_or_else(gone)
    }

    /// Where a file is.
    pub fn path(&self, file: &FileEntry) -> PathBuf {
        self.place.file(&file.path)
    }

    /// The bytes of a file; `None` if it is not there.
    ///
    /// # Errors
    /// It can't be read.
    pub fn read(&self, file: &FileEntry) -> Result<Option<Bytes>, ArchiveError> {
        let path = self.path(file);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(ArchiveError::io(&path, "read the file")(error)),
        }
    }
}

fn has_some(file: &FileEntry, wanted: &Wanted) -> bool {
    let table = file.table == BATCHES.name || wanted.tables == Tables::All && file.table == RECORDS.name;
    let time = file.last_us.cast_unsigned() >= wanted.first_us() && file.first_us.cast_unsigned() <= wanted.last_us();
    let (first, last) = (file.first_session, file.last_session);
    let project = wanted.project.is_none_or(|project| (first.0..=last.0).contains(&i64::from(project)));
    table && time && project
}
