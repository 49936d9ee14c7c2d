//! Retention as the server shows it: its settings, its log lines, its metrics.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::{self, Config};
use crate::directory;
use crate::log::retention::{ConsumerLag, Event, FullDisk, Listener, Policy, Reason, Retain, RetentionStats};
use crate::log::{Log, Options};
use crate::telemetry::{Level, Logger, Metrics, Sample};

/// The options of a log with what the settings say of retention; what happens goes to the logger.
pub fn with_retention(options: Options, config: &Config, logger: &Logger) -> Options {
    let (logger, policy) = (logger.clone(), policy(config));
    Options {
        retain: Retain { age: policy.age, bytes: policy.bytes, projects: BTreeMap::new() },
        full_disk: policy.full_disk,
        retain_step_bytes: policy.step_bytes,
        retain_listener: Listener::new(move |event| report(&logger, event)),
        ..options
    }
}

/// What the settings say of retention.
pub fn policy(config: &Config) -> Policy {
    Policy {
        age: Some(config.retain_age).filter(|age| !age.is_zero()),
        bytes: Some(config.retain_bytes).filter(|&bytes| bytes != 0),
        full_disk: match config.full_disk {
            config::FullDisk::Hold => FullDisk::Hold,
            config::FullDisk::DropDelivered => FullDisk::DropDelivered,
            config::FullDisk::DropOldest => FullDisk::DropOldest,
        },
        step_bytes: config.retain_step_bytes,
    }
}

/// Tells the log the ages of the projects that have their own.
pub fn tell_ages(log: &Log, directory: &directory::Shared) {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let age = |days: u32| (days != 0).then(|| DAY * days);
    log.set_project_ages(directory.ages().into_iter().map(|(project, days)| (project, age(days))).collect());
}

fn report(logger: &Logger, event: &Event) {
    match event {
        Event::Deleted { deletion, held_by } => {
            let held_by = held_by.join(" ");
            let [core, segment, bytes, records] =
                [u64::from(deletion.core), deletion.id, deletion.bytes, deletion.records]
                    .map(|number| number.to_string());
            let fields = [
                ("core", &*core),
                ("segment", &*segment),
                ("bytes", &*bytes),
                ("records", &*records),
                ("reason", deletion.reason.as_str()),
                ("consumers", &*held_by),
            ];
            match deletion.reason {
                Reason::Undelivered => {
                    let message = "the disk is nearly full: a segment was deleted that consumers had not read";
                    logger.event(Level::Error, crate::caller!(), message, &fields);
                }
                _ => logger.event(Level::Info, crate::caller!(), "segment deleted", &fields[..5]),
            }
        }
        Event::Doubt { error } => {
            let message = "a cursor can't be believed, nothing is deleted";
            logger.event(Level::Error, crate::caller!(), message, &[("error", error)]);
        }
        Event::Failed { error } => {
            let message = "what may be deleted could not be looked for";
            logger.event(Level::Warn, crate::caller!(), message, &[("error", error)]);
        }
    }
}

/// Adds the figures of retention to the metrics.
pub fn register(metrics: Metrics, log: &Log) -> Metrics {
    let one = |value: fn(&RetentionStats) -> u64| {
        let log = log.clone();
        move || value(&log.retention()) as f64
    };
    let of_consumers = |value: fn(&ConsumerLag) -> u64| {
        let log = log.clone();
        let sample = move |lag: &ConsumerLag| -> Sample { (vec![("consumer", lag.name.clone())], value(lag) as f64) };
        move || log.retention().consumers.iter().map(sample).collect()
    };
    let deleted = {
        let log = log.clone();
        move || {
            let counts = Reason::ALL.into_iter().zip(log.retention().deleted);
            counts.map(|(reason, count)| (vec![("reason", reason.as_str().to_owned())], count as f64)).collect()
        }
    };
    metrics
        .gauge("takeup_log_size_bytes", "Bytes that the log takes on the disk.", one(|stats| stats.log_bytes))
        .gauge("takeup_log_held_bytes", "Sealed bytes that consumers hold.", one(|stats| stats.held_bytes))
        .counters("takeup_log_deleted_segments", "Segments deleted, by reason.", deleted)
        .counter("takeup_log_deleted_bytes", "Bytes of segments deleted.", one(|stats| stats.deleted_bytes))
        .counter(
            "takeup_log_undelivered_records",
            "Records deleted that a consumer had not read.",
            one(|stats| stats.undelivered_records),
        )
        .counter("takeup_log_retention_failures", "Looks that could not be finished.", one(|stats| stats.failures))
        .gauge("takeup_cursors_doubtful", "Cursors that can't be believed.", one(|stats| stats.doubtful_cursors))
        .gauges("takeup_consumer_behind_bytes", "Sealed bytes not read yet.", of_consumers(|lag| lag.bytes))
        .gauges("takeup_consumer_behind_segments", "Sealed segments not read yet.", of_consumers(|lag| lag.segments))
        .gauges(
            "takeup_consumer_holds",
            "1 for consumers that hold segments.",
            of_consumers(|lag| u64::from(lag.holds)),
        )
}
