//! A segment in use: its file, and its mapping or the stage that takes the mapping's place.
//!
//! The order of the calls is the recipe of `docs/performance.md` and matters more than anything else: allocate, map,
//! `MADV_RANDOM` *before the first touch* (a plain fault brings a large folio, and write-back works by folio: a 32 KB group wrote
//! 1.3 MB), format in slices, populate a window ahead of the cursor, sync exactly the group's pages.
//!
//! Nobody forms a reference into the mapping. Bytes go in through a [`Pen`], and each segment has exactly one.
//! A directly written segment has no mapping: its pen fills a [`Stage`], of which each group is written as a whole. The rest is the same.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use memmap2::{Advice, MmapOptions, MmapRaw, UncheckedAdvice};

use crate::log::disk::aligned::AlignedPages;
use crate::log::disk::calls::Disk;
use crate::log::disk::page::PAGE_BYTES;
use crate::log::disk::pages::Pages;
use crate::log::disk::sigbus::Guard;
use crate::log::disk::stage::Stage;
use crate::log::format::header;
use crate::log::format::record::HEADER_BYTES;

use super::fault::Fault;
use super::invariant::Invariant;

mod create;

pub(in crate::log) use create::Plan;

/// The end of a segment that holds no record yet.
pub(in crate::log) const RECORDS_FROM: u64 = PAGE_BYTES;

/// The unit in which a segment is formatted: page by page through the page cache, in longer writes when direct.
static BLANK: LazyLock<AlignedPages> = LazyLock::new(|| AlignedPages::new(BLANK_BYTES));
const BLANK_BYTES: u64 = 256 << 10;

/// A window end past every segment.
const LEFT: u64 = u64::MAX;

/// A segment: prepared, in use, or waiting for its last sync.
#[derive(Debug)]
pub(in crate::log) struct Segment {
    pub(in crate::log) id: u64,
    pub(in crate::log) bytes: u64,
    pub(in crate::log) marker: u64,
    pub(in crate::log) path: PathBuf,
    header: [u8; header::PAGE_BYTES],
    disk: &'static dyn Disk,
    file: File,
    /// A second descriptor of a directly written segment, for an owner who writes on a ring: opened at the start, so that running out of
    /// descriptors can't come between an accepted record and the disk.
    second: Mutex<Option<File>>,
    medium: Medium,
    formatted: AtomicU64,
    /// Held while a slice is formatted.
    formatting: Mutex<()>,
    ready: AtomicU64,
    cursor: AtomicU64,
    durable: AtomicU64,
    first_us: AtomicU64,
    fault: AtomicU64,
    /// How many of the next syncs should fail.
    #[cfg(test)]
    pub(in crate::log) syncs_to_fail: std::sync::atomic::AtomicU32,
    /// How long each sync should take at least.
    #[cfg(test)]
    pub(in crate::log) sync_delay_ms: AtomicU64,
}

/// How an append reaches the file.
#[derive(Debug)]
enum Medium {
    /// Through the page cache, by a mapping. Dropped in this order: the guard must go before the mapping.
    Mapped { guard: Guard, map: MmapRaw },
    /// Whole groups, past the page cache: the segment's descriptor has O_DIRECT and O_DSYNC.
    Direct,
}

/// The right to write into a segment. Each segment has one, and it is not cloned.
#[derive(Debug)]
pub(in crate::log) struct Pen {
    segment: Arc<Segment>,
    /// The memory for the groups of a directly written segment.
    stage: Option<Stage>,
}

impl Pen {
    /// The segment that it writes to.
    #[inline]
    pub(in crate::log) fn segment(&self) -> &Arc<Segment> {
        &self.segment
    }

    /// Gives a directly written segment's pen the memory for its groups.
    pub(in crate::log) fn set_stage(&mut self, stage: Stage) {
        self.stage = Some(stage);
    }

    /// The memory of its groups, if the segment is written directly.
    #[inline]
    pub(in crate::log) fn stage(&mut self) -> Option<&mut Stage> {
        self.stage.as_mut()
    }

    /// Takes the memory of its groups, with the open one.
    pub(in crate::log) fn take_stage(&mut self) -> Option<Stage> {
        self.stage.take()
    }

