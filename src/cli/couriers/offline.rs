//! The couriers of a data folder without a server: what their cursors and dead letters say.

use std::collections::BTreeMap;
use std::path::Path;

use crate::admin::{CourierReport, LagReport};
use crate::consume::lag;
use crate::courier::{DEAD_LETTERS_DIR_NAME, DeadLetters, goes_on_at};
use crate::log::LogError;
use crate::log::cursor::Cursors;
use crate::node::COURIER_PREFIX;

use super::super::error::CliError;
use super::super::log_folder;

/// The state of a courier without a server.
pub(super) const NOT_RUNNING: &str = "not running";

/// Reports of all couriers that have a cursor or dead letters.
pub(super) fn reports(data: &Path) -> Result<Vec<CourierReport>, CliError> {
    let reader = log_folder::open(data)?;
    let mut reports = BTreeMap::new();
    for listed in Cursors::of(&reader).list()? {
        if !listed.name.starts_with(COURIER_PREFIX) {
            continue;
        }
        let mut report = not_running(&listed.name);
        match listed.cursor {
            Ok(cursor) => {
                let position = goes_on_at(data, &cursor.consumer, cursor.position);
                report.lag = Some(lag_report(lag::after(&reader, &position)?));
            }
            Err(error @ LogError::Cursor { .. }) => report.error = Some(error.to_string()),
            Err(error) => return Err(error.into()),
        }
        reports.insert(listed.name, report);
    }
    let unreadable = |error| CliError::Other(format!("{}: {error}", data.join(DEAD_LETTERS_DIR_NAME).display()));
    for letters in DeadLetters::all(data).map_err(unreadable)? {
        let name = letters.courier().as_str();
        let report = reports.entry(name.to_owned()).or_insert_with(|| not_running(name));
        report.dead_letters_in_file = letters.count().ok();
    }
    Ok(reports.into_values().collect())
}

fn lag_report(lag: lag::Lag) -> LagReport {
    LagReport { records: lag.records, bytes: lag.bytes, seconds: lag.time.as_millis() as f64 / 1000.0 }
}

fn not_running(name: &str) -> CourierReport {
    CourierReport {
        name: name.to_owned(),
        target: String::new(),
        state: NOT_RUNNING.to_owned(),
        trouble: None,
        code: None,
        error: None,
        advice: None,
        behind: None,
        since: None,
        seconds: None,
        attempts: None,
        lag: None,
        records: 0,
        items: 0,
        bytes: 0,
        attempts_failed: 0,
        dead_letters: 0,
        dead_letters_in_file: Some(0),
        deleted_unread: 0,
    }
}
