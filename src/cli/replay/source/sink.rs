//! Where a reading thread puts records: batches of them, so that handing over costs little, in a queue that is short.

use bytes::{Bytes, BytesMut};
use crossbeam_channel::Sender;

use crate::cli::replay::order::Held;
use crate::log::format::record::{Ext, Record};

/// How many bytes of records are handed over at once.
const BATCH_BYTES: usize = 1 << 20;

/// How many records are handed over at once.
const BATCH_RECORDS: usize = 4096;

/// How many batches may wait in the queue.
pub const QUEUE_MAX: usize = 4;

/// The queue's reader has gone away: nothing more is wanted.
#[derive(Debug)]
pub struct Unwanted;

/// Where records are put.
#[derive(Debug)]
pub struct Sink {
    to: Sender<Vec<Held>>,
    batch: Vec<Held>,
    batch_bytes: usize,
    /// The bytes of borrowed records, which become shared when the batch is handed over.
    arena: BytesMut,
    /// Borrowed records of the batch: each without its bytes, with the lengths of its extension and payload in the arena.
    borrowed: Vec<(Record<'static>, usize, usize)>,
}

impl Sink {
    /// A sink that hands over to this queue.
    pub fn new(to: Sender<Vec<Held>>) -> Self {
        Self { to, batch: Vec::new(), batch_bytes: 0, arena: BytesMut::new(), borrowed: Vec::new() }
    }

    /// Copies a record.
    pub fn copy(&mut self, record: &Record<'_>) -> Result<(), Unwanted> {
        let bytes = record.ext.0.len() + record.payload.len();
        if self.arena.len() + bytes > BATCH_BYTES || self.borrowed.len() == BATCH_RECORDS {
            self.flush()?;
        }
        if self.arena.capacity() < self.arena.len() + bytes {
            self.arena.reserve(bytes.max(BATCH_BYTES));
        }
        self.arena.extend_from_slice(record.ext.0);
        self.arena.extend_from_slice(record.payload);
        let head = Record { ext: Ext(&[]), payload: &[], ..*record };
        self.borrowed.push((head, record.ext.0.len(), record.payload.len()));
        Ok(())
    }

    /// Takes a record. A thread either copies records or gives them.
    #[cfg(feature = "archive")]
    pub fn give(&mut self, held: Held) -> Result<(), Unwanted> {
        self.batch_bytes += held.bytes();
        self.batch.push(held);
        if self.batch_bytes > BATCH_BYTES || self.batch.len() == BATCH_RECORDS { self.flush() } else { Ok(()) }
    }

    /// Hands over what was put in.
    pub fn flush(&mut self) -> Result<(), Unwanted> {
        if !self.borrowed.is_empty() {
            let mut arena: Bytes = self.arena.split().freeze();
            self.batch.extend(self.borrowed.drain(..).map(|(head, ext, payload)| Held {
                head,
                ext: arena.split_to(ext),
                payload: arena.split_to(payload),
            }));
        }
        self.batch_bytes = 0;
        let batch = std::mem::take(&mut self.batch);
        if batch.is_empty() { Ok(()) } else { self.to.send(batch).map_err(|_| Unwanted) }
    }
}
