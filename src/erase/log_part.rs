//! Erases from the log, and from what recovery set aside.

use uuid::Uuid;

use crate::log::LogError;
use crate::log::cursor::Cursors;
use crate::log::erase::{AloneHold, Erasing, Found, erase_aside, erase_segment, remove_leftovers};
use crate::log::read::reader::{LogReader, SegmentState};

use super::error::EraseError;
use super::looked::Looked;
use super::receipt::{Findings, NotReached, PlaceReport};
use super::targets::Targets;

/// The name of the log among the places of a receipt.
pub const LOG: &str = "log";
/// The name of what recovery set aside.
pub const QUARANTINE: &str = "quarantine";

/// How a run erases.
#[derive(Debug, Clone, Copy)]
pub struct Mode {
    /// The receipt.
    pub receipt: Uuid,
    /// When, seconds since 1970.
    pub unix_seconds: u64,
    /// Whether only to find what would be erased.
    pub dry_run: bool,
    /// Whether a server runs.
    pub served: bool,
}

/// Erases from all sealed segments; `found` is told of each record, `step` of each segment that was looked at. What is not sealed is told as not
/// reached, unless it has nothing durable. Returns which were looked at.
///
/// # Errors
/// The log can't be listed, or a segment not be replaced.
pub fn erase_log(
    reader: &LogReader,
    cursors: &Cursors,
    targets: &Targets,
    mode: Mode,
    found: &mut dyn FnMut(&Found),
    step: &mut dyn FnMut(usize, usize),
    findings: &mut Findings,
) -> Result<Looked, EraseError> {
    let mut looked = Looked::default();
    let mut place = PlaceReport::new(LOG);
    for left in remove_leftovers(reader.dir(), cursors, mode.served, !mode.dry_run)? {
        place.files += 1;
        place.files_changed += u64::from(left.removed);
    }
    let segments = reader.segments()?;
    let all = segments.len();
    for (done, info) in segments.into_iter().enumerate() {
        step(done, all);
        match info.state {
            SegmentState::Sealed => {}
            SegmentState::Ready => continue,
            // What is durable is looked at by a dry run, too, which seals nothing.
            _ if mode.dry_run => {}
            // A server that runs began it after it had sealed the others: what is in it was received meanwhile.
            SegmentState::Writing if mode.served => continue,
            _ => {
                findings.miss(NotReached::whole(
                    LOG,
                    info.path.display(),
                    "it could not be sealed; run the command again",
                ));
                continue;
            }
        }
        place.files += 1;
        looked.add(info.core, info.id, false);
        let mut tell = |record: Found| found(&record);
        let mut erasing = Erasing {
            wanted: &|session, project| targets.want(session, project),
            receipt: mode.receipt,
            unix_seconds: mode.unix_seconds,
            dry_run: mode.dry_run,
            found: &mut tell,
        };
        let erased = match erase_segment(&info, cursors, &mut erasing) {
            Ok(erased) => erased,
            // Of another log, or of a newer version, or not to be read: it stays as it is, and is told.
            Err(error @ (LogError::Foreign { .. } | LogError::Version { .. } | LogError::Damaged { .. })) => {
                findings.miss(NotReached::whole(LOG, info.path.display(), error.to_string()));
                continue;
            }
            Err(error) if is_unreadable(&error) => {
                findings.miss(NotReached::whole(LOG, info.path.display(), error.to_string()));
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        place.files_changed += u64::from(erased.records > 0);
        place.records += erased.records;
        place.bytes += erased.bytes;
        for damage in &erased.unreadable {
            findings.miss(NotReached {
                place: LOG.to_owned(),
                path: damage.path.display().to_string(),
                offset: Some(damage.offset),
                bytes: Some(damage.bytes),
                reason: damage.reason.to_owned(),
            });
        }
        findings.not_reached_count += erased.unreadable_count - erased.unreadable.len() as u64;
        let is_clean = erased.unreadable_count == 0 && !erased.gone && (erased.records == 0 || !mode.dry_run);
        looked.add(info.core, info.id, is_clean);
    }
    step(all, all);
    findings.places.push(place);
    erase_quarantine(reader, targets, mode, findings)?;
    Ok(looked)
}

/// A disk that can't give the bytes.
fn is_unreadable(error: &LogError) -> bool {
    let errno = rustix::io::Errno::IO.raw_os_error();
    matches!(error, LogError::Io { source, .. } if source.raw_os_error() == Some(errno))
}

fn erase_quarantine(
    reader: &LogReader,
    targets: &Targets,
    mode: Mode,
    findings: &mut Findings,
) -> Result<(), EraseError> {
    let mut place = PlaceReport::new(QUARANTINE);
    let wanted = |session, project| targets.want(session, project);
    for aside in erase_aside(reader.dir(), &wanted, mode.dry_run)? {
        place.files += 1;
        place.files_changed += u64::from(aside.records > 0 && !mode.dry_run);
        place.records += aside.records;
        place.bytes += aside.bytes;
        if aside.unreadable_bytes > 0 {
            findings.miss(NotReached {
                place: QUARANTINE.to_owned(),
                path: aside.path.display().to_string(),
                offset: None,
                bytes: Some(aside.unreadable_bytes),
                reason: "it can't be told whose these bytes are; remove the file if nobody needs it".to_owned(),
            });
        }
    }
    findings.places.push(place);
    Ok(())
}

/// What could not be sealed when the log was taken.
pub fn miss_unsealed(hold: &AloneHold, findings: &mut Findings) {
    for problem in &hold.recovered.problems {
        findings.miss(NotReached::whole(LOG, "log", problem.to_string()));
    }
}
