//! A folder of this machine as a store: a mounted share or another disk.
//!
//! A file gets its name when it is whole and durable. The folder itself is never made: if a share is not mounted, nothing must be written to
//! where it belongs.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::Advice;

use super::object::{Object, ObjectPage};

/// What the name of an unfinished file ends in. One that is left is overwritten by the next attempt.
const UNFINISHED: &str = ".unfinished";

/// The folder.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
}

/// A file that is being written.
#[derive(Debug)]
pub struct UnfinishedFile {
    file: File,
    path: PathBuf,
    bytes: u64,
}

/// A failed call, and on what.
pub type Fault = (io::Error, PathBuf);

impl Folder {
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_path_buf() }
    }

    /// Whether it is there.
    pub fn check(&self) -> Result<(), Fault> {
        fs::read_dir(&self.root).map(drop).map_err(|error| (error, self.root.clone()))
    }

    /// The length of a file; `None` if it is not there.
    pub fn find(&self, name: &str) -> Result<Option<u64>, Fault> {
        self.check()?;
        let path = self.root.join(name);
        match fs::metadata(&path) {
            Ok(meta) => Ok(Some(meta.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err((error, path)),
        }
    }

    /// Begins a file, and makes the folders that it lies in.
    pub fn begin(&self, name: &str) -> Result<UnfinishedFile, Fault> {
        self.check()?;
        let path = self.root.join(name);
        self.make_folders(&path)?;
        let unfinished = unfinished(&path);
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished);
        match file {
            Ok(file) => Ok(UnfinishedFile { file, path, bytes: 0 }),
            Err(error) => Err((error, unfinished)),
        }
    }

    /// Removes a file.
    pub fn remove(&self, name: &str) -> Result<(), Fault> {
        let path = self.root.join(name);
        fs::remove_file(&path).map_err(|error| (error, path.clone()))?;
        sync_parent(&path)
    }

    /// Reads a part of a file.
    pub fn read(&self, name: &str, at: u64, bytes: usize) -> Result<Vec<u8>, Fault> {
        self.check()?;
        let path = self.root.join(name);
        let read = || {
            let file = File::open(&path)?;
            let mut buffer = vec![0; bytes];
            file.read_exact_at(&mut buffer, at)?;
            Ok(buffer)
        };
        read().map_err(|error| (error, path.clone()))
    }

    /// What is in a folder below: its files and folders, all at once.
    pub fn list(&self, prefix: &str) -> Result<ObjectPage, Fault> {
        self.check()?;
        let dir = self.root.join(prefix);
        let entries = match fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(ObjectPage::default()),
            Err(error) => return Err((error, dir)),
        };
        let mut page = ObjectPage::default();
        for entry in entries {
            let found = entry.and_then(|entry| Ok((entry.file_name(), fs::metadata(entry.path())?)));
            let (name, meta) = match found {
                Ok(found) => found,
                // Finished or removed since it was listed.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err((error, dir)),
            };
            let Some(name) = name.to_str().filter(|name| !name.ends_with(UNFINISHED)) else { continue };
            let full = format!("{prefix}{name}");
            if meta.is_dir() {
                page.folders.push(full);
            } else if meta.is_file() {
                let modified = meta.modified().unwrap_or(std::time::UNIX_EPOCH);
                page.objects.push(Object { name: full, bytes: meta.len(), modified });
            }
        }
        Ok(page)
    }

    fn make_folders(&self, path: &Path) -> Result<(), Fault> {
        let below: Vec<&Path> = path.ancestors().skip(1).take_while(|at| **at != *self.root).collect();
        for dir in below.into_iter().rev() {
            match DirBuilder::new().mode(0o700).create(dir) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err((error, dir.to_path_buf())),
                _ => {}
            }
            sync_parent(dir)?;
        }
        Ok(())
    }
}

impl UnfinishedFile {
    /// Appends to it, durably: if all were left to the end, that alone would take longer than a stop waits.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let written = self.file.write_all_at(bytes, self.bytes).and_then(|()| self.file.sync_data());
        written.map_err(|error| (error, unfinished(&self.path)))?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Makes it durable and gives it its name.
    pub fn finish(&mut self) -> Result<(), Fault> {
        let named = || {
            self.file.sync_all()?;
            // What is read next, to check it, comes from the disk. Where that can't be asked for, it may come from memory.
            let _ = rustix::fs::fadvise(&self.file, 0, None, Advice::DontNeed);
            fs::rename(unfinished(&self.path), &self.path)
        };
        named().map_err(|error| (error, self.path.clone()))?;
        sync_parent(&self.path)
    }

    /// Drops it.
    pub fn give_up(&self) {
        // If it stays, the next attempt overwrites it.
        let _ = fs::remove_file(unfinished(&self.path));
    }
}

fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(UNFINISHED);
    PathBuf::from(name)
}

fn sync_parent(path: &Path) -> Result<(), Fault> {
    let parent = path.parent().unwrap_or(path);
    File::open(parent).and_then(|dir| dir.sync_all()).map_err(|error| (error, parent.to_path_buf()))
}
