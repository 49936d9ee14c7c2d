//! A core's groups: the open one, and those in flight to the disk.

use std::io;
use std::sync::Arc;

use crate::log::disk::pages::Pages;
use crate::log::write::segment::Segment;

use super::outcome::Seq;

/// The records appended since the last group was closed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct OpenGroup {
    pub(super) from: u64,
    pub(super) records: u64,
    pub(super) first_us: u64,
}

/// A group in flight.
#[derive(Debug)]
pub(super) struct Handed {
    pub(super) segment: Arc<Segment>,
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) records: u64,
    pub(super) first_us: u64,
    pub(super) last: Seq,
    pub(super) by: By,
    /// Its bytes, if it is written directly, and the block of memory that they are in.
    pub(super) pages: Option<(Pages, u64)>,
    /// False if it was closed with an invariant broken: it is lost, whatever its sync reports.
    pub(super) sound: bool,
}

/// Who makes a group durable, and how far along that is.
#[derive(Debug)]
pub(super) enum By {
    /// The syncer, which settles its groups in order: this is the group's number.
    Syncer(u64),
    /// The owner, on the ring, in any order: the number of the write.
    Owner(u64),
    /// The owner, which has finished with it.
    Written(io::Result<()>),
}

impl Handed {
    pub(super) fn is_with_owner(&self) -> bool {
        matches!(self.by, By::Owner(_))
    }
}
