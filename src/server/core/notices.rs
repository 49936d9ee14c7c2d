//! What the log reports to the operator, as log lines.

use crate::log::{Log, What};
use crate::telemetry::{Level, Logger};

/// Logs what the log has reported since the last call.
pub fn report(log: &Log, logger: &Logger) {
    while let Some(notice) = log.next_notice() {
        let core = notice.core.to_string();
        let mut fields = vec![("core", core)];
        let (level, message) = match notice.what {
            What::Failed { path: Some(path), fault } => {
                fields.push(("path", path.display().to_string()));
                fields.push(("error", fault.to_string()));
                (Level::Warn, "a segment failed; what was not durable goes to another one")
            }
            What::Failed { path: None, fault } => {
                fields.push(("error", fault.to_string()));
                (Level::Warn, "a segment could not be created; it will be tried again")
            }
            What::Poisoned { fault } => {
                fields.push(("error", fault.to_string()));
                (Level::Error, "a core takes nothing more: mend the disk, then run takeup admin reopen")
            }
            What::Reopened => (Level::Info, "a core was reopened; its next segment has to prove itself"),
            What::Recovered { path } => {
                fields.push(("path", path.display().to_string()));
                (Level::Info, "a core goes on with a new segment")
            }
            What::ClockJumped { doubt } => {
                fields = vec![("ahead_seconds", (doubt.ahead_us / 1_000_000).to_string())];
                let message = if doubt.needs_word {
                    "the wall clock has jumped further than clock_jump_max, and is not followed: set the clock right, or raise clock_jump_max"
                } else {
                    "the wall clock has jumped, and is followed once it has held for ten minutes"
                };
                (if doubt.needs_word { Level::Error } else { Level::Warn }, message)
            }
            What::ClockSettled => {
                fields.clear();
                (Level::Info, "the wall clock is followed again")
            }
            What::Slow { took, count } => {
                fields.push(("took_ms", took.as_millis().to_string()));
                fields.push(("slow_syncs", count.to_string()));
                (Level::Warn, "the disk is slow")
            }
        };
        let fields: Vec<(&str, &str)> = fields.iter().map(|(key, value)| (*key, value.as_str())).collect();
        logger.event(level, crate::caller!(), message, &fields);
    }
}
