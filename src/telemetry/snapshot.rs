//! All numbers at one moment, and what happened between two moments.

use std::time::Instant;

use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use super::cell::{Cell, Histogram, HistogramSum};
use super::metrics::{CoreMetrics, DURATION_BUCKETS, Metrics, STATUSES};
use super::process::ProcessStats;

/// The numbers at one moment.
#[derive(Debug)]
pub struct Snapshot {
    at: Instant,
    /// Answers by status; the last one is every other status.
    statuses: Vec<u64>,
    duration: HistogramSum,
    commit: Option<HistogramSum>,
    sync: Option<HistogramSum>,
    group_records: Option<HistogramSum>,
    group_bytes: Option<HistogramSum>,
    refusals: Vec<(&'static str, u64)>,
    cores: Vec<Core>,
    cpu_seconds: Option<f64>,
}

/// The numbers of one core.
#[derive(Debug, Clone, Copy)]
struct Core {
    records: u64,
    record_bytes: u64,
    connections: u64,
    waiting: u64,
    unusable: u64,
}

/// What happened between two moments, as JSON shows it. Rates are per second; times in seconds.
#[derive(Debug, Serialize)]
pub struct Interval {
    /// How long it was.
    seconds: f64,
    /// Requests answered, per second.
    requests_per_second: f64,
    /// The same by status; those that did not occur are left out.
    by_status: Map<String, Json>,
    /// Requests turned away since the start of the server, by reason; those that never occurred are left out.
    refusals_total: Map<String, Json>,
    /// Batches that could not be used, and were kept all the same, since the start of the server.
    unusable_batches_total: u64,
    /// From a request's whole head to its answer.
    request: Option<Quantiles>,
    /// From a record's append to its being durable.
    commit: Option<Quantiles>,
    /// The sync of a group of records.
    sync: Option<Quantiles>,
    group_records: Option<Quantiles>,
    group_bytes: Option<Quantiles>,
    record_bytes_per_second: f64,
    connections: u64,
    waiting: u64,
    /// Processors in use, such as 0.5.
    processors: Option<f64>,
    resident_bytes: Option<f64>,
    /// Each core, by its number.
    cores: Vec<CoreInterval>,
}

#[derive(Debug, Serialize)]
struct Quantiles {
    p50: f64,
    p99: f64,
}

#[derive(Debug, Serialize)]
struct CoreInterval {
    records_per_second: f64,
    connections: u64,
    waiting: u64,
}

impl Metrics {
    /// The numbers now.
    pub fn snapshot(&self) -> Snapshot {
        let routes = self.cores.first().map_or(0, |core| core.routes().len());
        let mut duration = HistogramSum::new(&DURATION_BUCKETS);
        let mut statuses = vec![0; STATUSES.len() + 1];
        for core in &self.cores {
            for route in 0..routes {
                for (status, count) in statuses.iter_mut().enumerate() {
                    let before = duration.count();
                    core.route_cells(route, status).duration.add_to(&mut duration);
                    *count += duration.count() - before;
                }
            }
        }
        let reasons = self.cores.first().map_or(&[] as &[&str], |core| core.reasons());
        let refused = |at| self.cores.iter().map(|core| core.refusal_cell(at).get()).sum();
        Snapshot {
            at: Instant::now(),
            statuses,
            duration,
            commit: self.sum_of(|core| &core.commit),
            sync: self.sum_of(|core| &core.group_sync),
            group_records: self.sum_of(|core| &core.group_records),
            group_bytes: self.sum_of(|core| &core.group_bytes),
            refusals: reasons.iter().enumerate().map(|(at, reason)| (*reason, refused(at))).collect(),
            cores: self.cores.iter().map(|core| Core::of(core)).collect(),
            cpu_seconds: ProcessStats::read().cpu_seconds,
        }
    }

    /// The numbers that are queried at each scrape, by name: one number, or a list of objects with the labels and the `value`.
    pub fn asked_json(&self) -> Map<String, Json> {
        let of = |samples: Vec<super::metrics::Sample>| match samples.as_slice() {
            [(labels, value)] if labels.is_empty() => json!(value),
            many => many.iter().map(|(labels, value)| labelled(labels, *value)).collect(),
        };
        self.asked.iter().map(|asked| (asked.name.to_owned(), of((asked.samples)()))).collect()
    }

