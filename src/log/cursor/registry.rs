//! The cursors of a log: registered, read, kept, listed and removed, under their lock.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use uuid::Uuid;

use crate::log::disk::calls::Disk;
use crate::log::disk::locked_file::LockedFile;
use crate::log::disk::{calls, small_file};
use crate::log::error::LogError;
use crate::log::format::position::MergePosition;
use crate::log::read::reader::LogReader;

use super::file::Cursor;
use super::name::ConsumerName;
use super::position::{From, position_at};

/// The folder of cursors, beside the log's.
pub const CURSORS_DIR_NAME: &str = "cursors";

/// How many consumers there may be.
pub const CONSUMERS_MAX: usize = 64;

/// The largest cursor that is read: far above what 65,536 cores need.
const BYTES_MAX: u64 = 8 << 20;

/// How long to wait for the lock of the cursors. It is held for a few syncs of small files.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// A cursor's file as a listing found it.
#[derive(Debug)]
pub struct Listed {
    /// The file's name without its extension: the consumer's name, if the file is a cursor.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// When it was last written.
    pub modified: Option<SystemTime>,
    /// Its contents, or why they can't be believed.
    pub cursor: Result<Cursor, LogError>,
}

/// The cursors of a log.
#[derive(Debug, Clone)]
pub struct Cursors {
    disk: &'static dyn Disk,
    log_dir: PathBuf,
    dir: PathBuf,
    log: Uuid,
}

impl Cursors {
    /// The cursors beside a log's folder, for that log.
    pub fn beside(log_dir: &Path, log: Uuid) -> Cursors {
        Cursors::beside_on(calls::REAL, log_dir, log)
    }

    pub(in crate::log) fn beside_on(disk: &'static dyn Disk, log_dir: &Path, log: Uuid) -> Cursors {
        let parent = log_dir.parent().unwrap_or(log_dir);
        Cursors { disk, log_dir: log_dir.to_path_buf(), dir: parent.join(CURSORS_DIR_NAME), log }
    }

    /// The cursors of the log that `reader` reads.
    pub fn of(reader: &LogReader) -> Cursors {
        Cursors::beside(reader.dir(), reader.log_uuid())
    }

    /// The file of a consumer.
    pub fn path(&self, name: &ConsumerName) -> PathBuf {
        self.dir.join(name.as_str()).with_extension("json")
    }

    /// The consumer's cursor; None if it is not registered.
    ///
    /// # Errors
    /// The file can't be read or believed, see [`Cursor::decode`].
    pub fn read(&self, name: &ConsumerName) -> Result<Option<Cursor>, LogError> {
        self.read_path(&self.path(name))
    }

    fn read_path(&self, path: &Path) -> Result<Option<Cursor>, LogError> {
        let text = small_file::read(path, BYTES_MAX).map_err(LogError::io(path, "read the cursor"))?;
        let Some(text) = text else { return Ok(None) };
        let cursor = Cursor::decode(path, &text)?;
        if cursor.position.log != self.log {
            let fault = "the cursor of another log";
            return Err(LogError::Cursor { path: path.to_path_buf(), fault });
        }
        Ok(Some(cursor))
    }

