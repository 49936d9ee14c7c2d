//! The numbers of one frame, from what was asked before and now.

use std::collections::VecDeque;
use std::net::SocketAddr;

use crate::admin::CourierReport;

use super::page::{between, quantile};
use super::sample::Sample;

/// Over how many samples percentiles are counted: one second has too few values.
const WINDOW: usize = 10;

/// How many rates are remembered, to be drawn.
const HISTORY: usize = 120;

/// Three percentiles, in seconds; none without values.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Percentiles {
    /// Half of all are below it.
    pub p50: Option<f64>,
    /// Nine of ten.
    pub p90: Option<f64>,
    /// 99 of a hundred.
    pub p99: Option<f64>,
}

/// A core.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Core {
    /// Its number.
    pub number: String,
    /// The state of its log.
    pub state: String,
    /// Records a second.
    pub records: f64,
    /// How long its loop has not turned, in seconds.
    pub silent: f64,
}

/// A reason for which requests were refused.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Refusal {
    /// The reason.
    pub reason: String,
    /// A second, over the last seconds.
    pub rate: f64,
    /// Since the server's start.
    pub total: f64,
}

/// Something that is not well.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fault {
    /// What it is of.
    pub of: String,
    /// What is wrong.
    pub text: String,
}

/// All of it. Rates are by second.
#[derive(Debug, Clone, Default)]
pub struct View {
    pub addr: Option<SocketAddr>,
    pub version: String,
    pub status: String,
    pub up_seconds: f64,
    /// The server has not answered for so many seconds.
    pub silent_seconds: Option<u64>,
    pub requests: f64,
    /// The rates of requests before, the last one at the end.
    pub history: Vec<f64>,
    pub received: f64,
    pub sent: f64,
    pub waiting: f64,
    pub connections: f64,
    pub processor: f64,
    pub memory: f64,
    pub latency: Percentiles,
    pub commit: Percentiles,
    pub sync: Percentiles,
    pub groups: f64,
    pub group_records: Option<f64>,
    pub group_bytes: Option<f64>,
    pub records: f64,
    pub cores: Vec<Core>,
    pub free_bytes: f64,
    pub log_bytes: f64,
    pub held_bytes: f64,
    pub segments: f64,
    pub failed_segments: f64,
    pub deleted_segments: f64,
    /// Files that recovery set aside.
    pub set_aside: f64,
    /// Batches that could not be used, and were kept.
    pub unusable: f64,
    pub awaiting_archive: f64,
    pub undelivered_records: f64,
    pub retention_failures: f64,
    pub refusals: Vec<Refusal>,
    pub couriers: Vec<CourierReport>,
    pub faults: Vec<Fault>,
}

/// What was asked lately.
#[derive(Debug, Default)]
pub struct Recent {
    samples: VecDeque<Sample>,
    history: VecDeque<f64>,
}

impl Recent {
    /// Adds what was asked now.
    pub fn add(&mut self, sample: Sample) {
        let began = |sample: &Sample| sample.page.sum("process_start_time_seconds");
        // Counters of another process begin anew.
        if self.samples.back().is_some_and(|last| began(last) != began(&sample)) {
            self.samples.clear();
        }
        self.samples.push_back(sample);
        if self.samples.len() > WINDOW + 1 {
            self.samples.pop_front();
        }
        if let Some(rate) = self.rate("http_web_requests_total") {
            self.history.push_back(rate);
            if self.history.len() > HISTORY {
                self.history.pop_front();
            }
        }
    }

    /// The last two samples.
    fn last(&self) -> Option<(&Sample, &Sample)> {
        let mut newest = self.samples.iter().rev();
        let now = newest.next()?;
        Some((newest.next()?, now))
    }

    fn rate(&self, name: &str) -> Option<f64> {
        let (before, now) = self.last()?;
        Some(rate_between(before, now, |sample| sample.page.sum(name).unwrap_or_default()))
    }

    fn percentiles(&self, name: &str) -> Percentiles {
        let Some((oldest, now)) = self.samples.front().zip(self.samples.back()) else { return Percentiles::default() };
        let buckets = between(&oldest.page.buckets(name), &now.page.buckets(name));
        let [p50, p90, p99] = [0.5, 0.9, 0.99].map(|q| quantile(q, &buckets));
        Percentiles { p50, p90, p99 }
    }

    /// The mean of a histogram's values over the last samples.
    fn mean(&self, name: &str) -> Option<f64> {
        let (oldest, now) = self.samples.front().zip(self.samples.back())?;
        let grown = |what: &str| {
            let of = |sample: &Sample| sample.page.sum(&format!("{name}_{what}")).unwrap_or_default();
            of(now) - of(oldest)
        };
        let count = grown("count");
        (count > 0.0).then(|| grown("sum") / count)
    }

