//! A segment's bytes: borrowed from memory where they were written a moment ago, else read in large pieces, past what the disk can't give.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;

use crate::log::format::record::HEADER_BYTES;
use crate::log::recent::{Recent, RecentGroup};

/// How much is read at a time: large enough to make the call's cost vanish, small enough to stay in a core's own cache.
pub(super) const PIECE_BYTES: usize = 1 << 20;

/// The unit in which an unreadable stretch of the disk is stepped over.
const BLOCK_BYTES: usize = 4096;

/// A moving view of a file: the bytes from `start`, as far as they were read.
#[derive(Debug)]
pub(super) struct FileWindow {
    pub(super) file: File,
    buffer: Vec<u8>,
    pub(super) start: u64,
    len: usize,
    /// What is viewed instead of the buffer: a group that is still in memory.
    group: Option<RecentGroup>,
    /// Where such groups are found, and the segment that the file is.
    recent: Option<(Arc<Recent>, u64)>,
    pub(super) hasher: Option<Box<blake3::Hasher>>,
    hashed_to: u64,
    /// The last stretch that the disk could not read; zeros stand for it.
    bad: Option<(u64, u64)>,
}

impl FileWindow {
    pub(super) fn new(file: File) -> FileWindow {
        let length = file.metadata().map_or(PIECE_BYTES, |meta| usize::try_from(meta.len()).unwrap_or(PIECE_BYTES));
        let bytes = length.next_multiple_of(BLOCK_BYTES).clamp(2 * BLOCK_BYTES, PIECE_BYTES);
        FileWindow {
            file,
            buffer: vec![0; bytes],
            start: 0,
            len: 0,
            group: None,
            recent: None,
            hasher: None,
            hashed_to: 0,
            bad: None,
        }
    }

    /// From now on what is still in memory is not read from the file.
    pub(super) fn borrow_from(&mut self, recent: Arc<Recent>, segment: u64) {
        self.recent = Some((recent, segment));
    }

    pub(super) fn held(&self) -> &[u8] {
        self.group.as_ref().map_or(&self.buffer[..self.len], |group| &group.bytes)
    }

    /// The block of memory that is viewed; 0 for the buffer.
    pub(super) fn block(&self) -> u64 {
        self.group.as_ref().map_or(0, |group| group.block)
    }

    /// Holds on to no memory of others until more is read.
    pub(super) fn give_back(&mut self) {
        if self.group.take().is_some() {
            (self.start, self.len) = (self.hashed_to, 0);
        }
    }

    /// Whether what is held is the memory that was written to the file, so that its checksums need not be verified.
    pub(super) fn is_as_written(&self) -> bool {
        self.group.is_some()
    }

    #[inline]
    pub(super) fn slice(&self, at: u64, bytes: usize) -> &[u8] {
        let from = (at - self.start) as usize;
        &self.held()[from..from + bytes]
    }

    #[inline]
    pub(super) fn header_at(&self, at: u64) -> &[u8; HEADER_BYTES] {
        let from = (at - self.start) as usize;
        self.held()[from..].first_chunk().expect("a header was ensured here")
    }

    /// Whether these bytes are available.
    #[inline]
    pub(super) fn holds(&self, at: u64, bytes: usize) -> bool {
        at >= self.start && at + bytes as u64 <= self.held_to()
    }

    #[inline]
    fn held_to(&self) -> u64 {
        self.start + self.held().len() as u64
    }

    /// Whether the file has lost its name since it was opened.
    pub(super) fn is_nameless(&self) -> bool {
        self.file.metadata().is_ok_and(|meta| meta.nlink() == 0)
    }

