//! A group in memory, on its way into a segment that is written directly.
//!
//! A direct write takes its bytes from memory that begins at a page, in whole pages, so a stage is a buffer with such a place in it. It
//! is an owned `Vec`, because whoever drives the write (a ring above all) must own the bytes until the kernel has let go of them.

use std::ops::Range;

use super::page::PAGE_BYTES;

const PAGE: usize = PAGE_BYTES as usize;

/// Room for one group.
#[derive(Debug)]
pub(in crate::log) struct Stage {
    bytes: Vec<u8>,
    /// Where in `bytes` the first page begins.
    skip: usize,
    /// The offset in the segment of that page.
    base: u64,
}

impl Stage {
    /// Room for `capacity_bytes`, in whole pages. Untouched pages of it take no memory.
    pub(in crate::log) fn new(capacity_bytes: u64) -> Stage {
        let bytes = vec![0; (capacity_bytes as usize).next_multiple_of(PAGE) + PAGE];
        let skip = (PAGE - bytes.as_ptr().addr() % PAGE) % PAGE;
        Stage { bytes, skip, base: 0 }
    }

    /// Begins a group at this offset of the segment, a multiple of the page size.
    pub(in crate::log) fn begin(&mut self, base: u64) {
        assert!(base.is_multiple_of(PAGE_BYTES), "a group begins at a page");
        self.base = base;
    }

    fn range(&self, from: u64, to: u64) -> Range<usize> {
        let at = |offset: u64| self.skip + (offset - self.base) as usize;
        at(from)..at(to)
    }

    /// Copies `bytes` to the segment's offset `at`.
    #[inline]
    pub(in crate::log) fn put(&mut self, at: u64, bytes: &[u8]) {
        let range = self.range(at, at + bytes.len() as u64);
        self.bytes[range].copy_from_slice(bytes);
    }

    /// Zeros what nothing is written to: an earlier group's bytes may lie there.
    #[inline]
    pub(in crate::log) fn blank(&mut self, from: u64, to: u64) {
        let range = self.range(from, to);
        self.bytes[range].fill(0);
    }

    /// The bytes of the segment from `from` to `to`.
    pub(in crate::log) fn part(&self, from: u64, to: u64) -> &[u8] {
        &self.bytes[self.range(from, to)]
    }

    /// Takes the buffer out, with the part of it that holds `from..to`.
    pub(in crate::log) fn take_bytes(&mut self, from: u64, to: u64) -> (Vec<u8>, Range<usize>) {
        let range = self.range(from, to);
        (std::mem::take(&mut self.bytes), range)
    }

    /// Returns the buffer.
    pub(in crate::log) fn put_back(&mut self, bytes: Vec<u8>) {
        self.bytes = bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_lies_at_a_page_in_memory_and_takes_its_offsets_from_the_segment() {
        let mut stage = Stage::new(3 * PAGE_BYTES);
        stage.begin(8 * PAGE_BYTES);
        stage.put(8 * PAGE_BYTES + 10, b"record");
        let part = stage.part(8 * PAGE_BYTES, 11 * PAGE_BYTES);
        assert!(part.as_ptr().addr().is_multiple_of(PAGE));
        assert_eq!(part.len(), 3 * PAGE);
        assert_eq!(&part[10..16], b"record");
        stage.blank(8 * PAGE_BYTES + 10, 8 * PAGE_BYTES + 16);
        assert!(stage.part(8 * PAGE_BYTES, 9 * PAGE_BYTES).iter().all(|&byte| byte == 0));
    }
}
