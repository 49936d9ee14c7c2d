//! What the admin port shows of the cores' loops.

use std::sync::Arc;

use crate::admin::health::Check;
use crate::server::core::common::Common;
use crate::telemetry::Metrics;
use crate::telemetry::metrics::Sample;

/// Adds how long each core has been silent.
pub fn register(metrics: Metrics, common: &Arc<Common>) -> Metrics {
    let common = Arc::clone(common);
    let samples = move || -> Vec<Sample> {
        let silent = common.heartbeats.silent_ms().enumerate();
        silent.map(|(core, ms)| (vec![("core", core.to_string())], ms as f64 / 1000.0)).collect()
    };
    metrics.gauges("takeup_core_silent_seconds", "How long each core has not turned its loop.", samples)
}

/// What is wrong with the cores' loops: each that is stuck, as something the server can't do its work without.
pub fn checks(common: &Common) -> Vec<Check> {
    let cores = 0..common.inboxes.len();
    cores.filter_map(|core| common.heartbeats.fault(core)).map(|fault| Check::run("loop", || Err(fault))).collect()
}
