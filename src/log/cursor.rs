//! Consumers and their durable cursors: who reads the log, and how far each has come.
//!
//! A cursor is the file `cursors/<name>.json` beside the log's folder. It says which log it belongs to, the place in each core's log
//! of the next record to come, and whether it *holds*: segments that a holding consumer has not passed are kept for it. A consumer that does
//! not hold (the checker) takes what is there. Nothing else makes a consumer: a file that says so is its registration, and without the file there
//! is none.
//!
//! The file is replaced as a whole and synced, so that a crash leaves the old one or the new one. It carries a checksum, and is read only
//! if it is, byte for byte, what would be written for what it says. One that is not, or is of another log or a newer version, is never
//! taken for a place: reading it is an error, and until somebody decides, it counts as holding everything.
//!
//! Whoever changes a cursor, or decides by it, holds the lock of the cursors: `flock` on the log's folder. So a consumer that was removed is not
//! brought back by its own next [`keep`](Cursors::keep), and no segment goes while its consumer is being registered.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::disk::calls::Disk;
use super::disk::{calls, small_file};
use super::error::LogError;
use super::read::merge::{MergePosition, Place};
use super::read::reader::{LogReader, SegmentState, core_dirs};
use super::retain::ledger::Ledger;

mod name;

pub use name::{ConsumerName, NAME_BYTES_MAX};

/// The folder of cursors, beside the log's.
pub const CURSORS_DIR_NAME: &str = "cursors";

/// The version of a cursor's file.
pub const VERSION: u32 = 1;

/// How many consumers there may be.
pub const CONSUMERS_MAX: usize = 64;

/// The largest cursor that is read: far above what 65,536 cores take.
const BYTES_MAX: u64 = 8 << 20;

/// How long the lock of the cursors is waited for. It is held for a few syncs of small files.
const LOCK_WAIT: Duration = Duration::from_secs(5);
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// Where a new consumer begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// With the oldest record that is still there.
    Start,
    /// With what comes next.
    End,
}

/// A consumer, and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Its name.
    pub consumer: ConsumerName,
    /// Whether segments are kept until it has passed them.
    pub holds: bool,
    /// The next record to come, for each core.
    pub position: MergePosition,
}

/// A cursor's file as a listing found it.
#[derive(Debug)]
pub struct Listed {
    /// The file's name without its extension: the consumer's name, unless the file is not a cursor.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// When it was last written.
    pub modified: Option<SystemTime>,
    /// What it says, or why it can't be believed.
    pub cursor: Result<Cursor, LogError>,
}

#[derive(Serialize, Deserialize)]
struct Body {
    version: u32,
    consumer: ConsumerName,
    holds: bool,
    position: MergePosition,
}

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl Cursor {
    /// The text of its file.
    ///
    /// # Errors
    /// None that a cursor can cause; the encoder's.
    pub fn encode(&self) -> Result<Vec<u8>, LogError> {
        let Cursor { consumer, holds, position } = self.clone();
        let body = Body { version: VERSION, consumer, holds, position };
        let mut text = serde_json::to_vec(&body)
            .map_err(|error| LogError::io(Path::new(self.consumer.as_str()), "encode the cursor")(error.into()))?;
        let checksum = crc32c::crc32c(&text);
        // The checksum becomes the last field: it covers the text as it would be without it.
        text.pop();
        text.extend_from_slice(format!(",\"crc32c\":{checksum}}}\n").as_bytes());
        Ok(text)
    }

    /// What the text of a file says.
    ///
    /// # Errors
    /// [`LogError::Version`] for a newer one; [`LogError::Cursor`] for one that is torn, damaged, edited, or of another consumer than
    /// its file's name tells.
    pub fn decode(path: &Path, text: &[u8]) -> Result<Cursor, LogError> {
        let wrong = |fault| LogError::Cursor { path: path.to_path_buf(), fault };
        if let Ok(Versioned { version }) = serde_json::from_slice(text)
            && version > VERSION
        {
            return Err(LogError::Version { path: path.to_path_buf(), found: version, known: VERSION });
        }
        let body: Body = serde_json::from_slice(text).map_err(|_| wrong("not a cursor, or a torn or damaged one"))?;
        let Body { consumer, holds, position, .. } = body;
        let cursor = Cursor { consumer, holds, position };
        if cursor.encode()? != text {
            return Err(wrong("a damaged cursor: its checksum does not match what it says"));
        }
        if path.file_stem().and_then(|stem| stem.to_str()) != Some(cursor.consumer.as_str()) {
            return Err(wrong("the cursor of another consumer than its name tells"));
        }
        Ok(cursor)
    }

    /// Whether every record of a segment has been passed.
    pub fn has_passed(&self, core: u16, segment: u64, bytes: u64) -> bool {
        has_passed(&self.position, core, segment, bytes)
    }
}

