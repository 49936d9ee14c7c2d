//! What the admin port shows about the cores' event loops.

use std::sync::Arc;

use crate::admin::health::Check;
use crate::server::core::common::Common;
use crate::telemetry::Metrics;
use crate::telemetry::metrics::Sample;

/// Adds the time since each core's last heartbeat to the metrics.
pub fn register(metrics: Metrics, common: &Arc<Common>) -> Metrics {
    let common = Arc::clone(common);
    let samples = move || -> Vec<Sample> {
        let silent = common.heartbeats.silent_ms().enumerate();
        silent.map(|(core, ms)| (vec![("core", core.to_string())], ms as f64 / 1000.0)).collect()
    };
    metrics.gauges("takeup_core_silent_seconds", "How long each core has not turned its loop.", samples)
}

/// Faults of the cores' loops: each stuck core is a vital fault.
pub fn checks(common: &Common) -> Vec<Check> {
    let cores = 0..common.inboxes.len();
    cores.filter_map(|core| common.heartbeats.fault(core)).map(|fault| Check::run("loop", || Err(fault))).collect()
}