    /// All cursors, by name. One that can't be believed is listed with the reason.
    ///
    /// # Errors
    /// The folder can't be listed, or holds more than [`CONSUMERS_MAX`] cursors.
    pub fn list(&self) -> Result<Vec<Listed>, LogError> {
        let list = || LogError::io(&self.dir, "list the cursors");
        let entries = match fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(list()(error)),
        };
        let mut listed = Vec::new();
        for entry in entries {
            let path = entry.map_err(list())?.path();
            // A folder or a pipe is no registration, whatever its name.
            let is_other = fs::metadata(&path).is_ok_and(|meta| !meta.is_file());
            if is_other || path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let cursor = match self.read_path(&path) {
                Ok(Some(cursor)) => Ok(cursor),
                // Removed since it was listed.
                Ok(None) => continue,
                Err(error) => Err(error),
            };
            if listed.len() == CONSUMERS_MAX {
                return Err(list()(io::Error::other("there are more consumers than can be kept apart; remove some")));
            }
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let modified = fs::metadata(&path).and_then(|meta| meta.modified()).ok();
            listed.push(Listed { name, path, modified, cursor });
        }
        listed.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(listed)
    }

    /// Registers a consumer.
    ///
    /// # Errors
    /// [`LogError::Consumer`] if the name is taken or there are too many consumers; failures to write.
    pub fn register(&self, cursor: &Cursor) -> Result<(), LogError> {
        let name = &cursor.consumer;
        let _lock = self.lock()?;
        if self.path(name).exists() {
            return Err(refused(name, "it is registered already; remove it first to begin anew"));
        }
        if self.list()?.len() >= CONSUMERS_MAX {
            return Err(refused(name, "there are as many consumers as there may be (64); remove some first"));
        }
        self.make_dir()?;
        self.write(cursor)
    }

    /// Registers a consumer at one end of the log as it is now. No segment goes in between.
    ///
    /// # Errors
    /// Those of [`register`](Cursors::register), and a log that can't be read.
    pub fn register_at(
        &self,
        reader: &LogReader,
        name: &ConsumerName,
        holds: bool,
        from: From,
    ) -> Result<Cursor, LogError> {
        let mut cursor = Cursor { consumer: name.clone(), holds, position: position_at(reader, from)? };
        self.register(&cursor)?;
        // What was deleted between reading the position and registering must not count as missed; from here on nothing is deleted.
        if from == From::Start {
            cursor.position = position_at(reader, from)?;
            self.keep(name, &cursor.position)?;
        }
        Ok(cursor)
    }

    /// Keeps how far a consumer has come. When this returns, it survives the machine.
    ///
    /// # Errors
    /// [`LogError::Consumer`] if the consumer was removed: it must end, or be registered again. A cursor that can't be believed stays as it is.
    pub fn keep(&self, name: &ConsumerName, position: &MergePosition) -> Result<(), LogError> {
        let _lock = self.lock()?;
        let cursor = self.read(name)?.ok_or_else(|| refused(name, "it is not registered (any more)"))?;
        if cursor.position == *position {
            // It was written, but that call may have failed at its last step, the sync.
            return self.sync();
        }
        self.write(&Cursor { position: position.clone(), ..cursor })
    }

    /// Removes a consumer, whatever its file says: it holds nothing any more. False if there is none of this name.
    pub fn remove(&self, name: &ConsumerName) -> Result<bool, LogError> {
        let _lock = self.lock()?;
        let path = self.path(name);
        match self.disk.remove(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(LogError::io(&path, "remove the cursor")(error)),
        }
        self.sync()?;
        Ok(true)
    }

    /// Keeps everybody else from changing cursors until the lock is dropped.
    pub(in crate::log) fn lock(&self) -> Result<CursorsLock, LogError> {
        let failed = || LogError::io(&self.log_dir, "lock the cursors");
        // The folder itself is locked, which needs no file and no space.
        let folder = File::open(&self.log_dir).map_err(failed())?;
        let locked = LockedFile::alone(folder, LOCK_WAIT).map_err(failed())?;
        locked.map(|folder| CursorsLock { _folder: folder }).ok_or_else(|| failed()(io::ErrorKind::WouldBlock.into()))
    }

    fn write(&self, cursor: &Cursor) -> Result<(), LogError> {
        small_file::replace(self.disk, &self.path(&cursor.consumer), &cursor.encode()?, "write the cursor")
    }

    /// Makes the folder and syncs its name, which it also does for a folder that exists: whoever made it may have been killed before the sync.
    fn make_dir(&self) -> Result<(), LogError> {
        match self.disk.make_dir(&self.dir) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(LogError::io(&self.dir, "make the folder")(error));
            }
            _ => {}
        }
        let parent = self.dir.parent().unwrap_or(&self.dir);
        self.disk.sync_dir(parent).map_err(LogError::io(parent, "sync the folder"))
    }

    /// Makes the cursors as they are durable, even if whoever wrote them was killed before the sync.
    pub(in crate::log) fn sync(&self) -> Result<(), LogError> {
        match self.disk.sync_dir(&self.dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(LogError::io(&self.dir, "sync the folder")(error))
            }
            _ => Ok(()),
        }
    }
}

/// The lock of the cursors. Dropping it gives it up.
#[derive(Debug)]
pub(in crate::log) struct CursorsLock {
    _folder: LockedFile,
}

fn refused(name: &ConsumerName, problem: &'static str) -> LogError {
    LogError::Consumer { name: name.to_string(), problem }
}

#[cfg(test)]
mod tests;
