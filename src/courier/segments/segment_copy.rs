//! A copy of a segment in a store.

use super::object_name::SegmentName;

/// A copy of a segment: its two objects, as far as they are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentCopy {
    pub(super) name: SegmentName,
    pub(super) segment: Option<At>,
    pub(super) sidecar: Option<At>,
}

/// Where an object's content is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct At {
    pub(super) bytes: u64,
    /// The version, if the object's name does not stand for it (any more).
    pub(super) version: Option<String>,
}

impl At {
    pub(super) const fn current(bytes: u64) -> Self {
        Self { bytes, version: None }
    }
}

impl SegmentCopy {
    pub(super) const fn new(name: SegmentName) -> Self {
        Self { name, segment: None, sidecar: None }
    }

    /// The core.
    pub const fn core(&self) -> u16 {
        self.name.core
    }

    /// The segment's id.
    pub const fn segment(&self) -> u64 {
        self.name.segment
    }

    /// BLAKE3 of the segment, in hexadecimal.
    pub fn blake3(&self) -> &str {
        &self.name.blake3
    }

    /// The name of its object.
    pub fn object(&self) -> String {
        self.name.object()
    }

    /// Whether the segment itself is there, and not its sidecar alone.
    pub const fn has_segment(&self) -> bool {
        self.segment.is_some()
    }

    /// Whether a restore may find it: it is there under its name, and not as an older version alone.
    pub fn is_current(&self) -> bool {
        self.segment.as_ref().is_some_and(|at| at.version.is_none())
    }
}
