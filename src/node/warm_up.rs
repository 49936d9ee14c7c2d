//! The warm-up: finds out which of the last day's sessions belong to which project, reading the log at the start, newest segments first, and then the
//! archive: a start may be there alone.
//!
//! A token names a session but not its project. So requests of sessions that began before this start wait for the warm-up's findings; see
//! [`crate::server`].

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

#[cfg(feature = "archive")]
use crate::archive::{place::Place, recent_starts::recent_starts};
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
    /// start, and may begin after the last one. `archive` is the data folder whose archive is read too, if one is kept.
    ///
    /// # Errors
    /// The thread could not be started.
    pub fn spawn(
        log_dir: PathBuf,
        archive: Option<PathBuf>,
        tell: impl Fn(Found) + Send + 'static,
        mut checker: EarlierStarts,
        logger: Logger,
    ) -> io::Result<Self> {
        let stopping = Arc::new(AtomicBool::new(false));
        let thread = std::thread::Builder::new().name("warm-up".into()).spawn({
            let stopping = Arc::clone(&stopping);
            move || {
                let mut findings = Findings { tell: &tell, part: Vec::new(), sessions: 0, fault: None };
                let outcome = LogReader::open(&log_dir)
                    .and_then(|reader| find_sessions(&reader, &mut findings, &mut checker, &stopping));
                if let Some(data) = &archive {
                    find_archived(data, &mut findings, &mut checker, &stopping);
                }
                let found = findings.finish();
                let outcome = outcome.map(|()| found);
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
    /// The first fault that cost a segment, a file of the archive, or the rest of one.
    fault: Option<String>,
}

/// What is found, told in parts.
struct Findings<'a> {
    tell: &'a dyn Fn(Found),
    part: Vec<(SessionId, u32)>,
    sessions: usize,
    fault: Option<String>,
}

impl Findings<'_> {
    fn is_full(&self) -> bool {
        self.sessions >= SESSIONS_MAX
    }

    fn add(&mut self, session: u64, project: u32) {
        self.part.push((SessionId(session), project));
        self.sessions += 1;
    }

    /// Tells what was found since the last time, if that is enough for a part.
    fn tell_part(&mut self) {
        if self.part.len() >= PART_MIN.max(self.sessions / 2) {
            (self.tell)(Found::Sessions(std::mem::take(&mut self.part)));
        }
    }

    fn fails(&mut self, error: &dyn std::fmt::Display) {
        self.fault.get_or_insert_with(|| error.to_string());
    }

    fn finish(self) -> Outcome {
        (self.tell)(Found::Sessions(self.part));
        Outcome { sessions: self.sessions, fault: self.fault }
    }
}

fn oldest_us() -> u64 {
    wall_us().saturating_sub(BACK.as_micros() as u64)
}

/// Reads the last day's starts in the log. An unreadable segment does not affect the others.
fn find_sessions(
    reader: &LogReader,
    findings: &mut Findings<'_>,
    checker: &mut EarlierStarts,
    stopping: &AtomicBool,
) -> Result<(), LogError> {
    let oldest_us = oldest_us();
    let mut segments: Vec<SegmentInfo> = reader.segments()?;
    segments.retain(|segment| segment.bytes > 0 && may_hold_starts(segment, oldest_us));
    segments.sort_by_key(|segment| std::cmp::Reverse(segment.id));
    for segment in &segments {
        if findings.is_full() || stopping.load(Ordering::Relaxed) {
            break;
        }
        let read = read_starts(segment, stopping, |start| {
            findings.add(start.session, start.project);
            checker.note(start);
        });
        match read {
            Ok(()) => {}
            // Not a segment yet: it was being created when the folder was listed.
            Err(LogError::Foreign { .. }) if segment.state != SegmentState::Sealed => {}
            Err(error) => findings.fails(&error),
        }
        findings.tell_part();
    }
    Ok(())
}

/// Reads the last day's starts in the archive: with `retain_log = "until archived"` a session goes on longer than the log keeps its start.
#[cfg(feature = "archive")]
fn find_archived(data: &Path, findings: &mut Findings<'_>, checker: &mut EarlierStarts, stopping: &AtomicBool) {
    let place = Place::in_data(data);
    let read = recent_starts(&place, oldest_us(), |start| {
        findings.add(start.session, start.project);
        checker.note_known(start.session, start.project, start.tracker_version);
        findings.tell_part();
        !findings.is_full() && !stopping.load(Ordering::Relaxed)
    });
    match read {
        Ok(None) => {}
        Ok(Some(error)) | Err(error) => findings.fails(&error),
    }
}

#[cfg(not(feature = "archive"))]
fn find_archived(_: &Path, _: &mut Findings<'_>, _: &mut EarlierStarts, _: &AtomicBool) {}

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
                warn("sessions in a part of the log or the archive could not be read, the others are known", &fault);
            }
            let sessions = sessions.to_string();
            let fields = [("sessions", &*sessions)];
            logger.event(Level::Info, crate::caller!(), "sessions known from the log", &fields);
        }
        Err(error) => warn("the sessions in the log could not be read", &error.to_string()),
    }
}
