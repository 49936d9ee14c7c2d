//! A log's folder is made again from sealed segments that come from elsewhere, such as an object store.
//!
//! The folder is built under another name: a log has its name only once all of it is there. A segment gets its name when its content has the
//! hash that it must have, and is durable with its sidecar. What is there of an attempt that was ended is used by the next one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::log::disk::calls::{self, sync_dir};
use crate::log::disk::small_file;
use crate::log::error::LogError;
use crate::log::format::header::{PAGE_BYTES, PageFault, SegmentHeader, VERSION};
use crate::log::format::identity::LogFile;
use crate::log::format::sidecar::Sidecar;
use crate::log::names::{LOG_FILE_NAME, SEALED, core_dir, file_name};
use crate::log::read::description::describe;

/// What a segment's file ends in until it is whole. A server that finds such a file removes it.
const UNFINISHED: &str = "tmp";

/// How much is read at a time to check what is there.
const READ_BYTES: usize = 1 << 20;

/// Which segment, with which content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The core.
    pub core: u16,
    /// The segment's id.
    pub segment: u64,
    /// The length of its file.
    pub bytes: u64,
    /// BLAKE3 of it, in hexadecimal.
    pub blake3: String,
}

/// A log in the making.
#[derive(Debug)]
pub struct RebuiltLog {
    log: Uuid,
    dir: PathBuf,
}

impl RebuiltLog {
    /// Makes the folder, or goes on with one.
    ///
    /// # Errors
    /// The folder can't be made.
    pub fn in_folder(dir: &Path, log: Uuid) -> Result<RebuiltLog, LogError> {
        make_dir(dir)?;
        Ok(RebuiltLog { log, dir: dir.to_path_buf() })
    }

    /// Whether a segment is there already, with the content that it must have. One with another content is removed.
    ///
    /// # Errors
    /// A file can't be read or removed.
    pub fn has(&self, expected: &Expected) -> Result<bool, LogError> {
        let path = self.path(expected, SEALED);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(LogError::io(&path, "open the segment")(error)),
        };
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; READ_BYTES];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(bytes) => drop(hasher.update(&buffer[..bytes])),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(LogError::io(&path, "read the segment")(error)),
            }
        }
        if hasher.finalize().to_hex().as_str() == expected.blake3 && Sidecar::read(&path).is_ok_and(|it| it.is_some()) {
            return Ok(true);
        }
        fs::remove_file(&path).map_err(LogError::io(&path, "remove a segment that is not what it should be"))?;
        Ok(false)
    }

    /// Begins a segment.
    ///
    /// # Errors
    /// The file can't be made.
    pub fn begin(&self, expected: Expected) -> Result<RebuiltSegment, LogError> {
        make_dir(&core_dir(&self.dir, expected.core))?;
        let unfinished = self.path(&expected, UNFINISHED);
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(&unfinished);
        let file = open.map_err(LogError::io(&unfinished, "make the segment"))?;
        let path = self.path(&expected, SEALED);
        Ok(RebuiltSegment {
            log: self.log,
            expected,
            unfinished,
            path,
            file,
            written: 0,
            hasher: blake3::Hasher::new(),
        })
    }

    /// Says which log this is, and gives the folder its name.
    ///
    /// # Errors
    /// A call that failed. The folder then has its old name.
    pub fn finish(self, name: &Path) -> Result<(), LogError> {
        let mut text = serde_json::to_vec(&LogFile { version: VERSION, log: self.log })
            .map_err(|error| LogError::io(&self.dir, "write what log this is")(error.into()))?;
        text.push(b'\n');
        small_file::replace(calls::REAL, &self.dir.join(LOG_FILE_NAME), &text, "write what log this is")?;
        fs::rename(&self.dir, name).map_err(LogError::io(name, "give the log's folder its name"))?;
        let parent = name.parent().unwrap_or(name);
        sync_dir(parent).map_err(LogError::io(parent, "sync the folder"))
    }

    fn path(&self, expected: &Expected, extension: &str) -> PathBuf {
        core_dir(&self.dir, expected.core).join(file_name(expected.segment, extension))
    }
}

/// A segment in the making.
#[derive(Debug)]
pub struct RebuiltSegment {
    log: Uuid,
    expected: Expected,
    unfinished: PathBuf,
    path: PathBuf,
    file: File,
    written: u64,
    hasher: blake3::Hasher,
}

impl RebuiltSegment {
    /// Appends to it.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), LogError> {
        self.file.write_all_at(bytes, self.written).map_err(LogError::io(&self.unfinished, "write the segment"))?;
        self.hasher.update(bytes);
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Whether it has the content that it must have.
    pub fn is_whole(&self) -> bool {
        self.written == self.expected.bytes && self.hasher.finalize().to_hex().as_str() == self.expected.blake3
    }

    /// Whether it is a segment of this log, core and id. One whose first page is damaged is, if a sidecar says so.
    ///
    /// # Errors
    /// It is of a newer version.
    pub fn is_what_its_name_says(&self, sidecar: Option<&Sidecar>) -> Result<bool, LogError> {
        let mut page = [0; PAGE_BYTES];
        let read = self.file.read_exact_at(&mut page, 0).map_err(|_| PageFault::Magic);
        match read.and_then(|()| SegmentHeader::decode(&page)) {
            Ok(found) => {
                let Expected { core, segment, .. } = self.expected;
                Ok((found.log, found.core, found.segment) == (self.log, core, segment))
            }
            Err(PageFault::Version(found)) => {
                Err(LogError::Version { path: self.unfinished.clone(), found, known: VERSION })
            }
            Err(_) => Ok(sidecar.is_some()),
        }
    }

    /// Makes a whole segment part of the log, if it is what its name says. Without a sidecar it is described anew.
    ///
    /// # Errors
    /// A call failed.
    pub fn finish(self, sidecar: Option<&Sidecar>) -> Result<(), LogError> {
        assert!(self.is_whole(), "only what is whole becomes part of the log");
        let Expected { core, segment, .. } = self.expected;
        self.file.sync_all().map_err(LogError::io(&self.unfinished, "sync the segment"))?;
        match sidecar {
            Some(sidecar) => sidecar.write(&self.path)?,
            None => describe(&self.unfinished, self.log, core, segment)?.write(&self.path)?,
        }
        fs::rename(&self.unfinished, &self.path).map_err(LogError::io(&self.path, "give the segment its name"))?;
        let dir = self.path.parent().unwrap_or(&self.path);
        sync_dir(dir).map_err(LogError::io(dir, "sync the folder"))
    }

    /// Moves what is not what it must be out of the log's folder, so that it can be looked at.
    ///
    /// # Errors
    /// The file can't be moved.
    pub fn set_aside(self, to: &Path) -> Result<(), LogError> {
        make_dir(to.parent().unwrap_or(to))?;
        fs::rename(&self.unfinished, to).map_err(LogError::io(to, "set a damaged segment aside"))
    }
}

fn make_dir(dir: &Path) -> Result<(), LogError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(dir).map_err(LogError::io(dir, "make the folder"))?;
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    sync_dir(parent).map_err(LogError::io(parent, "sync the folder"))
}
