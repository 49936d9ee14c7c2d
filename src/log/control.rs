//! The control page of a core and the clock page of the log: how other threads and processes follow a live log.
//!
//! The owner maps them and stores whole aligned words; readers come by `pread` and see either the old or the new word. What the
//! owner promises, so that a reader who sees a page unchanged between two reads may believe it:
//!
//! - `SEQ` is odd while `SEGMENT` changes, and even otherwise.
//! - An append sets `IN_APPEND`, and only then reads the clock; `LAST_ORDER`, `FIRST_UNSYNCED` (where it was 0) and `CURSOR` are
//!   stored before `IN_APPEND` is cleared.
//! - A sync stores `DURABLE` (or the retired segment's) before it moves or clears `FIRST_UNSYNCED`.
//! - `SEGMENT` goes on to a newer segment only when the older one is durable as a whole, or has been cut to its durable end.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{Ordering, fence};

use super::record::u64_at;

/// The size of a control or clock page's file.
pub const PAGE_BYTES: usize = 4096;

/// The file name of a core's control page, in its `core-NN` folder.
pub const FILE_NAME: &str = "control";

/// The file name of the clock page, in the log's folder.
pub const CLOCK_FILE_NAME: &str = "clock";

/// The first word of a control page: `TAKEUPCT`, little-endian.
pub const MAGIC: u64 = u64::from_le_bytes(*b"TAKEUPCT");

/// The first word of a clock page: `TAKEUPCK`, little-endian.
pub const CLOCK_MAGIC: u64 = u64::from_le_bytes(*b"TAKEUPCK");

/// The version of both pages.
pub const VERSION: u32 = 1;

/// Where the words of a control page lie, in bytes.
pub mod at {
    /// The magic word.
    pub const MAGIC: usize = 0;
    /// Version in the low half, core in the high half.
    pub const VERSION_CORE: usize = 8;
    /// Odd while the segment changes.
    pub const SEQ: usize = 16;
    /// The segment that is being written.
    pub const SEGMENT: usize = 24;
    /// The end of its published records, in bytes.
    pub const CURSOR: usize = 32;
    /// Its durable end, in bytes; stored before any answer of the group is sent.
    pub const DURABLE: usize = 40;
    /// 1 while a record is being appended.
    pub const IN_APPEND: usize = 48;
    /// The order time of the newest record.
    pub const LAST_ORDER: usize = 56;
    /// The order time of the first record that is not durable yet; 0 where all are.
    pub const FIRST_UNSYNCED: usize = 64;
    /// One of [`State`](super::State).
    pub const STATE: usize = 72;
    /// The process that writes.
    pub const PID: usize = 80;
    /// How many segments are ready to be written.
    pub const PREPARED: usize = 88;
}

/// Where the words of a clock page lie, in bytes.
pub mod clock_at {
    /// The magic word.
    pub const MAGIC: usize = 0;
    /// The version.
    pub const VERSION: usize = 8;
    /// Odd while the three words below change.
    pub const SEQ: usize = 16;
    /// CLOCK_MONOTONIC in microseconds at the last anchoring.
    pub const BASE_MONO_US: usize = 24;
    /// Order time at that moment.
    pub const BASE_ORDER_US: usize = 32;
    /// Parts in a million by which order time runs fast (i64): 0, or negative while slewing back.
    pub const RATE_PPM: usize = 40;
}

/// The words that carry meaning: what a reader compares.
const USED_BYTES: usize = at::PREPARED + 8;
const CLOCK_USED_BYTES: usize = clock_at::RATE_PPM + 8;
const _: () = assert!(USED_BYTES <= PAGE_BYTES && CLOCK_USED_BYTES <= PAGE_BYTES);

/// Whether each word begins where the one before it ends: then none is torn by another, and each can be stored as a whole.
const fn are_words_in_a_row(places: &[usize]) -> bool {
    let mut word = 0;
    while word < places.len() {
        if places[word] != word * size_of::<u64>() {
            return false;
        }
        word += 1;
    }
    true
}

const _: () = assert!(are_words_in_a_row(&[
    at::MAGIC,
    at::VERSION_CORE,
    at::SEQ,
    at::SEGMENT,
    at::CURSOR,
    at::DURABLE,
    at::IN_APPEND,
    at::LAST_ORDER,
    at::FIRST_UNSYNCED,
    at::STATE,
    at::PID,
    at::PREPARED,
]));
const _: () = assert!(are_words_in_a_row(&[
    clock_at::MAGIC,
    clock_at::VERSION,
    clock_at::SEQ,
    clock_at::BASE_MONO_US,
    clock_at::BASE_ORDER_US,
    clock_at::RATE_PPM,
]));

/// How often a page is read before a reader gives up on seeing it at rest.
const READS_MAX: usize = 256;

/// What a core's log is doing.
#[repr(u64)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Closed in good order.
    Closed = 0,
    /// Taking records.
    Open = 1,
    /// The segment failed, the next one is not in use yet.
    Failed = 2,
    /// Takes nothing more.
    Poisoned = 3,
}

impl State {
    /// The state with this code.
    pub const fn from_u64(code: u64) -> Option<State> {
        match code {
            0 => Some(State::Closed),
            1 => Some(State::Open),
            2 => Some(State::Failed),
            3 => Some(State::Poisoned),
            _ => None,
        }
    }

    /// The stable text form.
    pub const fn as_str(self) -> &'static str {
        match self {
            State::Closed => "closed",
            State::Open => "open",
            State::Failed => "failed",
            State::Poisoned => "poisoned",
        }
    }
}

