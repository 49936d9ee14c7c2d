//! What is salvaged from: files of any kind, found by walking a folder, and read past what the disk can't give.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::log::disk::lock;
use crate::log::disk::locked_file::LockedFile;
use crate::log::error::LogError;
use crate::log::format::sidecar::Sidecar;
use crate::log::names;
use crate::log::read::reader::{LOCK_FILE_NAME, LOG_FILE_NAME, LogFile};

use super::report::{MissingSegment, Unreadable};

/// How many files a folder may hold; more is a mistake in the path.
const FILES_MAX: usize = 1_000_000;

/// How deep folders may lie in each other.
const DEPTH_MAX: usize = 32;

/// How much is read at a time.
const PIECE_BYTES: usize = 4 << 20;

/// The unit in which an unreadable stretch is stepped over.
const BLOCK_BYTES: usize = 4096;

/// How many unreadable stretches of one source are named.
pub(super) const UNREADABLE_MAX: usize = 4096;

/// A file to be searched.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    /// What its name says of it.
    pub(super) name: SourceName,
}

/// What a file's name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SourceName {
    /// A segment, whole or cut: `<id>.seg`, `<id>.open`, or one of these from quarantine.
    Segment { core: Option<u16>, id: u64 },
    /// A stretch of a segment that recovery copied to quarantine.
    Piece { core: u16, id: u64, offset: u64 },
    /// Anything else: a disk image, a file that `fsck` found.
    Unknown,
}

impl Source {
    /// Whether this is the file of a segment that is told to be missing.
    pub(super) fn is(&self, missing: &MissingSegment) -> bool {
        matches!(self.name, SourceName::Segment { core: Some(core), id } if core == missing.core && id.to_string() == missing.segment)
    }
}

/// What was found below a path.
#[derive(Debug, Default)]
pub(super) struct SourceFiles {
    pub(super) sources: Vec<Source>,
    /// By core and id. What a sidecar says is used to know what should be there.
    pub(super) sidecars: BTreeMap<(u16, u64), Sidecar>,
    pub(super) log_files: Vec<LogFile>,
    /// Locks of the logs found, held so that no server begins to write to them meanwhile.
    pub(super) locks: Vec<LockedFile>,
}

/// Finds everything below `from`, which may be a folder, a file or a block device.
///
/// # Errors
/// A lock that a server holds, too many files, and what can't be listed.
pub(super) fn find(from: &Path) -> Result<SourceFiles, LogError> {
    let mut found = SourceFiles::default();
    // A segment or a core's folder that is named by itself belongs to the log around it.
    for above in from.ancestors().skip(1).take(2) {
        if above.join(LOG_FILE_NAME).is_file() {
            found.take_identity(above)?;
        }
    }
    let stat = LogError::io(from, "look at what is to be salvaged");
    if fs::metadata(from).map_err(stat)?.is_dir() {
        found.walk(from, DEPTH_MAX)?;
    } else {
        found.take_file(from.to_path_buf());
    }
    found.sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

impl SourceFiles {
    fn walk(&mut self, dir: &Path, depth: usize) -> Result<(), LogError> {
        let list = || LogError::io(dir, "list the folder");
        if dir.join(LOCK_FILE_NAME).is_file() || dir.join(LOG_FILE_NAME).is_file() {
            self.take_identity(dir)?;
        }
        for entry in fs::read_dir(dir).map_err(list())? {
            let entry = entry.map_err(list())?;
            // Links are not followed: they may lead anywhere, also in circles.
            let kind = entry.file_type().map_err(list())?;
            if kind.is_dir() && depth > 0 {
                self.walk(&entry.path(), depth - 1)?;
            } else if kind.is_file() {
                if self.sources.len() == FILES_MAX {
                    let reason = io::Error::other(format!("more than {FILES_MAX} files; name a folder with fewer"));
                    return Err(LogError::io(dir, "list the folder")(reason));
                }
                self.take_file(entry.path());
            }
        }
        Ok(())
    }

    fn take_identity(&mut self, dir: &Path) -> Result<(), LogError> {
        let path = dir.join(LOCK_FILE_NAME);
        let locks = lock::share(dir).ok_or_else(|| LogError::Locked { pid: lock::pid(&path), path: path.clone() })?;
        self.locks.extend(locks);
        self.log_files.extend(LogFile::read(dir));
        Ok(())
    }

    fn take_file(&mut self, path: PathBuf) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.extension().is_some_and(|extension| extension == names::SIDECAR) {
            if let Ok(Some(sidecar)) = Sidecar::read(&path) {
                self.sidecars.insert((sidecar.core, sidecar.segment), sidecar);
            }
        } else if !matches!(&*name, "control" | "clock" | "lock")
            && !name.ends_with(".tmp")
            && path.extension().is_none_or(|extension| extension != names::SPARE)
        {
            let name = SourceName::of(&path);
            self.sources.push(Source { path, name });
        }
    }
}

impl SourceName {
    fn of(path: &Path) -> SourceName {
        SourceName::parse(path).unwrap_or(SourceName::Unknown)
    }

