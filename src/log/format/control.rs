//! The control page of a core and the clock page of the log, as other threads and processes read them: by `pread`, to follow a live log.
//!
//! What the words mean, and what owner and readers promise each other, is in `protocol.rs`.

use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::atomic::{Ordering, fence};
use std::time::UNIX_EPOCH;

use crate::log::disk::page;
use crate::log::disk::shared_page::SharedPage;

use super::header::PAGE_BYTES as SEGMENT_PAGE_BYTES;
use super::protocol;
pub use super::protocol::{CLOCK_MAGIC, ControlSnapshot, MAGIC, State, VERSION, at, clock_at, order_us};
use super::protocol::{ClockReading, Look, Page, Words};

/// The size of a control or clock page's file.
pub const PAGE_BYTES: usize = 4096;

const _: () = assert!(PAGE_BYTES as u64 == page::PAGE_BYTES);

/// The file name of a core's control page, in its `core-NN` folder.
pub const FILE_NAME: &str = "control";

/// The file name of the clock page, in the log's folder.
pub const CLOCK_FILE_NAME: &str = "clock";

/// How often a page is read before a reader gives up on seeing it at rest.
const READS_MAX: usize = 256;

impl Page for File {
    fn copy(&self, into: &mut [u8]) -> Option<()> {
        self.read_exact_at(into, 0).ok()
    }

    fn fence(order: Ordering) {
        fence(order);
    }
}

/// A core's control page, kept open for reading.
#[derive(Debug)]
pub struct ControlView {
    file: File,
}

impl ControlView {
    /// Opens the page at `path`; None where there is none that can be read.
    pub fn open(path: &Path) -> Option<ControlView> {
        File::open(path).ok().map(|file| ControlView { file })
    }

    /// Opens the page at `path` and reads it once.
    pub fn read(path: &Path) -> Option<ControlSnapshot> {
        ControlView::open(path)?.snapshot()
    }

    /// The page at a moment after the call began; None where it is no control page of this version, or not at rest for long enough to
    /// be read (then the caller goes by what it knew before).
    pub fn snapshot(&self) -> Option<ControlSnapshot> {
        match self.look() {
            Look::Settled(snapshot) => Some(snapshot),
            Look::Busy | Look::Foreign => None,
        }
    }

    /// Like [`snapshot`](ControlView::snapshot), but tells a page that moves too fast from one that is none.
    pub(in crate::log) fn look(&self) -> Look {
        match protocol::look(&self.file, READS_MAX) {
            Look::Settled(page) => {
                let copied = page.place != 0 && page.place != place_of(&self.file);
                Look::Settled(ControlSnapshot { copied, ..page })
            }
            other => other,
        }
    }
}

impl ControlSnapshot {
    /// The durable end of a segment that can hold `bytes_max`, where the page names it; None for one that it can't have.
    pub(in crate::log) fn durable_in(&self, segment: u64, bytes_max: u64) -> Option<u64> {
        let fits = self.durable <= bytes_max && self.durable.saturating_sub(SEGMENT_PAGE_BYTES as u64) <= self.cursor;
        (self.segment == segment && fits).then_some(self.durable)
    }
}

/// What tells a file from its copies: its inode and the moment of its birth, mixed; never 0.
///
/// A folder that is moved, and a snapshot of the whole file system, keep both. A copy has its own.
pub(in crate::log) fn place_of(file: &File) -> u64 {
    let Ok(meta) = file.metadata() else { return 1 };
    let born = meta.created().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let born = born.map_or(0, |since| since.as_nanos() as u64);
    (meta.ino().rotate_left(32) ^ born).max(1)
}

/// The clock page, kept open for reading.
#[derive(Debug)]
pub struct ClockView {
    file: File,
}

impl ClockView {
    /// Opens the page at `path`; None where there is none that can be read.
    pub fn open(path: &Path) -> Option<ClockView> {
        File::open(path).ok().map(|file| ClockView { file })
    }

    /// Order time now, in microseconds; None where the page is no clock page, or left by an earlier boot.
    pub fn now_us(&self) -> Option<u64> {
        self.reading().map(|reading| reading.now_us)
    }

    pub(in crate::log) fn reading(&self) -> Option<ClockReading> {
        protocol::read_clock(&self.file, monotonic_us, READS_MAX)
    }
}

/// Makes a page that a test has put in place of another take that one's place.
#[cfg(test)]
pub(in crate::log) fn restamp(path: &Path) {
    let file = File::options().read(true).write(true).open(path).unwrap();
    file.write_all_at(&place_of(&file).to_le_bytes(), at::PLACE as u64).unwrap();
}

/// Where a server that ended left the time, by the clock page at `path`: the least and the most that the wall clock may have been.
pub(in crate::log) fn last_times(path: &Path) -> Option<(u64, u64)> {
    let mut page = [0; clock_at::LATEST_US + 8];
    File::open(path).ok()?.copy(&mut page)?;
    let word = |at| protocol::word(&page, at);
    let ours = word(clock_at::MAGIC) == CLOCK_MAGIC && word(clock_at::VERSION) == u64::from(VERSION);
    let times = (word(clock_at::KNOWN_US), word(clock_at::LATEST_US));
    (ours && times.0 != 0 && times.0 <= times.1).then_some(times)
}

/// The earliest that the server that holds the log takes the time for, by the clock page at `path`; None where it does not say.
pub(in crate::log) fn earliest_time(path: &Path) -> Option<u64> {
    let mut page = [0; clock_at::EARLIEST_US + 8];
    File::open(path).ok()?.copy(&mut page)?;
    let earliest_us = protocol::word(&page, clock_at::EARLIEST_US);
    (last_times(path).is_some() && earliest_us != 0).then_some(earliest_us)
}

/// CLOCK_BOOTTIME in microseconds: monotonic, and it goes on while the machine is suspended.
pub(in crate::log) fn boot_us() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    (now.tv_sec as u64) * 1_000_000 + (now.tv_nsec as u64) / 1_000
}

/// CLOCK_MONOTONIC in microseconds.
#[inline]
pub fn monotonic_us() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    (now.tv_sec as u64) * 1_000_000 + (now.tv_nsec as u64) / 1_000
}

impl Words for SharedPage {
    #[inline]
    fn load(&self, at: usize, order: Ordering) -> u64 {
        self.word(at).load(order)
    }

    #[inline]
    fn store(&self, at: usize, word: u64, order: Ordering) {
        self.word(at).store(word, order);
    }

    #[inline]
    fn fence(order: Ordering) {
        fence(order);
    }
}

#[cfg(test)]
mod tests;
