//! The metrics: one set of counters a core, and numbers that are queried at each scrape.

use std::fmt;
use std::sync::Arc;

use super::admission::AdmissionCells;
use super::cell::{Buckets, Cell, Histogram};
use super::evictions::Evictions;
use super::logger::Logger;

/// The statuses that have their own series; all others are counted as `other`.
pub const STATUSES: [u16; 22] =
    [200, 204, 304, 400, 401, 403, 404, 405, 408, 411, 413, 414, 415, 417, 422, 426, 429, 431, 500, 501, 503, 505];

/// Body sizes in bytes: the same buckets as OpenReplay's services.
pub static SIZE_BUCKETS: Buckets = Buckets {
    bounds: &[
        1,
        10,
        50,
        100,
        250,
        500,
        1_000,
        2_500,
        5_000,
        10_000,
        25_000,
        50_000,
        100_000,
        250_000,
        500_000,
        1_000_000,
        10_000_000,
        100_000_000,
        1_000_000_000,
    ],
    scale: 1.0,
};

/// Request durations in microseconds, displayed in seconds: the same buckets as OpenReplay's services.
pub static DURATION_BUCKETS: Buckets = Buckets {
    bounds: &[
        5_000,
        10_000,
        25_000,
        50_000,
        100_000,
        250_000,
        500_000,
        1_000_000,
        2_500_000,
        5_000_000,
        10_000_000,
        25_000_000,
        50_000_000,
        100_000_000,
        250_000_000,
        500_000_000,
        1_000_000_000,
    ],
    scale: 1e-6,
};

/// Commit latencies in microseconds, displayed in seconds: from disks that answer in 50 us to those in trouble.
pub static COMMIT_BUCKETS: Buckets = Buckets {
    bounds: &[
        50, 100, 200, 300, 500, 750, 1_000, 1_500, 2_000, 3_000, 5_000, 10_000, 20_000, 50_000, 100_000, 250_000,
        500_000, 1_000_000, 2_500_000, 10_000_000,
    ],
    scale: 1e-6,
};

/// Records in one group commit.
pub static GROUP_RECORDS_BUCKETS: Buckets =
    Buckets { bounds: &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096, 16_384], scale: 1.0 };

/// Bytes in one group commit.
pub static GROUP_BYTES_BUCKETS: Buckets = Buckets {
    bounds: &[4_096, 16_384, 65_536, 262_144, 1_048_576, 2_097_152, 4_194_304, 8_388_608, 16_777_216],
    scale: 1.0,
};

/// The counters of one route and one status.
#[derive(Debug)]
pub(super) struct RouteCells {
    pub(super) size: Histogram,
    pub(super) duration: Histogram,
}

/// The counters of one core. Only that core's thread writes them; any thread may read.
#[derive(Debug)]
pub struct CoreMetrics {
    routes: &'static [&'static str],
    reasons: &'static [&'static str],
    /// Indexed by route and status (the last status is `other`).
    requests: Box<[RouteCells]>,
    refusals: Box<[Cell]>,
    pub(super) commit: Histogram,
    pub(super) group_records: Histogram,
    pub(super) group_bytes: Histogram,
    pub(super) group_sync: Histogram,
    /// Admission decisions.
    pub admission: AdmissionCells,
    /// Connections accepted.
    pub accepted: Cell,
    /// Connections handed over to another core.
    pub handed_over: Cell,
    /// Open connections.
    pub connections: Cell,
    /// Connections closed by the idle timeout.
    pub idle_closed: Cell,
    /// Connections closed to make room for others.
    pub evicted: Evictions,
    /// Failures of `accept`, such as too many open files.
    pub accept_errors: Cell,
    /// Panics caught in connection handling.
    pub panics: Cell,
    /// Bytes held by requests in progress.
    pub buffer_bytes: Cell,
    /// Bytes of free buffers.
    pub kept_bytes: Cell,
    /// Bytes read from sockets.
    pub received_bytes: Cell,
    /// Bytes written to sockets.
    pub sent_bytes: Cell,
    /// Requests waiting for their group commit.
    pub waiting: Cell,
    /// Requests whose client disconnected while they waited.
    pub abandoned: Cell,
    /// Records appended.
    pub records: Cell,
    /// Payload bytes appended.
    pub record_bytes: Cell,
    /// Picture files received.
    pub image_files: Cell,
    /// Frames stored.
    pub image_frames: Cell,
    /// Files skipped because of their names.
    pub image_names_dropped: Cell,
    /// Frames stored that are larger than a queue message may be.
    pub image_frames_oversized: Cell,
    /// Broken ends of frame streams, stored but not sent on.
    pub image_ends_broken: Cell,
    /// Bodies that are not in the declared coding.
    pub labels_wrong: Cell,
    /// Bodies that are in a coding although none is declared.
    pub labels_missing: Cell,
    /// Unusable batches that were kept.
    pub unusable: Cell,
    /// Their bytes.
    pub unusable_bytes: Cell,
    /// Unusable batches that were not kept either, because a limit was reached.
    pub unusable_refused: Cell,
}

