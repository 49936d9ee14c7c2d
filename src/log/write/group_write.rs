//! A closed group that the writer's owner writes itself.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use crate::log::disk::stage::Stage;

use super::segment::Segment;

/// A closed group for the writer's owner to write: bytes (whole pages) to go at [`offset`](GroupWrite::offset) into [`file`](GroupWrite::file),
/// where a completed write is durable. Report the result to [`Writer::written`](crate::log::Writer::written).
#[derive(Debug)]
#[must_use = "nobody else writes this group, and everything behind it waits"]
pub struct GroupWrite {
    pub(in crate::log) segment: Arc<Segment>,
    pub(in crate::log) ticket: u64,
    pub(in crate::log) from: u64,
    pub(in crate::log) to: u64,
    pub(in crate::log) stage: Stage,
    pub(in crate::log) begun: Instant,
}

impl GroupWrite {
    /// The segment it belongs to: one descriptor serves all groups of a segment.
    pub fn segment(&self) -> u64 {
        self.segment.id
    }

    /// A descriptor of the segment for direct, durable writes, owned by the caller. The segment's first descriptor was opened together with it;
    /// one is enough for all of its groups.
    ///
    /// # Errors
    /// Those of `dup`, for any descriptor but the first.
    pub fn file(&self) -> io::Result<File> {
        self.segment.second_file()
    }

    /// The group's offset in the file.
    pub fn offset(&self) -> u64 {
        self.from
    }

    /// Takes the buffer, with the range of it to write. [`put_back`](GroupWrite::put_back) returns it.
    pub fn take_bytes(&mut self) -> (Vec<u8>, Range<usize>) {
        self.stage.take_bytes(self.from, self.to)
    }

    /// Returns the buffer.
    pub fn put_back(&mut self, bytes: Vec<u8>) {
        self.stage.put_back(bytes);
    }
}
