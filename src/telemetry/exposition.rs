//! The page `/metrics`: the sums over all cores in the OpenMetrics text format, made at each scrape.
//!
//! The names `http_web_…` and their buckets are those of OpenReplay's services. Their `url` label holds the route's template, not the path,
//! which bounds the number of series. A route and status that never occurred has no series.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, prometheus_text, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use super::admission::{Bucket, Decision};
use super::cell::{Cell, Histogram, HistogramSum};
use super::evictions::Eviction;
use super::metrics::{AskedKind, CoreMetrics, DURATION_BUCKETS, Metrics, SIZE_BUCKETS, STATUSES};
use super::process::ProcessStats;

/// The media type of the OpenMetrics text format.
pub const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The two text formats that scrapers request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0, the default.
    OpenMetrics,
    /// The older Prometheus text format 0.0.4.
    Prometheus,
}

impl Format {
    /// The format for an `Accept` header: the older one only if the header names it and not the newer one.
    pub fn of_accept(accept: Option<&str>) -> Self {
        match accept.map(str::to_ascii_lowercase) {
            Some(accept) if accept.contains("text/plain") && !accept.contains("application/openmetrics-text") => {
                Self::Prometheus
            }
            _ => Self::OpenMetrics,
        }
    }

    /// Its `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => OPEN_METRICS,
            Self::Prometheus => prometheus_text::CONTENT_TYPE,
        }
    }
}

/// Renders the page.
#[derive(Debug)]
pub struct Exposition(Registry);

impl Exposition {
    /// The page for `metrics`.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Page(metrics)));
        Self(registry)
    }

    /// The page with the current values.
    pub fn render(&self, format: Format) -> Result<String, fmt::Error> {
        let mut page = String::with_capacity(32 << 10);
        match format {
            Format::OpenMetrics => text::encode(&mut page, &self.0)?,
            Format::Prometheus => prometheus_text::encode(&mut page, &self.0)?,
        }
        Ok(page)
    }
}

#[derive(Debug)]
struct Page(Arc<Metrics>);

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let page = &mut encoder;
        self.requests(page)?;
        self.refusals(page)?;
        self.evictions(page)?;
        self.admission(page)?;
        self.commits(page)?;
        self.cells(page)?;
        self.asked(page)?;
        process(page)?;
        page.encode_descriptor("takeup_build", "The version that runs.", None, MetricType::Info)?
            .encode_info(&[("version", env!("CARGO_PKG_VERSION"))])
    }
}

/// One series of a request metric.
struct Series {
    url: &'static str,
    code: String,
    size: HistogramSum,
    duration: HistogramSum,
}

impl Series {
    fn labels(&self) -> [(&'static str, &str); 2] {
        [("url", self.url), ("response_code", &self.code)]
    }
}

impl Page {
    fn series(&self) -> Vec<Series> {
        let routes = self.0.cores.first().map_or(&[] as &[&str], |core| core.routes());
        let mut series = Vec::new();
        for (route, url) in routes.iter().enumerate() {
            for status in 0..=STATUSES.len() {
                let mut size = HistogramSum::new(&SIZE_BUCKETS);
                let mut duration = HistogramSum::new(&DURATION_BUCKETS);
                for core in &self.0.cores {
                    let cells = core.route_cells(route, status);
                    cells.size.add_to(&mut size);
                    cells.duration.add_to(&mut duration);
                }
                if duration.count() > 0 {
                    let code = STATUSES.get(status).map_or("other".to_owned(), u16::to_string);
                    series.push(Series { url, code, size, duration });
                }
            }
        }
        series
    }

    fn requests(&self, page: &mut DescriptorEncoder) -> fmt::Result {
        let series = self.series();
        let help = "Requests answered.";
        let mut counter = page.encode_descriptor("http_web_requests", help, None, MetricType::Counter)?;
        for one in &series {
            counter.encode_family(&one.labels())?.encode_counter::<NoLabelSet, _, u64>(&one.duration.count(), None)?;
        }
        let help = "Sizes of request bodies as received, empty ones left out.";
        let mut sizes =
            page.encode_descriptor("http_web_request_size", help, Some(&Unit::Bytes), MetricType::Histogram)?;
        for one in series.iter().filter(|one| one.size.count() > 0) {
            histogram(&mut sizes.encode_family(&one.labels())?, &one.size)?;
        }
        let help = "Time from a request's whole head to its answer.";
        let mut durations =
            page.encode_descriptor("http_web_request_duration", help, Some(&Unit::Seconds), MetricType::Histogram)?;
        for one in &series {
            histogram(&mut durations.encode_family(&one.labels())?, &one.duration)?;
        }
        Ok(())
    }

