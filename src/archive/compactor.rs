//! Turns records into chunks, and chunks into the archive, exactly once.
//!
//! The archive's manifest is the cursor. A compactor gathers a chunk without any lock, then commits it only if the archive still ends where the
//! chunk begins. So two may run at once, in one process or two: what one commits, the other drops and goes on behind.

use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::log::format::record::Record;
use crate::log::read::merge::MergePosition;

use super::chunk::Chunk;
use super::decode::EventDecoder;
use super::error::ArchiveError;
use super::manifest::{LogEnds, Segments};
use super::payload::{Payload, PayloadReader};
use super::place::Place;
use super::store::{Archive, Committed, Rows, Totals};
use super::tables::batches::KeptAsReceived;

/// When a chunk is complete.
#[derive(Debug, Clone, Copy)]
pub struct ChunkBounds {
    /// Once its rows have this size in memory. One more record fits, whatever its size.
    pub bytes: u64,
    /// This long after its first record was added.
    pub age: Duration,
    /// The largest inflated payload; larger ones are kept as received.
    pub inflated_max: usize,
}

/// The name of the consumer whose cursor holds segments for the archive.
pub const CONSUMER: &str = "compactor";

/// The size of a chunk in memory, unless a test wants smaller ones.
pub const CHUNK_BYTES: u64 = 64 << 20;

/// What of the buffer for inflating is kept from one chunk to the next.
const BUFFER_KEPT_BYTES: usize = 4 << 20;

/// A compactor.
#[derive(Debug)]
pub struct Compactor {
    archive: Archive,
    bounds: ChunkBounds,
    /// Where the archive ended when this chunk was begun.
    ends: LogEnds,
    /// Segments of the chunk's range that could not be read as a whole.
    unread: Segments,
    chunk: Chunk,
    began: Option<Instant>,
    /// A chunk that is complete, and where it ends.
    complete: Option<(Rows, MergePosition)>,
    payloads: PayloadReader,
    events: EventDecoder,
}

/// What became of a flush.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flushed {
    /// The chunk is in the archive.
    Done(Totals),
    /// Somebody else extended the archive. Reading goes on at [`Compactor::begin_in`].
    Moved,
}

impl Compactor {
    /// Opens the archive of a data folder.
    ///
    /// # Errors
    /// Those of [`Archive::open`].
    pub fn open(place: Place, bounds: ChunkBounds, is_stopping: &dyn Fn() -> bool) -> Result<Self, ArchiveError> {
        let (archive, manifest) = Archive::open(place, is_stopping)?;
        Ok(Self {
            archive,
            bounds,
            ends: manifest.ends(),
            unread: Segments::new(),
            chunk: Chunk::default(),
            began: None,
            complete: None,
            payloads: PayloadReader::default(),
            events: EventDecoder::default(),
        })
    }

    /// Where the archive ends in a log, as far as this compactor knows: where reading begins. `None`: at the oldest record.
    pub fn begin_in(&self, log: Uuid) -> Option<&MergePosition> {
        self.ends.of(log).map(|end| &end.to)
    }

    /// Notes segments, by core and id, with damage that was stepped over. The archive may lack records of theirs, so they do not leave the log for
    /// being archived, also if the disk reads them another time.
    pub fn note_damaged(&mut self, segments: impl IntoIterator<Item = (u16, u64)>) {
        for (core, segment) in segments {
            self.unread.entry(core).or_default().insert(segment);
        }
    }

    /// The archive.
    pub fn archive(&self) -> &Archive {
        &self.archive
    }

    /// Changes when a chunk is complete, from the next record on.
    pub fn set_bounds(&mut self, bounds: ChunkBounds) {
        self.bounds = bounds;
    }

    /// Adds a record.
    pub fn add(&mut self, record: &Record<'_>) {
        self.began.get_or_insert_with(Instant::now);
        let payload = self.payloads.read(record, self.bounds.inflated_max);
        self.chunk.add(record, &payload, &mut self.events);
    }

    /// Adds a record as received: neither inflated nor decoded.
    pub fn add_as_received(&mut self, record: &Record<'_>) {
        self.began.get_or_insert_with(Instant::now);
        let payload = Payload { bytes: record.payload, kept: Some(KeptAsReceived::Unusable) };
        self.chunk.add(record, &payload, &mut self.events);
    }

    /// What the chunk's rows take in memory.
    pub fn bytes(&self) -> u64 {
        self.chunk.bytes()
    }

    /// Whether the chunk is large enough, or old enough, to be flushed; or was being flushed when that failed.
    pub fn is_due(&self) -> bool {
        let is_old = self.began.is_some_and(|began| began.elapsed() >= self.bounds.age);
        self.complete.is_some() || self.chunk.bytes() >= self.bounds.bytes || is_old
    }

    /// Whether records wait for a flush.
    pub fn is_empty(&self) -> bool {
        self.chunk.is_empty() && self.complete.is_none()
    }

    /// When the first record of the chunk was added.
    pub fn began(&self) -> Option<Instant> {
        self.began
    }

    /// Puts the chunk into the archive; `to` is the position after its last record. After an error no record may be added before a flush
    /// has succeeded; `to` of the failed one counts.
    ///
    /// # Errors
    /// Failures to write. The chunk stays in memory.
    pub fn flush(&mut self, to: &MergePosition, is_stopping: &dyn Fn() -> bool) -> Result<Flushed, ArchiveError> {
        let complete = match self.complete.take() {
            Some(complete) => complete,
            None => {
                let rows = Rows::from(std::mem::take(&mut self.chunk));
                (rows.with_unread(self.unread.clone()), to.clone())
            }
        };
        let (rows, to) = self.complete.insert(complete);
        let committed = self.archive.commit(self.ends.to(), to, rows, is_stopping)?;
        let flushed = match committed {
            Committed::Done(totals) => {
                self.ends.extend(to.clone(), &self.unread);
                self.unread.clear();
                Flushed::Done(totals)
            }
            Committed::Moved(ends) => {
                self.ends = ends;
                Flushed::Moved
            }
        };
        (self.complete, self.began) = (None, None);
        self.payloads.shrink(BUFFER_KEPT_BYTES);
        Ok(flushed)
    }
}
