//! The bytes that a connection has received and not yet consumed.
//!
//! The current request is always at index 0. Consumed bytes are skipped, not overwritten: if a client sends a thousand requests at once, the
//! rest must not be moved a thousand times. Bytes are moved only if there is no room after them to receive more, so a byte is moved at most
//! once per receive.

use std::ops::{Deref, DerefMut, Range};

/// Received bytes. Consumed bytes stay in place before them until room is needed.
#[derive(Debug, Default)]
pub struct Buffer {
    bytes: Vec<u8>,
    /// Bytes at the start that are consumed.
    used: usize,
    #[cfg(test)]
    moved_bytes: usize,
}

impl Buffer {
    /// How many bytes it can hold, including consumed ones.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Removes all bytes.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.used = 0;
    }

    /// Removes all but the first `len` bytes.
    pub fn truncate(&mut self, len: usize) {
        self.bytes.truncate(self.used + len);
    }

    /// Removes the bytes in `range`. Either the bytes before them move up or those after them move down, whichever are fewer.
    pub fn remove(&mut self, range: Range<usize>) {
        if range.end >= self.len() {
            return self.truncate(range.start);
        }
        if range.start > self.len() - range.end {
            self.moved(self.len() - range.end);
            self.bytes.drain(self.used + range.start..self.used + range.end);
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
        if self.used > 0 && self.capacity() - self.bytes.len() < more {
            self.moved(self.len());
            self.bytes.drain(..std::mem::take(&mut self.used));
        }
    }

    /// Adds bytes. The capacity must have room for them.
    pub fn extend_from_slice(&mut self, more: &[u8]) {
        self.make_room(more.len());
        self.bytes.extend_from_slice(more);
    }

    /// Copies the bytes into `larger`, which replaces the old vector, and returns the old vector.
    pub fn move_into(&mut self, mut larger: Vec<u8>) -> Vec<u8> {
        larger.clear();
        larger.extend_from_slice(self);
        self.used = 0;
        std::mem::replace(&mut self.bytes, larger)
    }

    /// Lends the vector to the kernel, which writes at its end. Until it is taken back, the buffer is empty.
    pub fn lend(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// Takes the vector back, with more bytes at its end.
    pub fn take_back(&mut self, bytes: Vec<u8>) {
        self.bytes = bytes;
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

impl From<Vec<u8>> for Buffer {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, ..Self::default() }
    }
}

impl From<Buffer> for Vec<u8> {
    fn from(buffer: Buffer) -> Self {
        buffer.bytes
    }
}

impl Deref for Buffer {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.bytes.get(self.used..).unwrap_or_default()
    }
}

impl DerefMut for Buffer {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.used..).unwrap_or_default()
    }
}
