//! Tells the server which sessions of the log belong to which project, newest segments first.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::log::LogError;
use crate::log::format::record::{Kind, Record};
use crate::log::read::reader::{LogReader, SegmentInfo, SegmentReader, SegmentState};
use crate::session::SessionId;

use super::wall_us;

/// Sessions are looked for this far back: no token lives longer by default.
const BACK: Duration = Duration::from_secs(24 * 3600);

/// Sessions told at most.
const SESSIONS_MAX: usize = 1 << 18;

/// The first part that is told; each further one is as large as all before.
const PART_MIN: usize = 1024;

/// What is told.
#[derive(Debug)]
pub enum Told {
    /// These sessions, and their projects.
    Sessions(Vec<(SessionId, u32)>),
    /// Nothing more comes.
    All,
}

/// Who is told.
pub type Tell = Box<dyn Fn(Told) + Send>;

/// What was read.
#[derive(Debug, Default)]
pub struct Read {
    /// Starts told.
    pub sessions: usize,
    /// The first fault that cost a segment, or its rest.
    pub fault: Option<String>,
}

/// Reads the start records of the last day, tells them and hands each to `note`. What can't be read of one segment costs nothing of
/// the others.
pub fn tell_sessions(
    reader: &LogReader,
    tell: &dyn Fn(Told),
    stopping: &AtomicBool,
    mut note: impl FnMut(&Record<'_>),
) -> Result<Read, LogError> {
    let oldest_us = wall_us().saturating_sub(BACK.as_micros() as u64);
    let mut segments: Vec<SegmentInfo> = reader.segments()?;
    segments.retain(|segment| segment.bytes > 0 && may_hold_starts(segment, oldest_us));
    segments.sort_by_key(|segment| std::cmp::Reverse(segment.id));
    let mut read = Read::default();
    let mut part = Vec::new();
    for segment in &segments {
        if read.sessions >= SESSIONS_MAX || stopping.load(Ordering::Relaxed) {
            break;
        }
        let before = part.len();
        let outcome = starts_of(segment, stopping, |start| {
            part.push((SessionId(start.session), start.project));
            note(start);
        });
        read.sessions += part.len() - before;
        match outcome {
            Ok(()) => {}
            // Not a segment yet: it was being made when the folder was listed.
            Err(LogError::Foreign { .. }) if segment.state != SegmentState::Sealed => {}
            Err(error) => drop(read.fault.get_or_insert_with(|| error.to_string())),
        }
        if part.len() >= PART_MIN.max(read.sessions / 2) {
            tell(Told::Sessions(std::mem::take(&mut part)));
        }
    }
    tell(Told::Sessions(part));
    Ok(read)
}

fn may_hold_starts(segment: &SegmentInfo, oldest_us: u64) -> bool {
    segment.sidecar.as_ref().is_none_or(|sidecar| sidecar.starts > 0 && sidecar.last_us >= oldest_us)
}

fn starts_of(segment: &SegmentInfo, stopping: &AtomicBool, mut take: impl FnMut(&Record<'_>)) -> Result<(), LogError> {
    let gone = |error: &LogError| matches!(error, LogError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound);
    let mut reader = match SegmentReader::open(segment) {
        Ok(reader) => reader,
        // Sealed since it was listed, or deleted: then its sessions are forgotten as they should be.
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
