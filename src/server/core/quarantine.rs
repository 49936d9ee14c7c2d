//! Batches that cannot be used but are kept anyway.
//!
//! A tracker retries a refused batch ten times and then stops for good, so one bad batch ends a session. With `unusable = "keep"` such a
//! batch is stored as it came, marked, bound for no queue, and answered as if it were good. There are two bounds: `unusable_size_limit` for
//! one body, and `unusable_bytes_max` an hour for all bodies on a core; above either, the batch is refused as usual.
//!
//! A route takes part in three places: it reads its body up to [`Quarantine::body_limit`]; a body larger than the client was allowed to
//! send is then a fault like any other; and before it refuses a batch it asks [`Quarantine::try_keep`] and stores what
//! [`mark_unusable`](crate::records::mark_unusable) makes of it instead.

use std::cell::Cell;

use crate::api::refusal::Reason;
use crate::config::{Config, Unusable};
use crate::telemetry::CoreMetrics;

const HOUR_MS: u64 = 3_600_000;

/// What one core may keep.
#[derive(Debug)]
pub struct Quarantine {
    keeps: bool,
    size_limit: u64,
    bytes_max: u64,
    /// How many bytes may still be kept, and as of when; this refills evenly.
    left: Cell<u64>,
    as_of_ms: Cell<u64>,
}

impl Quarantine {
    /// Takes the settings. `body_bytes_max` is the largest body that the log takes.
    pub fn new(config: &Config, body_bytes_max: u64) -> Self {
        Self {
            keeps: config.unusable == Unusable::Keep,
            size_limit: config.unusable_size_limit.min(body_bytes_max),
            bytes_max: config.unusable_bytes_max,
            left: Cell::new(config.unusable_bytes_max),
            as_of_ms: Cell::new(0),
        }
    }

    /// The largest body to read if the client may send `limit`.
    #[inline]
    pub fn body_limit(&self, limit: u64, now_ms: u64) -> u64 {
        if self.keeps { limit.max(self.size_limit.min(self.left(now_ms))) } else { limit }
    }

    /// Whether a batch of `bytes` that would be refused for `reason` is kept instead; if so, it is counted.
    pub fn try_keep(&self, reason: Reason, bytes: u64, now_ms: u64, metrics: &CoreMetrics) -> bool {
        let fault = matches!(reason, Reason::BodyTooLarge | Reason::Compression | Reason::Parameter);
        if !self.keeps || !fault || bytes == 0 {
            return false;
        }
        let left = self.left(now_ms);
        if bytes > self.size_limit || bytes > left {
            metrics.unusable_refused.inc();
            return false;
        }
        self.left.set(left - bytes);
        metrics.unusable.inc();
        metrics.unusable_bytes.add(bytes);
        true
    }

    fn left(&self, now_ms: u64) -> u64 {
        let elapsed_ms = now_ms.saturating_sub(self.as_of_ms.get());
        let earned = u128::from(self.bytes_max) * u128::from(elapsed_ms) / u128::from(HOUR_MS);
        // Time too short to earn a whole byte keeps accumulating.
        if earned > 0 {
            let used_ms = (earned * u128::from(HOUR_MS)).div_ceil(u128::from(self.bytes_max));
            self.as_of_ms.set(self.as_of_ms.get().saturating_add(u64::try_from(used_ms).unwrap_or(u64::MAX)));
            let left = u128::from(self.left.get()) + earned;
            self.left.set(u64::try_from(left).unwrap_or(u64::MAX).min(self.bytes_max));
        }
        self.left.get()
    }
}

#[cfg(test)]
mod tests;
