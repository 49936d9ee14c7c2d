//! A stage's memory that survives the process: pages of a mapped file. Its layout is in [`crate::log::format::stage_file`].
//!
//! The file is read only by the start after a kill. Huge pages make a direct write from here cost half as much (`docs/performance.md`).

use std::fs::{self, File, OpenOptions};
use std::io;
use std::ops::Deref;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::ptr;
use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::{Advice, MmapOptions, MmapRaw};
use rustix::fs::FallocateFlags;
use uuid::Uuid;

// Circle: a block is laid out as the format says, and the format is written in pages of the disk.
use crate::log::format::control;
// Circle: as above.
use crate::log::format::stage_file::{BYTES_FROM, GROUPS_MAX, MAGIC, VERSION, at, boot_id, file_name};

use super::page::PAGE_BYTES;
use super::sigbus::Guard;

const PAGE: usize = PAGE_BYTES as usize;

/// Whose stages they are.
#[derive(Debug, Clone, Copy)]
pub(in crate::log) struct Owner<'a> {
    pub(in crate::log) dir: &'a Path,
    pub(in crate::log) log: Uuid,
    pub(in crate::log) core: u16,
}

/// The mapping. Dropped in this order: the guard must go before it.
#[derive(Debug)]
struct Mapping {
    guard: Guard,
    map: MmapRaw,
    path: PathBuf,
}

/// A block of memory for groups, in a file.
#[derive(Debug)]
pub(in crate::log) struct FileBlock {
    mapping: Arc<Mapping>,
    /// Where the open group begins in the mapping.
    from: usize,
    /// Its length.
    len: usize,
    /// How many groups are in the table, with the open one.
    groups: usize,
    is_open: bool,
}

impl FileBlock {
    /// Makes the file in the owner's folder. It is never synced: after a power cut nobody believes it.
    ///
    /// # Errors
    /// Those of the calls, `Unsupported` where the system does not name its boots.
    pub(in crate::log) fn create(owner: Owner<'_>, capacity_bytes: u64) -> io::Result<FileBlock> {
        let boot = boot_id().ok_or(io::ErrorKind::Unsupported)?;
        let bytes = BYTES_FROM + capacity_bytes.next_multiple_of(PAGE_BYTES) + 2 * PAGE_BYTES;
        let (file, path) = create_next(owner.dir)?;
        let map = map(&file, bytes).inspect_err(|_| drop(fs::remove_file(&path)))?;
        let guard = Guard::new(map.as_ptr(), map.len())?;
        let block = FileBlock {
            mapping: Arc::new(Mapping { guard, map, path }),
            from: BYTES_FROM as usize,
            len: 0,
            groups: 0,
            is_open: false,
        };
        let pair = |bytes: &[u8; 16], half: usize| {
            let mut word = [0; 8];
            word.copy_from_slice(&bytes[half * 8..half * 8 + 8]);
            u64::from_le_bytes(word)
        };
        for half in 0..2 {
            block.store(at::LOG + half * 8, pair(owner.log.as_bytes(), half));
            block.store(at::BOOT + half * 8, pair(boot.as_bytes(), half));
        }
        block.store(at::VERSION_CORE, u64::from(VERSION) | u64::from(owner.core) << 32);
        block.store(at::PLACE, control::place_of(&file));
        block.store(0, MAGIC);
        Ok(block)
    }

    /// Whether `bytes` more fit, with what fills their last page.
    #[inline]
    pub(in crate::log) fn fits(&self, bytes: usize) -> bool {
        self.from + self.len + bytes + PAGE <= self.mapping.map.len() && (self.is_open || self.groups < GROUPS_MAX)
    }

    /// Begins a group at this offset of the segment.
    pub(in crate::log) fn begin(&mut self, segment: u64, offset: u64) {
        debug_assert!(self.len == 0 && self.from.is_multiple_of(PAGE), "a group begins at a page");
        assert!(self.groups < GROUPS_MAX, "a group beyond the table's end");
        let of = at::GROUPS + self.groups * at::GROUP_BYTES;
        self.store(of + at::SEGMENT, segment);
        self.store(of + at::OFFSET, offset);
        self.store(of + at::FROM, self.from as u64);
        self.store(of + at::BYTES, 0);
        self.groups += 1;
        self.is_open = true;
        self.store(at::COUNT, self.groups as u64);
    }

    /// Appends to the open group; [`publish`](FileBlock::publish) makes it count.
    ///
    /// # Panics
    /// If it does not fit.
    #[inline]
    pub(in crate::log) fn append(&mut self, bytes: &[u8]) {
        let at = self.room(bytes.len());
        // SAFETY: the target lies in the mapping (`room` asserts it), which lives as long as `self`. It lies behind all closed groups, to which alone
        // references exist, and `&mut self` makes this its only use. `bytes` is a Rust slice, so it can't overlap it.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), self.mapping.map.as_mut_ptr().add(at), bytes.len()) }
        self.len += bytes.len();
    }

