//! A file of an archive, open for reading.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use crate::archive::error::ArchiveError;

#[cfg(feature = "object-store")]
use crate::courier::stores::KeptVersion;

#[cfg(feature = "object-store")]
use super::remote::{Remote, RemoteFile};

/// How much is read ahead where a reader does not say how much it wants.
const AHEAD_BYTES: usize = 64 << 10;

/// How much is read at once to hash a file.
const HASH_BYTES: u64 = 1 << 20;

/// A file. Clones share it.
#[derive(Debug, Clone)]
pub struct SourceFile {
    path: Arc<PathBuf>,
    bytes: u64,
    from: From,
}

#[derive(Debug, Clone)]
enum From {
    Disk(Arc<File>),
    #[cfg(feature = "object-store")]
    Store(Arc<RemoteFile>),
}

impl SourceFile {
    pub(super) fn open(path: PathBuf, bytes: u64) -> Result<Self, ArchiveError> {
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(ArchiveError::Missing { path }),
            Err(error) => return Err(ArchiveError::io(&path, "open the file")(error)),
        };
        let found = file.metadata().map_err(ArchiveError::io(&path, "look at the file"))?.len();
        if found != bytes {
            return Err(ArchiveError::Damaged { path });
        }
        Ok(Self { path: Arc::new(path), bytes, from: From::Disk(Arc::new(file)) })
    }

    #[cfg(feature = "object-store")]
    pub(super) fn remote(file: RemoteFile) -> Self {
        Self { path: Arc::new(file.path()), bytes: file.bytes(), from: From::Store(Arc::new(file)) }
    }

    /// An older version of a file in a store.
    #[cfg(feature = "object-store")]
    pub fn of_version(remote: &Arc<Remote>, kept: &KeptVersion) -> Self {
        Self::remote(RemoteFile::of_version(remote, kept))
    }

    /// What it is called in messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its length in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads a part of it as a whole.
    ///
    /// # Errors
    /// [`ArchiveError::Damaged`] if it ends before: what says where its parts are is wrong. Failures to read.
    pub fn read_at(&self, at: u64, bytes: usize) -> Result<Bytes, ArchiveError> {
        if at.checked_add(bytes as u64).is_none_or(|end| end > self.bytes) {
            return Err(ArchiveError::Damaged { path: self.path.to_path_buf() });
        }
        match &self.from {
            From::Disk(file) => {
                let mut part = vec![0; bytes];
                file.read_exact_at(&mut part, at).map_err(ArchiveError::io(&self.path, "read the file"))?;
                Ok(part.into())
            }
            #[cfg(feature = "object-store")]
            From::Store(file) => file.read(at, bytes),
        }
    }

    /// BLAKE3 of all of it.
    ///
    /// # Errors
    /// Failures to read.
    pub fn hash(&self) -> Result<blake3::Hash, ArchiveError> {
        let mut hasher = blake3::Hasher::new();
        let mut at = 0;
        while at < self.bytes {
            let part = self.read_at(at, HASH_BYTES.min(self.bytes - at) as usize)?;
            hasher.update(&part);
            at += part.len() as u64;
        }
        Ok(hasher.finalize())
    }

    /// For readers that know the system's errors alone.
    fn part(&self, at: u64, bytes: usize) -> io::Result<Bytes> {
        self.read_at(at, bytes).map_err(|error| match error {
            ArchiveError::Io { source, .. } => source,
            error => io::Error::other(error),
        })
    }
}

impl Length for SourceFile {
    fn len(&self) -> u64 {
        self.bytes
    }
}

impl ChunkReader for SourceFile {
    type T = BufReader<Ahead>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(BufReader::with_capacity(AHEAD_BYTES, Ahead { file: self.clone(), at: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        Ok(self.part(start, length)?)
    }
}

/// Reads on from a place in a file.
#[derive(Debug)]
pub struct Ahead {
    file: SourceFile,
    at: u64,
}

impl Read for Ahead {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.file.bytes.saturating_sub(self.at);
        let bytes = usize::try_from(left).unwrap_or(usize::MAX).min(into.len());
        into[..bytes].copy_from_slice(&self.file.part(self.at, bytes)?);
        self.at += bytes as u64;
        Ok(bytes)
    }
}
