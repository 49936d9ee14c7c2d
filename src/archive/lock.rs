//! The lock of an archive: held while files are written and the manifest is replaced.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::FlockOperation;

use super::error::ArchiveError;
use super::place::Place;

/// How long to wait. The other one writes a chunk, or merges an hour, on a busy disk.
const WAIT_MAX: Duration = Duration::from_secs(600);
const PAUSE: Duration = Duration::from_millis(20);

/// The lock. Dropping it gives it up, as does the end of the process.
#[derive(Debug)]
pub struct ArchiveLock {
    _file: File,
}

impl ArchiveLock {
    /// Waits for the lock, and gives up when `is_stopping` says so.
    ///
    /// # Errors
    /// [`ArchiveError::Stopped`], [`ArchiveError::Locked`] after ten minutes, or the system's error.
    pub fn take(place: &Place, is_stopping: &dyn Fn() -> bool) -> Result<Self, ArchiveError> {
        let path = place.lock();
        let began = Instant::now();
        loop {
            if let Some(lock) = Self::try_take(&path)? {
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
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => Ok(None),
            Err(errno) => Err(ArchiveError::io(path, "lock the file")(errno.into())),
        }
    }
}
