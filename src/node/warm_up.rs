//! The warm-up: finds out which of the last day's sessions belong to which project, reading the log at the start, newest segments first.
//!
//! A token names a session but not its project. So requests of sessions that began before this start wait for the warm-up's findings; see
//! [`crate::server`].

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::base::time::wall_us;
use crate::checker::EarlierStarts;
use crate::log::LogError;
use crate::log::format::record::{Kind, Record};
use crate::log::read::reader::{LogReader, SegmentInfo, SegmentReader, SegmentState};
use crate::session::SessionId;
use crate::telemetry::{Level, Logger};

/// How far back it looks for starts: by default no token lives longer.
const BACK: Duration = Duration::from_secs(24 * 3600);

/// The most sessions that are reported.
const SESSIONS_MAX: usize = 1 << 18;

/// The size of the first batch of findings; each further batch is as large as all before it.
const PART_MIN: usize = 1024;

/// Its findings.
#[derive(Debug)]
pub enum Found {
    /// Sessions and their projects.
    Sessions(Vec<(SessionId, u32)>),
    /// The end: nothing more follows.
    All,
}

/// A running warm-up. Dropping this ends it.
#[derive(Debug)]
pub struct WarmUp {
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl WarmUp {
    /// Starts the thread, which ends by itself once everything has been read. `tell` receives the findings; the checker is notified of each
    /// start, and may begin after the last one.
    ///
    /// # Errors
    /// The thread could not be started.
    pub fn spawn(
        log_dir: PathBuf,
        tell: impl Fn(Found) + Send + 'static,
        mut checker: EarlierStarts,
        logger: Logger,
    ) -> io::Result<Self> {
        let stopping = Arc::new(AtomicBool::new(false));
        let thread = std::thread::Builder::new().name("warm-up".into()).spawn({
            let stopping = Arc::clone(&stopping);
            move || {
                let note = |start: &Record<'_>| checker.note(start);
                let outcome =
                    LogReader::open(&log_dir).and_then(|reader| find_sessions(&reader, &tell, note, &stopping));
                // Whatever the outcome, no request has to wait any longer.
                tell(Found::All);
                drop(checker);
                report(outcome, &logger);
            }
        })?;
        Ok(Self { stopping, thread: Some(thread) })
    }

    /// Ends the thread.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // The panic hook has already printed any panic there; there is nothing left to do.
            let _ = thread.join();
        }
    }
}

impl Drop for WarmUp {
    fn drop(&mut self) {
        self.end();
    }
}

/// The outcome of a warm-up.
#[derive(Debug, Default)]
struct Outcome {
    /// The number of starts found.
    sessions: usize,
    /// The first fault that cost a segment or the rest of one.
    fault: Option<String>,
}

/// Reads the last day's starts. An unreadable segment does not affect the others.
fn find_sessions(
    reader: &LogReader,
    tell: &dyn Fn(Found),
    mut note: impl FnMut(&Record<'_>),
    stopping: &AtomicBool,
) -> Result<Outcome, LogError> {
    let oldest_us = wall_us().saturating_sub(BACK.as_micros() as u64);
    let mut segments: Vec<SegmentInfo> = reader.segments()?;
    segments.retain(|segment| segment.bytes > 0 && may_hold_starts(segment, oldest_us));
    segments.sort_by_key(|segment| std::cmp::Reverse(segment.id));
    let mut outcome = Outcome::default();
    let mut part = Vec::new();
    for segment in &segments {
        if outcome.sessions >= SESSIONS_MAX || stopping.load(Ordering::Relaxed) {
            break;
        }
        let before = part.len();
        let read = read_starts(segment, stopping, |start| {
            part.push((SessionId(start.session), start.project));
            note(start);
        });
        outcome.sessions += part.len() - before;
        match read {
            Ok(()) => {}
            // Not a segment yet: it was being created when the folder was listed.
            Err(LogError::Foreign { .. }) if segment.state != SegmentState::Sealed => {}
            Err(error) => drop(outcome.fault.get_or_insert_with(|| error.to_string())),
        }
        if part.len() >= PART_MIN.max(outcome.sessions / 2) {
            tell(Found::Sessions(std::mem::take(&mut part)));
        }
    }
    tell(Found::Sessions(part));
    Ok(outcome)
}

fn may_hold_starts(segment: &SegmentInfo, oldest_us: u64) -> bool {
    segment.sidecar.as_ref().is_none_or(|sidecar| sidecar.starts > 0 && sidecar.last_us >= oldest_us)
}

fn read_starts(
    segment: &SegmentInfo,
    stopping: &AtomicBool,
    mut take: impl FnMut(&Record<'_>),
) -> Result<(), LogError> {
    let gone =
        |error: &LogError| matches!(error, LogError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound);
    let mut reader = match SegmentReader::open(segment) {
        Ok(reader) => reader,
        // It was sealed since it was listed, or deleted: then its sessions are forgotten, as they should be.
        Err(error) if gone(&error) => {
            let Some(sealed) = segment.sealed_since() else { return Ok(()) };
            match SegmentReader::open(&sealed) {
                Err(error) if gone(&error) => return Ok(()),
                opened => opened?,
            }
        }
        Err(error) => return Err(error),
    };
    while !stopping.load(Ordering::Relaxed) {
        match reader.next() {
            Ok(Some(record)) if record.kind == Kind::Start => take(&record),
            Ok(Some(_)) => {}
            Ok(None) => break,
            Err(LogError::Damaged { .. }) => drop(reader.resync()?),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn report(outcome: Result<Outcome, LogError>, logger: &Logger) {
    let warn = |message, error: &str| logger.event(Level::Warn, crate::caller!(), message, &[("error", error)]);
    match outcome {
        Ok(Outcome { sessions, fault }) => {
            if let Some(fault) = fault {
                warn("sessions in a part of the log could not be read, the others are known", &fault);
            }
            let sessions = sessions.to_string();
            let fields = [("sessions", &*sessions)];
            logger.event(Level::Info, crate::caller!(), "sessions known from the log", &fields);
        }
        Err(error) => warn("the sessions in the log could not be read", &error.to_string()),
    }
}
