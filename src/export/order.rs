//! A session's messages in the order of their times.
//!
//! Trackers from 18 on send four streams of batches (what is seen, style and addresses, network and console, clicks and other events), and each
//! tab sends its own: a batch of half a minute may follow one that is older or younger. So the batches are put into a file of their own
//! first, and then read side by side. Only batches whose times overlap are in memory.
//!
//! Batches that arrive later can be added at any time. Their messages come in order among those that have not been read yet.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use serde_json::{Map, Value as Json};

use crate::tracker::{Body, Era, Message, Value, ids, read_batch};

use super::said::{self, Said};

/// What is read ahead, in bytes of batches. Beyond it batches are read one after the other, whatever their times.
const LOADED_BYTES_MAX: usize = 256 << 20;

/// What one message says.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// Something about the page.
    Page(Said),
    /// Something that happened: the message's name, and its fields.
    Event(&'static str, Json),
    /// Batches of this page are missing before this one.
    Gap,
}

/// A message, with what its batch says about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Client time in Unix ms.
    pub at_ms: i64,
    /// The number of the page in the session.
    pub page: u64,
    /// The browser's tab; empty if the tracker does not tell.
    pub tab: std::rc::Rc<str>,
    /// What it says.
    pub what: What,
}

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
    file: File,
    length: u64,
    read_ahead_max: usize,
    streams: BTreeMap<Stream, Vec<Place>>,
    faults: u64,
}

impl Batches {
    /// None yet. They are kept in `file`.
    pub fn new(file: File) -> Batches {
        Batches { file, length: 0, read_ahead_max: LOADED_BYTES_MAX, streams: BTreeMap::new(), faults: 0 }
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
        let stream = Stream { page: meta.page, version: meta.version };
        let offset = self.keep(bytes)?;
        let place = Place { offset, length: bytes.len(), era, first_ms, number, is_of_phone };
        self.streams.entry(stream).or_default().push(place);
        Ok(())
    }

    /// Keeps other bytes of the session in the same file. Returns where.
    pub fn keep(&mut self, bytes: &[u8]) -> io::Result<u64> {
        let offset = self.length;
        self.file.write_all_at(bytes, offset)?;
        self.length += bytes.len() as u64;
        Ok(offset)
    }

    /// The file, to read what was kept.
    pub fn file(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Batches that could not be read at all.
    pub fn faults(&self) -> u64 {
        self.faults
    }

    /// How many bytes are kept.
    pub fn kept_bytes(&self) -> u64 {
        self.length
    }

    /// Forgets all that was kept, because all of it has been read.
    pub fn forget_kept(&mut self) -> io::Result<()> {
        self.length = 0;
        self.file.set_len(0)
    }

    /// All messages, by time; of one time, those of a page that create nodes first.
    pub fn in_order(self) -> Ordered {
        let mut ordered = Ordered {
            batches: self,
            heap: BinaryHeap::new(),
            ranks: BTreeMap::new(),
            queues: Vec::new(),
            numbers: BTreeMap::new(),
            loaded_bytes: 0,
        };
        ordered.take_in();
        ordered
    }
}

struct Queue {
    stream: Stream,
    places: VecDeque<Place>,
    loaded: VecDeque<Told>,
    loaded_bytes: usize,
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
                self.queues.push(Queue { stream, places: VecDeque::new(), loaded: VecDeque::new(), loaded_bytes: 0 });
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

