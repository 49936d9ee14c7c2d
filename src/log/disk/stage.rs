//! Groups in memory, on their way into a segment that is written directly.
//!
//! A stage is a block of memory that is filled with one group behind the other. A direct write takes its bytes from memory that begins at a
//! page, in whole pages, so each group begins at one. A closed group is immutable and shared: whoever drives the write (a ring above all) must own
//! the bytes until the kernel has let go of them, and readers of what was written recently borrow the same bytes. The block is filled again when
//! nobody holds any of its groups.
//!
//! With `ack = "memory"` the block lies in a file: see [`super::file_block`].

use std::io;

use bytes::BytesMut;
use rustix::mm::{Advice, madvise};

use super::file_block::FileBlock;
use super::page::PAGE_BYTES;
use super::pages::Pages;

const PAGE: usize = PAGE_BYTES as usize;

/// A huge page of most machines. In one, a direct write has one piece of memory to hold on to instead of 512.
const HUGE: usize = 2 << 20;

/// A block of memory for groups.
#[derive(Debug)]
pub(in crate::log) struct Stage {
    memory: Memory,
    number: u64,
}

#[derive(Debug)]
enum Memory {
    /// Of this process.
    Heap(HeapBlock),
    /// Of a file, which survives the process.
    File(FileBlock),
}

#[derive(Debug)]
struct HeapBlock {
    /// The open group. Its capacity is the rest of the block.
    open: BytesMut,
    capacity: usize,
    /// What the first group begins at: a huge page if the block is that large.
    page: usize,
}

impl Stage {
    /// A block with room for `capacity_bytes` of groups, in whole pages. Untouched pages of it take no memory.
    pub(in crate::log) fn new(capacity_bytes: u64) -> Stage {
        let bytes = (capacity_bytes as usize).next_multiple_of(PAGE) + PAGE;
        let page = if bytes < HUGE { PAGE } else { HUGE };
        let open = BytesMut::with_capacity(bytes + page);
        let mut block = HeapBlock { capacity: open.capacity(), open, page };
        block.begin_at_page();
        block.ask_for_huge_pages();
        Stage { memory: Memory::Heap(block), number: 0 }
    }

    /// A block that survives the process.
    pub(in crate::log) fn of_file(block: FileBlock) -> Stage {
        Stage { memory: Memory::File(block), number: 0 }
    }

    /// Which one it is, of those that a writer has filled.
    pub(in crate::log) fn number(&self) -> u64 {
        self.number
    }

    pub(in crate::log) fn set_number(&mut self, number: u64) {
        self.number = number;
    }

    /// Whether `bytes` more fit, with what fills their last page.
    #[inline]
    pub(in crate::log) fn fits(&self, bytes: usize) -> bool {
        match &self.memory {
            Memory::Heap(block) => block.open.len() + bytes + PAGE <= block.open.capacity(),
            Memory::File(block) => block.fits(bytes),
        }
    }

    /// Begins a group at this offset of the segment.
    #[inline]
    pub(in crate::log) fn begin(&mut self, segment: u64, offset: u64) {
        if let Memory::File(block) = &mut self.memory {
            block.begin(segment, offset);
        }
    }

    /// Appends to the open group.
    ///
    /// # Panics
    /// If it does not fit: the block must not be left for another one unnoticed.
    #[inline]
    pub(in crate::log) fn append(&mut self, bytes: &[u8]) {
        match &mut self.memory {
            Memory::Heap(block) => {
                block.has_room(bytes.len());
                block.open.extend_from_slice(bytes);
            }
            Memory::File(block) => block.append(bytes),
        }
    }

    /// Appends zeros.
    #[inline]
    pub(in crate::log) fn append_zeros(&mut self, bytes: usize) {
        match &mut self.memory {
            Memory::Heap(block) => {
                block.has_room(bytes);
                block.open.resize(block.open.len() + bytes, 0);
            }
            Memory::File(block) => block.append_zeros(bytes),
        }
    }

    /// What was appended is a whole record: from here on it is found after a kill, if the block lies in a file.
    #[inline]
    pub(in crate::log) fn publish(&self) {
        if let Memory::File(block) = &self.memory {
            block.publish();
        }
    }

    /// Takes over another stage's open group, if it has one.
    pub(in crate::log) fn take_over(&mut self, other: &mut Stage) {
        if let (Memory::File(block), Memory::File(from)) = (&mut self.memory, &other.memory)
            && from.open_bytes() > 0
        {
            let (segment, offset) = from.place();
            block.begin(segment, offset);
        }
        let open = other.take_open();
        if !open.is_empty() {
            self.append(&open);
            self.publish();
        }
    }

    /// Takes the open group as it is.
    pub(in crate::log) fn take_open(&mut self) -> Pages {
        match &mut self.memory {
            Memory::Heap(block) => block.open.split().freeze().into(),
            Memory::File(block) => block.close().into(),
        }
    }

