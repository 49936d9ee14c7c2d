//! The server's side of retention: its settings, log lines and metrics.

use std::collections::BTreeMap;
use std::time::Duration;

use uuid::Uuid;

use crate::admin::health::Check;
use crate::config::Config;
use crate::directory::CurrentDirectory;
use crate::log::retain::{ConsumerLag, Event, Listener, Reason, RetentionStats, Rules};
use crate::log::{ClockDoubt, Deleting, Log, LogError, Options};
use crate::telemetry::{Level, Logger, Metrics, Sample};

use super::options;

/// The options of a log that reports deletions to the logger.
pub fn with_listener(options: Options, logger: &Logger) -> Options {
    let logger = logger.clone();
    Options { retain_listener: Listener::new(move |event| report(&logger, event)), ..options }
}

/// Starts deletion, now that the settings and the ages of all projects are known.
///
/// # Errors
/// The thread could not be started.
pub fn start(log: &Log, config: &Config, directory: &CurrentDirectory, logger: &Logger) -> Result<Deleting, LogError> {
    let least = config.segment_bytes.saturating_mul(2 * log.cores().len() as u64);
    if config.retain_bytes != 0 && config.retain_bytes < least {
        let (least, bytes) = (least.to_string(), config.retain_bytes.to_string());
        let message = "retain_bytes is less than two segments a core: all that is sealed but the newest goes at once";
        logger.event(Level::Warn, crate::caller!(), message, &[("retain_bytes", &bytes), ("least", &least)]);
    }
    log.clock().set_jump_max(config.clock_jump_max);
    log.start_deleting(rules(config, log.uuid(), ages(directory)))
}

/// The rules by which the log with this id is deleted from, given the ages of the projects that have their own.
pub fn rules(config: &Config, log: Uuid, projects: BTreeMap<u32, Option<Duration>>) -> Rules {
    let archive = super::archive::Archive::proof(config, log);
    Rules::new(options::retention(config), projects).until_archived(archive)
}

/// Records, ids and tokens use a time that differs from the wall clock; or deletion does, and will until the operator settles it.
fn doubt_of(log: &Log) -> Option<ClockDoubt> {
    log.clock().doubt().or_else(|| log.clock().deletion_doubt().filter(|doubt| doubt.needs_word))
}

/// How far the wall clock is from the trusted time, if it differs.
pub fn check_of_clock(log: &Log) -> Option<Check> {
    let doubt = doubt_of(log)?;
    let (off, side) = (doubt.ahead_us.unsigned_abs() / 1_000_000, if doubt.ahead_us < 0 { "behind" } else { "ahead" });
    let then = if doubt.needs_word {
        "raise clock_jump_max above that if the clock is right, or set the clock"
    } else {
        "believed once it has held for ten minutes"
    };
    let fault = format!("the wall clock has jumped and is {off} s {side}: {then}");
    Some(Check::of_part("clock", String::new(), Some(fault)))
}

/// Whether the archive can't tell what may leave the log.
pub fn check_of_archive(log: &Log) -> Option<Check> {
    let fault = log.retention().archive_fault?;
    Some(Check::of_part(
        "archive",
        "log".to_owned(),
        Some(format!("nothing leaves the log for being archived: {fault}")),
    ))
}

/// The ages of the projects that have their own.
pub fn ages(directory: &CurrentDirectory) -> BTreeMap<u32, Option<Duration>> {
    lengths(directory.ages())
}

/// Ages of projects given in days, 0 for ever.
pub fn lengths(days: BTreeMap<u32, u32>) -> BTreeMap<u32, Option<Duration>> {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let age = |days: u32| (days != 0).then(|| DAY * days);
    days.into_iter().map(|(project, days)| (project, age(days))).collect()
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
        Event::Clock { doubt, segments } => {
            let (ahead, segments) = ((doubt.ahead_us / 1_000_000).to_string(), segments.to_string());
            let fields = [("ahead_seconds", &*ahead), ("segments", &*segments)];
            let (level, message) = if doubt.needs_word {
                (Level::Error, "the wall clock is further ahead than clock_jump_max: what is old by it is not deleted")
            } else {
                (Level::Info, "the wall clock has to hold for ten minutes before what is old by it is deleted")
            };
            logger.event(level, crate::caller!(), message, &fields);
        }
        Event::NotArchived { reason } => {
            let message = "segments stay in the log: it is not certain that they are in the archive";
            logger.event(Level::Warn, crate::caller!(), message, &[("error", reason)]);
        }
        Event::Failed { error } => {
            let message = "what may be deleted could not be looked for";
            logger.event(Level::Warn, crate::caller!(), message, &[("error", error)]);
        }
    }
}

/// Adds the retention metrics.
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
    let ahead = {
        let log = log.clone();
        move || doubt_of(&log).map_or(0.0, |doubt| doubt.ahead_us as f64 / 1e6)
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
        .gauge(
            "takeup_log_clock_held_segments",
            "Segments that stay because the wall clock is not believed.",
            one(|stats| stats.clock_held_segments),
        )
        .gauge("takeup_clock_ahead_seconds", "How far the wall clock is ahead of the time that is believed.", ahead)
        .counters("takeup_log_deleted_segments", "Segments deleted, by reason.", deleted)
        .counter("takeup_log_deleted_bytes", "Bytes of segments deleted.", one(|stats| stats.deleted_bytes))
        .counter(
            "takeup_log_recycled_segments",
            "Deleted segments of whose files others were made.",
            one(|stats| stats.recycled),
        )
        .gauge("takeup_log_spare_bytes", "Blank files for segments to come.", one(|stats| stats.spare_bytes))
        .counter(
            "takeup_log_undelivered_records",
            "Records deleted that a consumer had not read.",
            one(|stats| stats.undelivered_records),
        )
        .counter("takeup_log_retention_failures", "Looks that could not be finished.", one(|stats| stats.failures))
        .gauge(
            "takeup_log_awaiting_archive_segments",
            "Segments that stay until the archive confirms them.",
            one(|stats| stats.awaiting_archive),
        )
        .gauge("takeup_cursors_doubtful", "Cursors that can't be believed.", one(|stats| stats.doubtful_cursors))
        .gauges("takeup_consumer_behind_bytes", "Sealed bytes not read yet.", of_consumers(|lag| lag.bytes))
        .gauges("takeup_consumer_behind_segments", "Sealed segments not read yet.", of_consumers(|lag| lag.segments))
        .gauges(
            "takeup_consumer_holds",
            "1 for consumers that hold segments.",
            of_consumers(|lag| u64::from(lag.holds)),
        )
}
