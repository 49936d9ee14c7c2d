//! What operators are told of the couriers: reports, health and metrics.
//!
//! Whatever takes the disk to know is measured apart ([`Measured::measure`]); everything else here only reads what is in memory.

use std::collections::HashMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;

use crate::admin::{CourierReport, LagReport};
use crate::consume::Lag;
use crate::courier::{Courier, DeadLetters, DestinationState};
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

/// A courier's report.
pub fn report(courier: &Courier, figures: Figures) -> CourierReport {
    let state = courier.status().state();
    let waiting = match &state {
        DestinationState::Waiting(waiting) => Some(waiting),
        DestinationState::Starting | DestinationState::Ready => None,
    };
    let cause = waiting.map(|waiting| &waiting.cause);
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
    }
}

/// Seconds, to the millisecond.
fn seconds(time: Duration) -> f64 {
    time.as_millis() as f64 / 1000.0
}

/// To the second, in UTC. `None` for a time that no calendar can represent.
fn rfc3339(time: SystemTime) -> Option<String> {
    Some(Timestamp::try_from(time).ok()?.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}
