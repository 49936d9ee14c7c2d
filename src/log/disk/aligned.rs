//! A buffer that begins at a page, as writes past the page cache need it.

use super::page::PAGE_BYTES;

const PAGE: usize = PAGE_BYTES as usize;

/// Whole pages of zeros, with what was put there.
#[derive(Debug)]
pub(in crate::log) struct AlignedPages {
    bytes: Vec<u8>,
    /// Where in `bytes` the first page begins.
    skip: usize,
}

impl AlignedPages {
    /// Room for `bytes`, in whole pages. Untouched pages take no memory.
    pub(in crate::log) fn new(bytes: u64) -> AlignedPages {
        let bytes = vec![0; (bytes as usize).next_multiple_of(PAGE) + PAGE];
        let skip = (PAGE - bytes.as_ptr().addr() % PAGE) % PAGE;
        AlignedPages { bytes, skip }
    }

    /// The same, beginning with `bytes`.
    pub(in crate::log) fn of(bytes: &[u8]) -> AlignedPages {
        let mut pages = AlignedPages::new(bytes.len() as u64);
        let from = pages.skip;
        pages.bytes[from..from + bytes.len()].copy_from_slice(bytes);
        pages
    }

    /// The first `bytes`.
    pub(in crate::log) fn first(&self, bytes: u64) -> &[u8] {
        &self.bytes[self.skip..self.skip + bytes as usize]
    }
}