    /// Closes the open group; the next one begins at the page behind it.
    pub(in crate::log) fn close(&mut self) -> Pages {
        let open = match &self.memory {
            Memory::Heap(block) => block.open.len(),
            Memory::File(block) => block.open_bytes(),
        };
        self.append_zeros(open.next_multiple_of(PAGE) - open);
        self.take_open()
    }

    /// Forgets the open group.
    pub(in crate::log) fn give_up(&mut self) {
        match &mut self.memory {
            Memory::Heap(block) => block.open.clear(),
            Memory::File(block) => block.give_up(),
        }
    }

    /// Makes the whole block free for groups again, if nobody holds any of it.
    pub(in crate::log) fn reclaim(&mut self) -> bool {
        match &mut self.memory {
            Memory::Heap(block) => block.reclaim(),
            Memory::File(block) => block.reclaim(),
        }
    }

    /// Whether the memory is given back by dropping it. That of a file is not: its groups would be found after a kill.
    pub(in crate::log) fn may_be_dropped(&mut self) -> bool {
        matches!(self.memory, Memory::Heap(_)) || self.reclaim()
    }

    /// Removes the file of a stage whose groups are all in their segments, if it lies in one.
    ///
    /// # Errors
    /// Those of the call. It is no loss if the file stays.
    pub(in crate::log) fn remove_file(&self) -> io::Result<()> {
        match &self.memory {
            Memory::Heap(_) => Ok(()),
            Memory::File(block) => block.remove_file(),
        }
    }

    /// Whether the kernel could not provide a page of it: what was appended there is gone.
    pub(in crate::log) fn was_hit(&self) -> bool {
        matches!(&self.memory, Memory::File(block) if block.was_hit())
    }
}

impl HeapBlock {
    /// Passes over what lies before the first page.
    fn begin_at_page(&mut self) {
        let skip = (self.page - self.open.as_ptr().addr() % self.page) % self.page;
        self.open = self.open.split_off(skip);
    }

    /// Best effort: without them a write costs twice as much (`docs/performance.md`).
    fn ask_for_huge_pages(&mut self) {
        let bytes = self.open.capacity() / HUGE * HUGE;
        if self.page == HUGE {
            // SAFETY: the range lies in memory that `open` owns, from its first byte and within its capacity. The advice changes no byte of it and
            // takes none away, only by which pages it is provided, so it holds for whoever gets this memory from the allocator later, too.
            let _ = unsafe { madvise(self.open.as_mut_ptr().cast(), bytes, Advice::LinuxHugepage) };
        }
    }

    #[inline]
    fn has_room(&self, bytes: usize) {
        assert!(self.open.len() + bytes <= self.open.capacity(), "a write beyond the stage's end");
    }

    fn reclaim(&mut self) -> bool {
        self.open.clear();
        let free = self.open.try_reclaim(self.capacity);
        if free {
            self.begin_at_page();
        }
        free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open_of(stage: &Stage) -> usize {
        match &stage.memory {
            Memory::Heap(block) => block.open.as_ptr().addr(),
            Memory::File(_) => unreachable!("of this process"),
        }
    }

    #[test]
    fn each_group_begins_at_a_page_of_memory_and_stays_as_it_was_closed() {
        let mut stage = Stage::new(4 * PAGE_BYTES);
        stage.append(b"record");
        stage.append_zeros(PAGE - 6);
        let first = stage.close();
        stage.append(&[7; PAGE]);
        let second = stage.close();
        for group in [&first, &second] {
            assert!(group.as_ptr().addr().is_multiple_of(PAGE));
            assert_eq!(group.len(), PAGE);
        }
        assert_eq!(&first[..7], b"record\0");
        assert_eq!(second.as_ptr().addr(), first.as_ptr().addr() + PAGE);
    }

    #[test]
    fn a_block_is_filled_again_only_when_nobody_holds_a_group_of_it() {
        let mut stage = Stage::new(2 * PAGE_BYTES);
        let place = open_of(&stage);
        stage.append(&[1; 2 * PAGE]);
        let group = stage.close();
        let reader = group.clone();
        drop(group);
        assert!(!stage.reclaim());
        assert!(!stage.fits(PAGE));
        assert_eq!(reader[0], 1);
        drop(reader);
        assert!(stage.reclaim());
        assert!(stage.fits(2 * PAGE));
        assert_eq!(open_of(&stage), place);
    }

    #[test]
    fn a_group_that_grows_beyond_its_block_goes_on_in_another() {
        let mut small = Stage::new(PAGE_BYTES);
        small.append(&[1; 100]);
        let mut large = Stage::new(4 * PAGE_BYTES);
        large.take_over(&mut small);
        large.append(&[2; 2 * PAGE - 100]);
        let group = large.close();
        assert_eq!((group[99], group[100]), (1, 2));
        assert!(small.reclaim());
    }
}