impl CoreMetrics {
    /// Counters for the route templates `routes`, whose indices [`CoreMetrics::request`] takes, and for the `reasons` of refusals, whose
    /// indices [`CoreMetrics::refused`] takes. The last route should stand for requests that match none.
    pub fn new(routes: &'static [&'static str], reasons: &'static [&'static str]) -> Self {
        assert!(!routes.is_empty(), "a server has at least one route");
        let cells = || RouteCells { size: Histogram::new(&SIZE_BUCKETS), duration: Histogram::new(&DURATION_BUCKETS) };
        Self {
            routes,
            reasons,
            requests: (0..routes.len() * (STATUSES.len() + 1)).map(|_| cells()).collect(),
            refusals: reasons.iter().map(|_| Cell::new()).collect(),
            commit: Histogram::new(&COMMIT_BUCKETS),
            group_records: Histogram::new(&GROUP_RECORDS_BUCKETS),
            group_bytes: Histogram::new(&GROUP_BYTES_BUCKETS),
            group_sync: Histogram::new(&COMMIT_BUCKETS),
            admission: AdmissionCells::default(),
            accepted: Cell::new(),
            handed_over: Cell::new(),
            connections: Cell::new(),
            idle_closed: Cell::new(),
            evicted: Evictions::new(),
            accept_errors: Cell::new(),
            panics: Cell::new(),
            buffer_bytes: Cell::new(),
            kept_bytes: Cell::new(),
            received_bytes: Cell::new(),
            sent_bytes: Cell::new(),
            waiting: Cell::new(),
            abandoned: Cell::new(),
            records: Cell::new(),
            record_bytes: Cell::new(),
            image_files: Cell::new(),
            image_frames: Cell::new(),
            image_names_dropped: Cell::new(),
            image_frames_oversized: Cell::new(),
            image_ends_broken: Cell::new(),
            labels_wrong: Cell::new(),
            labels_missing: Cell::new(),
            unusable: Cell::new(),
            unusable_bytes: Cell::new(),
            unusable_refused: Cell::new(),
        }
    }

    /// Counts an answered request: the index of its route (an index out of range counts as the last), its status, the bytes of its body (0
    /// is left out of the size histogram), and the microseconds from its complete head to its answer.
    #[inline]
    pub fn request(&self, route: usize, status: u16, body_bytes: u64, duration_us: u64) {
        let route = route.min(self.routes.len() - 1);
        let cells = &self.requests[route * (STATUSES.len() + 1) + status_index(status)];
        cells.duration.observe(duration_us);
        if body_bytes > 0 {
            cells.size.observe(body_bytes);
        }
    }

    /// Counts a refusal, by the index of its reason.
    #[inline]
    pub fn refused(&self, reason: usize) {
        self.refusals[reason].inc();
    }

    /// Counts a request's wait for its commit: microseconds from its append until its record is durable.
    #[inline]
    pub fn committed(&self, wait_us: u64) {
        self.commit.observe(wait_us);
    }

    /// Counts a group commit: its records, its bytes and the duration of its sync in microseconds.
    #[inline]
    pub fn group(&self, records: u64, bytes: u64, sync_us: u64) {
        self.group_records.observe(records);
        self.group_bytes.observe(bytes);
        self.group_sync.observe(sync_us);
    }

    /// The route templates.
    pub(super) fn routes(&self) -> &'static [&'static str] {
        self.routes
    }

    /// The reasons of refusals.
    pub(super) fn reasons(&self) -> &'static [&'static str] {
        self.reasons
    }

    /// The counter of a reason.
    pub(super) fn refusal_cell(&self, reason: usize) -> &Cell {
        &self.refusals[reason]
    }

    /// The cells for a route and a status index.
    pub(super) fn route_cells(&self, route: usize, status: usize) -> &RouteCells {
        &self.requests[route * (STATUSES.len() + 1) + status]
    }
}

