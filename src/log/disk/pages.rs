//! The bytes of a group that was taken from its stage: immutable and shared.

use std::ops::Deref;

use bytes::Bytes;

use super::file_block::Part;

/// A group's bytes, in memory that begins at a page. Clones share it, and nothing here allocates: a core hands out thousands of groups a second.
#[derive(Debug, Clone)]
pub struct Pages(Memory);

#[derive(Debug, Clone)]
enum Memory {
    /// Of this process.
    Heap(Bytes),
    /// Of a file, which survives the process.
    File(Part),
}

impl Deref for Pages {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Memory::Heap(bytes) => bytes,
            Memory::File(part) => part,
        }
    }
}

impl From<Bytes> for Pages {
    fn from(bytes: Bytes) -> Pages {
        Pages(Memory::Heap(bytes))
    }
}

impl From<Part> for Pages {
    fn from(part: Part) -> Pages {
        Pages(Memory::File(part))
    }
}