/// A control page as it was at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ControlSnapshot {
    /// The core.
    pub core: u16,
    /// The segment that is being written; 0 before the first.
    pub segment: u64,
    /// The end of its published records.
    pub cursor: u64,
    /// Its durable end.
    pub durable: u64,
    /// Whether a record is being appended.
    pub in_append: bool,
    /// The order time of the newest record.
    pub last_order_us: u64,
    /// The order time of the first record that is not durable yet.
    pub first_unsynced_us: Option<u64>,
    /// What the core's log is doing.
    pub state: State,
    /// The process that writes, or wrote.
    pub pid: u32,
    /// How many segments are ready.
    pub prepared: u64,
}

impl ControlSnapshot {
    fn decode(page: &[u8]) -> Option<ControlSnapshot> {
        let version_core = u64_at(page, at::VERSION_CORE);
        if u64_at(page, at::MAGIC) != MAGIC || version_core as u32 != VERSION {
            return None;
        }
        Some(ControlSnapshot {
            core: u16::try_from(version_core >> 32).ok()?,
            segment: u64_at(page, at::SEGMENT),
            cursor: u64_at(page, at::CURSOR),
            durable: u64_at(page, at::DURABLE),
            in_append: u64_at(page, at::IN_APPEND) != 0,
            last_order_us: u64_at(page, at::LAST_ORDER),
            first_unsynced_us: Some(u64_at(page, at::FIRST_UNSYNCED)).filter(|&us| us != 0),
            state: State::from_u64(u64_at(page, at::STATE))?,
            pid: u32::try_from(u64_at(page, at::PID)).ok()?,
            prepared: u64_at(page, at::PREPARED),
        })
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
    pub(super) fn look(&self) -> Look {
        match settled::<USED_BYTES>(&self.file) {
            Reading::Settled(page) => ControlSnapshot::decode(&page).map_or(Look::Foreign, Look::Settled),
            Reading::Moving => Look::Busy,
            Reading::Failed => Look::Foreign,
        }
    }
}

/// What a look at a control page found.
#[derive(Debug, Clone, Copy)]
pub(super) enum Look {
    /// The page at one moment.
    Settled(ControlSnapshot),
    /// Not at rest for long enough. A server that was killed in the middle of a change of segments leaves it so.
    Busy,
    /// No control page of this version.
    Foreign,
}

/// What repeated reading of a page came to.
enum Reading<const N: usize> {
    Settled([u8; N]),
    Moving,
    Failed,
}

/// Reads the first `N` bytes until two reads in a row are equal and the seqlock is even.
///
/// Two equal reads are a snapshot of one moment: an append moves the cursor and a sync moves a durable end, both only forward, so
/// nothing can have happened between the two reads and left no trace.
fn settled<const N: usize>(file: &File) -> Reading<N> {
    let mut before = [0; N];
    let mut after = [0; N];
    if file.read_exact_at(&mut before, 0).is_err() {
        return Reading::Failed;
    }
    for _ in 0..READS_MAX {
        fence(Ordering::SeqCst);
        if file.read_exact_at(&mut after, 0).is_err() {
            return Reading::Failed;
        }
        fence(Ordering::SeqCst);
        if before == after && u64_at(&after, at::SEQ).is_multiple_of(2) {
            return Reading::Settled(after);
        }
        before = after;
    }
    Reading::Moving
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

    pub(super) fn reading(&self) -> Option<ClockReading> {
        let mut page = [0; CLOCK_USED_BYTES];
        let mut again = [0; CLOCK_USED_BYTES];
        for _ in 0..READS_MAX {
            self.file.read_exact_at(&mut page, 0).ok()?;
            fence(Ordering::SeqCst);
            // Between the two looks, as the owner takes it while the seqlock is odd: so order time never steps back.
            let mono_us = monotonic_us();
            fence(Ordering::SeqCst);
            self.file.read_exact_at(&mut again, 0).ok()?;
            if u64_at(&page, clock_at::MAGIC) != CLOCK_MAGIC || u64_at(&page, clock_at::VERSION) != u64::from(VERSION) {
                return None;
            }
            let seq = u64_at(&page, clock_at::SEQ);
            if page != again || !seq.is_multiple_of(2) {
                continue;
            }
            let base_mono_us = u64_at(&page, clock_at::BASE_MONO_US);
            if base_mono_us > mono_us {
                // A base ahead of the clock was left by an earlier boot of the machine.
                return None;
            }
            let rate_ppm = u64_at(&page, clock_at::RATE_PPM) as i64;
            let now_us = order_us(base_mono_us, u64_at(&page, clock_at::BASE_ORDER_US), rate_ppm, mono_us);
            return Some(ClockReading { now_us, seq });
        }
        None
    }
}

/// Order time at a moment, and the count of the clock page's changes then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ClockReading {
    pub(super) now_us: u64,
    pub(super) seq: u64,
}

/// Order time at `mono_us`, from the three words of a clock page.
pub fn order_us(base_mono_us: u64, base_order_us: u64, rate_ppm: i64, mono_us: u64) -> u64 {
    let elapsed = mono_us.saturating_sub(base_mono_us);
    let skew = i128::from(elapsed) * i128::from(rate_ppm) / 1_000_000;
    let order = i128::from(base_order_us) + i128::from(elapsed) + skew;
    u64::try_from(order).unwrap_or(base_order_us)
}

/// CLOCK_MONOTONIC in microseconds.
pub fn monotonic_us() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    (now.tv_sec as u64) * 1_000_000 + (now.tv_nsec as u64) / 1_000
}

#[cfg(test)]
#[path = "control_tests.rs"]
mod tests;
