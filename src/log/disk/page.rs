//! The size of a page.

/// Groups, windows and slices begin and end at multiples of this, and so does what is written past the page cache.
pub(in crate::log) const PAGE_BYTES: u64 = 4096;
