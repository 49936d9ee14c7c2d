//! The couriers' metrics.

use crate::admin::CourierReport;
use crate::telemetry::Metrics;
use crate::telemetry::metrics::Sample;

use super::couriers::Couriers;

/// Adds the couriers to the metrics.
pub fn register(metrics: Metrics, couriers: &Couriers) -> Metrics {
    let each = |value: fn(&CourierReport) -> Option<f64>| {
        let couriers = couriers.clone();
        move || -> Vec<Sample> {
            let reports = couriers.reports(0).into_iter();
            reports.filter_map(|report| value(&report).map(|value| (vec![("courier", report.name)], value))).collect()
        }
    };
    let waiting = couriers.clone();
    let waiting = move || -> Vec<Sample> {
        let of = |report: CourierReport| {
            let trouble = report.trouble.filter(|_| report.state == "waiting")?;
            Some((vec![("courier", report.name), ("trouble", trouble)], 1.0))
        };
        waiting.reports(0).into_iter().filter_map(of).collect()
    };
    metrics
        .counters("takeup_courier_records", "Records delivered.", each(|report| Some(report.records as f64)))
        .counters(
            "takeup_courier_items",
            "Messages, rows or lines delivered.",
            each(|report| Some(report.items as f64)),
        )
        .counters("takeup_courier_bytes", "Bytes of them and of the records.", each(|report| Some(report.bytes as f64)))
        .counters(
            "takeup_courier_failed_attempts",
            "Attempts to deliver that failed.",
            each(|report| Some(report.attempts_failed as f64)),
        )
        .counters(
            "takeup_courier_dead_letters",
            "Records that became dead letters.",
            each(|report| Some(report.dead_letters as f64)),
        )
        .gauges(
            "takeup_courier_dead_letters_kept",
            "Dead letters in the courier's file.",
            each(|report| report.dead_letters_in_file.map(|count| count as f64)),
        )
        .gauges(
            "takeup_courier_running",
            "1 unless the courier has ended.",
            each(|report| Some(f64::from(u8::from(report.state != "ended")))),
        )
        .gauges("takeup_courier_waiting", "1 for the trouble that a courier waits for.", waiting)
        .gauges(
            "takeup_courier_lag_records",
            "Records not delivered.",
            each(|report| report.lag.map(|lag| lag.records as f64)),
        )
        .gauges(
            "takeup_courier_lag_bytes",
            "Bytes of the log not delivered.",
            each(|report| report.lag.map(|lag| lag.bytes as f64)),
        )
        .gauges(
            "takeup_courier_lag_seconds",
            "Age of the oldest record not delivered.",
            each(|report| report.lag.map(|lag| lag.seconds)),
        )
}
