//! A segment's bytes, read in large pieces, past what the disk can't give.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use crate::log::format::record::HEADER_BYTES;

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
    pub(super) hasher: Option<Box<blake3::Hasher>>,
    /// The last stretch that the disk could not read; zeros stand for it.
    bad: Option<(u64, u64)>,
}

impl FileWindow {
    pub(super) fn new(file: File) -> FileWindow {
        let length = file.metadata().map_or(PIECE_BYTES, |meta| usize::try_from(meta.len()).unwrap_or(PIECE_BYTES));
        let bytes = length.next_multiple_of(BLOCK_BYTES).clamp(2 * BLOCK_BYTES, PIECE_BYTES);
        FileWindow { file, buffer: vec![0; bytes], start: 0, len: 0, hasher: None, bad: None }
    }

    pub(super) fn held(&self) -> &[u8] {
        &self.buffer[..self.len]
    }

    pub(super) fn slice(&self, at: u64, bytes: usize) -> &[u8] {
        let from = (at - self.start) as usize;
        &self.buffer[from..from + bytes]
    }

    pub(super) fn header_at(&self, at: u64) -> &[u8; HEADER_BYTES] {
        let from = (at - self.start) as usize;
        self.buffer[from..].first_chunk().expect("a header was ensured here")
    }

    /// Whether these bytes are available.
    pub(super) fn holds(&self, at: u64, bytes: usize) -> bool {
        at >= self.start && at + bytes as u64 <= self.start + self.len as u64
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
            (self.file, self.len) = (file, 0);
        }
        is_next
    }

    pub(super) fn unreadable(&self, from: u64, to: u64) -> bool {
        self.bad.is_some_and(|(start, end)| start < to && from < end)
    }

    pub(super) fn hash_all(&mut self) {
        let mut hasher = Box::new(blake3::Hasher::new());
        debug_assert!(self.start == 0);
        hasher.update(&self.buffer[..self.len]);
        self.hasher = Some(hasher);
    }

    /// Makes the bytes from `at` available, reading at most up to `limit`; false where the file ends before.
    pub(super) fn ensure(&mut self, at: u64, bytes: usize, limit: u64) -> io::Result<bool> {
        if self.holds(at, bytes) {
            return Ok(true);
        }
        let held_to = self.start + self.len as u64;
        if at + bytes as u64 > limit {
            return Ok(false);
        }
        if at > held_to && self.hasher.is_some() {
            self.pass(at)?;
        }
        let held_to = self.start + self.len as u64;
        if (self.start..held_to).contains(&at) {
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

    /// Reads, and so hashes, everything up to `to`.
    fn pass(&mut self, to: u64) -> io::Result<()> {
        while self.start + (self.len as u64) < to {
            self.start += self.len as u64;
            self.len = 0;
            if self.fill(to)? == 0 {
                break;
            }
        }
        Ok(())
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
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&self.buffer[self.len..self.len + got]);
        }
        self.len += got;
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
