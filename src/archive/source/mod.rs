//! Where an archive is read: a folder of this machine, or an object store.
//!
//! A [`Source`] gives the manifest's files as a whole, and the tables' files piece by piece: [`SourceFile`] is what any reader of Parquet takes (a
//! `ChunkReader`). Of a folder it reads the pieces that it is asked for, and keeps none of them. Of a store it reads blocks of 1 MiB, four at a time where
//! somebody reads on, and keeps the last eight of a file, so that the many small pieces of a footer or a page index cost one request.
//!
//! Calls wait. A store that does not answer is asked for some minutes.

mod file;
#[cfg(feature = "object-store")]
mod remote;

use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;
#[cfg(feature = "object-store")]
use std::sync::Arc;

use super::error::ArchiveError;
use super::place::Place;

pub use crate::base::archive_address::ArchiveAddress;
pub use file::SourceFile;
#[cfg(feature = "object-store")]
pub use remote::Remote;

/// Where an archive is read.
#[derive(Debug, Clone)]
pub struct Source {
    at: At,
}

#[derive(Debug, Clone)]
enum At {
    Folder(Place),
    #[cfg(feature = "object-store")]
    Store(Arc<Remote>),
}

impl Source {
    /// A folder of this machine.
    pub fn folder(place: &Place) -> Self {
        Self { at: At::Folder(place.clone()) }
    }

    /// An object store.
    #[cfg(feature = "object-store")]
    pub fn store(remote: Remote) -> Self {
        Self { at: At::Store(Arc::new(remote)) }
    }

    /// What a file of the archive is called in messages.
    pub fn path(&self, name: &str) -> PathBuf {
        match &self.at {
            At::Folder(place) => place.file(name),
            #[cfg(feature = "object-store")]
            At::Store(remote) => remote.path(name),
        }
    }

    /// Reads a small file as a whole; `None` if it is not there.
    ///
    /// # Errors
    /// It has more than `bytes_max`; failures to read.
    pub fn read(&self, name: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, ArchiveError> {
        match &self.at {
            At::Folder(place) => read(place.file(name), bytes_max),
            #[cfg(feature = "object-store")]
            At::Store(remote) => remote.read(name, bytes_max),
        }
    }

    /// Opens a file that the manifest says has this length.
    ///
    /// # Errors
    /// [`ArchiveError::Missing`]; [`ArchiveError::Damaged`] if it has another length; failures to read.
    pub fn open(&self, name: &str, bytes: u64) -> Result<SourceFile, ArchiveError> {
        match &self.at {
            At::Folder(place) => SourceFile::open(place.file(name), bytes),
            #[cfg(feature = "object-store")]
            At::Store(remote) => remote::RemoteFile::open(remote, name, bytes).map(SourceFile::remote),
        }
    }
}

fn read(path: PathBuf, bytes_max: u64) -> Result<Option<Vec<u8>>, ArchiveError> {
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
