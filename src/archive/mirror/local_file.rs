//! A file of the archive, read for its upload; and a list that is in no folder.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use rustix::fs::Advice;

use crate::archive::error::ArchiveError;
use crate::archive::place::Place;
use crate::courier::stores::UploadSource;

use super::plan::Wanted;

/// An open file.
#[derive(Debug)]
pub struct LocalFile<'a> {
    wanted: &'a Wanted,
    path: PathBuf,
    file: File,
}

impl<'a> LocalFile<'a> {
    /// Opens it.
    ///
    /// # Errors
    /// [`ArchiveError::Missing`] if the archive does not have it any more; failures to read.
    pub fn open(place: &Place, wanted: &'a Wanted) -> Result<Self, ArchiveError> {
        let path = place.file(&wanted.path);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(ArchiveError::Missing { path }),
            Err(error) => return Err(ArchiveError::io(&path, "open the file")(error)),
        };
        let length = file.metadata().map_err(ArchiveError::io(&path, "look at the file"))?.len();
        if length != wanted.bytes {
            return Err(ArchiveError::Damaged { path });
        }
        // Only advice: without it, the same bytes are read.
        let _ = rustix::fs::fadvise(&file, 0, None, Advice::Sequential);
        Ok(Self { wanted, path, file })
    }
}

impl UploadSource for LocalFile<'_> {
    type Fault = ArchiveError;

    fn object(&self) -> String {
        self.wanted.path.clone()
    }

    fn bytes(&self) -> u64 {
        self.wanted.bytes
    }

    fn blake3(&self) -> &str {
        &self.wanted.blake3
    }

    fn may_be_there(&self) -> bool {
        !self.wanted.replaces
    }

    fn read(&self, at: u64, bytes: usize) -> Result<Vec<u8>, ArchiveError> {
        let mut part = vec![0; bytes];
        self.file.read_exact_at(&mut part, at).map_err(ArchiveError::io(&self.path, "read the file"))?;
        Ok(part)
    }

    fn damaged(&self) -> ArchiveError {
        ArchiveError::Damaged { path: self.path.clone() }
    }
}

impl Drop for LocalFile<'_> {
    /// Nobody is expected to read it soon: the memory is better used for what is.
    fn drop(&mut self) {
        let _ = rustix::fs::fadvise(&self.file, 0, None, Advice::DontNeed);
    }
}

/// The list of a day that is as the copy has it, and not as the archive does.
#[derive(Debug)]
pub struct ListText<'a> {
    /// What is uploaded.
    pub wanted: &'a Wanted,
    /// Its text.
    pub text: &'a [u8],
}

impl UploadSource for ListText<'_> {
    type Fault = ArchiveError;

    fn object(&self) -> String {
        self.wanted.path.clone()
    }

    fn bytes(&self) -> u64 {
        self.wanted.bytes
    }

    fn blake3(&self) -> &str {
        &self.wanted.blake3
    }

    fn read(&self, at: u64, bytes: usize) -> Result<Vec<u8>, ArchiveError> {
        let part = usize::try_from(at).ok().and_then(|at| self.text.get(at..)?.get(..bytes));
        part.map(<[u8]>::to_vec).ok_or_else(|| self.damaged())
    }

    fn damaged(&self) -> ArchiveError {
        ArchiveError::Damaged { path: PathBuf::from(&self.wanted.path) }
    }
}
