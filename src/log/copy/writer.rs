//! A log that is written record by record.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::log::disk::calls::sync_dir;
use crate::log::error::LogError;
use crate::log::format::header::{PAGE_BYTES, SegmentHeader, random_marker};
use crate::log::format::identity::LogFile;
use crate::log::format::record::{Entry, HEADER_BYTES, RecordHeader, uuid_text};
use crate::log::names::{LOCK_FILE_NAME, LOG_FILE_NAME, OPEN, SEALED, SIDECAR, core_dir, file_name, segment_id};
use crate::log::write::seal::{Sealing, seal_file};

use super::create::create_log;

/// The core that has all records.
const CORE: u16 = 0;

/// How much is written at once.
const WRITE_BYTES: usize = 1 << 20;

/// A durable place of a copy: everything before it is on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyEnd {
    /// The log.
    #[serde(with = "uuid_text")]
    pub log: Uuid,
    /// The segment being written; `None` before the first record.
    pub segment: Option<u64>,
    /// Where the next record goes in it.
    pub offset: u64,
    /// The order time of the last record.
    pub last_us: u64,
}

impl CopyEnd {
    /// The end of a new log that is not there yet.
    pub fn of_new_log() -> CopyEnd {
        CopyEnd { log: Uuid::new_v4(), segment: None, offset: 0, last_us: 0 }
    }
}

/// A log in the making.
#[derive(Debug)]
pub struct LogCopy {
    log: Uuid,
    dir: PathBuf,
    segment_bytes: u64,
    open: Option<OpenSegment>,
    last_us: u64,
    last_segment: u64,
    sealed: u64,
}

#[derive(Debug)]
struct OpenSegment {
    header: SegmentHeader,
    path: PathBuf,
    file: File,
    /// Where the buffer goes.
    written: u64,
    /// Everything before it is on disk.
    durable: u64,
    /// Records that were not written yet.
    buffer: Vec<u8>,
}

impl LogCopy {
    /// Makes a log in this folder. A segment is sealed before it is larger than `segment_bytes`, unless one record is.
    ///
    /// # Errors
    /// There is a log already, or a file can't be made.
    pub fn create(log_dir: &Path, segment_bytes: u64) -> Result<LogCopy, LogError> {
        Self::create_as(log_dir, segment_bytes, CopyEnd::of_new_log().log)
    }

    fn create_as(log_dir: &Path, segment_bytes: u64, log: Uuid) -> Result<LogCopy, LogError> {
        create_log(log_dir, log)?;
        let dir = core_dir(log_dir, CORE);
        make_core(&dir)?;
        for folder in [log_dir, log_dir.parent().unwrap_or(log_dir)] {
            sync_dir(folder).map_err(LogError::io(folder, "sync the folder"))?;
        }
        Ok(LogCopy { log, dir, segment_bytes, open: None, last_us: 0, last_segment: 0, sealed: 0 })
    }

    /// Goes on with a log that was written up to `end`, or was to be made then. What lies behind it is removed.
    ///
    /// # Errors
    /// The log is another one, has less than that, or a file can't be changed.
    pub fn resume(log_dir: &Path, segment_bytes: u64, end: &CopyEnd) -> Result<LogCopy, LogError> {
        let foreign = |path: &Path, reason| LogError::Foreign { path: path.to_path_buf(), reason };
        if end.segment.is_none() && !log_dir.join(LOG_FILE_NAME).exists() {
            return Self::create_as(log_dir, segment_bytes, end.log);
        }
        if LogFile::read(log_dir)?.log != end.log {
            return Err(foreign(log_dir, "another log than the one that is to be gone on with"));
        }
        // What a server has written behind the place is not ours to remove.
        if log_dir.join(LOCK_FILE_NAME).exists() {
            return Err(foreign(log_dir, "a server has opened this log since it was written; name a new folder"));
        }
        let dir = core_dir(log_dir, CORE);
        make_core(&dir)?;
        let kept = end.segment.unwrap_or(0);
        for entry in fs::read_dir(&dir).map_err(LogError::io(&dir, "list the folder"))? {
            let path = entry.map_err(LogError::io(&dir, "list the folder"))?.path();
            let id = path.file_stem().and_then(|stem| segment_id(stem.to_str()?));
            if id.is_some_and(|id| id > kept) {
                fs::remove_file(&path)
                    .map_err(LogError::io(&path, "remove what was written behind the place to go on at"))?;
            }
        }
        let open = match end.segment {
            None => None,
            Some(id) => Some(OpenSegment::again(&dir, end.log, id, end.offset)?),
        };
        sync_dir(&dir).map_err(LogError::io(&dir, "sync the folder"))?;
        let (last_us, last_segment) = (end.last_us, kept);
        Ok(LogCopy { log: end.log, dir, segment_bytes, open, last_us, last_segment, sealed: 0 })
    }

    /// Appends a record. Its time is `order_us`, or that of the record before it if that is later.
    ///
    /// # Errors
    /// A file can't be written.
    pub fn append(&mut self, entry: &Entry<'_>, order_us: u64) -> Result<(), LogError> {
        let order_us = order_us.max(self.last_us);
        let size = entry.stored_bytes() as u64;
        if self.open.as_ref().is_some_and(|open| open.has_records() && open.end() + size > self.segment_bytes) {
            self.seal()?;
        }
        let open = match &mut self.open {
            Some(open) => open,
            none => {
                let segment = order_us.max(self.last_segment + 1);
                let segment_bytes = self.segment_bytes.max(PAGE_BYTES as u64 + size);
                self.last_segment = segment;
                none.insert(OpenSegment::create(&self.dir, self.log, segment, segment_bytes)?)
            }
        };
        self.last_us = order_us;
        open.append(entry, order_us)
    }

