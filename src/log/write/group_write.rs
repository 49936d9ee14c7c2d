//! A closed group that the writer's owner writes itself.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use crate::log::disk::pages::Pages;

use super::segment::Segment;

/// A closed group for the writer's owner to write: bytes (whole pages) to go at [`offset`](GroupWrite::offset) into [`file`](GroupWrite::file),
/// where a completed write is durable. Report the result to [`Writer::written`](crate::log::Writer::written).
#[derive(Debug)]
#[must_use = "nobody else writes this group, and everything behind it waits"]
pub struct GroupWrite {
    pub(in crate::log) segment: Arc<Segment>,
    pub(in crate::log) ticket: u64,
    pub(in crate::log) from: u64,
    pub(in crate::log) bytes: Pages,
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

    /// What is to be written. It does not change, and the log keeps it too: for readers.
    pub fn bytes(&self) -> Pages {
        self.bytes.clone()
    }
}
