//! Repeats: the same batch, sent again because its answer was lost.
//!
//! A record is a repeat if an earlier one in the window has the same session, label and form, *and* the same bytes. A client chooses its labels
//! itself, so a label alone proves nothing: without equal bytes a record is never dropped. The extension is not compared
//! (it carries the wall time of each sending), nor the project and the flags, which may have become known or expired meanwhile.
//! Batches from phones and from old web trackers have no labels: for them it is session, form and bytes.
//!
//! The window is the part of the merged order right before the record in question, bounded three ways. Every labelled batch in it counts, and
//! every one that needs no label, repeats included. So whether a record is a repeat follows from the log alone, and not from where a reader
//! began: a merge that resumes reads the window again first (see [`WindowMark`]).
//!
//! Most records are no repeats, and a small filter of keys tells so ([`filter`]). Only for the others the table is looked at, and only a
//! candidate is read back, by `pread` from its own segment; if that is gone or unreadable, the record does not count as a repeat: better to hand
//! out an acknowledged record twice than never.
//!
//! The table is far larger than a processor's cache, and a record's bucket is anywhere in it. So entries are linked into their buckets some
//! time after they came, many at once: the processor then waits for many buckets at a time.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use crate::log::format::bytes::put_at;
use crate::log::format::record::{
    DataType, Encoding, Ext, HEADER_BYTES, Kind, Label, Record, RecordHeader, RecordId, Topic, ext_type, u64_at,
};
use crate::log::names::{OPEN, SEALED, core_dir, segment_stem};

use crate::log::format::position::Place;

mod filter;

use filter::RecentKeys;

/// So many records with the same key are compared with a record, newest first. More than one or two come only from a client that means harm.
const CANDIDATES_MAX: usize = 4;

/// So many bytes of each end of a payload go into its key, so that a client with one label for everything does not make candidates.
const SAMPLE_BYTES: usize = 32;

/// What a key is made of takes this much: see [`Repeats::key`].
const KEY_BYTES: usize = 32 + 2 * SAMPLE_BYTES;

/// Buckets for each entry, so that most hold one entry at most.
const BUCKETS_PER_ENTRY: usize = 2;

/// So many entries are linked into their buckets at once.
const LINKED_AT_ONCE: usize = 64;

/// How much of a candidate is read at a time.
const PIECE_BYTES: usize = 64 << 10;

/// A window has about this many marks.
const MARKS: u64 = 64;

/// Well below what the 32 bits that link them tell apart.
const ENTRIES_MAX: usize = 1 << 28;

/// How far back a merge looks for the first sending of a batch. The smallest of the three bounds holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RepeatWindow {
    /// Labelled batches, at most 2^28; 0 recognises no repeats. Each takes 60 bytes of memory, up to twice that where this is no power
    /// of two.
    pub entries: usize,
    /// Order time.
    pub time: Duration,
    /// Bytes of the log, pads not counted: what a merge that resumes reads again at most.
    pub bytes: u64,
}

impl RepeatWindow {
    /// No repeats are recognised: every record is handed out.
    pub const OFF: RepeatWindow = RepeatWindow { entries: 0, time: Duration::ZERO, bytes: 0 };
}

impl RepeatWindow {
    /// Within so many bytes of the log, for batches of 1 KiB and more; 0 recognises no repeats.
    ///
    /// A tracker sends a batch up to eleven times within 13.75 s, and each answer may be held for 5 s: 69 s. Ten minutes leave room for a
    /// machine that sleeps meanwhile.
    pub fn of_bytes(bytes: u64) -> RepeatWindow {
        let entries = usize::try_from(bytes.div_ceil(1 << 10)).unwrap_or(usize::MAX);
        RepeatWindow { entries, time: Duration::from_secs(600), bytes }
    }
}

impl Default for RepeatWindow {
    /// 2^18 entries are 15 MiB at most, and 256 MiB are read again in a fraction of a second.
    fn default() -> RepeatWindow {
        RepeatWindow::of_bytes(256 << 20)
    }
}

/// What the window knows a record by: a hash of all that a second sending has in common with the first, as far as its header and its ends
/// tell. None: the record is none that can be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RepeatKey(Option<u64>);

impl RepeatKey {
    pub(super) const NONE: RepeatKey = RepeatKey(None);
}

