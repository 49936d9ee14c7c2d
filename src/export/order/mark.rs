//! To read the same session more than once, and not always from its beginning.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::fs::File;
use std::io;
use std::sync::Arc;

use super::open::Open;
use super::store::Store;

// Circle: a mark is of what it marks.
use super::{Batches, Ordered, Place, Stream};

/// The batches of a session as they were collected, for more than one reading.
#[derive(Debug)]
pub struct KeptBatches {
    file: Arc<File>,
    length: u64,
    read_ahead_max: usize,
    places: Vec<(Stream, Place)>,
    span_ms: Option<(i64, i64)>,
    faults: u64,
}

impl KeptBatches {
    /// How many bytes they have.
    pub fn bytes(&self) -> u64 {
        self.length
    }
}

/// Where the reading of [`KeptBatches`] has got to.
#[derive(Debug)]
pub struct OrderMark {
    /// Of each stream: how many of its batches were opened, and those that were not read to their end, without their bytes.
    queues: Vec<(u64, Vec<Open>)>,
    heap: BinaryHeap<Reverse<(i64, u64, usize)>>,
    gaps: BTreeSet<(u64, u32)>,
}

impl OrderMark {
    /// What it takes, in bytes.
    pub fn bytes(&self) -> usize {
        let open: usize = self.queues.iter().flat_map(|(_, open)| open).map(Open::bytes_at_rest).sum();
        let queue = size_of::<(u64, Vec<Open>)>() + size_of::<Reverse<(i64, u64, usize)>>();
        open + self.queues.len() * queue + self.gaps.len() * 4 * size_of::<(u64, u32)>()
    }
}

impl Batches {
    /// Remembers where each batch is, so that all of them can be read again.
    #[must_use]
    pub fn with_history(self) -> Batches {
        Batches { history: Some(Vec::new()), ..self }
    }

    /// All that was added so far, to be read again; what is added from here on goes to `file`. `None`: some of it was forgotten, or is shared already.
    pub fn share(&mut self, file: File) -> Option<KeptBatches> {
        self.history.as_ref()?;
        let (file, length) = self.store.share(file)?;
        let places = self.history.take()?;
        let Batches { read_ahead_max, span_ms, faults, .. } = *self;
        Some(KeptBatches { file, length, read_ahead_max, places, span_ms, faults })
    }

    /// What was collected before. What is added goes to `file`.
    pub fn again(kept: &KeptBatches, file: File) -> Batches {
        let mut streams: BTreeMap<Stream, Vec<Place>> = BTreeMap::new();
        for (stream, place) in &kept.places {
            streams.entry(*stream).or_default().push(*place);
        }
        Batches {
            store: Store::behind((Arc::clone(&kept.file), kept.length), file),
            read_ahead_max: kept.read_ahead_max,
            streams,
            history: None,
            span_ms: kept.span_ms,
            count: kept.places.len() as u64,
            faults: kept.faults,
        }
    }

    /// When the first of those begins that were added since they were last read, by its own time.
    pub fn added_ms(&self) -> Option<i64> {
        self.streams.values().flatten().map(|place| place.first_ms).min()
    }
}

impl Ordered {
    /// Where it has got to with what was kept. Nothing else may have been added.
    pub fn mark(&self) -> OrderMark {
        let queue = |queue: &super::Queue| (queue.opened, queue.open.iter().map(Open::at_rest).collect());
        OrderMark { queues: self.queues.iter().map(queue).collect(), heap: self.heap.clone(), gaps: self.gaps.clone() }
    }

    /// Goes on from a mark in the same batches. Nothing may have been read yet; what was added is read from there on.
    pub fn go_to(&mut self, mark: &OrderMark) -> io::Result<()> {
        for (queue, (opened, open)) in self.queues.iter_mut().zip(&mark.queues) {
            queue.opened = *opened;
            let passed = usize::try_from(*opened).unwrap_or(usize::MAX).min(queue.places.len());
            drop(queue.places.drain(..passed));
            for open in open {
                let place = open.place();
                let open = open.read_on(self.batches.store.read(place.offset, place.length)?);
                self.loaded_bytes += open.bytes();
                queue.open.push(open);
            }
        }
        self.heap.clone_from(&mark.heap);
        self.gaps.clone_from(&mark.gaps);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
