//! An open archive, the chunk that is being gathered for it, and the receipts of the records in it.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::archive::compactor::Compactor;
use crate::consume::{Batch, Handle, Receipt};
use crate::log::format::record::{Record, RecordId};

use super::pace::Pace;
use super::trouble::Trouble;

/// How many records are added before the budget is looked at.
const STRIDE: usize = 64;

/// The same in bytes.
const STRIDE_BYTES: u64 = 256 << 10;

/// How many receipts a chunk may have: fewer than a consumer's queue holds.
const RECEIPTS_MAX: usize = 1000;

/// How many records that a decoder panicked on are known.
const STRUCK_MAX: usize = 4096;

/// An open archive and its next chunk.
pub struct Gathering {
    /// The compactor.
    pub compactor: Compactor,
    /// The rewinding that led to where the archive ends: batches with a smaller number were read before.
    pub rewinds: u64,
    receipts: Vec<Receipt>,
}

/// The records on which adding panicked, and how often.
#[derive(Default)]
pub struct Struck(HashMap<RecordId, u8>);

impl Gathering {
    /// Begins where the archive ends; the consumer was told to go on there.
    pub fn new(compactor: Compactor, rewinds: u64) -> Self {
        Self { compactor, rewinds, receipts: Vec::new() }
    }

    /// Takes records from a batch until the chunk is large or old enough, or the batch ends. Returns how many had to be left out.
    ///
    /// # Errors
    /// [`Trouble::Record`] if adding a record panicked: the chunk can't be used any more.
    pub fn gather(
        &mut self,
        batch: &mut Batch<'_>,
        bytes_max: u64,
        age_max: Duration,
        struck: &mut Struck,
        pace: &mut Pace,
        handle: &Handle,
    ) -> Result<u64, Trouble> {
        let (mut left_out, mut has_receipt) = (0, false);
        // Batches that are empty count too while the chunk is not.
        if !self.receipts.is_empty() {
            self.receipts.push(batch.receipt());
            has_receipt = true;
        }
        loop {
            let (mut bytes, mut ended) = (0, false);
            for _ in 0..STRIDE {
                let Some(record) = batch.next() else {
                    ended = true;
                    break;
                };
                bytes += (record.ext.0.len() + record.payload.len()) as u64;
                let added = struck.add(&mut self.compactor, &record);
                if !has_receipt {
                    self.receipts.push(batch.receipt());
                    has_receipt = true;
                }
                left_out += u64::from(!added?);
                if bytes >= STRIDE_BYTES || self.is_due(bytes_max, age_max) {
                    break;
                }
            }
            pace.moved(bytes);
            if ended || self.is_due(bytes_max, age_max) || handle.wants_reread().is_some() {
                return Ok(left_out);
            }
            // A pause that is not over after that is for the worker, who knows the settings.
            if pace.pause().is_some_and(|pause| handle.rest(pause) || pace.pause().is_some()) {
                return Ok(left_out);
            }
        }
    }

    /// Whether the chunk is large or old enough.
    pub fn is_due(&self, bytes_max: u64, age_max: Duration) -> bool {
        let is_old = self.compactor.began().is_some_and(|began| began.elapsed() >= age_max);
        let is_large = self.compactor.bytes() >= bytes_max || self.receipts.len() >= RECEIPTS_MAX;
        !self.compactor.is_empty() && (is_large || is_old)
    }

    /// How long until the chunk is old enough; `None` for an empty one.
    pub fn due_in(&self, age_max: Duration) -> Option<Duration> {
        let began = self.compactor.began()?;
        Some((began + age_max).saturating_duration_since(Instant::now()))
    }

    /// The chunk is in the archive.
    pub fn confirm(&mut self) {
        self.receipts.drain(..).for_each(Receipt::confirm);
    }

    /// The chunk was dropped, and the consumer told to go on elsewhere.
    pub fn begin_anew(&mut self, rewinds: u64) {
        self.receipts.clear();
        self.rewinds = rewinds;
    }
}

impl Struck {
    /// Adds a record; one that a decoder panicked on before as received, and one that fails even so not at all. Returns whether it was added.
    ///
    /// A record must not end the compactor now and again after every restart.
    fn add(&mut self, compactor: &mut Compactor, record: &Record<'_>) -> Result<bool, Trouble> {
        let times = self.0.get(&record.id).copied().unwrap_or(0);
        let add = || match times {
            0 => compactor.add(record),
            1 => compactor.add_as_received(record),
            _ => {}
        };
        if catch_unwind(AssertUnwindSafe(add)).is_err() {
            if self.0.len() >= STRUCK_MAX {
                self.0.clear();
            }
            self.0.insert(record.id, times + 1);
            return Err(Trouble::Record(record.id));
        }
        Ok(times < 2)
    }
}