/// A labelled batch in the window.
#[derive(Debug, Clone, Copy)]
struct WindowEntry {
    key: u64,
    order_us: u64,
    /// How many bytes had been passed before it.
    bytes: u64,
    segment: u64,
    /// In bytes: segments are below 4 GB.
    offset: u32,
    /// The low half of the number of the entry before it in its bucket.
    before: u32,
    core: u16,
}

/// A place in the merged order from which the window can be made again: reading from there passes everything that is in it.
#[derive(Debug, Clone)]
struct WindowMark {
    /// The number of the first entry after it.
    entry: u64,
    order_us: u64,
    bytes: u64,
    places: BTreeMap<u16, Place>,
}

/// The window, and what finds a record in it.
#[derive(Debug, Clone)]
pub(super) struct Repeats {
    window: RepeatWindow,
    hasher: RandomState,
    time_us: u64,
    /// A ring by number, of a power of two, which grows as it is used.
    entries: Vec<WindowEntry>,
    /// For each hash the low half of the number of the newest entry that is linked. Numbers of entries that have left the window count for
    /// nothing.
    buckets: Vec<u32>,
    /// The number of the oldest entry that is not linked yet.
    unlinked: u64,
    /// The keys of all entries in the window, and of some that have left it.
    recent: RecentKeys,
    /// The number of the next entry; the first is 1.
    next: u64,
    /// The number of the oldest entry in the window.
    oldest: u64,
    /// Bytes passed.
    bytes: u64,
    marks: VecDeque<WindowMark>,
    buffer: Vec<u8>,
    found: u64,
}

impl Repeats {
    /// An empty window; `behind` is where a merge begins that is to fill it.
    pub(super) fn new(window: RepeatWindow, behind: BTreeMap<u16, Place>) -> Repeats {
        let window = RepeatWindow { entries: window.entries.min(ENTRIES_MAX), ..window };
        let mark = WindowMark { entry: 1, order_us: 0, bytes: 0, places: behind };
        Repeats {
            window,
            time_us: u64::try_from(window.time.as_micros()).unwrap_or(u64::MAX),
            hasher: RandomState::new(),
            entries: Vec::new(),
            buckets: vec![0; BUCKETS_PER_ENTRY * window.entries.next_power_of_two()],
            unlinked: 1,
            recent: RecentKeys::new(window.entries),
            next: 1,
            oldest: 1,
            bytes: 0,
            marks: VecDeque::from([mark]),
            buffer: Vec::new(),
            found: 0,
        }
    }

    /// How many repeats were found.
    pub(super) fn found(&self) -> u64 {
        self.found
    }

    /// Where reading has to begin to fill the window as it is now.
    pub(super) fn behind(&self) -> BTreeMap<u16, Place> {
        self.marks.front().map(|mark| mark.places.clone()).unwrap_or_default()
    }

    /// Whether a mark is due before a record of this time. Two or three looks at numbers: it is asked for each record.
    #[inline]
    pub(super) fn wants_mark(&self, order_us: u64) -> bool {
        let Some(last) = self.marks.back() else { return true };
        self.next - last.entry > self.window.entries as u64 / MARKS
            || self.bytes - last.bytes > self.window.bytes / MARKS
            || order_us.saturating_sub(last.order_us) > self.time_us / MARKS
    }

    /// Remembers where each core's log is read next, before a record of this time is taken.
    pub(super) fn mark(&mut self, order_us: u64, places: BTreeMap<u16, Place>) {
        self.marks.push_back(WindowMark { entry: self.next, order_us, bytes: self.bytes, places });
        self.leave(order_us);
        // The first mark stays until a later one has the whole window after it.
        while self.marks.get(1).is_some_and(|second| second.entry <= self.oldest) {
            self.marks.pop_front();
        }
    }

    /// Takes the next record of the merged order, whose key is known, into the window. True if it is a repeat. What is read again to fill the
    /// window is not judged.
    pub(super) fn admit(
        &mut self,
        log_dir: &Path,
        record: &Record<'_>,
        key: RepeatKey,
        stored_bytes: u64,
        judge: bool,
    ) -> bool {
        let mut repeat = false;
        if let RepeatKey(Some(key)) = key {
            self.leave(record.order_us);
            repeat = judge && self.find(log_dir, record, key);
            self.enter(record, key);
        }
        self.bytes += stored_bytes;
        self.found += u64::from(repeat);
        repeat
    }