/// Whether a position lies behind a segment of this length.
pub(super) fn has_passed(position: &MergePosition, core: u16, segment: u64, bytes: u64) -> bool {
    let place = position.cores.get(&core);
    place.is_some_and(|place| place.segment > segment || (place.segment == segment && place.offset >= bytes))
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

    pub(super) fn beside_on(disk: &'static dyn Disk, log_dir: &Path, log: Uuid) -> Cursors {
        let parent = log_dir.parent().unwrap_or(log_dir);
        Cursors { disk, log_dir: log_dir.to_path_buf(), dir: parent.join(CURSORS_DIR_NAME), log }
    }

    /// The cursors of the log that is read.
    pub fn of(reader: &LogReader) -> Cursors {
        Cursors::beside(reader.dir(), reader.log_uuid())
    }

    /// The file of a consumer.
    pub fn path(&self, name: &ConsumerName) -> PathBuf {
        self.dir.join(name.as_str()).with_extension("json")
    }

    /// The consumer's cursor; None where it is not registered.
    ///
    /// # Errors
    /// A file that can't be read or believed, see [`Cursor::decode`].
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

    /// Every cursor there is, by name. One that can't be believed is listed with the reason.
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
    /// [`LogError::Consumer`] if there is one of this name already, or there are too many; and what writing comes to.
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
    /// As [`register`](Cursors::register), and a log that can't be read.
    pub fn register_at(
        &self,
        reader: &LogReader,
        name: &ConsumerName,
        holds: bool,
        from: From,
    ) -> Result<Cursor, LogError> {
        let mut cursor = Cursor { consumer: name.clone(), holds, position: position_at(reader, from)? };
        self.register(&cursor)?;
        // What was deleted between the look and the registration is not missed; from here on nothing is deleted.
        if from == From::Start {
            cursor.position = position_at(reader, from)?;
            self.keep(name, &cursor.position)?;
        }
        Ok(cursor)
    }

    /// Keeps how far a consumer has come. When this returns, it survives the machine.
    ///
    /// # Errors
    /// [`LogError::Consumer`] if it has been removed: it must end, or be registered again. A cursor that can't be believed stays as it is.
    pub fn keep(&self, name: &ConsumerName, position: &MergePosition) -> Result<(), LogError> {
        let _lock = self.lock()?;
        let cursor = self.read(name)?.ok_or_else(|| refused(name, "it is not registered (any more)"))?;
        if cursor.position == *position {
            // It is written, but the call that wrote it may have failed at the last step.
            return self.sync();
        }
        self.write(&Cursor { position: position.clone(), ..cursor })
    }

    /// Removes a consumer, whatever its file says: it holds nothing any more. False where there is none of this name.
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

    /// Keeps everybody else from changing cursors as long as it lives.
    pub(super) fn lock(&self) -> Result<CursorsLock, LogError> {
        let failed = || LogError::io(&self.log_dir, "lock the cursors");
        // The folder itself is locked, which needs no file and no space.
        let folder = File::open(&self.log_dir).map_err(failed())?;
        let deadline = Instant::now() + LOCK_WAIT;
        loop {
            match rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(CursorsLock { _folder: folder }),
                Err(rustix::io::Errno::WOULDBLOCK) if Instant::now() < deadline => thread::sleep(LOCK_PAUSE),
                Err(errno) => return Err(failed()(errno.into())),
            }
        }
    }

    fn write(&self, cursor: &Cursor) -> Result<(), LogError> {
        small_file::replace(self.disk, &self.path(&cursor.consumer), &cursor.encode()?, "write the cursor")
    }

    /// The folder's own name is synced also where the folder is there: whoever made it may have been killed before it did.
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

    /// Makes durable what the cursors say, whoever wrote them and however far he came.
    pub(super) fn sync(&self) -> Result<(), LogError> {
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
pub(super) struct CursorsLock {
    _folder: File,
}

fn refused(name: &ConsumerName, problem: &'static str) -> LogError {
    LogError::Consumer { name: name.to_string(), problem }
}

/// The position at one end of the log as it is now. It names every core that has, or had, records.
pub fn position_at(reader: &LogReader, from: From) -> Result<MergePosition, LogError> {
    let mut cores: BTreeMap<u16, Place> = BTreeMap::new();
    for (core, dir) in core_dirs(reader.dir())? {
        // Where all is deleted: behind the newest that was.
        if let Some(place) = Ledger::read(&dir).newest_place(reader.now_us()) {
            cores.insert(core, place);
        }
    }
    for segment in reader.segments()? {
        let place = match from {
            From::Start => Place { segment: segment.id, offset: 0 },
            // One that is only made ready lies behind one that is still being written.
            From::End if segment.state == SegmentState::Ready => continue,
            From::End => Place { segment: segment.id, offset: segment.bytes },
        };
        let known = cores.entry(segment.core).or_insert(place);
        match from {
            From::Start => *known = place.min(*known),
            From::End => *known = place.max(*known),
        }
    }
    Ok(MergePosition { log: reader.log_uuid(), cores, behind: BTreeMap::new() })
}

#[cfg(test)]
mod tests;