    fn sum_of(&self, pick: impl Fn(&CoreMetrics) -> &Histogram) -> Option<HistogramSum> {
        let mut sum: Option<HistogramSum> = None;
        for core in &self.cores {
            let one = pick(core);
            one.add_to(sum.get_or_insert_with(|| HistogramSum::new(one.layout())));
        }
        sum
    }
}

fn labelled(labels: &[(&'static str, String)], value: f64) -> Json {
    let mut object: Map<String, Json> = labels.iter().map(|(name, text)| ((*name).to_owned(), json!(text))).collect();
    object.insert("value".to_owned(), json!(value));
    Json::Object(object)
}

impl Core {
    fn of(core: &CoreMetrics) -> Core {
        let get = Cell::get;
        Core {
            records: get(&core.records),
            record_bytes: get(&core.record_bytes),
            connections: get(&core.connections),
            waiting: get(&core.waiting),
            unusable: get(&core.unusable),
        }
    }
}

impl Snapshot {
    /// What happened since `earlier`, a snapshot of the same metrics.
    pub fn since(&self, earlier: &Snapshot) -> Interval {
        let seconds = self.at.duration_since(earlier.at).as_secs_f64();
        let rate = |now: u64, then: u64| now.saturating_sub(then) as f64 / seconds.max(1e-3);
        let between = |now: &Option<HistogramSum>, then: &Option<HistogramSum>| {
            now.as_ref().zip(then.as_ref()).and_then(|(now, then)| Quantiles::of(&now.since(then)))
        };
        let names = STATUSES.iter().map(u16::to_string).chain(["other".to_owned()]);
        let by_status = names.zip(self.statuses.iter().zip(&earlier.statuses)).filter(|(_, (now, then))| now > then);
        let refusals = self.refusals.iter().filter(|(_, count)| *count > 0);
        let cores = self.cores.iter().zip(&earlier.cores);
        let all: u64 = self.statuses.iter().sum();
        Interval {
            seconds,
            requests_per_second: rate(all, earlier.statuses.iter().sum()),
            by_status: by_status.map(|(name, (now, then))| (name, json!(rate(*now, *then)))).collect(),
            refusals_total: refusals.map(|(reason, count)| ((*reason).to_owned(), json!(count))).collect(),
            unusable_batches_total: self.cores.iter().map(|core| core.unusable).sum(),
            request: Quantiles::of(&self.duration.since(&earlier.duration)),
            commit: between(&self.commit, &earlier.commit),
            sync: between(&self.sync, &earlier.sync),
            group_records: between(&self.group_records, &earlier.group_records),
            group_bytes: between(&self.group_bytes, &earlier.group_bytes),
            record_bytes_per_second: rate(self.bytes(), earlier.bytes()),
            connections: self.cores.iter().map(|core| core.connections).sum(),
            waiting: self.cores.iter().map(|core| core.waiting).sum(),
            processors: self.cpu_seconds.zip(earlier.cpu_seconds).map(|(now, then)| (now - then) / seconds.max(1e-3)),
            resident_bytes: ProcessStats::read().resident_bytes,
            cores: cores
                .map(|(now, then)| CoreInterval {
                    records_per_second: rate(now.records, then.records),
                    connections: now.connections,
                    waiting: now.waiting,
                })
                .collect(),
        }
    }

    fn bytes(&self) -> u64 {
        self.cores.iter().map(|core| core.record_bytes).sum()
    }
}

impl Quantiles {
    fn of(sum: &HistogramSum) -> Option<Quantiles> {
        Some(Quantiles { p50: sum.quantile(0.5)?, p99: sum.quantile(0.99)? })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn an_interval_has_what_happened_in_it_and_nothing_before() {
        let core = Arc::new(CoreMetrics::new(&["/", "other"], &["framing"]));
        let metrics = Metrics::new(vec![Arc::clone(&core)]).gauge("takeup_x", "X.", || 3.0);
        core.request(0, 200, 1, 40_000_000);
        let before = metrics.snapshot();
        for _ in 0..10 {
            core.request(0, 200, 1, 7_000);
        }
        core.request(1, 404, 1, 7_000);
        core.refused(0);
        core.unusable.inc();
        core.committed(300);
        let shown = serde_json::to_value(metrics.snapshot().since(&before)).unwrap();
        assert!(shown["by_status"]["200"].as_f64().unwrap() > 9.0 * shown["by_status"]["404"].as_f64().unwrap());
        assert!(shown["by_status"].get("503").is_none() && shown["sync"].is_null(), "{shown}");
        assert!(shown["request"]["p99"].as_f64().unwrap() <= 0.010, "{shown}");
        assert_eq!(shown["refusals_total"], json!({ "framing": 1 }));
        assert_eq!(shown["unusable_batches_total"], 1);
        assert_eq!(Json::Object(metrics.asked_json()), json!({ "takeup_x": 3.0 }));
    }
}