/// The index of a status in [`STATUSES`], or the index of `other` after them.
#[inline]
fn status_index(status: u16) -> usize {
    // Nearly every answer has this status.
    if status == STATUSES[0] {
        return 0;
    }
    STATUSES.iter().position(|known| *known == status).unwrap_or(STATUSES.len())
}

/// One sample of a family: its labels and its value.
pub type Sample = (Vec<(&'static str, String)>, f64);

/// A number, or a family of numbers, that is queried at each scrape.
pub(super) struct Asked {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) kind: AskedKind,
    pub(super) samples: Box<dyn Fn() -> Vec<Sample> + Send + Sync>,
}

/// How a queried number is displayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AskedKind {
    Gauge,
    Counter,
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked").field("name", &self.name).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Everything on `/metrics`.
#[derive(Debug)]
pub struct Metrics {
    pub(super) cores: Vec<Arc<CoreMetrics>>,
    pub(super) asked: Vec<Asked>,
}

impl Metrics {
    /// Metrics with the counters of all cores, which have the same routes, and otherwise only the process's own numbers.
    pub fn new(cores: Vec<Arc<CoreMetrics>>) -> Self {
        Self { cores, asked: Vec::new() }
    }

    /// Adds a gauge. `value` is called at each scrape on the admin thread and must not block. The unit comes last in `name`, as in
    /// `takeup_log_free_bytes`.
    #[must_use]
    pub fn gauge(
        self,
        name: &'static str,
        help: &'static str,
        value: impl Fn() -> f64 + Send + Sync + 'static,
    ) -> Self {
        self.asked(name, help, AskedKind::Gauge, Box::new(move || vec![(Vec::new(), value())]))
    }

    /// Adds a family of labelled gauges. `samples` is called like `value` of [`Metrics::gauge`].
    #[must_use]
    pub fn gauges(
        self,
        name: &'static str,
        help: &'static str,
        samples: impl Fn() -> Vec<Sample> + Send + Sync + 'static,
    ) -> Self {
        self.asked(name, help, AskedKind::Gauge, Box::new(samples))
    }

    /// Adds a family of labelled counters. The name follows the rule of [`Metrics::counter`].
    #[must_use]
    pub fn counters(
        self,
        name: &'static str,
        help: &'static str,
        samples: impl Fn() -> Vec<Sample> + Send + Sync + 'static,
    ) -> Self {
        self.asked(name, help, AskedKind::Counter, Box::new(samples))
    }

    /// Adds a counter. `name` is given without its suffix `_total`, which the exposition adds. `value` is called like that of
    /// [`Metrics::gauge`].
    #[must_use]
    pub fn counter(
        self,
        name: &'static str,
        help: &'static str,
        value: impl Fn() -> f64 + Send + Sync + 'static,
    ) -> Self {
        self.asked(name, help, AskedKind::Counter, Box::new(move || vec![(Vec::new(), value())]))
    }

    /// Adds the logger's own counters.
    #[must_use]
    pub fn logger(self, logger: &Logger) -> Self {
        let (printed, dropped) = (logger.clone(), logger.clone());
        self.counter("takeup_log_lines_printed", "Lines of the text log that were printed.", move || {
            printed.printed() as f64
        })
        .counter(
            "takeup_log_lines_dropped",
            "Lines of the text log that were dropped under pressure.",
            move || dropped.dropped() as f64,
        )
    }

    fn asked(
        mut self,
        name: &'static str,
        help: &'static str,
        kind: AskedKind,
        samples: Box<dyn Fn() -> Vec<Sample> + Send + Sync>,
    ) -> Self {
        self.asked.push(Asked { name, help, kind, samples });
        self
    }
}
