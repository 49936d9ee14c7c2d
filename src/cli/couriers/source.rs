//! Where the state of the couriers comes from: a running server, or the data folder.

use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::admin::CourierReport;
use crate::admin::couriers::PATH;
use crate::log::is_served;

use super::super::admin_port;
use super::super::error::CliError;
use super::args::CouriersArgs;
use super::offline;

/// A courier, as `--json` shows it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Line {
    pub(super) time_ms: u64,
    #[serde(flatten)]
    pub(super) report: CourierReport,
    /// Records delivered a second since the line before.
    pub(super) rate: Option<f64>,
}

/// What was seen before, for rates.
pub(super) struct Seen {
    at: Instant,
    records: Vec<(String, u64)>,
}

impl Seen {
    pub(super) fn of(lines: &[Line]) -> Seen {
        let records = lines.iter().map(|line| (line.report.name.clone(), line.report.records)).collect();
        Seen { at: Instant::now(), records }
    }

    /// Records a second; `None` if it was not there, or the server has been restarted since.
    pub(super) fn rate(&self, report: &CourierReport) -> Option<f64> {
        let (_, before) = self.records.iter().find(|(name, _)| *name == report.name)?;
        let delivered = report.records.checked_sub(*before)?;
        let seconds = self.at.elapsed().as_secs_f64();
        (seconds > 0.0).then(|| (delivered as f64 / seconds * 10.0).round() / 10.0)
    }
}

/// Where to look.
pub(super) struct Source<'a> {
    args: &'a CouriersArgs,
    data: &'a Path,
}

impl<'a> Source<'a> {
    pub(super) fn of(args: &'a CouriersArgs, data: &'a Path) -> Source<'a> {
        Source { args, data }
    }

    /// All couriers now. With an address, that server is asked; without one, the server of the data folder if it runs.
    pub(super) fn lines(&self, seen: Option<&Seen>) -> Result<Vec<Line>, CliError> {
        let reports = if self.args.admin.is_some() || is_served(&self.data.join("log")) {
            let addr = admin_port::address(self.args.admin, self.args.config.as_deref(), self.data)?;
            admin_port::get(addr, PATH)?.json::<Vec<CourierReport>>()?
        } else {
            offline::reports(self.data)?
        };
        let time_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
        let line = |report: CourierReport| {
            let rate = seen.and_then(|seen| seen.rate(&report));
            Line { time_ms, report, rate }
        };
        Ok(reports.into_iter().map(line).collect())
    }
}
