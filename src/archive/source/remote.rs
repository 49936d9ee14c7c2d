//! An archive in an object store, read by calls that wait.

use std::collections::VecDeque;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use tokio::runtime::{Builder, Runtime};

use crate::archive::error::ArchiveError;
use crate::courier::Cause;
use crate::courier::stores::{KeptVersion, LeftVersion, Patient, Store, StoreAccess, remove_versions};

/// What is read and kept at once.
const BLOCK_BYTES: u64 = 1 << 20;

/// How many blocks of a file are kept.
const BLOCKS_KEPT: usize = 8;

/// How many blocks one request reads where somebody reads on.
const BLOCKS_AHEAD: u64 = 4;

/// A store. It has a runtime of its own, which works while somebody waits.
pub struct Remote {
    store: Store,
    address: String,
    runtime: Runtime,
    /// Told when a call has failed and will be tried again.
    told: Box<dyn Fn(&Cause) + Send + Sync>,
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Remote {
    /// Prepares a connection. Nothing is sent. `told` hears of calls that failed and are tried again.
    ///
    /// # Errors
    /// Settings that can't be used; the runtime could not be made.
    pub fn open(access: &StoreAccess, told: impl Fn(&Cause) + Send + Sync + 'static) -> Result<Self, ArchiveError> {
        let address = access.url.to_string();
        let path = PathBuf::from(&address);
        let store = Store::open(access).map_err(|reason| ArchiveError::Settings { path: path.clone(), reason })?;
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(ArchiveError::io(&path, "start what reads it"))?;
        Ok(Self { store, address, runtime, told: Box::new(told) })
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("{}/{name}", self.address))
    }

    pub(super) fn read(&self, name: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, ArchiveError> {
        let mut told = |cause: &Cause| (self.told)(cause);
        let mut store = Patient::new(&self.store, &mut told);
        self.runtime.block_on(store.get_whole(name, bytes_max)).map_err(|cause| self.failed(name, cause))
    }

    fn find(&self, name: &str) -> Result<Option<u64>, ArchiveError> {
        self.patiently(name, async |store| store.find(name).await)
    }

    fn get(&self, name: &str, version: Option<&str>, at: u64, bytes: usize) -> Result<Vec<u8>, ArchiveError> {
        match self.patiently(name, async |store| store.get_version(name, version, at, bytes).await) {
            // It was removed since it was opened: files that are merged are.
            Err(_) if version.is_none() && matches!(self.find(name), Ok(None)) => {
                Err(ArchiveError::Missing { path: self.path(name) })
            }
            got => got,
        }
    }

    /// All versions of objects whose names begin so; for each name the newest first. `None` if that can't be told.
    ///
    /// # Errors
    /// The store's.
    pub fn versions(&self, begin: &str) -> Result<Option<Vec<KeptVersion>>, ArchiveError> {
        let mut told = |cause: &Cause| (self.told)(cause);
        let mut store = Patient::new(&self.store, &mut told);
        let mut all = Vec::new();
        let listed = self.runtime.block_on(store.versions(begin, |version| all.push(version)));
        listed.map(|listed| listed.then_some(all)).map_err(|cause| self.failed(begin, cause))
    }

    /// What the store calls the version that a name stands for; `None` if there is no such object, or the store keeps no versions.
    ///
    /// # Errors
    /// The store's.
    pub fn version_of(&self, name: &str) -> Result<Option<String>, ArchiveError> {
        self.patiently(name, async |store| store.version_of(name).await)
    }

    /// Whether a version is there.
    ///
    /// # Errors
    /// The store's.
    pub fn has_version(&self, name: &str, id: &str) -> Result<bool, ArchiveError> {
        self.patiently(name, async |store| store.has_version(name, id).await)
    }

    /// Removes versions of an object. Returns those that are left.
    ///
    /// # Errors
    /// The store's.
    pub fn remove_versions(&self, kept: &[KeptVersion]) -> Result<Vec<LeftVersion>, ArchiveError> {
        let name = kept.first().map_or("", |version| &version.name);
        self.patiently(name, async |store| remove_versions(store, kept).await)
    }

    fn patiently<T>(&self, name: &str, call: impl AsyncFn(&Store) -> Result<T, Cause>) -> Result<T, ArchiveError> {
        let mut told = |cause: &Cause| (self.told)(cause);
        let mut store = Patient::new(&self.store, &mut told);
        let done = self.runtime.block_on(store.patiently(async || call(&self.store).await));
        done.map_err(|cause| self.failed(name, cause))
    }

    fn failed(&self, name: &str, cause: Cause) -> ArchiveError {
        ArchiveError::Store { path: self.path(name), cause }
    }
}

/// A file in a store.
#[derive(Debug)]
pub struct RemoteFile {
    remote: Arc<Remote>,
    name: String,
    /// The version, if it is not what the name stands for.
    version: Option<String>,
    bytes: u64,
    /// The blocks read last, by their place in the file; the newest at the end.
    kept: Mutex<VecDeque<(u64, Bytes)>>,
}

impl RemoteFile {
    pub(super) fn open(remote: &Arc<Remote>, name: &str, bytes: u64) -> Result<Self, ArchiveError> {
        let path = remote.path(name);
        match remote.find(name)? {
            Some(found) if found == bytes => {
                let (remote, name) = (Arc::clone(remote), name.to_owned());
                Ok(Self { remote, name, version: None, bytes, kept: Mutex::default() })
            }
            Some(_) => Err(ArchiveError::Damaged { path }),
            None => Err(ArchiveError::Missing { path }),
        }
    }