    /// Whether batches of a page are missing before the one with this number.
    fn is_after_gap(&self, page: u64, number: u32) -> bool {
        let before = self.numbers.get(&page).and_then(|numbers| numbers.range(..number).next_back());
        before.is_some_and(|before| number - before > 1)
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
            let queue = &mut self.queues[rank];
            let told = match queue.loaded.pop_front() {
                Some(told) => told,
                None => {
                    self.load(rank)?;
                    self.push(version, rank);
                    continue;
                }
            };
            if queue.loaded.is_empty() {
                self.loaded_bytes -= std::mem::take(&mut queue.loaded_bytes);
            }
            if self.loaded_bytes > self.batches.read_ahead_max && !self.queues[rank].loaded.is_empty() {
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

    fn push(&mut self, version: u64, rank: usize) {
        let queue = &self.queues[rank];
        let next_ms = queue.loaded.front().map(|told| told.at_ms).or(queue.places.front().map(|place| place.first_ms));
        if let Some(next_ms) = next_ms {
            self.heap.push(Reverse((next_ms, version, rank)));
        }
    }

    /// Reads the next batch of a stream. Of a phone, whose messages each stand for themselves, also those that begin before it ends: what a phone had
    /// left when it was closed comes later, in a batch of its own.
    fn load(&mut self, rank: usize) -> io::Result<()> {
        self.load_one(rank)?;
        let is_within = |queue: &Queue| {
            let (last, next) = (queue.loaded.back()?, queue.places.front()?);
            Some(next.is_of_phone && next.first_ms < last.at_ms)
        };
        while is_within(&self.queues[rank]) == Some(true) && self.loaded_bytes < self.batches.read_ahead_max {
            self.load_one(rank)?;
            self.queues[rank].loaded.make_contiguous().sort_by_key(|told| told.at_ms);
        }
        Ok(())
    }

    fn load_one(&mut self, rank: usize) -> io::Result<()> {
        let page = self.queues[rank].stream.page;
        let Some(place) = self.queues[rank].places.pop_front() else { return Ok(()) };
        let after_gap = place.number.is_some_and(|number| self.is_after_gap(page, number));
        let queue = &mut self.queues[rank];
        let mut bytes = vec![0; place.length];
        self.batches.file.read_exact_at(&mut bytes, place.offset)?;
        let mut tab: std::rc::Rc<str> = std::rc::Rc::from("");
        let mut at_ms = place.first_ms;
        let tell = |what, at_ms, tab: &std::rc::Rc<str>| Told { at_ms, page, tab: std::rc::Rc::clone(tab), what };
        if after_gap {
            queue.loaded.push_back(tell(What::Gap, at_ms, &tab));
        }
        for message in read_batch(&bytes, place.era) {
            let Ok(message) = message else {
                self.batches.faults += 1;
                queue.loaded.push_back(tell(What::Gap, at_ms, &tab));
                break;
            };
            if message.id == ids::MOBILE_BATCH_META {
                continue;
            }
            // Times that step back would mix up what a batch has in order.
            at_ms = at_ms.max(message.timestamp_ms);
            match said::read(&message) {
                Some(Said::Tab(id)) => tab = id.into(),
                Some(said) => queue.loaded.push_back(tell(What::Page(said), at_ms, &tab)),
                None => {}
            }
            if let Some(event) = event(&message) {
                queue.loaded.push_back(tell(event, at_ms, &tab));
            }
        }
        // One without a message is not in memory.
        if !queue.loaded.is_empty() {
            queue.loaded_bytes += place.length;
            self.loaded_bytes += place.length;
        }
        Ok(())
    }
}

/// The messages that tell what happened, besides what is seen.
const EVENTS: [&str; 68] = [
    "AssetCache",
    "ConnectionInformation",
    "ConsoleLog",
    "CustomEvent",
    "CustomIssue",
    "Fetch",
    "GraphQL",
    "GraphQLDeprecated",
    "Incident",
    "InputChange",
    "IntegrationEvent",
    "IssueEvent",
    "IssueEventDeprecated",
    "JSException",
    "JSExceptionDeprecated",
    "LongAnimationTask",
    "LongTask",
    "Metadata",
    "MobX",
    "MobileClickEvent",
    "MobileCrash",
    "MobileEvent",
    "MobileGraphQL",
    "MobileInputEvent",
    "MobileInternalError",
    "MobileIssueEvent",
    "MobileLog",
    "MobileMetadata",
    "MobileNetworkCall",
    "MobilePerformanceEvent",
    "MobileScreenChanges",
    "MobileSwipeEvent",
    "MobileUserAnonymousID",
    "MobileUserID",
    "MobileViewComponentEvent",
    "MouseClick",
    "MouseClickDeprecated",
    "MouseThrashing",
    "NetworkRequest",
    "NetworkRequestDeprecated",
    "NgRx",
    "OTable",
    "PageEvent",
    "PageEventDeprecated",
    "PageLoadTiming",
    "PageRenderTiming",
    "PerformanceTrack",
    "Profiler",
    "Redux",
    "ReduxDeprecated",
    "ResourceTiming",
    "ResourceTimingDeprecated",
    "ResourceTimingDeprecatedDeprecated",
    "SelectionChange",
    "SetInputTarget",
    "SetPageLocation",
    "SetPageLocationDeprecated",
    "SetPageVisibility",
    "StateAction",
    "TabChange",
    "TagTrigger",
    "TechnicalInfo",
    "UserAnonymousID",
    "UserID",
    "Vuex",
    "WSChannel",
    "WebVitals",
    "Zustand",
];

/// What happened, by the message's own names.
fn event(message: &Message<'_>) -> Option<What> {
    if matches!(message.body, Body::Broken(_) | Body::Unknown) || EVENTS.binary_search(&message.name).is_err() {
        return None;
    }
    let mut fields = Map::new();
    for (name, value) in message.fields() {
        let value = match value {
            Value::Uint(value) => Json::from(value),
            Value::Int(value) => Json::from(value),
            Value::Bool(value) => Json::from(value),
            Value::Str(bytes) => Json::from(String::from_utf8_lossy(bytes)),
        };
        fields.insert(name.to_owned(), value);
    }
    Some(What::Event(message.name, Json::Object(fields)))
}

#[cfg(test)]
mod tests;
