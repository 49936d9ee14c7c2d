//! What operators are told of the couriers: reports, and the texts of health.
//!
//! Whatever takes the disk to know is measured apart ([`Measured::measure`]); everything else here only reads what is in memory.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;

use crate::admin::{CourierReport, LagReport};
use crate::base::units::{bytes, counted, length_ms};
use crate::consume::Lag;
use crate::courier::{Cause, Courier, DeadLetters, DestinationState, Trouble};
use crate::log::cursor::ConsumerName;

/// Measurements this young are not repeated.
const FRESH: Duration = Duration::from_millis(500);

/// Measurements older than this are not shown: the disk has not answered since.
const STALE: Duration = Duration::from_secs(10);

/// What was measured of the couriers.
#[derive(Debug, Default)]
pub struct Measured {
    latest: Mutex<Option<Measurement>>,
    files: Mutex<HashMap<ConsumerName, CountedFile>>,
}

/// A file of dead letters that was counted. It is counted again only when it has changed.
#[derive(Debug, PartialEq, Eq)]
struct CountedFile {
    version: FileVersion,
    dead_letters: u64,
}

/// Tells one state of a file from another: its number, length and time of change.
type FileVersion = Option<(u64, u64, SystemTime)>;

#[derive(Debug)]
struct Measurement {
    at: Instant,
    /// One for each courier, in their order.
    figures: Vec<Figures>,
}

/// What was measured of one courier. What is not known is `None`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Figures {
    /// What it has not delivered.
    pub lag: Option<Lag>,
    /// The dead letters in its file.
    pub dead_letters: Option<u64>,
}

