//! How far the control page says that a segment was durable.

use std::cmp::Ordering;

use crate::log::format::control::ControlSnapshot;
use crate::log::format::header::PAGE_BYTES;

/// What the control page says about a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KnownDurable {
    /// Nothing, or that it is newer than the one in use.
    Nothing,
    /// The durable end of the one in use.
    UpTo(u64),
    /// It is older than the one in use, and so durable as a whole.
    Whole,
    /// It is a copy made while a server wrote: its files are from different moments, and none says how far another was durable.
    Copied,
}

impl KnownDurable {
    pub(super) fn by(page: Option<&ControlSnapshot>, segment: u64) -> KnownDurable {
        if page.is_some_and(|page| page.copied) {
            return KnownDurable::Copied;
        }
        // The page has no checksum: one whose durable end lies beyond its records is not believed.
        let page = page.filter(|page| page.durable.saturating_sub(PAGE_BYTES as u64) <= page.cursor);
        match page.map(|page| (segment.cmp(&page.segment), page.durable)) {
            Some((Ordering::Equal, durable)) => KnownDurable::UpTo(durable),
            Some((Ordering::Less, _)) => KnownDurable::Whole,
            _ => KnownDurable::Nothing,
        }
    }

    /// Whether nothing in the segment was acknowledged, as far as the page shows.
    pub(super) fn nothing(self) -> bool {
        match self {
            KnownDurable::Nothing | KnownDurable::Copied => true,
            KnownDurable::UpTo(durable) => durable <= PAGE_BYTES as u64,
            KnownDurable::Whole => false,
        }
    }
}
