//! Who writes the log. One server at a time.
//!
//! Two things are locked by `flock`, for as long as the server lives and by nothing once the process is gone: the file `lock`, which says
//! whose it is, and the folder of the first core. The file alone would not do: somebody who removes it, to get rid of what looks like a
//! stale one, would let a second server in beside the first. The folder of a core can't be replaced without taking its segments away.
//! (The folder of the log is the lock of the cursors.)

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use crate::log::error::LogError;
use crate::log::names::{LOCK_FILE_NAME, core_dir};

use super::locked_file::LockedFile;

/// A lock that was given up a moment ago, or that a reader tries for an instant, is waited for.
const LOCK_WAIT: Duration = Duration::from_millis(300);

/// What stands before the process id until the control pages are this server's.
const STARTING: &str = "starting ";

/// The right to write a log, as long as this lives.
#[derive(Debug)]
pub(in crate::log) struct Lock {
    folder: LockedFile,
    file: LockedFile,
}

impl Lock {
    /// Takes the log in `dir`. The folder of its first core is there.
    pub fn take(dir: &Path) -> Result<Lock, LogError> {
        let (path, core) = (dir.join(LOCK_FILE_NAME), core_dir(dir, 0));
        let folder = File::open(&core).map_err(LogError::io(&core, "open the folder to lock it"))?;
        // First: a server that is turned away must not put its own lock file in place of one that was removed.
        let folder = hold(folder, &path)?;
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = hold(open.map_err(LogError::io(&path, "open the lock file"))?, &path)?;
        // The control pages may still be of an earlier server, which had the same process id if each ran in a container of its own.
        tell(&file, STARTING).map_err(LogError::io(&path, "write the lock file"))?;
        Ok(Lock { folder, file })
    }

    /// Gives up the right to write, and still keeps servers away. `None`: one was quicker.
    pub fn share(self, dir: &Path) -> Result<Option<[LockedFile; 2]>, LogError> {
        let share =
            |locked: LockedFile| locked.share().map_err(LogError::io(&dir.join(LOCK_FILE_NAME), "share the lock"));
        let (folder, file) = (share(self.folder)?, share(self.file)?);
        Ok(folder.zip(file).map(|(folder, file)| [folder, file]))
    }

    /// Says that the control pages are this server's from now on.
    pub fn tell_taken_up(&self, dir: &Path) -> Result<(), LogError> {
        tell(&self.file, "").map_err(LogError::io(&dir.join(LOCK_FILE_NAME), "write the lock file"))
    }
}

fn tell(mut file: &File, what: &str) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{what}{}", std::process::id())
}

fn hold(file: File, path: &Path) -> Result<LockedFile, LogError> {
    let locked = LockedFile::alone(file, LOCK_WAIT).map_err(LogError::io(path, "lock the log"))?;
    locked.ok_or_else(|| LogError::Locked { path: path.to_path_buf(), pid: pid(path) })
}

/// The process that says that it has the lock.
pub(in crate::log) fn pid(path: &Path) -> Option<u32> {
    fs::read_to_string(path).ok().and_then(|text| text.trim().trim_start_matches(STARTING).parse().ok())
}

/// The same, if the control pages are its own by now.
pub(in crate::log) fn taken_up_by(path: &Path) -> Option<u32> {
    fs::read_to_string(path).ok().and_then(|text| text.trim().parse().ok())
}

/// Whether a server has the log in `dir`, which need not exist.
pub fn is_served(dir: &Path) -> bool {
    share(dir).is_none()
}

/// Keeps servers from the log in `dir` as long as the locks live. `None`: one has it.
///
/// What is not there, can't be opened, or lies on a file system without locks, no server holds.
pub(in crate::log) fn share(dir: &Path) -> Option<Vec<LockedFile>> {
    let mut shared = Vec::new();
    for path in [core_dir(dir, 0), dir.join(LOCK_FILE_NAME)] {
        let Ok(file) = File::open(&path) else { continue };
        match LockedFile::shared(file) {
            Ok(None) => return None,
            Ok(Some(locked)) => shared.push(locked),
            Err(_) => {}
        }
    }
    Some(shared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_shared_lets_readers_in_and_keeps_servers_out() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(core_dir(dir.path(), 0)).unwrap();
        let lock = Lock::take(dir.path()).unwrap();
        assert!(is_served(dir.path()));
        let shared = lock.share(dir.path()).unwrap().unwrap();
        assert!(!is_served(dir.path()));
        assert!(matches!(Lock::take(dir.path()), Err(LogError::Locked { .. })));
        drop(shared);
        Lock::take(dir.path()).unwrap();
    }
}