    /// Brings what is looked at for these records into the processor's cache.
    pub(super) fn foresee(&self, keys: impl Iterator<Item = RepeatKey>) {
        self.recent.touch(keys.filter_map(|key| key.0));
    }

    /// What the window knows this record by.
    pub(super) fn key(&self, record: &Record<'_>) -> RepeatKey {
        let Some(label) = told_apart_by(record) else { return RepeatKey::NONE };
        let payload = record.payload;
        let (topic, data_type, encoding) = form(record.topic, record.data_type, record.encoding);
        let sample = payload.len().min(SAMPLE_BYTES);
        let mut bytes = [0; KEY_BYTES];
        put_at(&mut bytes, 0, record.session.to_le_bytes());
        put_at(&mut bytes, 8, label.page.to_le_bytes());
        put_at(&mut bytes, 12, label.number.to_le_bytes());
        put_at(&mut bytes, 16, (payload.len() as u64).to_le_bytes());
        put_at(&mut bytes, 24, record.split.to_le_bytes());
        put_at(&mut bytes, 28, [topic, data_type, encoding]);
        bytes[32..32 + sample].copy_from_slice(&payload[..sample]);
        bytes[32 + SAMPLE_BYTES..][..sample].copy_from_slice(&payload[payload.len() - sample..]);
        let mut hasher = self.hasher.build_hasher();
        hasher.write(&bytes);
        RepeatKey(Some(hasher.finish()))
    }

    /// Lets go of what the bounds of time and bytes exclude for a record of this time.
    fn leave(&mut self, order_us: u64) {
        let (oldest_us, oldest_bytes) =
            (order_us.saturating_sub(self.time_us), self.bytes.saturating_sub(self.window.bytes));
        while self.oldest < self.next {
            let entry = self.entry(self.oldest);
            if entry.order_us >= oldest_us && entry.bytes >= oldest_bytes {
                break;
            }
            self.oldest += 1;
        }
    }

    fn entry(&self, number: u64) -> &WindowEntry {
        &self.entries[self.place(number)]
    }

    fn place(&self, number: u64) -> usize {
        number as usize & (self.ring() - 1)
    }

    /// The size of the ring of entries when it is full.
    fn ring(&self) -> usize {
        self.buckets.len() / BUCKETS_PER_ENTRY
    }

    fn bucket(&self, key: u64) -> usize {
        key as usize & (self.buckets.len() - 1)
    }

    fn enter(&mut self, record: &Record<'_>, key: u64) {
        if self.next - self.oldest == self.window.entries as u64 {
            self.oldest += 1;
        }
        let entry = WindowEntry {
            key,
            order_us: record.order_us,
            bytes: self.bytes,
            segment: record.id.segment,
            offset: record.id.offset as u32,
            before: 0,
            core: record.id.core,
        };
        let at = self.place(self.next);
        if at >= self.entries.len() {
            // Numbers begin at 1, so that place 0 of the ring is taken last; until then something has to stand there.
            self.entries.resize(at + 1, entry);
        }
        self.entries[at] = entry;
        self.recent.enter(key);
        self.next += 1;
        // The ring may be smaller than that.
        if self.next - self.unlinked >= LINKED_AT_ONCE.min(self.ring()) as u64 {
            self.link();
        }
    }

    /// Links the entries that are not yet into their buckets.
    fn link(&mut self) {
        for number in self.unlinked..self.next {
            let at = self.place(number);
            let bucket = self.bucket(self.entries[at].key);
            self.entries[at].before = self.buckets[bucket];
            self.buckets[bucket] = number as u32;
        }
        self.unlinked = self.next;
    }

    fn find(&mut self, log_dir: &Path, record: &Record<'_>, key: u64) -> bool {
        if !self.recent.may_hold(key) {
            return false;
        }
        self.link();
        let mut number = self.buckets[self.bucket(key)];
        let mut candidates = 0;
        loop {
            // Numbers only fall along a bucket, so this ends where the window does.
            let back = u64::from((self.next as u32).wrapping_sub(number));
            if back == 0 || back > self.next - self.oldest {
                return false;
            }
            let entry = *self.entry(self.next - back);
            if entry.key == key {
                let id =
                    RecordId { core: entry.core, segment: entry.segment, offset: u64::from(entry.offset), ..record.id };
                if same(log_dir, id, record, &mut self.buffer) {
                    return true;
                }
                candidates += 1;
                if candidates == CANDIDATES_MAX {
                    return false;
                }
            }
            number = entry.before;
        }
    }
}

