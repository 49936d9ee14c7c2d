//! The keeper of the archive, and what operators are told of it.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;

use uuid::Uuid;

use crate::admin::health::Check;
use crate::admin::{CourierReport, LagReport};
use crate::archive::compactor::CONSUMER;
use crate::archive::keeper::{self, Keeper, KeeperOptions, State};
use crate::archive::place::Place;
use crate::archive::proof;
use crate::base::units::length_ms;
use crate::config::{Config, RetainLog};
use crate::consume;
use crate::courier::Trouble;
use crate::log::Log;
use crate::log::cursor::Cursors;
use crate::log::read::reader::LogReader;
use crate::log::retain::{InArchive, Sealed};
use crate::node::NodeError;
use crate::node::courier_reports::{rfc3339, seconds, what_waits};
use crate::telemetry::{Level, Logger, Metrics};

/// The archive that is kept; none if `archive = false`. Clones share it.
#[derive(Debug, Clone)]
pub struct Archive {
    keeper: Option<Arc<Keeper>>,
}

impl Archive {
    /// Registers its consumer, so that nothing that is not in the archive is deleted. Warns of one that holds segments back although no
    /// archive is kept.
    ///
    /// # Errors
    /// The log or the cursor can't be read or written.
    pub fn register(config: &Config, logger: &Logger) -> Result<(), NodeError> {
        if config.archive {
            return Ok(keeper::register(&config.data, logger)?);
        }
        let reader = LogReader::open(&config.data.join("log"))?;
        let cursor = Cursors::of(&reader).read(&keeper::register::consumer_name());
        if !matches!(cursor, Ok(None)) {
            let message = "archive = false, and the consumer compactor holds segments back: nothing that is not in the archive is deleted";
            let advice = "run takeup compact regularly, or takeup consumers remove compactor";
            logger.event(Level::Warn, crate::caller!(), message, &[("advice", advice)]);
        }
        Ok(())
    }

    /// What says which segments of the log with this id are in the archive, if they may leave the log for it.
    pub fn proof(config: &Config, log: Uuid) -> Option<InArchive> {
        let place = Place::in_data(&config.data);
        let ask = move |segments: &[Sealed]| proof::holds(&place, log, segments).map_err(|error| error.to_string());
        (config.retain_log == RetainLog::UntilArchived).then(|| InArchive::new(ask))
    }

    /// Starts its thread, if one is kept.
    ///
    /// # Errors
    /// The thread could not be started.
    pub fn start(config: &Config, log: &Log, logger: &Logger) -> io::Result<Self> {
        if !config.archive {
            return Ok(Self { keeper: None });
        }
        let keeper = Keeper::spawn(KeeperOptions::of(config), log, logger)?;
        Ok(Self { keeper: Some(Arc::new(keeper)) })
    }

    /// A function that changes the settings while it runs.
    pub fn tuner(&self) -> Box<dyn Fn(&Config) + Send + Sync> {
        match &self.keeper {
            Some(keeper) => Box::new(keeper.tuner()),
            None => Box::new(|_| {}),
        }
    }

    /// Adds its metrics.
    pub fn register_metrics(&self, metrics: Metrics) -> Metrics {
        match &self.keeper {
            Some(keeper) => keeper.register(metrics),
            None => metrics,
        }
    }

    /// Measures how far it is behind. Reads the log's folder.
    pub fn measure(&self) {
        if let Some(keeper) = &self.keeper {
            keeper.measure();
        }
    }

    /// What it does, in the form of the couriers. `deleted_unread`: how many of the log's records were deleted before a consumer had read them.
    pub fn report(&self, deleted_unread: u64) -> Option<CourierReport> {
        let keeper = self.keeper.as_ref()?;
        let (state, counts) = (keeper.status().state(), keeper.status().counts());
        let waiting = match &state {
            State::Waiting(waiting) => Some(waiting),
            State::Starting | State::Ready | State::Ended => None,
        };
        Some(CourierReport {
            name: CONSUMER.to_owned(),
            target: keeper.dir().display().to_string(),
            state: match &state {
                State::Starting => "starting",
                State::Ready => "ready",
                State::Waiting(_) => "waiting",
                State::Ended => "ended",
            }
            .to_owned(),
            trouble: waiting.map(|waiting| waiting.trouble.to_owned()),
            code: None,
            error: waiting.map(|waiting| waiting.text.clone()),
            advice: waiting.map(|waiting| waiting.advice.to_owned()),
            behind: None,
            since: waiting.and_then(|waiting| rfc3339(waiting.since)),
            seconds: waiting.map(|waiting| seconds(waiting.began.elapsed())),
            attempts: waiting.map(|waiting| waiting.attempts),
            lag: keeper.lag().map(|lag| LagReport {
                records: lag.records,
                bytes: lag.bytes,
                seconds: seconds(lag.time),
            }),
            records: counts.added.records,
            items: counts.added.rows,
            bytes: counts.added.bytes,
            attempts_failed: counts.failures,
            dead_letters: 0,
            dead_letters_in_file: Some(0),
            deleted_unread,
        })
    }

    /// Its state, for health: never vital, because records wait in the log.
    pub fn checks(&self, deleted_unread: u64) -> Option<Check> {
        let report = self.report(deleted_unread)?;
        let fault = fault(&report).or_else(|| {
            let merging = self.keeper.as_ref()?.status().merge_fault()?;
            Some(format!("small files can't be merged, tried again every hour: {merging}"))
        });
        Some(Check::of_part("archive", String::new(), fault))
    }

    /// Its consumer of the log, by its name; `None` if it reads nothing.
    pub fn reader(&self) -> Option<(&'static str, consume::Handle)> {
        let keeper = self.keeper.as_ref().filter(|keeper| !matches!(keeper.status().state(), State::Ended))?;
        Some((CONSUMER, keeper.handle().clone()))
    }

    /// Tells it to stop, and does not wait.
    pub fn begin_stop(&self) {
        if let Some(keeper) = &self.keeper {
            keeper.begin_stop();
        }
    }

    /// Stops it.
    pub fn stop(&self) {
        if let Some(keeper) = &self.keeper {
            keeper.stop();
        }
    }
}

/// What is wrong, what to do, and what waits; the error's own words come last, because a long text is cut. `None`: nothing is wrong.
fn fault(report: &CourierReport) -> Option<String> {
    let waits = what_waits(report);
    if report.state == "ended" {
        return Some(format!("ended, because its cursor was removed while it ran: restart the server; {waits}"));
    }
    let trouble = Trouble::named(report.trouble.as_deref()?).unwrap_or(Trouble::Other);
    let mut text = trouble.describe().to_owned();
    if let Some(seconds) = report.seconds {
        let _ = write!(text, " for {}", length_ms((seconds * 1000.0) as u64));
    }
    let _ = write!(text, ": {}; {waits}", report.advice.as_deref().unwrap_or_default());
    if let Some(error) = &report.error {
        let _ = write!(text, ": {error}");
    }
    Some(text)
}
