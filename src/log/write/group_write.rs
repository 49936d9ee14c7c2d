//! A closed group that the owner of a writer writes itself.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use crate::log::disk::stage::Stage;

use super::segment::Segment;

/// A closed group that the writer's owner is to write: [`offset`](GroupWrite::offset) and bytes, whole pages, into
/// [`file`](GroupWrite::file), which makes durable what it returns from. Then [`Writer::written`](crate::log::Writer::written) is told.
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
    /// Which segment it belongs to: one descriptor serves all groups of a segment.
    pub fn segment(&self) -> u64 {
        self.segment.id
    }

    /// A descriptor of the segment for direct, durable writes, of the caller's own. The first one of each segment was opened with it; one is
    /// enough for all of its groups.
    ///
    /// # Errors
    /// Those of `dup`, where it is not the first.
    pub fn file(&self) -> io::Result<File> {
        self.segment.second_file()
    }

    /// Where in the file the group begins.
    pub fn offset(&self) -> u64 {
        self.from
    }

    /// Takes the buffer out, with the part of it that is to be written. [`put_back`](GroupWrite::put_back) returns it.
    pub fn take_bytes(&mut self) -> (Vec<u8>, Range<usize>) {
        self.stage.take_bytes(self.from, self.to)
    }

    /// Returns the buffer.
    pub fn put_back(&mut self, bytes: Vec<u8>) {
        self.stage.put_back(bytes);
    }
}