    pub(super) fn of_version(remote: &Arc<Remote>, kept: &KeptVersion) -> Self {
        let (remote, name, version) = (Arc::clone(remote), kept.name.clone(), Some(kept.id.clone()));
        Self { remote, name, version, bytes: kept.bytes, kept: Mutex::default() }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.remote.path(&self.name)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads a part that lies within the file.
    pub(super) fn read(&self, at: u64, bytes: usize) -> Result<Bytes, ArchiveError> {
        if bytes as u64 > BLOCKS_AHEAD * BLOCK_BYTES {
            return self.remote.get(&self.name, self.version.as_deref(), at, bytes).map(Bytes::from);
        }
        let end = at + bytes as u64;
        let mut read = BytesMut::with_capacity(bytes);
        let mut at = at;
        while at < end {
            let block = self.block(at / BLOCK_BYTES)?;
            let from = (at % BLOCK_BYTES) as usize;
            let until = block.len().min(from + (end - at) as usize);
            if from >= until {
                return Err(ArchiveError::Damaged { path: self.path() });
            }
            read.extend_from_slice(&block[from..until]);
            at += (until - from) as u64;
        }
        Ok(read.freeze())
    }

    fn block(&self, number: u64) -> Result<Bytes, ArchiveError> {
        // Held while a block is read: who wants the same one waits for it.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, block)) = kept.iter().find(|(found, _)| *found == number) {
            return Ok(block.clone());
        }
        let reads_on = number > 0 && kept.iter().any(|(found, _)| *found == number - 1);
        let count = if reads_on { BLOCKS_AHEAD } else { 1 };
        let from = number * BLOCK_BYTES;
        let bytes = (count * BLOCK_BYTES).min(self.bytes - from);
        let read = Bytes::from(self.remote.get(&self.name, self.version.as_deref(), from, bytes as usize)?);
        let first = read.slice(..read.len().min(BLOCK_BYTES as usize));
        for (place, piece) in (number..).zip(0..bytes.div_ceil(BLOCK_BYTES)) {
            let from = (piece * BLOCK_BYTES) as usize;
            // A copy, so that a block that is kept does not keep its neighbours.
            let block = Bytes::copy_from_slice(&read[from..read.len().min(from + BLOCK_BYTES as usize)]);
            kept.push_back((place, block));
        }
        while kept.len() > BLOCKS_KEPT {
            kept.pop_front();
        }
        Ok(first)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test may panic and block")]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_removed_after_it_was_opened_is_missing_and_no_fault_of_the_store() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.parquet"), [1; 100]).unwrap();
        let url = format!("file://{}", folder.path().display());
        let access = StoreAccess::to(url.parse().unwrap());
        let remote = Arc::new(Remote::open(&access, |_| ()).unwrap());
        let file = RemoteFile::open(&remote, "a.parquet", 100).unwrap();
        std::fs::remove_file(folder.path().join("a.parquet")).unwrap();
        assert!(matches!(file.read(0, 10), Err(ArchiveError::Missing { .. })));
    }
}
