//! What an earlier run has left in the folder: the running file, which goes on, and the records that are there already.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};
use uuid::Uuid;

use crate::courier::cause::Cause;
use crate::log::format::record::RecordId;
use crate::records::RECORD_JSON_BEGIN;

use super::fault::cause_of;
use super::name::FileName;

/// The most ids that are remembered: far more than can come again after a crash.
pub(super) const IDS_MAX: usize = 65_536;

/// How many finished files are read, and how many bytes of them: from the newest back, until one of the two is reached.
const FINISHED_FILES_MAX: usize = 64;
const FINISHED_BYTES: u64 = 64 << 20;

/// How much of a line is kept to find the record's id.
const HEAD_BYTES: usize = 160;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The running file, its name and its length.
    pub(super) running: Option<(File, FileName, u64)>,
    /// The newest records that the newest files hold.
    pub(super) ids: VecDeque<RecordId>,
}

/// Looks for files of this log. Cuts off what a crash has left of a line, and finishes files that another one has followed.
pub(super) fn find(dir: &Path, log: &Uuid) -> Result<Found, Cause> {
    let listed = |error: &io::Error| cause_of(error, "list", dir);
    let (mut parts, mut finished) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(dir).map_err(|error| listed(&error))? {
        let entry = entry.map_err(|error| listed(&error))?;
        match entry.file_type() {
            Ok(kind) if kind.is_file() => {}
            // A link could lead to anybody's file, and a pipe would be waited for. We make neither.
            Ok(_) => continue,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(listed(&error)),
        }
        match entry.file_name().to_str().and_then(|name| FileName::parse(name, log)) {
            Some((name, true)) => parts.push(name),
            Some((name, false)) => finished.push(name),
            None => {}
        }
    }
    parts.sort();
    let mut found = Found::default();
    for path in newest(dir, finished) {
        match File::open(&path).and_then(|file| scan(&file, &mut found.ids)) {
            Ok(_) => {}
            // Whoever takes finished files away may do so at any time.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(cause_of(&error, "read", &path)),
        }
    }
    for name in parts {
        let path = name.part_path(dir);
        let Some((file, bytes)) =
            reopen(&path, &mut found.ids).map_err(|error| cause_of(&error, "go on with", &path))?
        else {
            continue;
        };
        if let Some((_, older, _)) = found.running.replace((file, name, bytes)) {
            finish(dir, &older)?;
        }
    }
    Ok(found)
}

/// The finished files that may hold what comes again, oldest first.
fn newest(dir: &Path, mut finished: Vec<FileName>) -> Vec<PathBuf> {
    finished.sort();
    let (mut paths, mut bytes) = (Vec::new(), 0);
    while let Some(name) = finished.pop()
        && paths.len() < FINISHED_FILES_MAX
        && bytes < FINISHED_BYTES
    {
        let path = name.path(dir);
        bytes += fs::metadata(&path).map_or(0, |about| about.len());
        paths.push(path);
    }
    paths.reverse();
    paths
}

/// Gives a file whose contents are durable its final name. It is never put in another one's place.
pub(super) fn finish(dir: &Path, name: &FileName) -> Result<(), Cause> {
    let (from, to) = (name.part_path(dir), name.path(dir));
    let renamed = match to.try_exists() {
        Ok(true) => Err(io::ErrorKind::AlreadyExists.into()),
        Ok(false) => fs::rename(&from, &to),
        Err(error) => Err(error),
    };
    renamed.map_err(|error| cause_of(&error, "rename a finished file to", &to))?;
    sync_dir(dir)
}

/// Makes names in the folder durable.
pub(super) fn sync_dir(dir: &Path) -> Result<(), Cause> {
    let synced = File::open(dir).and_then(|folder| folder.sync_all());
    synced.map_err(|error| cause_of(&error, "sync the folder", dir))
}

/// Whether this process may write the file: nobody else does. Where the file system knows no locks, that is taken for granted.
pub(super) fn lock(file: &File) -> io::Result<bool> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
        Ok(()) | Err(rustix::io::Errno::NOLCK | rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Opens a running file to go on with it. `None`: another process writes it.
fn reopen(path: &PathBuf, ids: &mut VecDeque<RecordId>) -> io::Result<Option<(File, u64)>> {
    let flags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).bits() as i32;
    let file = OpenOptions::new().read(true).append(true).custom_flags(flags).open(path)?;
    if !lock(&file)? {
        return Ok(None);
    }
    let bytes = scan(&file, ids)?;
    if file.metadata()?.len() > bytes {
        file.set_len(bytes)?;
    }
    // What is found here counts as delivered.
    file.sync_all()?;
    Ok(Some((file, bytes)))
}

/// Notes the ids of whole lines, and returns the end of the last one.
fn scan(file: &File, ids: &mut VecDeque<RecordId>) -> io::Result<u64> {
    let mut reader = BufReader::with_capacity(256 * 1024, file);
    let (mut at, mut whole_to) = (0, 0);
    let mut line = LineCheck::default();
    loop {
        let bytes = reader.fill_buf()?;
        if bytes.is_empty() {
            return Ok(whole_to);
        }
        let end = memchr::memchr(b'\n', bytes);
        line.add(&bytes[..end.unwrap_or(bytes.len())]);
        let used = end.map_or(bytes.len(), |end| end + 1);
        reader.consume(used);
        at += used as u64;
        if end.is_some()
            && let Some(id) = std::mem::take(&mut line).id()
        {
            whole_to = at;
            if ids.len() == IDS_MAX {
                ids.pop_front();
            }
            ids.push_back(id);
        }
    }
}

/// Whether a line is whole. After a power cut, a part of it may be zeros.
#[derive(Debug, Default)]
struct LineCheck {
    head: Vec<u8>,
    last: u8,
    broken: bool,
}

impl LineCheck {
    fn add(&mut self, bytes: &[u8]) {
        let room = HEAD_BYTES - self.head.len();
        self.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.last = bytes.last().copied().unwrap_or(self.last);
        self.broken |= bytes.iter().any(|byte| *byte < b' ');
    }

    fn id(self) -> Option<RecordId> {
        if self.broken || self.last != b'}' {
            return None;
        }
        let rest = self.head.strip_prefix(RECORD_JSON_BEGIN.as_bytes())?;
        let end = memchr::memchr(b'"', rest)?;
        std::str::from_utf8(&rest[..end]).ok()?.parse().ok()
    }
}
