//! The bytes that a connection has received and not yet consumed.
//!
//! The current request is always at index 0. Consumed bytes are skipped, not overwritten: if a client sends a thousand requests at once, the
//! rest must not be moved a thousand times. Bytes are moved only if there is no room after them to receive more, so a byte is moved at most
//! once per receive.

use std::ops::{Deref, DerefMut, Range};

/// Received bytes. Consumed bytes stay in place before them until room is needed.
#[derive(Debug, Default)]
pub struct Buffer {
    /// All of its memory is initialised, so that the kernel may write to any part of it.
    bytes: Vec<u8>,
    /// Bytes at the start that are consumed.
    used: usize,
    /// The end of those that were received.
    end: usize,
    #[cfg(test)]
    moved_bytes: usize,
}

impl Buffer {
    /// An empty one in this memory, whose bytes are written over.
    pub fn over(memory: Vec<u8>) -> Self {
        Self { bytes: memory, ..Self::default() }
    }

    /// Its memory.
    pub fn into_memory(self) -> Vec<u8> {
        self.bytes
    }

    /// A full one.
    #[cfg(test)]
    pub fn full(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), end: bytes.len(), ..Self::default() }
    }

    /// How many bytes it can hold, including consumed ones.
    pub fn capacity(&self) -> usize {
        self.bytes.len()
    }

    /// Removes all bytes.
    pub fn clear(&mut self) {
        (self.used, self.end) = (0, 0);
    }

    /// Removes all but the first `len` bytes.
    pub fn truncate(&mut self, len: usize) {
        self.end = self.end.min(self.used + len);
    }

    /// Removes the bytes in `range`. Either the bytes before them move up or those after them move down, whichever are fewer.
    pub fn remove(&mut self, range: Range<usize>) {
        if range.end >= self.len() {
            return self.truncate(range.start);
        }
        if range.start > self.len() - range.end {
            self.moved(self.len() - range.end);
            self.bytes.copy_within(self.used + range.end..self.end, self.used + range.start);
            self.end -= range.len();
            return;
        }
        if range.start > 0 {
            self.moved(range.start);
            self.copy_within(..range.start, range.len());
        }
        self.used += range.len();
    }

    /// Makes room for `more` bytes at the end, as far as the capacity allows.
    #[inline]
    pub fn make_room(&mut self, more: usize) {
        if self.used > 0 && self.capacity() - self.end < more {
            self.moved(self.len());
            self.bytes.copy_within(self.used..self.end, 0);
            self.end -= std::mem::take(&mut self.used);
        }
    }

    /// Adds bytes. The capacity must have room for them.
    pub fn extend_from_slice(&mut self, more: &[u8]) {
        self.make_room(more.len());
        if self.room().len() < more.len() {
            self.bytes.resize(self.end + more.len(), 0);
        }
        self.room()[..more.len()].copy_from_slice(more);
        self.received(more.len());
    }

    /// Moves the bytes to `larger`, which replaces the old memory, and returns that.
    pub fn move_into(&mut self, mut larger: Vec<u8>) -> Vec<u8> {
        let len = self.len();
        larger[..len].copy_from_slice(self);
        (self.used, self.end) = (0, len);
        std::mem::replace(&mut self.bytes, larger)
    }

    /// The room at the end, to receive into.
    #[inline]
    pub fn room(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    /// So many bytes were received into the room.
    #[inline]
    pub fn received(&mut self, bytes: usize) {
        debug_assert!(bytes <= self.capacity() - self.end, "no more was received than there was room for");
        self.end = self.capacity().min(self.end + bytes);
    }

    #[cfg(test)]
    fn moved(&mut self, bytes: usize) {
        self.moved_bytes += bytes;
    }

    #[cfg(not(test))]
    fn moved(&self, _bytes: usize) {}

    /// How many bytes have been moved so far.
    #[cfg(test)]
    pub fn moved_bytes(&self) -> usize {
        self.moved_bytes
    }
}

impl Deref for Buffer {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.bytes.get(self.used..self.end).unwrap_or_default()
    }
}

impl DerefMut for Buffer {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.used..self.end).unwrap_or_default()
    }
}
