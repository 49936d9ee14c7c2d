//! What is being erased, on disk: `<data>/erase/pending.json`, beside the lock.
//!
//! It is written before anything is changed, and removed when all is done. It holds session ids, and no user's: so little of a person is left under
//! the data folder until the erasure is finished, and nothing afterwards.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::log::disk::locked_file::LockedFile;
use crate::log::disk::owner;

use super::error::EraseError;
use super::targets::Targets;

/// The folder in the data folder.
const DIR_NAME: &str = "erase";

const VERSION: u32 = 1;

/// A server takes in a note of this length at most: some hundred thousand sessions.
const NOTED_BYTES_MAX: u64 = 4 << 20;

/// The right to erase from a data folder. One process at a time.
#[derive(Debug)]
pub struct Pending {
    dir: PathBuf,
    _lock: LockedFile,
}

/// The note.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    version: u32,
    receipt: String,
    sessions: Vec<String>,
    projects: Vec<u32>,
}

/// The folder of erasures, in a data folder.
pub fn dir(data: &Path) -> PathBuf {
    data.join(DIR_NAME)
}

/// The note's path, whether or not it is there.
pub fn path(data: &Path) -> PathBuf {
    dir(data).join("pending.json")
}

impl Pending {
    /// Takes the lock.
    ///
    /// # Errors
    /// [`EraseError::Busy`], or the system's.
    pub fn take(data: &Path) -> Result<Self, EraseError> {
        let dir = dir(data);
        match DirBuilder::new().mode(0o700).create(&dir) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(EraseError::io(&dir, "make the folder")(error));
            }
            _ => {}
        }
        let path = dir.join("lock");
        let open = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let lock = open.map_err(EraseError::io(&path, "open the lock"))?;
        owner::of_folder(&lock, &path);
        match LockedFile::alone(lock, Duration::ZERO).map_err(EraseError::io(&path, "lock the file"))? {
            Some(lock) => Ok(Self { dir, _lock: lock }),
            None => Err(EraseError::Busy { path }),
        }
    }

    fn path(&self) -> PathBuf {
        self.dir.join("pending.json")
    }

    /// What a run that was not finished was erasing, and its receipt.
    ///
    /// # Errors
    /// The note can't be read or believed.
    pub fn read(&self) -> Result<Option<(Uuid, Targets)>, EraseError> {
        read(&self.path())
    }

    /// Notes what is being erased. When this returns, it survives the machine.
    ///
    /// # Errors
    /// It can't be written.
    pub fn write(&self, receipt: Uuid, targets: &Targets) -> Result<(), EraseError> {
        let path = self.path();
        let fresh = path.with_extension("json.tmp");
        let note = Note {
            version: VERSION,
            receipt: receipt.to_string(),
            sessions: targets.sorted().iter().map(u64::to_string).collect(),
            projects: targets.projects.iter().copied().collect(),
        };
        let write = || {
            let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&fresh)?;
            owner::of_folder(&file, &fresh);
            file.write_all(&serde_json::to_vec(&note)?)?;
            file.sync_all()?;
            fs::rename(&fresh, &path)?;
            self.sync()
        };
        write().map_err(EraseError::io(&path, "note what is being erased"))
    }

    /// All is done.
    ///
    /// # Errors
    /// The note can't be removed.
    pub fn finish(&self) -> Result<(), EraseError> {
        let path = self.path();
        let _ = fs::remove_file(path.with_extension("json.tmp"));
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(EraseError::io(&path, "remove what was noted")(error))
            }
            _ => self.sync().map_err(EraseError::io(&path, "sync the folder")),
        }
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.dir)?.sync_all()?;
        self.dir.parent().map_or(Ok(()), |data| File::open(data)?.sync_all())
    }
}

/// What is being erased in a data folder; `None` if nothing is, or more than a server should have in memory.
///
/// # Errors
/// The note can't be read or believed.
pub fn noted(data: &Path) -> Result<Option<Targets>, EraseError> {
    if fs::metadata(path(data)).is_ok_and(|note| note.len() > NOTED_BYTES_MAX) {
        return Ok(None);
    }
    Ok(read(&path(data))?.map(|(_, targets)| targets))
}

fn read(path: &Path) -> Result<Option<(Uuid, Targets)>, EraseError> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(EraseError::io(path, "read what is being erased")(error)),
    };
    let refused = |reason: String| EraseError::Pending { path: path.to_path_buf(), reason };
    let note: Note = serde_json::from_slice(&text).map_err(|error| refused(error.to_string()))?;
    if note.version != VERSION {
        return Err(refused(format!("of version {}, and this takeup knows {VERSION}", note.version)));
    }
    let receipt = note.receipt.parse().map_err(|_| refused("its receipt has no id".to_owned()))?;
    let mut targets = Targets { projects: note.projects.into_iter().collect(), ..Targets::default() };
    for session in note.sessions {
        let session = session.parse().map_err(|_| refused(format!("{session:?} is no session")))?;
        targets.add(session)?;
    }
    Ok(Some((receipt, targets)))
}

#[cfg(test)]
mod tests;