    fn parse(path: &Path) -> Option<SourceName> {
        let text = path.file_name()?.to_str()?;
        let (core, rest) = match text.strip_prefix("core-").and_then(|rest| rest.split_once('-')) {
            Some((core, rest)) => (Some(core.parse().ok()?), rest),
            None => (path.parent().and_then(Path::file_name).and_then(|dir| names::core_number(dir.to_str()?)), text),
        };
        // Quarantine adds a number where a name was taken.
        let (stem, extension) = rest.split_once('.')?;
        match (extension.split('.').next()?, core) {
            (names::SEALED | names::OPEN, core) => Some(SourceName::Segment { core, id: names::segment_id(stem)? }),
            ("bytes", Some(core)) => {
                let (id, offset) = stem.split_once('-')?;
                Some(SourceName::Piece { core, id: names::segment_id(id)?, offset: offset.parse().ok()? })
            }
            _ => None,
        }
    }
}

/// A source as it is read: from front to back, mostly, in large pieces.
#[derive(Debug)]
pub(super) struct Blocks {
    path: PathBuf,
    file: File,
    length: u64,
    buffer: Vec<u8>,
    start: u64,
    held: usize,
    /// What the disk could not give; zeros stand for it.
    pub(super) unreadable: Vec<Unreadable>,
}

impl Blocks {
    pub(super) fn open(source: &Source) -> Result<Blocks, LogError> {
        let path = source.path.clone();
        let mut file = File::open(&path).map_err(LogError::io(&path, "open what is to be salvaged"))?;
        // A block device has no length but this one.
        let length = file.seek(SeekFrom::End(0)).map_err(LogError::io(&path, "find its length"))?;
        let bytes = usize::try_from(length).unwrap_or(PIECE_BYTES).clamp(BLOCK_BYTES, PIECE_BYTES);
        Ok(Blocks { path, file, length, buffer: vec![0; bytes], start: 0, held: 0, unreadable: Vec::new() })
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// The bytes at a position, at most as many as are read at a time; None where the source ends before.
    pub(super) fn get(&mut self, position: u64, bytes: usize) -> Result<Option<&[u8]>, LogError> {
        debug_assert!(bytes <= PIECE_BYTES);
        let end = position.saturating_add(bytes as u64);
        if end > self.length {
            return Ok(None);
        }
        if position < self.start || end > self.start + self.held as u64 {
            self.fill(position, bytes)?;
        }
        let from = (position - self.start) as usize;
        Ok(self.buffer[..self.held].get(from..from + bytes))
    }

    /// Gives the bytes from a position on to `take`, in pieces; false where the source ends before.
    pub(super) fn each(
        &mut self,
        mut position: u64,
        bytes: u64,
        take: &mut dyn FnMut(&[u8]) -> Result<(), LogError>,
    ) -> Result<bool, LogError> {
        let Some(end) = position.checked_add(bytes).filter(|&end| end <= self.length) else { return Ok(false) };
        while position < end {
            let want = (end - position).min(self.buffer.len() as u64) as usize;
            let Some(piece) = self.get(position, want)? else { return Ok(false) };
            take(piece)?;
            position += want as u64;
        }
        Ok(true)
    }

    fn fill(&mut self, position: u64, bytes: usize) -> Result<(), LogError> {
        if bytes > self.buffer.len() {
            self.buffer.resize(bytes, 0);
        }
        let want = (self.length - position).min(self.buffer.len() as u64) as usize;
        (self.start, self.held) = (position, 0);
        while self.held < want {
            let at = position + self.held as u64;
            match self.file.read_at(&mut self.buffer[self.held..want], at) {
                Ok(0) => break,
                Ok(got) => self.held += got,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_io_error(&error) => self.fill_past(want)?,
                Err(error) => return Err(LogError::io(&self.path, "read what is to be salvaged")(error)),
            }
        }
        Ok(())
    }

    /// Reads what can be read in small blocks; zeros take the place of the rest.
    fn fill_past(&mut self, want: usize) -> Result<(), LogError> {
        while self.held < want {
            let at = self.start + self.held as u64;
            let block = (want - self.held).min(BLOCK_BYTES - (at % BLOCK_BYTES as u64) as usize);
            let into = &mut self.buffer[self.held..self.held + block];
            match self.file.read_at(into, at) {
                Ok(0) => return Ok(()),
                Ok(got) => self.held += got,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_io_error(&error) => {
                    into.fill(0);
                    self.held += block;
                    self.note_unreadable(at);
                }
                Err(error) => return Err(LogError::io(&self.path, "read what is to be salvaged")(error)),
            }
        }
        Ok(())
    }

    /// A disk fails by whole blocks, wherever in one the window begins.
    fn note_unreadable(&mut self, at: u64) {
        let bytes = BLOCK_BYTES as u64;
        let offset = at - at % bytes;
        let full = self.unreadable.len() == UNREADABLE_MAX;
        let mut latest_first = self.unreadable.iter_mut().rev();
        // Next to it, or read again after the window had moved on.
        if let Some(known) = latest_first.find(|known| (known.offset..=known.offset + known.bytes).contains(&offset)) {
            known.bytes = known.bytes.max(offset + bytes - known.offset);
        } else if !full {
            let path = self.path.display().to_string();
            self.unreadable.push(Unreadable { path, offset, bytes });
        }
    }
}

fn is_io_error(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
}

#[cfg(test)]
mod tests;
