//! A run in numbers.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::plan::Plan;
use super::tally::{Counts, Tally, Times};

/// Above this, the generator was late so often that the figures are its own.
const LAG_P99_MAX_US: u64 = 10_000;

/// The same, as a share of a processor that one thread used over the busiest second.
const BUSY_MAX: f64 = 0.95;

/// The percentiles of a run, as quantiles.
pub const QUANTILES: [f64; 8] = [0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 1.0];

/// A run in numbers. Times are in microseconds, sizes in bytes.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// The server.
    pub url: String,
    /// The mark of this run in users and addresses of its sessions.
    pub run: String,
    /// Which tracker was played.
    pub tracker: &'static str,
    /// Users at once.
    pub users: u32,
    /// How many times as fast as recorded.
    pub speed: f64,
    /// Requests a second that the plan makes once all users are there.
    pub requests_per_second_planned: f64,
    /// From the beginning to the last answer, ms.
    pub took_ms: u64,
    /// Answers a second, over the time in which requests were due.
    pub requests_per_second: f64,
    /// Bytes of request bodies a second, over the same time.
    pub bytes_per_second: f64,
    /// The counts.
    #[serde(flatten)]
    pub counts: Counts,
    /// From when a batch was due to its acknowledgement, or until it was given up.
    pub batch: Latency,
    /// From when a start was due to its good answer.
    pub start: Latency,
    /// From when a preflight was due to its answer.
    pub preflight: Latency,
    /// From when a request was sent to the end of its answer.
    pub exchange: Latency,
    /// How late the generator woke up for what was due.
    pub lag: Latency,
    /// The share of a processor that the busiest thread of the generator used in the busiest second.
    pub busiest: f64,
    /// Whether the generator was too slow for its schedule: the latencies are then not those of the server.
    pub generator_behind: bool,
    /// Second by second.
    pub seconds: Vec<Point>,
}

/// A distribution, in microseconds.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Latency {
    /// How many were measured.
    pub count: u64,
    /// Their mean.
    pub mean: f64,
    /// The time that half of them did not exceed.
    pub p50: u64,
    /// The same for 75 %.
    pub p75: u64,
    /// The same for 90 %.
    pub p90: u64,
    /// The same for 95 %.
    pub p95: u64,
    /// The same for 99 %.
    pub p99: u64,
    /// The same for 99.9 %.
    pub p999: u64,
    /// The same for 99.99 %.
    pub p9999: u64,
    /// The longest.
    pub max: u64,
}

/// One second of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Point {
    /// Which, from 0.
    pub second: u64,
    /// Answers.
    pub requests: u64,
    /// Answers from 400 on, and requests without one.
    pub errors: u64,
    /// Bytes of request bodies.
    pub bytes: u64,
    /// Trackers that stopped recording.
    pub trackers_lost: u64,
    /// Latency of the batches that were acknowledged or given up in this second, µs: the median.
    pub batch_p50: u64,
    /// The same: the 99th percentile.
    pub batch_p99: u64,
    /// The same: the longest.
    pub batch_max: u64,
}

impl Latency {
    /// The distribution of these times.
    pub fn of(times: &Times) -> Latency {
        let [p50, p75, p90, p95, p99, p999, p9999, _] = QUANTILES.map(|quantile| times.at(quantile));
        Latency { count: times.count(), mean: times.mean(), p50, p75, p90, p95, p99, p999, p9999, max: times.max() }
    }

    /// The times at the quantiles that are shown.
    pub fn quantiles(&self) -> [(f64, u64); 8] {
        let times = [self.p50, self.p75, self.p90, self.p95, self.p99, self.p999, self.p9999, self.max];
        std::array::from_fn(|index| (QUANTILES[index], times[index]))
    }
}

/// A run while it goes on.
pub struct Record {
    total: Tally,
    /// Second by second; of a second that not all threads have reported, what is known.
    seconds: BTreeMap<u64, (Counts, Times)>,
    points: Vec<Point>,
    busiest: f64,
}

/// Seconds that may still get a report of a slower thread.
const OPEN_SECONDS: usize = 8;

impl Record {
    /// Nothing yet.
    pub fn new() -> Record {
        Record { total: Tally::default(), seconds: BTreeMap::new(), points: Vec::new(), busiest: 0.0 }
    }

    /// Everything so far.
    pub fn counts(&self) -> &Counts {
        &self.total.counts
    }

    /// Adds what a thread did in a second.
    pub fn add(&mut self, second: u64, tally: &Tally) {
        self.total.add(tally);
        self.busiest = self.busiest.max(tally.processor.as_secs_f64());
        let (counts, times) = self.seconds.entry(second).or_insert_with(|| (Counts::default(), Times::default()));
        counts.add(&tally.counts);
        times.add(&tally.batches);
        while self.seconds.len() > OPEN_SECONDS {
            self.close_oldest();
        }
    }

    fn close_oldest(&mut self) {
        let Some((second, (counts, times))) = self.seconds.pop_first() else { return };
        self.points.push(Point {
            second,
            requests: counts.requests,
            errors: counts.errors(),
            bytes: counts.bytes,
            trackers_lost: counts.trackers_lost,
            batch_p50: times.at(0.5),
            batch_p99: times.at(0.99),
            batch_max: times.max(),
        });
    }

    /// All of it.
    pub fn summary(mut self, plan: &Plan, run: &str, speed: f64, planned: f64, took: Duration) -> Summary {
        while !self.seconds.is_empty() {
            self.close_oldest();
        }
        // The last one is seldom a whole second: nothing in it would look like a standstill.
        if self.points.last().is_some_and(|point| point.requests == 0 && point.errors == 0) {
            self.points.pop();
        }
        let lag = Latency::of(&self.total.lag);
        // What came after the end was due before it. A run that was stopped is as long as it took.
        let due_for = plan.duration.min(took).as_secs_f64().max(0.001);
        Summary {
            url: plan.target.url().to_owned(),
            run: run.to_owned(),
            tracker: plan.tracker.version(),
            users: plan.users,
            speed,
            requests_per_second_planned: planned,
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            requests_per_second: self.total.counts.requests as f64 / due_for,
            bytes_per_second: self.total.counts.bytes as f64 / due_for,
            batch: Latency::of(&self.total.batches),
            start: Latency::of(&self.total.starts),
            preflight: Latency::of(&self.total.preflights),
            exchange: Latency::of(&self.total.exchanges),
            generator_behind: lag.p99 > LAG_P99_MAX_US || self.busiest > BUSY_MAX,
            lag,
            busiest: self.busiest,
            counts: self.total.counts,
            seconds: self.points,
        }
    }
}
