//! The lock of an archive: held while files are written and the manifest is replaced.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::log::disk::locked_file::LockedFile;

use super::error::ArchiveError;
use super::place::{Place, sync_dir};

/// How long to wait. The other one writes a chunk, or merges an hour, on a busy disk.
const WAIT_MAX: Duration = Duration::from_secs(600);
const PAUSE: Duration = Duration::from_millis(20);

/// The lock. Dropping it gives it up, as does the end of the process.
#[derive(Debug)]
pub struct ArchiveLock {
    file: LockedFile,
    path: PathBuf,
}

impl ArchiveLock {
    /// Waits for the lock, and gives up when `is_stopping` says so.
    ///
    /// Whoever held it before may have ended between renaming a file and syncing the folder. So the folder is synced first: what is read under the
    /// lock survives the machine, and what it does not name may be removed.
    ///
    /// # Errors
    /// [`ArchiveError::Stopped`], [`ArchiveError::Locked`] after ten minutes, or the system's error.
    pub fn take(place: &Place, is_stopping: &dyn Fn() -> bool) -> Result<Self, ArchiveError> {
        let path = place.lock();
        let began = Instant::now();
        loop {
            if let Some(lock) = Self::try_take(&path)? {
                sync_dir(place.dir())?;
                return Ok(lock);
            }
            if is_stopping() {
                return Err(ArchiveError::Stopped);
            }
            if began.elapsed() > WAIT_MAX {
                return Err(ArchiveError::Locked { path, waited_s: WAIT_MAX.as_secs() });
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Takes a lock at once; `None` if somebody else holds it.
    ///
    /// # Errors
    /// The system's.
    pub fn try_take(path: &Path) -> Result<Option<Self>, ArchiveError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(path).map_err(ArchiveError::io(path, "open the lock"))?;
        let locked = LockedFile::alone(file, Duration::ZERO).map_err(ArchiveError::io(path, "lock the file"))?;
        let lock = locked.map(|file| Self { file, path: path.to_owned() });
        // It may have been removed, or its folder replaced, since it was opened.
        Ok(lock.filter(Self::is_in_place))
    }

    /// Whether the path still leads to the file that is locked. If not, somebody else can hold a lock of the same name.
    pub fn is_in_place(&self) -> bool {
        let number = |meta: &fs::Metadata| (meta.dev(), meta.ino());
        match (self.file.metadata(), fs::metadata(&self.path)) {
            (Ok(held), Ok(found)) => number(&held) == number(&found),
            _ => false,
        }
    }
}