/// The label by which a client tells its batches apart. A phone puts none on its own, and a tracker of the web before 13 neither, but what each
/// batch begins with is different in each: equal bytes are the same batch. What is compressed is not looked into: such a tracker compresses
/// nothing that does not begin so. `None`: this is no batch, or one that begins with nothing of its own.
fn told_apart_by(record: &Record<'_>) -> Option<Label> {
    let by_bytes = Some(Label { page: 0, number: 0 });
    match (record.kind, record.label, record.topic, record.encoding) {
        (Kind::Batch, Some(label), _, _) => Some(label),
        (Kind::Batch, None, Topic::RawIos, _) => by_bytes,
        (Kind::Batch, None, _, Encoding::Identity) => by_bytes.filter(|_| tells_its_time(record.payload)),
        (Kind::Batch, None, _, _) => by_bytes,
        _ => None,
    }
}

/// Whether a batch of the web begins with its page, the index of its first message and a time, as messages 80 and (behind a version) 81 do.
fn tells_its_time(batch: &[u8]) -> bool {
    /// ms, as a signed number is written: 2001, before any tracker.
    const EARLIEST: u64 = 2 * 1_000_000_000_000;
    let mut rest = batch;
    let numbers = match number(&mut rest) {
        Some(80) => 2,
        Some(81) => 3,
        _ => return false,
    };
    (0..numbers).all(|_| number(&mut rest).is_some()) && number(&mut rest).is_some_and(|time| time >= EARLIEST)
}

/// A number of seven bits a byte, the lowest first.
fn number(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, behind) = rest.split_first()?;
        *rest = behind;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// What tells how the bytes are to be read.
fn form(topic: Topic, data_type: DataType, encoding: Encoding) -> (u8, u8, u8) {
    (topic as u8, data_type as u8, encoding as u8)
}

/// Whether the record with this id can be read and is the same batch.
fn same(log_dir: &Path, id: RecordId, record: &Record<'_>, buffer: &mut Vec<u8>) -> bool {
    read_same(log_dir, id, record, buffer).unwrap_or(false)
}

fn read_same(log_dir: &Path, id: RecordId, record: &Record<'_>, buffer: &mut Vec<u8>) -> std::io::Result<bool> {
    let open = core_dir(log_dir, id.core).join(segment_stem(id.segment)).with_extension(OPEN);
    let sealed = open.with_extension(SEALED);
    // It may be sealed between the first two looks.
    let file = File::open(&sealed).or_else(|_| File::open(&open)).or_else(|_| File::open(&sealed))?;
    let mut header = [0; HEADER_BYTES];
    file.read_exact_at(&mut header, id.offset)?;
    let Ok(header) = RecordHeader::decode(&header, u64_at(&header, 0)) else { return Ok(false) };
    if header.kind != record.kind
        || header.session != record.session
        || header.label() != record.label
        || header.split != record.split
        || header.payload_len as usize != record.payload.len()
        || form(header.topic, header.data_type, header.encoding)
            != form(record.topic, record.data_type, record.encoding)
    {
        return Ok(false);
    }
    let mut at = id.offset + HEADER_BYTES as u64;
    buffer.resize(PIECE_BYTES, 0);
    if header.data_type == DataType::Other {
        let ext = &mut buffer[..usize::from(header.ext_len)];
        file.read_exact_at(ext, at)?;
        if Ext(ext).get(ext_type::DATA_TYPE) != record.ext.get(ext_type::DATA_TYPE) {
            return Ok(false);
        }
    }
    at += u64::from(header.ext_len);
    for expected in record.payload.chunks(PIECE_BYTES) {
        let piece = &mut buffer[..expected.len()];
        file.read_exact_at(piece, at)?;
        if piece != expected {
            return Ok(false);
        }
        at += expected.len() as u64;
    }
    Ok(true)
}

#[cfg(test)]
mod tests;
