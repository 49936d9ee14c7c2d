//! A batch of records, which a handler borrows one at a time.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::log::LogError;
use crate::log::error::Damage;
use crate::log::format::record::Record;
use crate::log::read::merge::{MergePosition, Skipped};

use super::confirm::{Confirmations, Receipt};
use super::consumer::BatchBounds;
use super::handle::Handle;
use super::lag::stored_bytes;
use super::source::LogSource;

/// Lends records until one of its bounds is reached. How many there will be is not known in advance.
pub struct Batch<'a> {
    source: &'a mut LogSource,
    bounds: BatchBounds,
    handle: &'a Handle,
    confirmations: &'a Confirmations,
    limit: Limit,
    rewinds: u64,
    began: Option<Instant>,
    taken: BatchTotals,
    end: Option<BatchEnd>,
    /// When the end of the log was found.
    ended: Option<Instant>,
    receipt: Option<u64>,
}

/// How far a consumer may read now.
#[derive(Debug, Clone)]
pub(super) enum Limit {
    /// To the end of the log.
    None,
    /// Up to a position.
    Before(MergePosition),
    /// Nothing: the consumer that must go first has not begun.
    Nothing,
}

/// What a handler took from a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct BatchTotals {
    pub(super) records: u64,
    /// Bytes of extensions and payloads.
    pub(super) bytes: u64,
    /// Bytes including headers and padding.
    pub(super) stored_bytes: u64,
    /// Everything up to this order time has been taken.
    pub(super) reached_us: u64,
}

/// Why a batch has ended.
#[derive(Debug)]
pub(super) enum BatchEnd {
    /// It is full.
    Full,
    /// The end of the log was reached.
    Log,
    /// The consumer that must go first has not come further.
    Limit,
    /// The consumer must stop.
    Stop,
    /// The log can't be read.
    Failed(LogError),
}

impl<'a> Batch<'a> {
    pub(super) fn new(
        source: &'a mut LogSource,
        bounds: BatchBounds,
        handle: &'a Handle,
        confirmations: &'a Confirmations,
        limit: Limit,
        rewinds: u64,
    ) -> Batch<'a> {
        let taken = BatchTotals::default();
        Batch {
            source,
            bounds,
            handle,
            confirmations,
            limit,
            rewinds,
            began: None,
            taken,
            end: None,
            ended: None,
            receipt: None,
        }
    }

    /// The next record. `None`: the batch has ended, and stays so.
    #[expect(clippy::should_implement_trait, reason = "lends from its source, which an Iterator cannot")]
    pub fn next(&mut self) -> Option<Record<'_>> {
        if self.end.is_some() {
            return None;
        }
        let now = Instant::now();
        if self.is_full(now) {
            self.end = Some(BatchEnd::Full);
            return None;
        }
        if self.handle.is_stopping() {
            self.end = Some(BatchEnd::Stop);
            return None;
        }
        let limit = match &self.limit {
            Limit::None => None,
            Limit::Before(position) => Some(position),
            Limit::Nothing => {
                self.end = Some(BatchEnd::Limit);
                return None;
            }
        };
        match self.source.next(limit) {
            Ok(Some(record)) => {
                if self.began.is_none() {
                    self.began = Some(now);
                    self.handle.set_first(record.order_us);
                }
                self.taken.add(&record);
                return Some(record);
            }
            Ok(None) if limit.is_some() => self.end = Some(BatchEnd::Limit),
            Ok(None) => (self.end, self.ended) = (Some(BatchEnd::Log), Some(now)),
            Err(error) => self.end = Some(BatchEnd::Failed(error)),
        }
        None
    }

    fn is_full(&self, now: Instant) -> bool {
        let late = self.began.is_some_and(|began| now.duration_since(began) >= self.bounds.time);
        self.taken.records > 0 && (self.taken.bytes >= self.bounds.bytes || late)
    }

    /// What was deleted before this consumer read it, since the last call.
    pub fn skipped(&mut self) -> Skipped {
        self.source.take_skipped()
    }

    /// The damaged places of the log that were stepped over since the last call: at most the first 1,024 since the log was opened.
    pub fn damage(&mut self) -> &[Damage] {
        self.source.take_damage()
    }

    /// The segments, by core and id, with damage that was stepped over since the last call, or since the log was opened: all of them.
    pub fn take_damaged(&mut self) -> BTreeSet<(u16, u64)> {
        self.source.take_damaged()
    }

    /// Whether the end of the log was reached, or of what may be read.
    pub fn is_at_end(&self) -> bool {
        matches!(self.end, Some(BatchEnd::Log | BatchEnd::Limit))
    }

    /// How many times the consumer had been rewound when this batch was read.
    pub fn rewinds(&self) -> u64 {
        self.rewinds
    }

    /// The position after the last record that was taken.
    pub fn position(&self) -> MergePosition {
        self.source.position()
    }

    /// Whether the consumer must stop.
    pub fn is_stopping(&self) -> bool {
        self.handle.is_stopping()
    }

    /// Makes this batch count as passed only once the returned receipt is confirmed. This applies to all records taken from it, before and
    /// after this call.
    ///
    /// # Panics
    /// If it was called for this batch before.
    pub fn receipt(&mut self) -> Receipt {
        assert!(self.receipt.is_none(), "a batch has one receipt");
        let receipt = self.confirmations.issue();
        self.receipt = Some(receipt.number());
        receipt
    }

    /// What was taken, why the batch ended if it did, and its receipt's number.
    pub(super) fn finish(mut self) -> (BatchTotals, Option<BatchEnd>, Option<u64>) {
        if let Some(ended) = self.ended {
            // Records that were received since then are still to come.
            let ended_us = self.source.now_us().saturating_sub(micros(ended.elapsed()));
            self.taken.reached_us = self.taken.reached_us.max(ended_us);
        }
        (self.taken, self.end, self.receipt)
    }
}

impl BatchTotals {
    fn add(&mut self, record: &Record<'_>) {
        let bytes = record.ext.0.len() + record.payload.len();
        self.records += 1;
        self.bytes += bytes as u64;
        self.stored_bytes += stored_bytes(bytes);
        self.reached_us = self.reached_us.max(record.order_us);
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