impl Measured {
    /// Measures, unless that was done just now. Reads the log's folder and the files of dead letters.
    pub fn measure<'a>(&self, couriers: impl Iterator<Item = &'a Courier>) {
        if self.latest().as_ref().is_some_and(|latest| latest.at.elapsed() < FRESH) {
            return;
        }
        let figures = couriers
            .map(|courier| Figures { lag: courier.lag(), dead_letters: self.count(courier.dead_letters()).ok() })
            .collect();
        *self.latest() = Some(Measurement { at: Instant::now(), figures });
    }

    /// What was last measured of the courier at this place.
    pub fn of(&self, place: usize) -> Figures {
        let latest = self.latest();
        let recent = latest.as_ref().filter(|latest| latest.at.elapsed() < STALE);
        recent.and_then(|latest| latest.figures.get(place)).copied().unwrap_or_default()
    }

    fn count(&self, letters: &DeadLetters) -> io::Result<u64> {
        let version = version(letters.path())?;
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counted) = files.get(letters.courier()).filter(|counted| counted.version == version) {
            return Ok(counted.dead_letters);
        }
        let dead_letters = letters.count()?;
        files.insert(letters.courier().clone(), CountedFile { version, dead_letters });
        Ok(dead_letters)
    }

    fn latest(&self) -> MutexGuard<'_, Option<Measurement>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn version(path: &Path) -> io::Result<FileVersion> {
    match path.metadata() {
        Ok(metadata) => Ok(Some((metadata.ino(), metadata.len(), metadata.modified()?))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A courier's report, and how many records of the log were deleted before a consumer had read them.
pub fn report(courier: &Courier, figures: Figures, deleted_unread: u64) -> CourierReport {
    let state = courier.status().state();
    let waiting = match &state {
        DestinationState::Waiting(waiting) => Some(waiting),
        DestinationState::Starting | DestinationState::Ready => None,
    };
    let remark = courier.status().remarked().filter(|_| matches!(state, DestinationState::Ready));
    let cause = waiting.map(|waiting| &waiting.cause).or(remark.as_ref());
    let counts = courier.status().counts();
    CourierReport {
        name: courier.name().to_string(),
        target: courier.target().to_owned(),
        state: match &state {
            _ if !courier.is_running() => "ended",
            DestinationState::Starting => "starting",
            DestinationState::Ready => "ready",
            DestinationState::Waiting(_) => "waiting",
        }
        .to_owned(),
        trouble: cause.map(|cause| cause.trouble.as_str().to_owned()),
        code: cause.map(|cause| cause.code.to_string()),
        error: cause.map(|cause| cause.text.clone()),
        advice: cause.map(|cause| cause.trouble.advice().to_owned()),
        behind: None,
        since: waiting.and_then(|waiting| rfc3339(waiting.since)),
        seconds: waiting.map(|waiting| seconds(waiting.began.elapsed())),
        attempts: waiting.map(|waiting| waiting.attempts),
        lag: figures.lag.map(|lag| LagReport { records: lag.records, bytes: lag.bytes, seconds: seconds(lag.time) }),
        records: counts.records,
        items: counts.items,
        bytes: counts.bytes,
        attempts_failed: counts.attempts_failed,
        dead_letters: counts.dead_letters,
        dead_letters_in_file: figures.dead_letters,
        deleted_unread,
    }
}

/// Seconds, to the millisecond.
pub fn seconds(time: Duration) -> f64 {
    time.as_millis() as f64 / 1000.0
}

/// To the second, in UTC. `None` for a time that no calendar can represent.
pub fn rfc3339(time: SystemTime) -> Option<String> {
    Some(Timestamp::try_from(time).ok()?.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// The longest part of a health text that an address may take: what waits must be read, too.
const TARGET_CHARACTERS_MAX: usize = 30;

/// For health: what is wrong, since when, how much waits, and that nothing is lost. The destination's own words come last, because a long text
/// is cut. `None`: nothing is wrong.
pub fn fault(report: &CourierReport) -> Option<String> {
    let waits = what_waits(report);
    match report.state.as_str() {
        "ended" => Some(format!("ended, because its cursor was removed while it ran: restart the server; {waits}")),
        "waiting" => {
            let mut text = short(&report.target);
            let trouble = report.trouble.as_deref().and_then(Trouble::named).unwrap_or(Trouble::Other);
            let code = report.code.clone().unwrap_or_default();
            let _ = write!(text, " {}", Cause::new(trouble, code, ""));
            if let (Some(since), Some(seconds)) = (&report.since, report.seconds) {
                let _ = write!(text, " since {since} ({})", length_ms((seconds * 1000.0) as u64));
            }
            let _ = write!(text, "; {waits}");
            if let Some(error) = report.error.as_deref().filter(|error| !error.is_empty()) {
                let _ = write!(text, ": {error}");
            }
            Some(text)
        }
        // What it could not do, beside what it does.
        "ready" => {
            let trouble = Trouble::named(report.trouble.as_deref()?).unwrap_or(Trouble::Other);
            let error = report.error.as_deref().unwrap_or_default();
            Some(format!("{}; {waits}: {error}", trouble.advice()))
        }
        _ => None,
    }
}

/// An address without its user and parameters, and if it is too long then visibly without its end: half a port would be another address.
fn short(target: &str) -> String {
    let address = target.split_once('?').map_or(target, |(address, _)| address);
    let address = address.rsplit_once('@').map_or(address, |(_, address)| address);
    match address.char_indices().nth(TARGET_CHARACTERS_MAX) {
        None => address.to_owned(),
        Some(_) => address.chars().take(TARGET_CHARACTERS_MAX - 1).chain(['…']).collect(),
    }
}

/// Notes which of `behind` hold records that may not go before those of `first`, because that one does not deliver.
pub fn note_who_is_behind(reports: &mut [CourierReport], first: &str, behind: &[&str]) {
    let is_held_up = |report: &CourierReport| report.name == first && matches!(&*report.state, "waiting" | "ended");
    if !reports.iter().any(is_held_up) {
        return;
    }
    for report in reports.iter_mut().filter(|report| behind.contains(&report.name.as_str())) {
        let has_records = report.lag.is_none_or(|lag| lag.bytes > 0);
        report.behind = has_records.then(|| first.to_owned());
    }
}

/// How much of the log a courier has not delivered, and whether all of it is still there.
pub fn what_waits(report: &CourierReport) -> String {
    let what = match report.lag {
        Some(lag) if lag.bytes == 0 => "nothing waits yet".to_owned(),
        Some(lag) => {
            let wait = if lag.records == 1 { "waits" } else { "wait" };
            format!("{} ({}) {wait} in the log", counted(lag.records, "record"), bytes(lag.bytes))
        }
        None => "its records wait in the log".to_owned(),
    };
    match report.deleted_unread {
        0 => format!("{what}, nothing is lost"),
        lost => format!("{what}; {} deleted unread, as the disk was full", counted(lost, "record")),
    }
}

#[cfg(test)]
mod tests;