    fn evictions(&self, page: &mut DescriptorEncoder) -> fmt::Result {
        let help = "Connections closed to make room, by what they did.";
        let mut counter = page.encode_descriptor("takeup_connections_evicted", help, None, MetricType::Counter)?;
        for &kind in Eviction::ALL {
            let count = self.sum(|core| core.evicted.of(kind));
            let labels = [("kind", kind.as_str())];
            counter.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }
        Ok(())
    }

    fn refusals(&self, page: &mut DescriptorEncoder) -> fmt::Result {
        let help = "Requests and connections turned away, by reason.";
        let mut counter = page.encode_descriptor("takeup_refusals", help, None, MetricType::Counter)?;
        let reasons = self.0.cores.first().map_or(&[] as &[&str], |core| core.reasons());
        for (at, &reason) in reasons.iter().enumerate() {
            let count = self.sum(|core| core.refusal_cell(at));
            let labels = [("reason", reason)];
            counter.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }
        Ok(())
    }

    fn admission(&self, page: &mut DescriptorEncoder) -> fmt::Result {
        let admitted = self.sum(|core| core.admission.admitted());
        counter(page, "takeup_admitted", "Requests within all limits.", admitted)?;
        let help = "Requests over a limit, by the bucket and what was decided.";
        let mut family = page.encode_descriptor("takeup_limited", help, None, MetricType::Counter)?;
        for &bucket in Bucket::ALL {
            for &decision in Decision::ALL.iter().filter(|&&decision| decision != Decision::Admitted) {
                let count = self.sum(|core| core.admission.cell(decision, bucket));
                let labels = [("bucket", bucket.as_str()), ("decision", decision.as_str())];
                family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
            }
        }
        Ok(())
    }

    fn commits(&self, page: &mut DescriptorEncoder) -> fmt::Result {
        type Pick = fn(&CoreMetrics) -> &Histogram;
        let rows: [(&str, &str, Option<Unit>, Pick); 4] = [
            (
                "takeup_commit_duration",
                "Time from a record's append to its being durable.",
                Some(Unit::Seconds),
                |core| &core.commit,
            ),
            ("takeup_group_sync_duration", "Time of the sync of one group commit.", Some(Unit::Seconds), |core| {
                &core.group_sync
            }),
            ("takeup_group_size", "Bytes of one group commit.", Some(Unit::Bytes), |core| &core.group_bytes),
            ("takeup_group_records", "Records of one group commit.", None, |core| &core.group_records),
        ];
        for (name, help, unit, pick) in rows {
            let mut sum: Option<HistogramSum> = None;
            for core in &self.0.cores {
                let one = pick(core);
                one.add_to(sum.get_or_insert_with(|| HistogramSum::new(one.layout())));
            }
            let Some(sum) = sum else { continue };
            histogram(&mut page.encode_descriptor(name, help, unit.as_ref(), MetricType::Histogram)?, &sum)?;
        }
        Ok(())
    }