    /// Makes everything durable that was appended, and tells where that ends.
    ///
    /// # Errors
    /// A file can't be written or synced.
    pub fn sync(&mut self) -> Result<CopyEnd, LogError> {
        if let Some(open) = &mut self.open {
            open.sync()?;
        }
        Ok(self.end())
    }

    /// Seals the last segment. Returns where the log ends.
    ///
    /// # Errors
    /// It can't be sealed.
    pub fn finish(mut self) -> Result<CopyEnd, LogError> {
        let end = self.sync()?;
        self.seal()?;
        Ok(end)
    }

    /// Its name.
    pub fn uuid(&self) -> Uuid {
        self.log
    }

    fn end(&self) -> CopyEnd {
        let (segment, offset) = self.open.as_ref().map(|open| (open.header.segment, open.end())).unzip();
        CopyEnd { log: self.log, segment, offset: offset.unwrap_or_default(), last_us: self.last_us }
    }

    fn seal(&mut self) -> Result<(), LogError> {
        let Some(mut open) = self.open.take() else { return Ok(()) };
        open.sync()?;
        let SegmentHeader { log, core, segment, .. } = open.header;
        seal_file(&self.dir, &Sealing { log, core, segment, bytes: open.end(), recovered: false })?;
        self.sealed += 1;
        Ok(())
    }
}

fn make_core(dir: &Path) -> Result<(), LogError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(dir).map_err(LogError::io(dir, "make the core's folder"))
}

impl OpenSegment {
    fn create(dir: &Path, log: Uuid, segment: u64, segment_bytes: u64) -> Result<OpenSegment, LogError> {
        let path = dir.join(file_name(segment, OPEN));
        let make = || LogError::io(&path, "make the segment");
        let marker = random_marker().map_err(make())?;
        let header = SegmentHeader { core: CORE, log, segment, marker, segment_bytes };
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path).map_err(make())?;
        file.write_all_at(&header.encode(), 0).map_err(make())?;
        // Nothing is durable in a file whose name is not.
        sync_dir(dir).map_err(LogError::io(dir, "sync the folder"))?;
        let from = PAGE_BYTES as u64;
        Ok(OpenSegment { header, path, file, written: from, durable: 0, buffer: Vec::with_capacity(WRITE_BYTES) })
    }

    /// Opens a segment to go on with at an offset, also where it was sealed meanwhile.
    fn again(dir: &Path, log: Uuid, segment: u64, offset: u64) -> Result<OpenSegment, LogError> {
        let path = dir.join(file_name(segment, OPEN));
        let sealed = dir.join(file_name(segment, SEALED));
        if sealed.is_file() {
            fs::rename(&sealed, &path).map_err(LogError::io(&sealed, "open the segment again"))?;
        }
        let sidecar = dir.join(file_name(segment, SIDECAR));
        match fs::remove_file(&sidecar) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(LogError::io(&sidecar, "remove the sidecar")(error));
            }
            _ => {}
        }
        let file = OpenOptions::new().read(true).write(true).open(&path);
        let file = file.map_err(LogError::io(&path, "open the segment to go on with"))?;
        let mut page = [0; PAGE_BYTES];
        let foreign = |reason| LogError::Foreign { path: path.clone(), reason };
        file.read_exact_at(&mut page, 0).map_err(LogError::io(&path, "read the segment's first page"))?;
        let header = SegmentHeader::decode(&page).map_err(|fault| foreign(fault.as_str()))?;
        if header.log != log || header.segment != segment || header.core != CORE {
            return Err(foreign("its first page is of another segment"));
        }
        let length = file.metadata().map_err(LogError::io(&path, "find the segment's length"))?.len();
        if length < offset {
            return Err(foreign("it is shorter than when its end was made durable"));
        }
        file.set_len(offset).and_then(|()| file.sync_all()).map_err(LogError::io(&path, "cut the segment"))?;
        Ok(OpenSegment {
            header,
            path,
            file,
            written: offset,
            durable: offset,
            buffer: Vec::with_capacity(WRITE_BYTES),
        })
    }

    /// Where the next record goes.
    fn end(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    fn has_records(&self) -> bool {
        self.end() > PAGE_BYTES as u64
    }

    fn append(&mut self, entry: &Entry<'_>, order_us: u64) -> Result<(), LogError> {
        let size = entry.stored_bytes();
        self.buffer.extend_from_slice(&RecordHeader::encode(entry, self.header.marker, self.durable, order_us));
        self.buffer.extend_from_slice(entry.ext);
        self.buffer.extend_from_slice(entry.payload);
        let padding = size - HEADER_BYTES - entry.ext.len() - entry.payload.len();
        self.buffer.resize(self.buffer.len() + padding, 0);
        if self.buffer.len() >= WRITE_BYTES { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<(), LogError> {
        self.file.write_all_at(&self.buffer, self.written).map_err(LogError::io(&self.path, "write records"))?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        self.buffer.shrink_to(WRITE_BYTES);
        Ok(())
    }

    fn sync(&mut self) -> Result<(), LogError> {
        self.write()?;
        self.file.sync_all().map_err(LogError::io(&self.path, "sync the segment"))?;
        self.durable = self.written;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
