//! Log lines about what the log found when it was opened.

use crate::log::Recovery;
use crate::telemetry::{Level, Logger};

/// Logs what was recovered, what is damaged, and what was set aside.
pub fn report(logger: &Logger, recovery: &Recovery) {
    let texts = [
        recovery.segments.to_string(),
        recovery.records.to_string(),
        recovery.dropped_bytes.to_string(),
        recovery.damage.len().to_string(),
        recovery.took.as_millis().to_string(),
    ];
    let names = ["segments", "records", "dropped_bytes", "damage", "took_ms"];
    let fields: Vec<(&str, &str)> = names.into_iter().zip(texts.iter().map(String::as_str)).collect();
    if recovery.segments > 0 {
        logger.event(Level::Info, crate::caller!(), "recovered the log", &fields);
    }
    for damage in &recovery.damage {
        let text = format!(
            "{}: {} bytes from offset {}: {}",
            damage.path.display(),
            damage.bytes,
            damage.offset,
            damage.reason
        );
        logger.event(Level::Error, crate::caller!(), "the log is damaged", &[("where", &text)]);
    }
    for problem in &recovery.problems {
        let text = problem.to_string();
        logger.event(Level::Error, crate::caller!(), "recovery could not do all it should", &[("error", &text)]);
    }
    for path in &recovery.quarantined {
        let text = path.display().to_string();
        logger.event(Level::Error, crate::caller!(), "set aside", &[("path", &text)]);
    }
}
