//! How the admin port shows log failures and reopens cores.

use std::time::Duration;

use crate::admin::ReopenedCore;
use crate::admin::health::Check;
use crate::log::format::control::State;
use crate::log::{Fault, Log, LogStats, StandstillStats};
use crate::telemetry::Metrics;
use crate::telemetry::metrics::Sample;

/// How long a reopening waits for the segments to prove that they work. A broken disk has failed three times by then.
const REOPEN_PATIENCE: Duration = Duration::from_secs(3);

const STATES: [State; 4] = [State::Closed, State::Open, State::Failed, State::Poisoned];

/// Adds the failures by cause, the state of each core, and how long writers stood still to the metrics.
pub fn register(metrics: Metrics, log: &Log) -> Metrics {
    let (failures, states) = (log.clone(), log.clone());
    let failures = move || -> Vec<Sample> {
        let counts = failures.stats().failures_by_cause;
        let samples = Fault::CAUSES.into_iter().zip(counts);
        samples.map(|(cause, count)| (vec![("cause", cause.to_owned())], count as f64)).collect()
    };
    let states = move || -> Vec<Sample> {
        let of_core = |(core, now): (usize, State)| {
            STATES.map(|state| {
                let labels = vec![("core", core.to_string()), ("state", state.as_str().to_owned())];
                (labels, f64::from(u8::from(state == now)))
            })
        };
        states.stats().states.into_iter().enumerate().flat_map(of_core).collect()
    };
    let metrics = standstills(metrics, log);
    metrics.counters("takeup_log_failures", "Failures of the log by cause.", failures).gauges(
        "takeup_log_core_state",
        "The state of each core's log: 1 for the one it is in.",
        states,
    )
}

fn standstills(metrics: Metrics, log: &Log) -> Metrics {
    let samples = |log: &Log, value: fn(StandstillStats) -> f64| {
        let log = log.clone();
        move || -> Vec<Sample> {
            let ended = LogStats::STANDSTILLS.into_iter().zip(log.stats().standstills);
            ended.map(|(what, stats)| (vec![("for", what.to_owned())], value(stats))).collect()
        }
    };
    fn seconds(us: u64) -> f64 {
        us as f64 / 1e6
    }
    metrics
        .counters(
            "takeup_log_standstills",
            "Times that a writer had no room for a record, by what it waited for.",
            samples(log, |stats| stats.count as f64),
        )
        .counters(
            "takeup_log_standstill_seconds",
            "How long writers had no room for a record.",
            samples(log, |stats| seconds(stats.total_us)),
        )
        .gauges(
            "takeup_log_longest_standstill_seconds",
            "The longest time that a writer had no room for a record, since the start.",
            samples(log, |stats| seconds(stats.longest_us)),
        )
}

/// A health check for each core. A failed core is only a warning as long as another takes its connections.
pub fn checks(log: &Log) -> Vec<Check> {
    let check = |core: crate::log::CoreHealth| Check::of_part("core", core.core.to_string(), core.reason);
    log.cores().into_iter().map(check).collect()
}

/// Clears the poisoned state of all cores, and reports the result for each.
pub fn reopen(log: &Log) -> Vec<ReopenedCore> {
    let told = |core: crate::log::Reopened| ReopenedCore {
        core: core.core,
        before: core.before.as_str().to_owned(),
        after: core.after.as_str().to_owned(),
        reason: core.reason,
    };
    log.reopen(REOPEN_PATIENCE).into_iter().map(told).collect()
}