    /// Appends zeros: an earlier group's bytes may lie there.
    #[inline]
    pub(in crate::log) fn append_zeros(&mut self, bytes: usize) {
        let at = self.room(bytes);
        // SAFETY: as in `append`.
        unsafe { ptr::write_bytes(self.mapping.map.as_mut_ptr().add(at), 0, bytes) }
        self.len += bytes;
    }

    fn room(&self, bytes: usize) -> usize {
        let at = self.from + self.len;
        assert!(at + bytes <= self.mapping.map.len(), "a write beyond the stage's end");
        at
    }

    /// What was appended counts: it is found after a kill.
    #[inline]
    pub(in crate::log) fn publish(&self) {
        debug_assert!(self.is_open, "what is appended is part of a group");
        self.store(at::GROUPS + (self.groups - 1) * at::GROUP_BYTES + at::BYTES, self.len as u64);
    }

    /// Where the open group lies in its segment.
    pub(in crate::log) fn place(&self) -> (u64, u64) {
        let of = at::GROUPS + self.groups.saturating_sub(1) * at::GROUP_BYTES;
        (self.load(of + at::SEGMENT), self.load(of + at::OFFSET))
    }

    /// How long the open group is.
    pub(in crate::log) fn open_bytes(&self) -> usize {
        self.len
    }

    /// Closes the open group; the next one begins at the next page.
    pub(in crate::log) fn close(&mut self) -> Part {
        let part = Part { mapping: Arc::clone(&self.mapping), from: self.from, len: self.len };
        self.from = (self.from + self.len).next_multiple_of(PAGE);
        (self.len, self.is_open) = (0, false);
        part
    }

    /// Forgets the open group, which lies elsewhere or was never answered.
    pub(in crate::log) fn give_up(&mut self) {
        if self.is_open {
            self.groups -= 1;
            self.store(at::COUNT, self.groups as u64);
        }
        (self.len, self.is_open) = (0, false);
    }

    /// Makes the whole block free for groups again, if nobody holds any of it and no page of it was lost.
    pub(in crate::log) fn reclaim(&mut self) -> bool {
        if Arc::get_mut(&mut self.mapping).is_none() || self.was_hit() {
            return false;
        }
        // First: what lies there is overwritten from now on.
        self.store(at::COUNT, 0);
        (self.from, self.len, self.groups, self.is_open) = (BYTES_FROM as usize, 0, 0, false);
        true
    }

    /// Removes the file of a block whose groups are all in their segments. If it stays, the next start finds nothing in it that is missing.
    ///
    /// # Errors
    /// Those of the call.
    pub(in crate::log) fn remove_file(&self) -> io::Result<()> {
        fs::remove_file(&self.mapping.path)
    }

    /// Whether the kernel could not provide a page: what was appended there is gone.
    #[inline]
    pub(in crate::log) fn was_hit(&self) -> bool {
        self.mapping.guard.was_hit()
    }

    #[inline]
    fn word(&self, at: usize) -> &AtomicU64 {
        assert!(at.is_multiple_of(8) && at + 8 <= BYTES_FROM as usize, "no word of the table");
        // SAFETY: inside the mapping and aligned (asserted above; a mapping begins at a page). The table is accessed through these atomics alone, and
        // the reference lives as long as `self` and so as the mapping.
        unsafe { AtomicU64::from_ptr(self.mapping.map.as_mut_ptr().add(at).cast()) }
    }

    /// After a kill everything is found that the processor has done, so it is enough that the compiler keeps the order.
    #[inline]
    fn store(&self, at: usize, word: u64) {
        self.word(at).store(word.to_le(), Ordering::Release);
    }

    fn load(&self, at: usize) -> u64 {
        u64::from_le(self.word(at).load(Ordering::Acquire))
    }
}

/// A file with a number that is free.
fn create_next(dir: &Path) -> io::Result<(File, PathBuf)> {
    let mut number = 0;
    loop {
        let path = dir.join(file_name(number));
        match OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => return Ok((file, path)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(error),
        }
    }
}

fn map(file: &File, bytes: u64) -> io::Result<MmapRaw> {
    rustix::fs::fallocate(file, FallocateFlags::empty(), 0, bytes)?;
    let map = MmapOptions::new().len(bytes as usize).map_raw(file)?;
    // Without huge pages it works as well, only slower.
    let _ = map.advise(Advice::HugePage);
    Ok(map)
}

/// A closed group, or one that was taken from its stage.
#[derive(Debug, Clone)]
pub(in crate::log) struct Part {
    mapping: Arc<Mapping>,
    from: usize,
    len: usize,
}

impl Deref for Part {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the range lies in the mapping, which this holds. Nobody writes to it as long as this exists: the block goes on behind it, and is reclaimed only
        // when it alone holds the mapping. No other process maps the file, which was made by this one with a name of its own.
        unsafe { slice::from_raw_parts(self.mapping.map.as_ptr().add(self.from), self.len) }
    }
}

#[cfg(test)]
mod tests;
