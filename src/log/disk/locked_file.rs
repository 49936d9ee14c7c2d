//! A file, or a folder, that one process at a time has, by `flock`.

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// How often a lock that somebody else holds is tried.
const PAUSE: Duration = Duration::from_millis(10);

/// A locked file. It is unlocked when this goes, or with the process.
///
/// Closing the file alone would not do: a process that another thread starts has the file, too, until it runs its own program, and the
/// lock would last as long.
#[derive(Debug)]
pub struct LockedFile(File);

impl LockedFile {
    /// Keeps everybody else out, and waits this long for them. `None`: somebody has it still.
    ///
    /// # Errors
    /// The system's, such as [`Errno::NOLCK`] on a file system without locks.
    pub fn alone(file: File, wait: Duration) -> io::Result<Option<Self>> {
        Self::lock(file, FlockOperation::NonBlockingLockExclusive, wait)
    }

    /// Keeps those out who want it alone. `None`: somebody has it alone.
    ///
    /// # Errors
    /// As [`alone`](LockedFile::alone).
    pub fn shared(file: File) -> io::Result<Option<Self>> {
        Self::lock(file, FlockOperation::NonBlockingLockShared, Duration::ZERO)
    }

    /// Shares what it had alone. `None`: somebody else was quicker; the kernel lets them in between.
    ///
    /// # Errors
    /// As [`alone`](LockedFile::alone).
    pub fn share(self) -> io::Result<Option<Self>> {
        match flock(&self.0, FlockOperation::NonBlockingLockShared) {
            Ok(()) => Ok(Some(self)),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    fn lock(file: File, how: FlockOperation, wait: Duration) -> io::Result<Option<Self>> {
        let began = Instant::now();
        loop {
            match flock(&file, how) {
                Ok(()) => return Ok(Some(Self(file))),
                Err(Errno::INTR) => {}
                Err(Errno::WOULDBLOCK) if began.elapsed() < wait => thread::sleep(PAUSE),
                Err(Errno::WOULDBLOCK) => return Ok(None),
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

impl Deref for LockedFile {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl Drop for LockedFile {
    fn drop(&mut self) {
        // Closing the file, which follows, unlocks it as well where nobody else has it.
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}

/// Whether the file system knows no locks.
pub fn has_no_locks(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NOLCK | Errno::OPNOTSUPP | Errno::NOSYS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_ends_when_it_is_dropped_although_a_process_being_started_still_has_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let open = || File::open(dir.path()).unwrap();
        let lock = LockedFile::alone(open(), Duration::ZERO).unwrap().unwrap();
        // What a fork copies refers to the same open file, as this does.
        let copy = lock.try_clone().unwrap();
        assert!(LockedFile::alone(open(), Duration::ZERO).unwrap().is_none());
        drop(lock);
        let lock = LockedFile::alone(open(), Duration::ZERO).unwrap().unwrap();

        let shared = lock.share().unwrap().unwrap();
        let shared_copy = shared.try_clone().unwrap();
        assert!(LockedFile::shared(open()).unwrap().is_some());
        assert!(LockedFile::alone(open(), Duration::ZERO).unwrap().is_none());
        drop(shared);
        assert!(LockedFile::alone(open(), Duration::ZERO).unwrap().is_some());
        drop((copy, shared_copy));
    }
}