    fn cells(&self, page: &mut DescriptorEncoder) -> fmt::Result {
        type Pick = fn(&CoreMetrics) -> &Cell;
        let counters: [(&str, &str, Pick); 20] = [
            ("takeup_connections_accepted", "Connections accepted.", |core| &core.accepted),
            ("takeup_connections_handed_over", "Connections passed on to another core.", |core| &core.handed_over),
            ("takeup_connections_idle_closed", "Connections closed after their idle time.", |core| &core.idle_closed),
            ("takeup_requests_abandoned", "Requests whose client went while they waited.", |core| &core.abandoned),
            ("takeup_accept_errors", "Failures to accept a connection.", |core| &core.accept_errors),
            ("takeup_panics", "Panics caught at a connection.", |core| &core.panics),
            ("takeup_received_bytes", "Bytes read from sockets.", |core| &core.received_bytes),
            ("takeup_sent_bytes", "Bytes written to sockets.", |core| &core.sent_bytes),
            ("takeup_records", "Records appended to the log.", |core| &core.records),
            ("takeup_record_bytes", "Payload bytes appended to the log.", |core| &core.record_bytes),
            ("takeup_image_files", "Files with pictures received.", |core| &core.image_files),
            ("takeup_image_frames", "Frames stored.", |core| &core.image_frames),
            ("takeup_image_names_dropped", "Files and fields left out because of their names.", |core| {
                &core.image_names_dropped
            }),
            ("takeup_image_frames_oversized", "Frames stored that no queue message can hold.", |core| {
                &core.image_frames_oversized
            }),
            ("takeup_image_ends_broken", "Broken ends of frame streams, stored and not sent on.", |core| {
                &core.image_ends_broken
            }),
            ("takeup_labels_wrong", "Bodies that are not in the coding that is named.", |core| &core.labels_wrong),
            ("takeup_labels_missing", "Bodies in a coding that is not named.", |core| &core.labels_missing),
            ("takeup_batches_unusable", "Batches that can't be used, kept all the same.", |core| &core.unusable),
            ("takeup_batches_unusable_bytes", "Bytes of such batches.", |core| &core.unusable_bytes),
            (
                "takeup_batches_unusable_refused",
                "Batches that can't be used, refused because a bound was reached.",
                |core| &core.unusable_refused,
            ),
        ];
        for (name, help, pick) in &counters {
            counter(page, name, help, self.sum(pick))?;
        }
        let help = "Records appended to the log, by core.";
        let mut by_core = page.encode_descriptor("takeup_core_records", help, None, MetricType::Counter)?;
        for (number, core) in self.0.cores.iter().enumerate() {
            let labels = [("core", number)];
            by_core.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&core.records.get(), None)?;
        }
        let gauges: [(&str, &str, Pick); 4] = [
            ("takeup_connections_open", "Connections open.", |core| &core.connections),
            ("takeup_buffer_bytes", "Bytes that requests hold: buffers, and what stands beside them.", |core| {
                &core.buffer_bytes
            }),
            ("takeup_buffer_kept_bytes", "Bytes of free buffers kept for the next requests.", |core| &core.kept_bytes),
            ("takeup_requests_waiting", "Requests that wait for the log, for memory or for their turn.", |core| {
                &core.waiting
            }),
        ];
        for (name, help, pick) in &gauges {
            page.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&self.sum(pick))?;
        }
        page.encode_descriptor("takeup_cores", "Cores that serve.", None, MetricType::Gauge)?
            .encode_gauge(&self.0.cores.len())
    }

    fn asked(&self, page: &mut DescriptorEncoder) -> fmt::Result {
        for asked in &self.0.asked {
            let kind = match asked.kind {
                AskedKind::Gauge => MetricType::Gauge,
                AskedKind::Counter => MetricType::Counter,
            };
            let mut family = page.encode_descriptor(asked.name, asked.help, None, kind)?;
            for (labels, value) in (asked.samples)() {
                match labels.is_empty() {
                    true => sample(&mut family, asked.kind, value)?,
                    false => sample(&mut family.encode_family(&labels)?, asked.kind, value)?,
                }
            }
        }
        Ok(())
    }

    fn sum(&self, pick: impl Fn(&CoreMetrics) -> &Cell) -> u64 {
        self.0.cores.iter().map(|core| pick(core).get()).fold(0, u64::wrapping_add)
    }
}

fn sample(encoder: &mut MetricEncoder, kind: AskedKind, value: f64) -> fmt::Result {
    match kind {
        AskedKind::Gauge => encoder.encode_gauge(&value),
        AskedKind::Counter => encoder.encode_counter::<NoLabelSet, _, u64>(&value, None),
    }
}

fn histogram(encoder: &mut MetricEncoder, sum: &HistogramSum) -> fmt::Result {
    encoder.encode_histogram::<NoLabelSet>(sum.sum(), sum.count(), &sum.buckets(), None)
}

fn counter(page: &mut DescriptorEncoder, name: &str, help: &str, value: u64) -> fmt::Result {
    page.encode_descriptor(name, help, None, MetricType::Counter)?.encode_counter::<NoLabelSet, _, u64>(&value, None)
}

fn process(page: &mut DescriptorEncoder) -> fmt::Result {
    let stats = ProcessStats::read();
    if let Some(seconds) = stats.cpu_seconds {
        let help = "Processor time used, user and system.";
        page.encode_descriptor("process_cpu", help, Some(&Unit::Seconds), MetricType::Counter)?
            .encode_counter::<NoLabelSet, _, u64>(&seconds, None)?;
    }
    let gauges = [
        ("process_start_time_seconds", "Start of the process, in seconds since 1970.", stats.start_time_seconds),
        ("process_resident_memory_bytes", "Resident memory.", stats.resident_bytes),
        ("process_virtual_memory_bytes", "Virtual memory.", stats.virtual_bytes),
        ("process_threads", "Threads.", stats.threads),
        ("process_open_fds", "Open file descriptors.", stats.open_fds),
        ("process_max_fds", "The limit of open file descriptors.", stats.max_fds),
    ];
    for (name, help, value) in gauges {
        if let Some(value) = value {
            page.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
