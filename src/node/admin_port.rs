//! The contents of the admin port: metrics, health, couriers, recent sessions, and reopening failed cores.

use std::sync::Arc;

use crossbeam_channel::Sender;

use crate::admin::health::Check;
use crate::admin::port::Admin;
use crate::assets::{Pages, Store};
use crate::checker::Checker;
use crate::config::Sources;
use crate::log::Log;
use crate::server::core::common::Common;
use crate::sessions::Sessions;
use crate::telemetry::Metrics;

use super::archive::Archive;
use super::couriers::Couriers;
use super::reload::LogChange;
use super::set_aside::SetAside;
use super::{actions, courier_metrics, erasing, failures, heartbeats, options, projects, retention};

/// The parts of a server that the admin port shows and changes.
#[derive(Clone, Copy)]
pub struct Parts<'a> {
    /// Where the settings come from.
    pub sources: &'a Sources,
    /// The log.
    pub log: &'a Log,
    /// The checker.
    pub checker: &'a Checker,
    /// The couriers.
    pub couriers: &'a Couriers,
    /// The archive.
    pub archive: &'a Archive,
    /// What the cores share.
    pub common: &'a Arc<Common>,
    /// The recent sessions.
    pub sessions: &'a Sessions,
    /// Where changes of what is logged go.
    pub log_changes: &'a Sender<LogChange>,
}

/// Assembles what the admin port serves.
pub fn admin(metrics: Metrics, parts: Parts<'_>) -> Admin {
    let Parts { sources, log, checker, couriers, archive, common, sessions, log_changes } = parts;
    let gauge = |log: &Log, value: fn(&crate::log::LogStats) -> u64| {
        let log = log.clone();
        move || value(&log.stats()) as f64
    };
    let mut metrics = metrics
        .gauge("takeup_log_free_bytes", "Free space on the log's file system.", gauge(log, |s| s.free_bytes))
        .gauge(
            "takeup_log_recent_bytes",
            "Bytes of the log kept in memory for readers.",
            gauge(log, |s| s.recent_bytes),
        )
        .gauge("takeup_log_segments_made", "Segments made ready.", gauge(log, |s| s.segments))
        .counter("takeup_log_bytes", "Bytes appended to the log.", gauge(log, |s| s.bytes))
        .counter("takeup_log_failed_segments", "Segments given up.", gauge(log, |s| s.failures))
        .counter("takeup_log_lost_records", "Records lost with failed segments.", gauge(log, |s| s.lost))
        .counter("takeup_log_restored_records", "Of these, answered ones appended again.", gauge(log, |s| s.restored))
        .counter(
            "takeup_log_late_wakes",
            "Times that a writer which nobody had woken was let go by a timer.",
            gauge(log, |s| s.late_wakes),
        )
        .counter("takeup_log_slow_syncs", "Syncs that took longer than slow_sync.", gauge(log, |s| s.slow_syncs));
    metrics = failures::register(metrics, log);
    metrics = retention::register(metrics, log);
    let set_aside = SetAside::of(log);
    metrics = set_aside.register(metrics);
    metrics = checker.register(metrics);
    metrics = heartbeats::register(metrics, common);
    metrics = projects::register(metrics, &common.directory);
    metrics = courier_metrics::register(metrics, couriers);
    metrics = archive.register_metrics(metrics);
    let (stuck, dead, directory) = (Arc::clone(common), Arc::clone(common), Arc::clone(&common.directory));
    let of_log = log.clone();
    let reopen = move || failures::reopen(&of_log);
    let of_couriers = log.clone();
    let of_log = log.clone();
    let seal = move || erasing::seal(&of_log);
    let (checker, readers) = (checker.handle().clone(), couriers.clone());
    let of_archive = archive.clone();
    let of_log = log.clone();
    let of_sessions = sessions.clone();
    let data = common.live.current().config.data.clone();
    let reread = move || erasing::reread(&of_log, &data, &checker, &of_archive, &readers, &of_sessions);
    let (log, measured, reported, couriers) = (log.clone(), couriers.clone(), couriers.clone(), couriers.clone());
    let (archive, archive_measured, archive_reported) = (archive.clone(), archive.clone(), archive.clone());
    let checks = move || {
        let look = || {
            let health = log.health();
            if health.can_append { Ok(()) } else { Err(health.reason.unwrap_or_default()) }
        };
        let mut checks = vec![Check::run("log", look)];
        checks.extend(couriers.checks(log.retention().undelivered_records));
        checks.extend(archive.checks(log.retention().undelivered_records));
        checks.extend(retention::check_of_archive(&log));
        checks.extend(heartbeats::checks(&stuck));
        checks.extend(failures::checks(&log));
        checks.extend(retention::check_of_clock(&log));
        checks.extend(projects::check(&directory));
        checks
    };
    Admin {
        metrics: Arc::new(metrics),
        checks: Box::new(checks),
        live: Box::new(move || !dead.heartbeats.is_dead()),
        couriers: Box::new(move || {
            let deleted_unread = of_couriers.retention().undelivered_records;
            let mut reports = reported.reports(deleted_unread);
            reports.extend(archive_reported.report(deleted_unread));
            reports
        }),
        measure: Box::new(move || {
            measured.measure();
            archive_measured.measure();
            set_aside.measure();
        }),
        reopen: Box::new(reopen),
        seal: Box::new(seal),
        reread: Box::new(reread),
        commands: actions::commands(sources, &common.live.current().config, &common.logger),
        logging: actions::logging(common),
        set_logging: actions::set_logging(log_changes),
        sessions: sessions.clone(),
        assets: Arc::new(Pages::new(Store::in_data(&common.live.current().config.data))),
        access: options::access(&common.live.current().config),
    }
}
