//! Changes of the store.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use blake3::Hash;

use crate::log::disk::locked_file::LockedFile;

use super::address::Address;
use super::error::AssetsError;
use super::index::{ENTRIES_MAX, Entry, ProjectIndex};
use super::kind::Kind;
use super::store::Store;

/// How long to wait for somebody else who changes the store.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(60);

/// After so many new bytes the indexes are written, and what has to leave does.
const UNNAMED_BYTES_MAX: u64 = 64 << 20;

/// What a file is called until it is whole.
const FRESH: &str = ".new-";

/// How much may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of one asset.
    pub asset_bytes: u64,
    /// Of all together.
    pub store_bytes: u64,
}

/// What a change has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changed {
    /// Assets that are new, or have another content than before.
    pub added: u64,
    /// Assets that were there.
    pub unchanged: u64,
    /// Assets that were removed because somebody said so.
    pub removed: u64,
    /// Assets that had to leave because of the limits.
    pub evicted: u64,
    /// Bytes of contents that are gone.
    pub freed_bytes: u64,
}

/// Why an asset is not added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooLarge {
    /// It is larger than one asset may be.
    Asset,
    /// It is larger than all may be together.
    Store,
}

/// A change, under the lock: [`finish`](Change::finish) makes it durable. One that is dropped may leave contents that no index names.
#[derive(Debug)]
pub struct Change {
    store: Store,
    limits: Limits,
    indexes: BTreeMap<u32, ProjectIndex>,
    /// How many assets have a content, and its length.
    uses: HashMap<Hash, (u64, u64)>,
    bytes: u64,
    dirty: BTreeSet<u32>,
    /// Folders with files that may not survive the machine yet.
    unsynced: BTreeSet<PathBuf>,
    unnamed_bytes: u64,
    done: Changed,
    _lock: LockedFile,
}

impl Change {
    /// Waits for the lock, makes the folder if it is not there, and removes what a change that was cut off has left.
    ///
    /// # Errors
    /// The lock is held for too long, or a file can't be read or written.
    pub fn begin(store: &Store, limits: Limits) -> Result<Change, AssetsError> {
        make_dir(store.dir())?;
        make_dir(&store.indexes())?;
        let lock = lock(&store.lock())?;
        // Whoever held it before may have ended before an index that was replaced was sure to survive the machine. What it does not name is removed below.
        sync_dir(&store.indexes())?;
        let mut change = Change {
            store: store.clone(),
            limits,
            indexes: BTreeMap::new(),
            uses: HashMap::new(),
            bytes: 0,
            dirty: BTreeSet::new(),
            unsynced: BTreeSet::new(),
            unnamed_bytes: 0,
            done: Changed::default(),
            _lock: lock,
        };
        for project in store.projects()? {
            let index = store.project(project)?;
            for (_, entry) in index.iter() {
                change.count(entry);
            }
            change.indexes.insert(project, index);
        }
        change.sweep()?;
        change.done = Changed::default();
        Ok(change)
    }

    /// Keeps an asset. `Ok(Err(…))`: it is too large.
    ///
    /// # Errors
    /// A file can't be written.
    pub fn add(
        &mut self,
        project: u32,
        address: Address,
        kind: Kind,
        bytes: &[u8],
        now_ms: u64,
    ) -> Result<Result<(), TooLarge>, AssetsError> {
        let length = bytes.len() as u64;
        if length > self.limits.asset_bytes {
            return Ok(Err(TooLarge::Asset));
        }
        if length > self.limits.store_bytes {
            return Ok(Err(TooLarge::Store));
        }
        let entry = Entry { hash: blake3::hash(bytes), kind, bytes: length, added_ms: now_ms };
        let is_there = self.store.read(&entry).is_ok_and(|found| found.is_some());
        if !is_there {
            self.write_content(&entry.hash, bytes)?;
            self.unnamed_bytes += length;
        }
        self.count(&entry);
        let index = self.indexes.entry(project).or_default();
        let before = index.insert(address, entry.clone());
        let same = before.as_ref().is_some_and(|before| before.hash == entry.hash && before.kind == kind);
        if let Some(before) = before {
            self.uncount(&before);
        }
        self.dirty.insert(project);
        if same {
            self.done.unchanged += 1
        } else {
            self.done.added += 1
        }
        if self.unnamed_bytes > UNNAMED_BYTES_MAX {
            self.commit()?;
        }
        Ok(Ok(()))
    }

    /// Takes the assets of a project out, all or those whose URL begins like this. How many.
    pub fn remove(&mut self, project: u32, prefix: &str) -> u64 {
        let Some(index) = self.indexes.get(&project) else { return 0 };
        let gone: Vec<Address> = index
            .iter()
            .map(|(address, _)| address)
            .filter(|address| address.as_str().starts_with(prefix))
            .cloned()
            .collect();
        for address in &gone {
            self.take_out(project, address);
        }
        self.done.removed += gone.len() as u64;
        gone.len() as u64
    }

    /// Makes it durable.
    ///
    /// # Errors
    /// A file can't be written.
    pub fn finish(mut self) -> Result<Changed, AssetsError> {
        self.commit()?;
        Ok(self.done)
    }

    fn commit(&mut self) -> Result<(), AssetsError> {
        self.evict();
        self.name_contents()?;
        self.sweep()
    }