    /// Writes a record at `at`, followed by zeros up to `to`. Its header comes last: readers of the mapping rely on it.
    #[inline]
    pub(in crate::log) fn put_record(&mut self, at: u64, header: &[u8; HEADER_BYTES], body: [&[u8]; 2], to: u64) {
        let bytes = HEADER_BYTES + body[0].len() + body[1].len();
        if let Some(stage) = &mut self.stage {
            stage.append(header);
            stage.append(body[0]);
            stage.append(body[1]);
            stage.append_zeros((to - at) as usize - bytes);
            stage.publish();
            return;
        }
        // A mapped segment's pages are written only once, so the zeros are there.
        let from = at + HEADER_BYTES as u64;
        self.write(from, body[0]);
        self.write(from + body[0].len() as u64, body[1]);
        fence(Ordering::Release);
        self.write(at, header);
    }

    /// Copies `bytes` to `at` in the mapping.
    ///
    /// # Panics
    /// If they do not fit into the segment, which the writer's check of the window excludes.
    #[inline]
    fn write(&mut self, at: u64, bytes: &[u8]) {
        let Medium::Mapped { map, .. } = &self.segment.medium else {
            unreachable!("a direct segment's pen has a stage")
        };
        let end = at + bytes.len() as u64;
        assert!(end <= self.segment.bytes, "a write beyond the segment's end");
        // SAFETY: the target lies in the mapping (asserted above), which lives as long as the segment. `bytes` is a Rust slice and can't overlap
        // it, because no reference into the mapping exists. Nobody else writes there: a segment has one pen, and `&mut self` makes this its only
        // use; when the keeper touches pages (`Segment::touch`), it does so atomically and beyond the writer's window.
        unsafe {
            let target = map.as_mut_ptr().add(at as usize);
            ptr::copy_nonoverlapping(bytes.as_ptr(), target, bytes.len());
        }
    }

    /// Writes the first page and syncs it: the proof that this file can be made durable now.
    pub(in crate::log) fn probe(&mut self) -> Result<(), Fault> {
        let segment = Arc::clone(&self.segment);
        let synced = match &segment.medium {
            Medium::Mapped { map, .. } => {
                self.write(0, &segment.header);
                segment.disk.sync_range(&segment.file, map, 0, PAGE_BYTES)
            }
            Medium::Direct => {
                segment.disk.write_through(&segment.file, AlignedPages::of(&segment.header).first(PAGE_BYTES), 0)
            }
        };
        segment.settle(None, segment.injected(synced))
    }
}

impl Segment {
    /// The end of the formatted part.
    pub(in crate::log) fn formatted(&self) -> u64 {
        self.formatted.load(Ordering::Acquire)
    }

    /// Formats the next slice: written once, so that its blocks are in their final state. Returns its end.
    ///
    /// For a mapping page by page, by `write`: a longer write would bring a large folio, and a fault in the mapping costs three times
    /// as much.
    pub(in crate::log) fn format(&self, slice_bytes: u64) -> io::Result<u64> {
        let _formatting = self.formatting.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_left() {
            return Ok(self.formatted());
        }
        let from = self.formatted();
        let to = (from + slice_bytes).min(self.bytes);
        if from == to {
            return Ok(to);
        }
        match &self.medium {
            Medium::Mapped { map, .. } => {
                for at in (from..to).step_by(PAGE_BYTES as usize) {
                    self.disk.write_at(&self.file, BLANK.first(PAGE_BYTES), at)?;
                }
                self.disk.sync_range(&self.file, map, from, to - from)?;
            }
            Medium::Direct => {
                for at in (from..to).step_by(BLANK_BYTES as usize) {
                    self.disk.write_through(&self.file, BLANK.first(BLANK_BYTES.min(to - at)), at)?;
                }
            }
        }
        self.formatted.store(to, Ordering::Release);
        Ok(to)
    }

    /// Leaves the rest unformatted. Waits for the slice being formatted: nothing may be appended under it.
    pub(in crate::log) fn give_up_formatting(&self) {
        let _formatting = self.formatting.lock().unwrap_or_else(PoisonError::into_inner);
        self.formatted.store(self.bytes, Ordering::Release);
    }

    /// The end of the window, up to which writes cause no page fault.
    #[inline]
    pub(in crate::log) fn ready(&self) -> u64 {
        self.ready.load(Ordering::SeqCst)
    }

