//! A batch of records, lent one at a time.

use std::time::{Duration, Instant};

use crate::log::LogError;
use crate::log::format::record::{ALIGN_BYTES, HEADER_BYTES, Record};
use crate::log::read::merge::Skipped;

use super::confirm::{Confirmations, Receipt};
use super::consumer::BatchBounds;
use super::handle::Handle;
use super::source::Source;

/// Lends records until one of its bounds is reached. It does not know beforehand how many there will be.
pub struct Batch<'a> {
    source: &'a mut Source,
    bounds: BatchBounds,
    handle: &'a Handle,
    confirmations: &'a Confirmations,
    began: Option<Instant>,
    taken: Taken,
    end: Option<End>,
    /// When the log was looked at and had nothing more.
    ended: Option<Instant>,
    receipt: Option<u64>,
}

/// What was taken from a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Taken {
    pub(super) records: u64,
    /// Of extensions and payloads.
    pub(super) bytes: u64,
    /// With headers and padding.
    pub(super) stored_bytes: u64,
    /// The order time up to which everything has been taken.
    pub(super) reached_us: u64,
}

/// Why a batch lends no more.
#[derive(Debug)]
pub(super) enum End {
    /// It is full.
    Full,
    /// There is nothing more in the log now.
    Log,
    /// The consumer is to stop.
    Stop,
    /// The log can't be read.
    Failed(LogError),
}

impl<'a> Batch<'a> {
    pub(super) fn new(
        source: &'a mut Source,
        bounds: BatchBounds,
        handle: &'a Handle,
        confirmations: &'a Confirmations,
    ) -> Batch<'a> {
        let taken = Taken::default();
        Batch { source, bounds, handle, confirmations, began: None, taken, end: None, ended: None, receipt: None }
    }

    /// The next record. None: the batch is over, and stays so.
    #[expect(clippy::should_implement_trait, reason = "lends from its source, which an Iterator cannot")]
    pub fn next(&mut self) -> Option<Record<'_>> {
        if self.end.is_some() {
            return None;
        }
        let now = Instant::now();
        if self.is_full(now) {
            self.end = Some(End::Full);
            return None;
        }
        if self.handle.is_stopping() {
            self.end = Some(End::Stop);
            return None;
        }
        match self.source.next() {
            Ok(Some(record)) => {
                if self.began.is_none() {
                    self.began = Some(now);
                    self.handle.set_first(record.order_us);
                }
                self.taken.add(&record);
                return Some(record);
            }
            Ok(None) => (self.end, self.ended) = (Some(End::Log), Some(now)),
            Err(error) => self.end = Some(End::Failed(error)),
        }
        None
    }

    fn is_full(&self, now: Instant) -> bool {
        let late = self.began.is_some_and(|began| now.duration_since(began) >= self.bounds.time);
        self.taken.records > 0 && (self.taken.bytes >= self.bounds.bytes || late)
    }

    /// What was deleted before this consumer came to it, since this was last called.
    pub fn skipped(&mut self) -> Skipped {
        self.source.take_skipped()
    }

    /// Whether the consumer is to stop.
    pub fn is_stopping(&self) -> bool {
        self.handle.is_stopping()
    }

    /// From now on this batch counts as passed only once the receipt is confirmed: all records taken from it, before this call and after.
    ///
    /// # Panics
    /// If the batch has given its receipt already.
    pub fn receipt(&mut self) -> Receipt {
        assert!(self.receipt.is_none(), "a batch has one receipt");
        let receipt = self.confirmations.issue();
        self.receipt = Some(receipt.number());
        receipt
    }

    /// What was taken, why the batch ended if it did, and the number of its receipt.
    pub(super) fn finish(mut self) -> (Taken, Option<End>, Option<u64>) {
        if let Some(ended) = self.ended {
            // What was received since then is to come.
            let ended_us = self.source.now_us().saturating_sub(micros(ended.elapsed()));
            self.taken.reached_us = self.taken.reached_us.max(ended_us);
        }
        (self.taken, self.end, self.receipt)
    }
}

impl Taken {
    fn add(&mut self, record: &Record<'_>) {
        let bytes = record.ext.0.len() + record.payload.len();
        self.records += 1;
        self.bytes += bytes as u64;
        self.stored_bytes += (HEADER_BYTES + bytes).next_multiple_of(ALIGN_BYTES) as u64;
        self.reached_us = self.reached_us.max(record.order_us);
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
