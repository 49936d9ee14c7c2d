//! A session's messages in the order of their times.
//!
//! Trackers from 18 on send four streams of batches (what is seen, style and addresses, network and console, clicks and other events), and each
//! tab sends its own: a batch of half a minute may follow one that is older or younger. So the batches are put into a file of their own
//! first, and then read side by side. Only batches whose times overlap are in memory, as they were sent: a message is read when its turn comes.
//!
//! Batches that arrive later can be added at any time. Their messages come in order among those that have not been read yet.

mod events;
mod mark;
mod open;
mod store;
mod told;

use std::cmp::Reverse;
use std::collections::binary_heap::PeekMut;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::fs::File;
use std::io;
use std::sync::Arc;

use crate::tracker::{Era, ids, read_batch};

pub use mark::{KeptBatches, OrderMark};
pub use open::{TAB_BYTES_MAX, beginning};
pub use store::Store;
pub use told::{Told, What};

use open::Open;

/// What is read ahead, in bytes of batches. Beyond it batches are read one after the other, whatever their times.
const LOADED_BYTES_MAX: usize = 256 << 20;

/// A batch in the file.
#[derive(Debug, Clone, Copy)]
struct Place {
    offset: u64,
    length: usize,
    era: Era,
    first_ms: i64,
    number: Option<u32>,
    is_of_phone: bool,
}

/// One of the streams of a page: by the version in their metadata, those who create nodes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Stream {
    page: u64,
    version: u64,
}

/// The batches of a session, collected in the order of their arrival.
pub struct Batches {
    store: Store,
    read_ahead_max: usize,
    /// Those that were added and not taken in to be read.
    streams: BTreeMap<Stream, Vec<Place>>,
    /// All that were added, if that is to be known.
    history: Option<Vec<(Stream, Place)>>,
    /// The times at which the first and the last of all batches begin.
    span_ms: Option<(i64, i64)>,
    count: u64,
    faults: u64,
}

impl Batches {
    /// None yet. They are kept in `file`.
    pub fn new(file: File) -> Batches {
        Batches {
            store: Store::new(file),
            read_ahead_max: LOADED_BYTES_MAX,
            streams: BTreeMap::new(),
            history: None,
            span_ms: None,
            count: 0,
            faults: 0,
        }
    }

    /// Reads so many bytes of batches ahead at most.
    #[must_use]
    pub fn with_read_ahead(self, bytes: usize) -> Batches {
        Batches { read_ahead_max: bytes, ..self }
    }

    /// Adds a batch, inflated, with the number that its request gave it within the page.
    pub fn add(&mut self, bytes: &[u8], era: Era, number: Option<u32>) -> io::Result<()> {
        let mut reader = read_batch(bytes, era);
        // The metadata is known with the first message.
        let first = reader.next();
        let Some(meta) = reader.meta().copied() else {
            self.faults += u64::from(first.is_some());
            return Ok(());
        };
        let is_of_phone = matches!(first, Some(Ok(message)) if message.id == ids::MOBILE_BATCH_META);
        // A phone's batch is stamped when it is complete, after all that is in it.
        let times =
            is_of_phone.then(|| reader.flatten().map(|message| message.timestamp_ms).filter(|at_ms| *at_ms > 0));
        let earliest_ms = times.and_then(Iterator::min);
        let first_ms = earliest_ms.unwrap_or(meta.timestamp_ms);
        let (first, last) = self.span_ms.unwrap_or((first_ms, first_ms));
        self.span_ms = Some((first.min(first_ms), last.max(first_ms)));
        let stream = Stream { page: meta.page, version: meta.version };
        let offset = self.keep(bytes)?;
        let place = Place { offset, length: bytes.len(), era, first_ms, number, is_of_phone };
        self.streams.entry(stream).or_default().push(place);
        self.history.iter_mut().for_each(|all| all.push((stream, place)));
        self.count += 1;
        Ok(())
    }

    /// How many were added that could be read.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Keeps other bytes of the session in the same file. Returns where.
    pub fn keep(&mut self, bytes: &[u8]) -> io::Result<u64> {
        self.store.add(bytes)
    }

    /// What was kept, to be read.
    pub fn store(&self) -> Store {
        self.store.clone()
    }

    /// Batches that could not be read at all.
    pub fn faults(&self) -> u64 {
        self.faults
    }

    /// How long it is from the beginning of the first batch to that of the last, by their own times.
    pub fn span_ms(&self) -> i64 {
        self.span_ms.map_or(0, |(first, last)| last.saturating_sub(first))
    }

    /// When the last of them begins, by its own time.
    pub fn last_ms(&self) -> Option<i64> {
        self.span_ms.map(|(_, last)| last)
    }

    /// How many bytes are kept.
    pub fn kept_bytes(&self) -> u64 {
        self.store.length()
    }

    /// Forgets all that was kept, because all of it has been read.
    pub fn forget_kept(&mut self) -> io::Result<()> {
        self.history = None;
        self.store.forget()
    }

    /// All messages, by time; of one time, those of a page that create nodes first.
    pub fn in_order(self) -> Ordered {
        let mut ordered = Ordered {
            batches: self,
            heap: BinaryHeap::new(),
            ranks: BTreeMap::new(),
            queues: Vec::new(),
            numbers: BTreeMap::new(),
            gaps: BTreeSet::new(),
            loaded_bytes: 0,
        };
        ordered.take_in();
        ordered
    }
}

struct Queue {
    stream: Stream,
    places: VecDeque<Place>,
    open: BinaryHeap<Open>,
    /// How many batches were opened.
    opened: u64,
}

