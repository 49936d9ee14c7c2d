//! One page of a file, mapped for writing: the control and clock pages.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::{MmapOptions, MmapRaw};

use super::page::PAGE_BYTES;
use super::sigbus::Guard;

/// A small file of u64 words, mapped for writing: the control and clock pages.
#[derive(Debug)]
pub(in crate::log) struct SharedPage {
    _guard: Guard,
    map: MmapRaw,
}

impl SharedPage {
    /// Opens the page at `path`, made anew where it is missing or has another size.
    pub(in crate::log) fn open(path: &Path) -> io::Result<SharedPage> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        if file.metadata()?.len() != PAGE_BYTES {
            file.set_len(0)?;
            // Not synced: a page that a power cut leaves short is created anew, and its contents can be derived from the records.
            io::Write::write_all(&mut &file, &[0; PAGE_BYTES as usize])?;
        }
        let map = MmapOptions::new().len(PAGE_BYTES as usize).map_raw(&file)?;
        let guard = Guard::new(map.as_ptr(), map.len())?;
        let page = SharedPage { _guard: guard, map };
        page.word(0).fetch_add(0, Ordering::Relaxed);
        Ok(page)
    }

    /// The word at byte `at`.
    #[inline]
    pub(in crate::log) fn word(&self, at: usize) -> &AtomicU64 {
        assert!(at.is_multiple_of(8) && at + 8 <= PAGE_BYTES as usize, "no word of the page");
        // SAFETY: inside the mapping and aligned (asserted above; a mapping begins at a page). The reference lives as long as `self` and so
        // as the mapping. All access in this process is through these atomics; other processes only read the file.
        unsafe { AtomicU64::from_ptr(self.map.as_mut_ptr().add(at).cast()) }
    }
}
