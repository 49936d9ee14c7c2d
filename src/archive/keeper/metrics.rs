//! The keeper's metrics.

use std::sync::Arc;

use crate::consume::Lag;
use crate::telemetry::Metrics;
use crate::telemetry::metrics::Sample;

use super::measured::Measured;
use super::status::{Counts, State, Status};

/// Adds them.
pub fn register(metrics: Metrics, status: &Arc<Status>, measured: &Arc<Measured>) -> Metrics {
    let count = |value: fn(&Counts) -> f64| {
        let status = Arc::clone(status);
        move || value(&status.counts())
    };
    let lag = |value: fn(&Lag) -> f64| {
        let measured = Arc::clone(measured);
        move || -> Vec<Sample> { measured.lag().iter().map(|lag| (Vec::new(), value(lag))).collect() }
    };
    let running = Arc::clone(status);
    let running = move || f64::from(u8::from(!matches!(running.state(), State::Ended)));
    let waiting = Arc::clone(status);
    let waiting = move || -> Vec<Sample> {
        let State::Waiting(waiting) = waiting.state() else { return Vec::new() };
        vec![(vec![("trouble", waiting.trouble.to_owned())], 1.0)]
    };
    metrics
        .counter("takeup_archive_records", "Records put into the archive.", count(|c| c.added.records as f64))
        .counter("takeup_archive_rows", "Rows put into the archive.", count(|c| c.added.rows as f64))
        .counter("takeup_archive_files", "Files written from the log.", count(|c| c.added.files as f64))
        .counter("takeup_archive_bytes", "Bytes of these files.", count(|c| c.added.bytes as f64))
        .counter(
            "takeup_archive_inflated_bytes",
            "Bytes of their rows in memory.",
            count(|c| c.added.inflated_bytes as f64),
        )
        .counter("takeup_archive_chunks", "Times that something was put into the archive.", count(|c| c.chunks as f64))
        .counter("takeup_archive_merges", "Files made of smaller ones.", count(|c| c.merges as f64))
        .counter(
            "takeup_archive_merged_files",
            "Small files that became larger ones.",
            count(|c| c.merged_files as f64),
        )
        .counter("takeup_archive_work_seconds", "Time spent writing and merging.", count(|c| c.worked.as_secs_f64()))
        .counter("takeup_archive_failures", "Attempts that failed.", count(|c| c.failures as f64))
        .counter(
            "takeup_archive_damaged_places",
            "Damaged places of the log that were stepped over.",
            count(|c| c.damaged_places as f64),
        )
        .counter(
            "takeup_archive_deleted_unread_records",
            "Records deleted from the log before they were in the archive.",
            count(|c| c.deleted_unread as f64),
        )
        .counter("takeup_archive_left_out_records", "Records that could not be added.", count(|c| c.left_out as f64))
        .gauge("takeup_archive_running", "1 unless the compactor has ended.", running)
        .gauges("takeup_archive_waiting", "1 for the trouble that the compactor waits for.", waiting)
        .gauges("takeup_archive_lag_records", "Records not in the archive.", lag(|lag| lag.records as f64))
        .gauges("takeup_archive_lag_bytes", "Bytes of the log not in the archive.", lag(|lag| lag.bytes as f64))
        .gauges(
            "takeup_archive_lag_seconds",
            "Age of the oldest record not in the archive.",
            lag(|lag| lag.time.as_secs_f64()),
        )
}
