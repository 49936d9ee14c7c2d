//! Tells the cores which sessions of the log belong to which project, newest segments first.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::{SendTimeoutError, Sender};

use crate::log::LogError;
use crate::log::reader::{LogReader, SegmentInfo, SegmentReader};
use crate::log::record::{Kind, Record};
use crate::session::SessionId;

use super::wall_us;

/// Sessions are looked for this far back: no token lives longer by default.
const BACK: Duration = Duration::from_secs(24 * 3600);

/// Sessions told at most.
const SESSIONS_MAX: u64 = 100_000;

/// How long a full inbox is waited for; its core empties it with each sweep.
const INBOX_PATIENCE: Duration = Duration::from_millis(500);

/// Reads the start records of the last day, tells the cores and hands each to `note`. Gives how many there were.
pub fn tell_sessions(
    reader: &LogReader,
    inboxes: &[Sender<(SessionId, u32)>],
    stopping: &AtomicBool,
    mut note: impl FnMut(&Record<'_>),
) -> Result<u64, LogError> {
    let oldest_us = wall_us().saturating_sub(BACK.as_micros() as u64);
    let mut segments: Vec<SegmentInfo> = reader.segments()?;
    segments.retain(|segment| segment.bytes > 0 && may_hold_starts(segment, oldest_us));
    segments.sort_by_key(|segment| std::cmp::Reverse(segment.id));
    let mut told = 0;
    for segment in &segments {
        if told >= SESSIONS_MAX || stopping.load(Ordering::Relaxed) {
            break;
        }
        told += tell_segment(segment, inboxes, stopping, &mut note)?;
    }
    Ok(told)
}

fn may_hold_starts(segment: &SegmentInfo, oldest_us: u64) -> bool {
    segment.sidecar.as_ref().is_none_or(|sidecar| sidecar.starts > 0 && sidecar.last_us >= oldest_us)
}

fn tell_segment(
    segment: &SegmentInfo,
    inboxes: &[Sender<(SessionId, u32)>],
    stopping: &AtomicBool,
    note: &mut impl FnMut(&Record<'_>),
) -> Result<u64, LogError> {
    let mut reader = match SegmentReader::open(segment) {
        Ok(reader) => reader,
        // Deleted, or sealed, since it was listed: a few sessions less are known.
        Err(LogError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut told = 0;
    loop {
        match reader.next() {
            Ok(Some(record)) if record.kind == Kind::Start => {
                tell(SessionId(record.session), record.project, inboxes);
                note(&record);
                told += 1;
            }
            Ok(Some(_)) => {}
            Ok(None) => return Ok(told),
            Err(LogError::Damaged { .. }) => {
                reader.resync()?;
            }
            Err(error) => return Err(error),
        }
        if stopping.load(Ordering::Relaxed) {
            return Ok(told);
        }
    }
}

fn tell(session: SessionId, project: u32, inboxes: &[Sender<(SessionId, u32)>]) {
    for inbox in inboxes {
        // A core that is busy, or gone, knows one session less.
        if let Err(SendTimeoutError::Disconnected(_)) = inbox.send_timeout((session, project), INBOX_PATIENCE) {
            return;
        }
    }
}
