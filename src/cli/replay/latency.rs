//! How long a server takes to answer.

use std::fmt;
use std::time::Instant;

use serde::Serialize;

use crate::load::Times;

/// Answers, as they were waited for.
#[derive(Debug, Clone, Default)]
pub struct Latencies {
    /// From when a batch was due to the answer that stored it: what waits behind a slow server counts.
    due: Times,
    /// From when the successful attempt was sent.
    sent: Times,
}

/// Percentiles, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Percentiles {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

impl fmt::Display for Percentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { p50, p90, p99, p999, max } = self;
        write!(f, "p50 {p50:.1} ms, p90 {p90:.1} ms, p99 {p99:.1} ms, p99.9 {p999:.1} ms, longest {max:.1} ms")
    }
}

impl Latencies {
    /// A batch was stored now.
    pub fn note(&mut self, due: Instant, sent: Instant) {
        self.due.record(due.elapsed());
        self.sent.record(sent.elapsed());
    }

    /// Adds others.
    pub fn add(&mut self, other: &Self) {
        self.due.add(&other.due);
        self.sent.add(&other.sent);
    }

    /// From when batches were due, and from when they were sent; `None` without any.
    pub fn percentiles(&self) -> Option<(Percentiles, Percentiles)> {
        (self.due.count() > 0).then(|| (percentiles(&self.due), percentiles(&self.sent)))
    }
}

fn percentiles(times: &Times) -> Percentiles {
    let ms = |us: u64| us as f64 / 1000.0;
    let at = |quantile| ms(times.at(quantile));
    Percentiles { p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: ms(times.max()) }
}