    /// Moves the window's end to `to` at most, in steps, never past the formatted part. True if it has moved.
    pub(in crate::log) fn extend_ready(&self, to: u64, step_bytes: u64) -> io::Result<bool> {
        let target = to.min(self.formatted());
        let before = self.ready();
        let mut from = before;
        while from < target {
            let next = (from + step_bytes).min(target);
            self.populate(from, next)?;
            if self.ready.compare_exchange(from, next, Ordering::SeqCst, Ordering::SeqCst).is_err() {
                // The segment was left meanwhile.
                return Ok(false);
            }
            from = next;
        }
        Ok(from > before)
    }

    /// Nothing more will be written: keeper and preparer are done with this segment.
    pub(in crate::log) fn leave(&self) {
        self.ready.store(LEFT, Ordering::SeqCst);
    }

    /// Waits for the slice being formatted in a segment that was left: its file may then be cut. A later write would make it longer again.
    pub(in crate::log) fn wait_for_format(&self) {
        drop(self.formatting.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Cuts the file to the durable end, whatever its name is now, and even if it no longer has one.
    ///
    /// # Panics
    /// If the segment has not failed: one in use is never cut.
    pub(in crate::log) fn cut(&self) -> io::Result<()> {
        assert!(self.fault().is_some(), "only a failed segment is cut");
        assert!(self.durable() <= self.cursor(), "nothing is durable that was not appended");
        self.disk.set_len(&self.file, self.durable())?;
        // Otherwise a power cut could bring back what readers have gone past by then.
        self.disk.sync(&self.file)
    }

    /// The file, for a reader.
    pub(in crate::log) fn handle(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Whether [`Segment::leave`] was called.
    pub(in crate::log) fn is_left(&self) -> bool {
        self.ready() == LEFT
    }

    /// The end of what was appended, as precisely as other threads need it.
    #[inline]
    pub(in crate::log) fn cursor(&self) -> u64 {
        self.cursor.load(Ordering::Acquire)
    }

    #[inline]
    pub(in crate::log) fn set_cursor(&self, cursor: u64) {
        self.cursor.store(cursor, Ordering::Release);
    }

    /// The order time of the first record, 0 for none.
    pub(in crate::log) fn first_us(&self) -> u64 {
        self.first_us.load(Ordering::Relaxed)
    }

    pub(in crate::log) fn set_first_us(&self, us: u64) {
        self.first_us.store(us, Ordering::Relaxed);
    }

    /// The end of what syncs have made durable.
    #[inline]
    pub(in crate::log) fn durable(&self) -> u64 {
        self.durable.load(Ordering::Acquire)
    }

    /// Whether groups are written directly.
    pub(in crate::log) fn is_direct(&self) -> bool {
        matches!(self.medium, Medium::Direct)
    }

    /// A descriptor for the owner: first the one kept for it, then duplicates.
    pub(in crate::log) fn second_file(&self) -> io::Result<File> {
        let kept = self.second.lock().unwrap_or_else(PoisonError::into_inner).take();
        kept.map_or_else(|| self.file.try_clone(), Ok)
    }

    /// Makes the pages `from..to` durable: what the mapping has there, or for a directly written segment `pages`.
    pub(in crate::log) fn sync(&self, from: u64, to: u64, pages: Option<&Pages>) -> Result<(), Fault> {
        let synced = match (&self.medium, pages) {
            // Then nothing is written: it could overwrite acknowledged bytes. Settling fails the segment.
            _ if self.broken_by(from, to).is_some() => Ok(()),
            (Medium::Mapped { map, .. }, _) => {
                let_go(map, from, to).and_then(|()| self.disk.sync_range(&self.file, map, from, to - from))
            }
            (Medium::Direct, Some(pages)) if pages.len() as u64 == to - from => {
                self.disk.write_through(&self.file, pages, from)
            }
            (Medium::Direct, _) => Err(io::Error::from(io::ErrorKind::InvalidInput)),
        };
        self.settle(Some((from, to)), self.injected(synced))
    }

    /// Settles a group that its owner has written, or failed to write. Call in the order of the groups.
    pub(in crate::log) fn settle_written(&self, from: u64, to: u64, written: io::Result<()>) -> Result<(), Fault> {
        self.settle(Some((from, to)), self.injected(written))
    }

    /// What is wrong with the next group to become durable, with the bytes `from..to`.
    fn broken_by(&self, from: u64, to: u64) -> Option<Invariant> {
        if !from.is_multiple_of(PAGE_BYTES) || from != self.durable() {
            return Some(Invariant::GroupBegin);
        }
        let sound = to.is_multiple_of(PAGE_BYTES) && from < to && to <= self.cursor() && to <= self.bytes;
        (!sound).then_some(Invariant::GroupEnd)
    }

    /// **Every** sync result of a segment passes through here. The first failure is final: a later success on the same file proves nothing about
    /// what the failed sync dropped. A group moves the durable end; the probe of the first page (`None`) does not.
    fn settle(&self, group: Option<(u64, u64)>, result: io::Result<()>) -> Result<(), Fault> {
        if let Err(error) = result {
            self.fail(Fault::sync(&error));
        } else if let Some(invariant) = group.and_then(|(from, to)| self.broken_by(from, to)) {
            self.fail(Fault::Invariant(invariant));
        }
        match self.fault() {
            None => {
                if let Some((_, to)) = group {
                    self.durable.fetch_max(to, Ordering::Release);
                }
                Ok(())
            }
            Some(fault) => Err(fault),
        }
    }

    /// Marks the segment as failed; the first cause is kept.
    pub(in crate::log) fn fail(&self, fault: Fault) {
        let _ = self.fault.compare_exchange(0, fault.to_code(), Ordering::AcqRel, Ordering::Acquire);
    }

    /// Why the segment may no longer be used.
    #[inline]
    pub(in crate::log) fn fault(&self) -> Option<Fault> {
        if let Medium::Mapped { guard, .. } = &self.medium
            && guard.was_hit()
        {
            self.fail(Fault::Bus);
        }
        Fault::from_code(self.fault.load(Ordering::Acquire))
    }

    fn populate(&self, from: u64, to: u64) -> io::Result<()> {
        // With an unaligned start the call populates nothing, and fails with the same EINVAL as on a kernel that does not know it.
        assert!(from.is_multiple_of(PAGE_BYTES) && to.is_multiple_of(PAGE_BYTES) && to <= self.bytes);
        let Medium::Mapped { map, .. } = &self.medium else { return Ok(()) };
        loop {
            let Err(error) = map.advise_range(Advice::PopulateWrite, from as usize, (to - from) as usize) else {
                return Ok(());
            };
            match error.raw_os_error() {
                Some(libc::EINTR) => {}
                // Before Linux 5.14.
                Some(libc::EINVAL) => {
                    touch(map, from, to);
                    return Ok(());
                }
                _ => return Err(error),
            }
        }
    }

    #[cfg(not(test))]
    fn injected(&self, result: io::Result<()>) -> io::Result<()> {
        result
    }

    /// Injects the failures or delays that a test has asked for.
    #[cfg(test)]
    fn injected(&self, result: io::Result<()>) -> io::Result<()> {
        std::thread::sleep(std::time::Duration::from_millis(self.sync_delay_ms.load(Ordering::SeqCst)));
        let take = |left: u32| left.checked_sub(1);
        match self.syncs_to_fail.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take) {
            Ok(_) => Err(io::Error::from_raw_os_error(libc::EIO)),
            Err(_) => result,
        }
    }
}

impl Medium {
    /// Maps the whole file, for single pages.
    fn map(file: &File, bytes: u64) -> io::Result<Medium> {
        let map = MmapOptions::new().len(bytes as usize).map_raw(file)?;
        let guard = Guard::new(map.as_ptr(), map.len())?;
        map.advise(Advice::Random)?;
        Ok(Medium::Mapped { guard, map })
    }
}

fn touch(map: &MmapRaw, from: u64, to: u64) {
    for at in (from..to).step_by(PAGE_BYTES as usize) {
        assert!(at + PAGE_BYTES <= map.len() as u64, "no page of the mapping");
        // SAFETY: `at` is a multiple of the page size inside the mapping (asserted), so it is aligned for a u64 and valid for as long as
        // the mapping lives. Adding zero atomically changes no byte, whatever lies there.
        let word = unsafe { AtomicU64::from_ptr(map.as_mut_ptr().add(at as usize).cast()) };
        word.fetch_add(0, Ordering::Relaxed);
    }
}

/// Removes pages from this process's page table. Done before they are written out, this saves a TLB shootdown for each.
fn let_go(map: &MmapRaw, from: u64, to: u64) -> io::Result<()> {
    let (at, len) = (from as usize, (to - from) as usize);
    // SAFETY: on a shared file mapping MADV_DONTNEED drops page table entries and no data: the pages stay in the page cache, dirty, and
    // a later access finds them there.
    unsafe { map.unchecked_advise_range(UncheckedAdvice::DontNeed, at, len) }
}

#[cfg(test)]
mod tests;