impl Queue {
    /// Whether the next batch is to be opened before anything else is told. Of a phone, whose messages each stand for themselves, also if it begins before what
    /// is open ends: what a phone had left when it was closed comes later, in a batch of its own.
    fn wants_next(&self, has_room: bool) -> bool {
        match (self.open.peek(), self.places.front()) {
            (None, Some(_)) => true,
            (Some(open), Some(next)) => has_room && next.is_of_phone && next.first_ms < open.at_ms(),
            (_, None) => false,
        }
    }

    /// The time of the next message, as far as it is known before its batch is opened.
    fn next_ms(&self, has_room: bool) -> Option<i64> {
        match self.wants_next(has_room) {
            true => self.places.front().map(|place| place.first_ms),
            false => self.open.peek().map(Open::at_ms),
        }
    }
}

/// A session's messages in the order of their times.
pub struct Ordered {
    batches: Batches,
    /// For each stream that has something left: the time of its next message.
    heap: BinaryHeap<Reverse<(i64, u64, usize)>>,
    /// Where each stream is in `queues`.
    ranks: BTreeMap<Stream, usize>,
    queues: Vec<Queue>,
    /// The numbers of the batches of each page, to find those that are missing.
    numbers: BTreeMap<u64, BTreeSet<u32>>,
    /// The pages and numbers before which that was told: a batch may come in two parts, or twice.
    gaps: BTreeSet<(u64, u32)>,
    loaded_bytes: usize,
}

impl Ordered {
    /// To add batches that have arrived since.
    pub fn batches(&mut self) -> &mut Batches {
        &mut self.batches
    }

    /// Takes in the batches that were added.
    fn take_in(&mut self) {
        if self.batches.streams.is_empty() {
            return;
        }
        for (stream, places) in std::mem::take(&mut self.batches.streams) {
            self.numbers.entry(stream.page).or_default().extend(places.iter().filter_map(|place| place.number));
            let rank = *self.ranks.entry(stream).or_insert(self.queues.len());
            if rank == self.queues.len() {
                self.queues.push(Queue { stream, places: VecDeque::new(), open: BinaryHeap::new(), opened: 0 });
            }
            let queue = &mut self.queues[rank];
            queue.places.extend(places);
            // As sent: a batch that was sent again may have been overtaken.
            queue.places.make_contiguous().sort_by_key(|place| (place.first_ms, place.number));
        }
        // What came may be older than what was next.
        self.heap.clear();
        for rank in 0..self.queues.len() {
            self.push(self.queues[rank].stream.version, rank);
        }
    }

    /// The time of the next message, as far as it is known before its batch is read.
    pub fn next_ms(&mut self) -> Option<i64> {
        self.take_in();
        self.heap.peek().map(|Reverse((next_ms, ..))| *next_ms)
    }

    /// Whether batches of a page are missing before the one with this number. Trackers count a page's batches from 1.
    fn is_after_gap(&self, page: u64, number: u32) -> bool {
        let before = self.numbers.get(&page).and_then(|numbers| numbers.range(..number).next_back());
        number.saturating_sub(before.copied().unwrap_or(0)) > 1
    }

    /// The next message; `None` at the end.
    pub fn next_told(&mut self) -> io::Result<Option<Told>> {
        self.next_told_until(i64::MAX)
    }

    /// The next message that is not later than `until_ms`; `None` if there is none.
    pub fn next_told_until(&mut self, until_ms: i64) -> io::Result<Option<Told>> {
        self.take_in();
        loop {
            if self.heap.peek().is_none_or(|Reverse((next_ms, ..))| *next_ms > until_ms) {
                return Ok(None);
            }
            let Some(Reverse((_, version, rank))) = self.heap.pop() else { return Ok(None) };
            if self.queues[rank].wants_next(self.has_room()) {
                self.open(rank)?;
                self.push(version, rank);
                continue;
            }
            let Some(told) = self.advance(rank) else { continue };
            if !self.has_room() && !self.queues[rank].open.is_empty() {
                // This batch first, whatever the times of the others.
                self.heap.push(Reverse((i64::MIN, version, rank)));
            } else {
                self.push(version, rank);
            }
            return Ok(Some(told));
        }
    }

    /// Batches, and rests of batches, that could not be read.
    pub fn faults(&self) -> u64 {
        self.batches.faults
    }

    fn has_room(&self) -> bool {
        self.loaded_bytes <= self.batches.read_ahead_max
    }

    fn push(&mut self, version: u64, rank: usize) {
        if let Some(next_ms) = self.queues[rank].next_ms(self.has_room()) {
            self.heap.push(Reverse((next_ms, version, rank)));
        }
    }

    /// The next message of the batches of a stream that are open.
    fn advance(&mut self, rank: usize) -> Option<Told> {
        let mut first = self.queues[rank].open.peek_mut()?;
        if let Some(told) = first.advance(&mut self.batches.faults) {
            return Some(told);
        }
        let last = PeekMut::pop(first);
        self.loaded_bytes -= last.bytes();
        Some(last.into_last())
    }

    /// Opens the next batch of a stream. One that says nothing is not in memory.
    fn open(&mut self, rank: usize) -> io::Result<()> {
        let Some(place) = self.queues[rank].places.pop_front() else { return Ok(()) };
        let page = self.queues[rank].stream.page;
        let after_gap = place.number.filter(|number| self.is_after_gap(page, *number));
        let has_gap = after_gap.is_some_and(|number| self.gaps.insert((page, number)));
        let bytes = self.batches.store.read(place.offset, place.length)?;
        let first = Told { at_ms: place.first_ms, page, tab: Arc::from(""), bytes: 0, what: What::Gap };
        let queue = &mut self.queues[rank];
        queue.opened += 1;
        let open = Open::new(bytes, place, first, has_gap, queue.opened, &mut self.batches.faults);
        if let Some(open) = open {
            self.loaded_bytes += open.bytes();
            queue.open.push(open);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
