//! Session ids: unique for ever on one shard, and ordered by time.
//!
//! An id is `(ms - EPOCH_MS) << 24 | shard << 8 | sequence`: 40 bits of time, 16 of shard, 8 of sequence. The sequence starts at 0 in every
//! millisecond. A 257th id in one millisecond, and any id after the clock was set back, borrows from the next millisecond, so ids never
//! repeat and never decrease. This holds while ids are at most [`AHEAD_MS_MAX`] ahead of the clock. Ids further ahead were made while the
//! clock was wrong, so the next id follows the clock again; such an id could be made a second time when the clock reaches its time.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// The zero of session ids: 2019-02-12T19:33:20Z, in ms since the Unix epoch.
pub const EPOCH_MS: i64 = 1_550_000_000_000;

/// How far ids may run ahead of the clock: two days. A clock is set back by more than that only after it was wrong.
pub const AHEAD_MS_MAX: u64 = 2 * 24 * 3600 * 1000;

const SEQUENCE_BITS: u32 = 8;
const SHARD_BITS: u32 = 16;
const OFFSET_MAX: u64 = (1 << 40) - 1;

const _: () = assert!(OFFSET_MAX.count_ones() + SHARD_BITS + SEQUENCE_BITS == 64);

/// The id of a session. Shown in decimal, as OpenReplay does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

impl SessionId {
    /// When the session started, in ms since the Unix epoch.
    pub fn start_ms(self) -> i64 {
        // The offset has 40 bits, so the sum fits an i64 easily.
        (self.0 >> (SHARD_BITS + SEQUENCE_BITS)) as i64 + EPOCH_MS
    }

    /// The shard of the server that made it.
    pub fn shard(self) -> u16 {
        (self.0 >> SEQUENCE_BITS) as u16
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why no id can be made. The texts are OpenReplay's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FlakeError {
    /// The clock shows a time before [`EPOCH_MS`].
    #[error("epoch is not in the past")]
    BeforeEpoch,
    /// The clock shows a time after 2053-12-16, beyond 40 bits.
    #[error("epoch is too small")]
    AfterEnd,
}

/// One server's source of session ids, shared by all cores without a lock.
#[derive(Debug)]
pub struct FlakeIds {
    shard: u16,
    /// The last id without its shard: offset in ms, then sequence.
    last: AtomicU64,
}

impl FlakeIds {
    /// A source for `shard`. Two servers with the same shard may make equal ids.
    pub fn new(shard: u16) -> Self {
        Self { shard, last: AtomicU64::new(0) }
    }

    /// The shard of these ids.
    pub fn shard(&self) -> u16 {
        self.shard
    }

    /// Makes every later id newer than `ms`, unless that is too far ahead of the clock. Called at startup with the time of the log's newest
    /// record, so that no id repeats if the clock was set back while the server was down.
    pub fn start_after(&self, ms: i64) {
        if let Ok(offset) = u64::try_from(ms.saturating_sub(EPOCH_MS)) {
            let last = offset.min(OFFSET_MAX) << SEQUENCE_BITS | 0xff;
            self.last.fetch_max(last, Ordering::Relaxed);
        }
    }

    /// The next id at `now_ms` (ms since the Unix epoch).
    pub fn next(&self, now_ms: i64) -> Result<SessionId, FlakeError> {
        let offset = match u64::try_from(now_ms.saturating_sub(EPOCH_MS)) {
            Err(_) | Ok(0) => return Err(FlakeError::BeforeEpoch),
            Ok(offset) if offset > OFFSET_MAX => return Err(FlakeError::AfterEnd),
            Ok(offset) => offset,
        };
        let mut last = self.last.load(Ordering::Relaxed);
        loop {
            let astray = last >> SEQUENCE_BITS > offset + AHEAD_MS_MAX;
            let least = if astray { 0 } else { last + 1 };
            let next = (offset << SEQUENCE_BITS).max(least);
            if next >> SEQUENCE_BITS > OFFSET_MAX {
                return Err(FlakeError::AfterEnd);
            }
            match self.last.compare_exchange_weak(last, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(self.compose(next)),
                Err(seen) => last = seen,
            }
        }
    }

    fn compose(&self, counter: u64) -> SessionId {
        let sequence = counter & 0xff;
        let offset = counter >> SEQUENCE_BITS;
        SessionId(offset << (SHARD_BITS + SEQUENCE_BITS) | u64::from(self.shard) << SEQUENCE_BITS | sequence)
    }
}

#[cfg(test)]
mod tests;