    /// The numbers now.
    pub fn view(&self, addr: SocketAddr) -> View {
        let Some(now) = self.samples.back() else { return View { addr: Some(addr), ..View::default() } };
        let gauge = |name: &str| now.page.sum(name).unwrap_or_default();
        let rate = |name: &str| self.rate(name).unwrap_or_default();
        View {
            addr: Some(addr),
            version: now.page.label("takeup_build_info", "version").unwrap_or_default().to_owned(),
            status: now.health.status.clone(),
            up_seconds: up_seconds(gauge("process_start_time_seconds")),
            silent_seconds: None,
            requests: rate("http_web_requests_total"),
            history: self.history.iter().copied().collect(),
            received: rate("takeup_received_bytes_total"),
            sent: rate("takeup_sent_bytes_total"),
            waiting: gauge("takeup_requests_waiting"),
            connections: gauge("takeup_connections_open"),
            processor: rate("process_cpu_seconds_total"),
            memory: gauge("process_resident_memory_bytes"),
            latency: self.percentiles("http_web_request_duration_seconds"),
            commit: self.percentiles("takeup_commit_duration_seconds"),
            sync: self.percentiles("takeup_group_sync_duration_seconds"),
            groups: rate("takeup_group_records_count"),
            group_records: self.mean("takeup_group_records"),
            group_bytes: self.mean("takeup_group_size_bytes"),
            records: rate("takeup_records_total"),
            cores: self.cores(),
            free_bytes: gauge("takeup_log_free_bytes"),
            log_bytes: gauge("takeup_log_size_bytes"),
            held_bytes: gauge("takeup_log_held_bytes"),
            segments: gauge("takeup_log_segments_made"),
            failed_segments: gauge("takeup_log_failed_segments_total"),
            deleted_segments: gauge("takeup_log_deleted_segments_total"),
            set_aside: gauge("takeup_log_set_aside_files"),
            unusable: gauge("takeup_batches_unusable_total"),
            awaiting_archive: gauge("takeup_log_awaiting_archive_segments"),
            undelivered_records: gauge("takeup_log_undelivered_records_total"),
            retention_failures: gauge("takeup_log_retention_failures_total")
                + gauge("takeup_archive_retention_failures_total"),
            refusals: self.refusals(),
            couriers: now.couriers.clone(),
            faults: faults(now),
        }
    }

    fn cores(&self) -> Vec<Core> {
        let Some(now) = self.samples.back() else { return Vec::new() };
        let states = now.page.states("takeup_log_core_state", "core", "state");
        let silent = now.page.by("takeup_core_silent_seconds", "core");
        let records = |sample: &Sample, core: &str| {
            sample.page.by("takeup_core_records_total", "core").get(core).copied().unwrap_or_default()
        };
        let mut cores: Vec<Core> = states
            .into_iter()
            .map(|(number, state)| Core {
                records: self
                    .last()
                    .map_or(0.0, |(before, now)| rate_between(before, now, |sample| records(sample, &number))),
                silent: silent.get(&number).copied().unwrap_or_default(),
                state,
                number,
            })
            .collect();
        cores.sort_by_key(|core| core.number.parse::<u32>().unwrap_or(u32::MAX));
        cores
    }

    /// Those that have occurred, the most frequent first.
    fn refusals(&self) -> Vec<Refusal> {
        let Some((oldest, now)) = self.samples.front().zip(self.samples.back()) else { return Vec::new() };
        let before = oldest.page.by("takeup_refusals_total", "reason");
        let seconds = now.at.duration_since(oldest.at).as_secs_f64();
        let mut refusals: Vec<Refusal> = now
            .page
            .by("takeup_refusals_total", "reason")
            .into_iter()
            .filter(|(_, total)| *total > 0.0)
            .map(|(reason, total)| {
                let grown = total - before.get(&reason).copied().unwrap_or_default();
                Refusal { rate: if seconds > 0.0 { grown.max(0.0) / seconds } else { 0.0 }, total, reason }
            })
            .collect();
        refusals.sort_by(|a, b| b.rate.total_cmp(&a.rate).then(b.total.total_cmp(&a.total)));
        refusals
    }
}

fn rate_between(before: &Sample, now: &Sample, count: impl Fn(&Sample) -> f64) -> f64 {
    let seconds = now.at.duration_since(before.at).as_secs_f64();
    if seconds > 0.0 { ((count(now) - count(before)) / seconds).max(0.0) } else { 0.0 }
}

fn up_seconds(start_seconds: f64) -> f64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0.0, |now| (now.as_secs_f64() - start_seconds).max(0.0))
}

fn faults(sample: &Sample) -> Vec<Fault> {
    let all = sample.health.checks.iter().flat_map(|(name, checks)| checks.iter().map(move |check| (name, check)));
    let faulty = all.filter(|(_, check)| check.status != "pass");
    faulty
        .map(|(name, check)| {
            let of = match check.component_id.as_str() {
                "" => name.clone(),
                part => format!("{name} {part}"),
            };
            Fault { of, text: check.output.clone() }
        })
        .collect()
}
