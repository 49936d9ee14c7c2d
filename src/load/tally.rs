//! What happened, as counts and latencies: of one second of one thread, or of a whole run.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// The longest time that is told apart, in microseconds: an hour. Longer ones count as this.
const LONGEST_US: u64 = 3_600_000_000;

/// Counts. Each is a number of events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Requests that were answered, whatever the answer.
    pub requests: u64,
    /// Bytes of their bodies, as sent.
    pub bytes: u64,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Requests without an answer, by what happened.
    pub faults: BTreeMap<&'static str, u64>,
    /// Batches that became due.
    pub batches_due: u64,
    /// Batches that were acknowledged.
    pub batches_acknowledged: u64,
    /// Bytes of their bodies, as sent.
    pub batch_bytes_acknowledged: u64,
    /// Tries after a refusal.
    pub retries: u64,
    /// Requests that a browser repeated by itself, because a connection in use was closed without an answer.
    pub browser_repeats: u64,
    /// Trackers that stopped recording, because no try of one batch was answered well, or because their start was refused.
    pub trackers_lost: u64,
    /// Of these, those whose start was refused.
    pub starts_refused: u64,
    /// Restarts, because a token was refused with 401.
    pub restarts: u64,
    /// Batches that were given up after the last try, or thrown away by a restart.
    pub batches_lost: u64,
    /// Batches that were not recorded, because their tracker had stopped.
    pub batches_not_recorded: u64,
    /// Batches of pages that were left, whose one try got no good answer. Real pages lose such batches, too.
    pub batches_lost_at_leave: u64,
    /// Batches that were still waiting for an answer at the end.
    pub batches_unanswered: u64,
    /// Preflights whose answer did not allow the request.
    pub preflights_refused: u64,
    /// Visits that began.
    pub visits: u64,
    /// Visits that were due, but twice as many as users were open already.
    pub visits_held_back: u64,
    /// Requests that waited for one of the connections.
    pub connection_waits: u64,
}

impl Counts {
    /// Adds others.
    pub fn add(&mut self, other: &Counts) {
        for (status, count) in &other.statuses {
            *self.statuses.entry(*status).or_default() += count;
        }
        for (fault, count) in &other.faults {
            *self.faults.entry(fault).or_default() += count;
        }
        self.requests += other.requests;
        self.bytes += other.bytes;
        self.batches_due += other.batches_due;
        self.batches_acknowledged += other.batches_acknowledged;
        self.batch_bytes_acknowledged += other.batch_bytes_acknowledged;
        self.retries += other.retries;
        self.browser_repeats += other.browser_repeats;
        self.trackers_lost += other.trackers_lost;
        self.starts_refused += other.starts_refused;
        self.restarts += other.restarts;
        self.batches_lost += other.batches_lost;
        self.batches_not_recorded += other.batches_not_recorded;
        self.batches_lost_at_leave += other.batches_lost_at_leave;
        self.batches_unanswered += other.batches_unanswered;
        self.preflights_refused += other.preflights_refused;
        self.visits += other.visits;
        self.visits_held_back += other.visits_held_back;
        self.connection_waits += other.connection_waits;
    }

    /// Answers from 400 on, and requests without one.
    pub fn errors(&self) -> u64 {
        self.statuses.range(400..).map(|(_, count)| count).sum::<u64>() + self.faults.values().sum::<u64>()
    }
}

/// Latencies in microseconds, to three digits.
#[derive(Debug, Clone)]
pub struct Times(Histogram<u64>);

impl Default for Times {
    fn default() -> Times {
        Times(Histogram::new_with_bounds(1, LONGEST_US, 3).expect("the bounds are a constant that a test tries"))
    }
}

impl Times {
    /// Notes one.
    pub fn record(&mut self, time: Duration) {
        // A histogram begins at 1.
        self.0.saturating_record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1));
    }

    /// Adds others.
    pub fn add(&mut self, other: &Times) {
        self.0.add(&other.0).expect("all have the same bounds");
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The time, in microseconds, that this share (0 to 1) of them did not exceed; 0 if there is none.
    pub fn at(&self, quantile: f64) -> u64 {
        if self.0.is_empty() { 0 } else { self.0.value_at_quantile(quantile).min(self.0.max()) }
    }

    /// The longest, in microseconds; 0 if there is none.
    pub fn max(&self) -> u64 {
        self.0.max()
    }

    /// Their mean, in microseconds.
    pub fn mean(&self) -> f64 {
        self.0.mean()
    }
}

/// Counts and latencies.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// The counts.
    pub counts: Counts,
    /// From when a batch was due to its acknowledgement; one that got none counts until it was given up.
    pub batches: Times,
    /// From when a start was due to its good answer.
    pub starts: Times,
    /// From when a preflight was due to its answer.
    pub preflights: Times,
    /// From when a request was sent to the end of its answer, for requests of all kinds.
    pub exchanges: Times,
    /// How late the generator woke up for what was due.
    pub lag: Times,
    /// Processor time of the thread.
    pub processor: Duration,
}

impl Tally {
    /// Adds another one.
    pub fn add(&mut self, other: &Tally) {
        self.counts.add(&other.counts);
        self.batches.add(&other.batches);
        self.starts.add(&other.starts);
        self.preflights.add(&other.preflights);
        self.exchanges.add(&other.exchanges);
        self.lag.add(&other.lag);
        self.processor += other.processor;
    }
}

#[cfg(test)]
mod tests;
