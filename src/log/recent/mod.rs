//! What was written a moment ago, in memory.
//!
//! A directly written group leaves no trace in the page cache. So the memory that it was written from is kept for a while, and is the source of
//! everything that follows the log live in this process: the hasher, and consumers. Nothing is copied: [`Stages`] fills blocks of memory with
//! groups, keeps the newest blocks, and fills the oldest again. Whoever is further behind reads the disk.
//!
//! Only what is durable gets here, after the control page has said so. A reader that was told a durable end finds everything below it
//! here or on the disk, and both have the same bytes. Checksums are not verified here: they were computed from this very memory.
//!
//! The core publishes a group without waiting: if a reader holds the lock, the group comes with a later one.
//!
//! One reader has a hold on the memory: the hasher, which has to read every byte. What it has not read is not filled again, so it never falls
//! behind what is in memory at a rate at which it could not catch up from the disk; the writer waits a moment instead. Nobody else may hold up
//! the writer.
//!
//! An erasure changes files only. [`Recent::forget`] makes the memory forget what lies in sealed segments, so that it is read from the files.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use uuid::Uuid;

use crate::log::disk::pages::Pages;

mod stages;

pub(in crate::log) use stages::{Home, NoBlock, Stages};

/// A group of records as it is in its segment.
#[derive(Debug, Clone)]
pub(in crate::log) struct RecentGroup {
    pub(in crate::log) segment: u64,
    /// Its offset in the segment.
    pub(in crate::log) from: u64,
    pub(in crate::log) bytes: Pages,
    /// The block of memory that it is in.
    pub(in crate::log) block: u64,
}

/// A core's recent groups, oldest first. Memory of blocks that readers have borrowed is given back when they have read on.
#[derive(Debug, Default)]
pub(in crate::log) struct Recent {
    groups: Mutex<VecDeque<RecentGroup>>,
    /// Nothing of older segments is taken in any more.
    first_segment: AtomicU64,
    bytes: AtomicU64,
    hold: Hold,
}

/// What the hasher still needs.
#[derive(Debug, Default)]
struct Hold {
    /// The block that it reads: earlier ones it has read, or does not need. 0 while it reads the disk.
    reads: AtomicU64,
    /// The newest block that the writer wants to let go.
    wanted: AtomicU64,
}

impl Recent {
    /// The group that holds this offset of a segment.
    pub(in crate::log) fn find(&self, segment: u64, offset: u64) -> Option<RecentGroup> {
        let groups = self.lock();
        let after = groups.partition_point(|group| (group.segment, group.from) <= (segment, offset));
        let group = groups.get(after.checked_sub(1)?)?;
        let holds = group.segment == segment && offset < group.from + group.bytes.len() as u64;
        holds.then(|| group.clone())
    }

    /// The hasher goes on to this block; 0 if what it needs is not in memory.
    pub(in crate::log) fn hold_from(&self, block: u64) {
        self.hold.reads.store(block, Ordering::SeqCst);
    }

    /// The hasher has read all that is durable: the writer may let go of the block that it wants to, but of no other.
    pub(in crate::log) fn release(&self) {
        let wanted = self.hold.wanted.load(Ordering::SeqCst);
        self.hold.reads.fetch_max(wanted + 1, Ordering::SeqCst);
    }

    /// Whether the hasher still needs a block that the writer wants to let go.
    pub(in crate::log) fn is_held(&self) -> bool {
        self.hold.wanted.load(Ordering::SeqCst) >= self.hold.reads.load(Ordering::SeqCst)
    }

    /// Whether the hasher still needs this block or an earlier one.
    fn holds(&self, block: u64) -> bool {
        self.hold.wanted.store(block, Ordering::SeqCst);
        self.is_held()
    }

    /// Forgets all groups, and takes in no more of segments before this one.
    pub(in crate::log) fn forget(&self, first_segment: u64) {
        self.first_segment.fetch_max(first_segment, Ordering::SeqCst);
        let mut groups = self.lock();
        groups.clear();
        self.bytes.store(0, Ordering::Relaxed);
    }

    /// Makes room for so many groups.
    fn make_room(&self, groups: usize) {
        self.lock().reserve(groups);
    }

    /// How many bytes of groups are kept.
    pub(in crate::log) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Lets the blocks up to `gone` go and takes in what is new, unless somebody reads just now.
    fn renew(&self, gone: u64, fresh: &mut VecDeque<RecentGroup>) {
        let mut groups = match self.groups.try_lock() {
            Ok(groups) => groups,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        let mut bytes = self.bytes.load(Ordering::Relaxed);
        while let Some(old) = groups.front().filter(|group| group.block <= gone) {
            bytes -= old.bytes.len() as u64;
            groups.pop_front();
        }
        let first_segment = self.first_segment.load(Ordering::SeqCst);
        for group in fresh.drain(..).filter(|group| group.block > gone && group.segment >= first_segment) {
            bytes += group.bytes.len() as u64;
            groups.push_back(group);
        }
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    /// A panic leaves the list whole: each change is a single push, pop or clear.
    fn lock(&self) -> MutexGuard<'_, VecDeque<RecentGroup>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The recent records of an open log, for readers in its process: see [`LogReader::with_recent`](crate::log::read::reader::LogReader::with_recent).
#[derive(Debug, Clone)]
pub struct RecentRecords {
    log: Uuid,
    cores: Arc<[Arc<Recent>]>,
}

impl RecentRecords {
    pub(in crate::log) fn new(log: Uuid, cores: impl Iterator<Item = Arc<Recent>>) -> RecentRecords {
        RecentRecords { log, cores: cores.collect() }
    }

    /// The log that they are of.
    pub(in crate::log) fn log(&self) -> Uuid {
        self.log
    }

    pub(in crate::log) fn of_core(&self, core: u16) -> Option<&Arc<Recent>> {
        self.cores.get(usize::from(core))
    }
}

#[cfg(test)]
mod tests;
