//! Where an archive is read.
//!
//! A [`Source`] gives the manifest's files as a whole, and the tables' files piece by piece: [`SourceFile`] is what any reader of Parquet takes (a
//! `ChunkReader`). It reads the pieces that it is asked for and keeps none of them.

mod file;

use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;

use super::error::ArchiveError;
use super::place::Place;

pub use file::SourceFile;

/// Where an archive is read.
#[derive(Debug, Clone)]
pub struct Source {
    place: Place,
}

impl Source {
    /// A folder of this machine.
    pub fn folder(place: &Place) -> Self {
        Self { place: place.clone() }
    }

    /// What a file of the archive is called in messages.
    pub fn path(&self, name: &str) -> PathBuf {
        self.place.file(name)
    }

    /// Reads a small file as a whole; `None` if it is not there.
    ///
    /// # Errors
    /// It has more than `bytes_max`; failures to read.
    pub fn read(&self, name: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, ArchiveError> {
        let path = self.path(name);
        let mut file = match fs::File::open(&path) {
            Ok(file) => file.take(bytes_max.saturating_add(1)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ArchiveError::io(&path, "read the file")(error)),
        };
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(ArchiveError::io(&path, "read the file"))?;
        if text.len() as u64 > bytes_max {
            return Err(ArchiveError::Damaged { path });
        }
        Ok(Some(text))
    }

    /// Opens a file that the manifest says has this length.
    ///
    /// # Errors
    /// [`ArchiveError::Missing`]; [`ArchiveError::Damaged`] if it has another length; failures to read.
    pub fn open(&self, name: &str, bytes: u64) -> Result<SourceFile, ArchiveError> {
        SourceFile::open(self.path(name), bytes)
    }
}
