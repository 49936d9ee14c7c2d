//! What the checker found, and its metrics.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::telemetry::{Metrics, Sample};

use super::body::BodyFaultKind;
use super::trackers::TrackerCounts;

/// Counts since the start.
#[derive(Debug, Default)]
pub struct Findings {
    checked: AtomicU64,
    kinds: [AtomicU64; BodyFaultKind::ALL.len()],
    by_tracker: TrackerCounts,
    jumps: AtomicU64,
}

impl Findings {
    /// Batches that were checked.
    pub fn checked(&self) -> u64 {
        self.checked.load(Ordering::Relaxed)
    }

    /// Batches that are broken in one way.
    pub fn broken_by(&self, kind: BodyFaultKind) -> u64 {
        self.kinds[kind as usize].load(Ordering::Relaxed)
    }

    /// Batches that are broken.
    pub fn broken(&self) -> u64 {
        BodyFaultKind::ALL.iter().map(|&kind| self.broken_by(kind)).sum()
    }

    /// How often records were skipped, because the checker fell behind or they were deleted first.
    pub fn jumps(&self) -> u64 {
        self.jumps.load(Ordering::Relaxed)
    }

    pub(super) fn count_checked(&self) {
        self.checked.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_broken(&self, kind: BodyFaultKind) {
        self.kinds[kind as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_of_tracker(&self, project: u32, version: &str, broken: bool) {
        self.by_tracker.count(project, version, broken);
    }

    pub(super) fn count_jump(&self) {
        self.jumps.fetch_add(1, Ordering::Relaxed);
    }

    /// Batches by project and tracker: all, or only broken ones.
    fn by_tracker(&self, broken: bool) -> Vec<Sample> {
        let sample = |(project, version, all, of_them_broken): (u32, String, u64, u64)| {
            let labels = vec![("project", project.to_string()), ("tracker", version)];
            (labels, if broken { of_them_broken } else { all } as f64)
        };
        self.by_tracker.read().into_iter().map(sample).collect()
    }

    /// Adds the counts to the metrics.
    #[must_use]
    pub(super) fn register(self: &Arc<Self>, metrics: Metrics) -> Metrics {
        let value = |read: fn(&Findings) -> u64| {
            let findings = Arc::clone(self);
            move || read(&findings) as f64
        };
        let findings = Arc::clone(self);
        let kinds = move || {
            let sample =
                |kind: BodyFaultKind| (vec![("kind", kind.as_str().to_owned())], findings.broken_by(kind) as f64);
            BodyFaultKind::ALL.into_iter().map(sample).collect()
        };
        let trackers = |broken| {
            let findings = Arc::clone(self);
            move || findings.by_tracker(broken)
        };
        metrics
            .counter("takeup_batches_checked", "Batches looked into behind the log.", value(Findings::checked))
            .counter("takeup_batches_broken", "Batches found broken behind the log.", value(Findings::broken))
            .counter(
                "takeup_batches_broken_gzip",
                "Of those, batches that do not inflate.",
                value(|f| f.broken_by(BodyFaultKind::Compression)),
            )
            .counters("takeup_batches_broken_by_kind", "Batches found broken, by what is wrong.", kinds)
            .counters(
                "takeup_batches_checked_by_tracker",
                "Batches looked into, by project and tracker.",
                trackers(false),
            )
            .counters(
                "takeup_batches_broken_by_tracker",
                "Batches found broken, by project and tracker.",
                trackers(true),
            )
            .counter(
                "takeup_checker_jumps",
                "Times that the checker fell behind and left records out.",
                value(Findings::jumps),
            )
    }
}