    /// Makes contents durable, then the indexes that name them.
    fn name_contents(&mut self) -> Result<(), AssetsError> {
        for folder in std::mem::take(&mut self.unsynced) {
            sync_dir(&folder)?;
        }
        let folder = self.store.indexes();
        let dirty = std::mem::take(&mut self.dirty);
        for project in &dirty {
            let path = self.store.index_path(*project);
            match self.indexes.get(project).filter(|index| !index.is_empty()) {
                Some(index) => replace(self.store.dir(), &path, &index.text(), "write the index")?,
                None => match fs::remove_file(&path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(AssetsError::io(&path, "remove the index")(error));
                    }
                    _ => {}
                },
            }
        }
        if !dirty.is_empty() {
            sync_dir(&folder)?;
        }
        self.unnamed_bytes = 0;
        Ok(())
    }

    /// Removes contents that no index names, and files that were never finished.
    fn sweep(&mut self) -> Result<(), AssetsError> {
        let dir = self.store.dir().to_owned();
        for (name, path) in files(&dir)? {
            if name.starts_with(FRESH) {
                remove(&path)?;
            }
            let is_of_contents = name.len() == 2 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
            if !is_of_contents {
                continue;
            }
            for (name, path) in files(&path)? {
                let Ok(hash) = Hash::from_hex(&name) else { continue };
                if !self.uses.contains_key(&hash) {
                    let length = fs::metadata(&path).map_or(0, |found| found.len());
                    remove(&path)?;
                    self.done.freed_bytes += length;
                }
            }
        }
        Ok(())
    }

    fn write_content(&mut self, hash: &Hash, bytes: &[u8]) -> Result<(), AssetsError> {
        let path = self.store.content(hash);
        let folder = path.parent().unwrap_or(self.store.dir()).to_owned();
        make_dir(&folder)?;
        replace(self.store.dir(), &path, bytes, "write the asset")?;
        self.unsynced.insert(folder);
        Ok(())
    }

    /// Takes out what was added first until the rest is within the limits.
    fn evict(&mut self) {
        let large = self.indexes.iter().filter(|(_, index)| index.len() > ENTRIES_MAX);
        let mut going: Vec<(u32, Address)> = Vec::new();
        for (project, index) in large {
            let all = by_age(std::iter::once((project, index)));
            going.extend(all.into_iter().take(index.len() - ENTRIES_MAX));
        }
        for (project, address) in going {
            self.evict_one(project, &address);
        }
        if self.bytes <= self.limits.store_bytes {
            return;
        }
        for (project, address) in by_age(self.indexes.iter()) {
            if self.bytes <= self.limits.store_bytes {
                break;
            }
            self.evict_one(project, &address);
        }
    }

    fn evict_one(&mut self, project: u32, address: &Address) {
        self.take_out(project, address);
        self.done.evicted += 1;
    }

    fn take_out(&mut self, project: u32, address: &Address) {
        if let Some(entry) = self.indexes.get_mut(&project).and_then(|index| index.remove(address)) {
            self.uncount(&entry);
            self.dirty.insert(project);
        }
    }

    fn count(&mut self, entry: &Entry) {
        let (uses, _) = self.uses.entry(entry.hash).or_insert((0, entry.bytes));
        *uses += 1;
        if *uses == 1 {
            self.bytes += entry.bytes;
        }
    }

    fn uncount(&mut self, entry: &Entry) {
        if let Some((uses, bytes)) = self.uses.get_mut(&entry.hash) {
            *uses -= 1;
            if *uses == 0 {
                self.bytes -= *bytes;
                self.uses.remove(&entry.hash);
            }
        }
    }
}

/// The assets of these projects, those that were added first in front.
fn by_age<'a>(indexes: impl Iterator<Item = (&'a u32, &'a ProjectIndex)>) -> Vec<(u32, Address)> {
    let mut all: Vec<(u64, u32, &Address)> = Vec::new();
    for (project, index) in indexes {
        all.extend(index.iter().map(|(address, entry)| (entry.added_ms, *project, address)));
    }
    all.sort_unstable();
    all.into_iter().map(|(_, project, address)| (project, address.clone())).collect()
}

fn lock(path: &Path) -> Result<LockedFile, AssetsError> {
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    let file = opened.map_err(AssetsError::io(path, "open the lock"))?;
    let locked = LockedFile::alone(file, LOCK_WAIT_MAX).map_err(AssetsError::io(path, "take the lock"))?;
    locked.ok_or_else(|| AssetsError::Locked(path.to_owned()))
}

/// Puts a whole, synced file in the place of another. Its folder is not synced.
fn replace(scratch: &Path, path: &Path, bytes: &[u8], doing: &'static str) -> Result<(), AssetsError> {
    let written = || -> io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(FRESH).tempfile_in(scratch)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    written().map_err(AssetsError::io(path, doing))
}

fn make_dir(path: &Path) -> Result<(), AssetsError> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => path.parent().map_or(Ok(()), sync_dir),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(AssetsError::io(path, "make the folder")(error)),
    }
}

fn sync_dir(path: &Path) -> Result<(), AssetsError> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(AssetsError::io(path, "sync the folder"))
}

fn remove(path: &Path) -> Result<(), AssetsError> {
    fs::remove_file(path).map_err(AssetsError::io(path, "remove the file"))
}

/// What is in a folder, by names that are text.
fn files(folder: &Path) -> Result<Vec<(String, PathBuf)>, AssetsError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(AssetsError::io(folder, "read the folder"))? {
        let entry = entry.map_err(AssetsError::io(folder, "read the folder"))?;
        found.extend(entry.file_name().into_string().ok().map(|name| (name, entry.path())));
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