    /// Goes on with another file of the same length, if `path` names one, and forgets what was read of the old one. Returns whether
    /// it does.
    pub(super) fn change_to(&mut self, path: &Path) -> bool {
        let Ok(file) = File::open(path) else { return false };
        let meta = |file: &File| file.metadata().map(|meta| (meta.len(), meta.nlink() > 0)).ok();
        let is_next = meta(&file).is_some_and(|(length, named)| named && Some((length, false)) == meta(&self.file));
        if is_next {
            (self.file, self.len, self.group) = (file, 0, None);
        }
        is_next
    }

    pub(super) fn unreadable(&self, from: u64, to: u64) -> bool {
        self.bad.is_some_and(|(start, end)| start < to && from < end)
    }

    pub(super) fn hash_all(&mut self) {
        debug_assert!(self.start == 0);
        self.hasher = Some(Box::default());
        self.hash_held();
    }

    /// Makes the bytes from `at` available, reading at most up to `limit`; false where the file ends before.
    pub(super) fn ensure(&mut self, at: u64, bytes: usize, limit: u64) -> io::Result<bool> {
        if self.holds(at, bytes) {
            return Ok(true);
        }
        if at + bytes as u64 > limit {
            return Ok(false);
        }
        if at > self.hashed_to && self.hasher.is_some() {
            self.pass(at)?;
        }
        if self.borrow(at) && self.holds(at, bytes) {
            return Ok(true);
        }
        if self.group.take().is_some() {
            self.len = 0;
        }
        if (self.start..self.held_to()).contains(&at) {
            let from = (at - self.start) as usize;
            self.buffer.copy_within(from..self.len, 0);
            self.len -= from;
        } else {
            self.len = 0;
        }
        self.start = at;
        if bytes > self.buffer.len() {
            self.buffer.resize(bytes.next_multiple_of(PIECE_BYTES), 0);
        }
        while self.len < bytes {
            if self.fill(limit)? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Views the group that holds the byte at `at`, if it is in memory.
    fn borrow(&mut self, at: u64) -> bool {
        let Some(found) = self.recent.as_ref().and_then(|(recent, segment)| recent.find(*segment, at)) else {
            return false;
        };
        (self.start, self.len, self.group) = (found.from, 0, Some(found));
        self.hash_held();
        true
    }

    /// Reads, and so hashes, everything up to `to`.
    fn pass(&mut self, to: u64) -> io::Result<()> {
        while self.hashed_to < to {
            let at = self.hashed_to;
            if !self.borrow(at) {
                (self.start, self.len, self.group) = (at, 0, None);
                if self.fill(to)? == 0 {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Hashes what is held and was not hashed yet.
    fn hash_held(&mut self) {
        let Some(mut hasher) = self.hasher.take() else { return };
        // Behind the end of a file that was cut nothing is held.
        let (from, to) = (self.hashed_to.max(self.start), self.held_to());
        if from < to {
            hasher.update(&self.held()[(from - self.start) as usize..]);
            self.hashed_to = to;
        }
        self.hasher = Some(hasher);
    }

    /// Reads once more behind what is held.
    fn fill(&mut self, limit: u64) -> io::Result<usize> {
        let at = self.start + self.len as u64;
        let room = self.buffer.len() - self.len;
        let want = usize::try_from(limit - at).unwrap_or(room).min(room);
        let into = &mut self.buffer[self.len..self.len + want];
        let got = match read_some(&self.file, into, at) {
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => {
                let block = want.min(BLOCK_BYTES - (at % BLOCK_BYTES as u64) as usize);
                match read_some(&self.file, &mut into[..block], at) {
                    Err(error) if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => {
                        into[..block].fill(0);
                        self.bad = Some((at, at + block as u64));
                        block
                    }
                    other => other?,
                }
            }
            other => other?,
        };
        self.len += got;
        self.hash_held();
        Ok(got)
    }
}

fn read_some(file: &File, into: &mut [u8], at: u64) -> io::Result<usize> {
    if i64::try_from(at).is_err() {
        // No file is that long, and the call refuses it.
        return Ok(0);
    }
    loop {
        match file.read_at(into, at) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
