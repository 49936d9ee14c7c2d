//! Sealing: a segment that is complete becomes a file that never changes again.
//!
//! The file is cut to length, synced and described, the sidecar is written, and only then is it renamed: a `.seg` is always whole and has its
//! sidecar. A crash at any point leaves an `.open` file that the next start seals again. The description is built while the segment grows, by a thread
//! of its own (`hash.rs`): sealing waits for half a dozen syncs, and what is read of a growing segment is in memory for a moment only.

use std::fs::OpenOptions;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use uuid::Uuid;

use crate::log::disk::calls;
use crate::log::disk::calls::Disk;
use crate::log::disk::page::PAGE_BYTES;
use crate::log::error::LogError;
use crate::log::format::sidecar::Sidecar;
use crate::log::names::{OPEN, SEALED, file_name};
use crate::log::options::Ack;
use crate::log::read::description;
use crate::log::read::description::Description;

use super::fault::LogThread;
use super::retired::Retired;
use super::segment::RECORDS_FROM;
use super::shared::Shared;
use super::watch::Watch;

/// How long the sealer waits before it retries a failed segment.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// What is known about a segment to be sealed.
#[derive(Debug, Clone, Copy)]
pub struct Sealing {
    /// The log it belongs to.
    pub log: Uuid,
    /// Its core.
    pub core: u16,
    /// Its id.
    pub segment: u64,
    /// Its length: everything after it is cut off.
    pub bytes: u64,
    /// Whether it was found at a start, left by a server that had not closed it.
    pub recovered: bool,
}

/// Seals `<id>.open` in `core_dir`: the file becomes `<id>.seg` with the sidecar `<id>.json`.
///
/// # Errors
/// The call that failed, with the file. The segment is then still an `.open` file, and sealing it again is safe.
pub fn seal_file(core_dir: &Path, what: &Sealing) -> Result<Sidecar, LogError> {
    seal_described(calls::REAL, core_dir, what, None, 0)
}

/// The same, given what is already known about the segment and the latest wall-clock time that it may be now.
fn seal_described(
    disk: &dyn Disk,
    core_dir: &Path,
    what: &Sealing,
    begun: Option<Description>,
    latest_us: u64,
) -> Result<Sidecar, LogError> {
    let open = core_dir.join(file_name(what.segment, OPEN));
    let file =
        OpenOptions::new().write(true).open(&open).map_err(LogError::io(&open, "open the segment to seal it"))?;
    disk.set_len(&file, what.bytes).map_err(LogError::io(&open, "cut the segment to its length"))?;
    disk.sync(&file).map_err(LogError::io(&open, "sync the segment"))?;
    let mut sidecar = match begun {
        Some(begun) => begun.finish(what.bytes, latest_us)?,
        None => {
            let mut described = description::describe(&open, what.log, what.core, what.segment)?;
            described.set_received(latest_us);
            described
        }
    };
    sidecar.recovered = what.recovered;
    sidecar.write_on(disk, &open)?;
    // The sidecar's name first: of two unsynced renames a power cut may keep either one alone.
    disk.sync_dir(core_dir).map_err(LogError::io(core_dir, "sync the folder"))?;
    let sealed = core_dir.join(file_name(what.segment, SEALED));
    disk.rename(&open, &sealed).map_err(LogError::io(&open, "give the segment its sealed name"))?;
    disk.sync_dir(core_dir).map_err(LogError::io(core_dir, "sync the folder"))?;
    // A memory limit counts these pages, and the next segment can use them. Anyone still reading the segment reads it from the disk, so a
    // failure costs memory and nothing else.
    let _ = disk.drop_cache(&file);
    Ok(sidecar)
}

/// Removes a segment that holds no record.
fn remove(disk: &dyn Disk, core_dir: &Path, segment: u64) -> Result<(), LogError> {
    let open = core_dir.join(file_name(segment, OPEN));
    disk.remove(&open).map_err(LogError::io(&open, "remove the unused segment"))?;
    disk.sync_dir(core_dir).map_err(LogError::io(core_dir, "sync the folder"))
}

/// A segment to be sealed, and what is known about it.
#[derive(Debug)]
pub(in crate::log) struct Described {
    pub(in crate::log) retired: Retired,
    /// None where the file has to be read.
    pub(in crate::log) description: Option<Description>,
}

/// The thread. It ends when the hasher has dropped its queue, and the queue is empty.
pub(in crate::log) fn run(shared: &Shared, queue: &Receiver<Described>) {
    let _watch = Watch::new(shared, LogThread::Sealer);
    // Oldest first. Bounded: a core with too many unsealed segments does not roll over.
    let mut failed: Vec<Retired> = Vec::new();
    let mut tried = Instant::now();
    loop {
        let described = if failed.is_empty() {
            queue.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            queue.recv_deadline(tried + RETRY_PAUSE)
        };
        match described {
            Ok(Described { retired, description }) => {
                if failed.is_empty() {
                    tried = Instant::now();
                }
                failed.extend(seal_retired(shared, retired, description));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                // The last attempt; what fails now is sealed by the next start.
                failed.into_iter().for_each(|retired| drop(seal_retired(shared, retired, None)));
                return;
            }
        }
        if tried.elapsed() >= RETRY_PAUSE {
            for retired in std::mem::take(&mut failed) {
                failed.extend(seal_retired(shared, retired, None));
            }
            tried = Instant::now();
        }
    }
}

/// Seals the segment, or hands it back for another attempt.
pub(in crate::log) fn seal_retired(shared: &Shared, retired: Retired, begun: Option<Description>) -> Option<Retired> {
    let core = &retired.core;
    let (segment, bytes) = (retired.segment.id, retired.segment.durable());
    assert!(retired.segment.is_left(), "a segment in use is not sealed");
    assert!(bytes.is_multiple_of(PAGE_BYTES) && bytes <= retired.segment.cursor(), "the durable end is a group's end");
    // Records answered from memory that are not durable still have to be read from it. If that never happens, the next start finds them there.
    if shared.options.ack == Ack::Memory && core.awaits_cut(segment) {
        return Some(retired);
    }
    retired.segment.wait_for_format();
    let result = if bytes <= RECORDS_FROM {
        remove(shared.disk, &core.dir, segment)
    } else {
        let what = Sealing { log: shared.log, core: core.index, segment, bytes, recovered: false };
        seal_described(shared.disk, &core.dir, &what, begun, shared.clock.latest_us()).map(drop)
    };
    if result.is_err() {
        core.counters.seal_failures.fetch_add(1, Ordering::Relaxed);
        return Some(retired);
    }
    core.counters.sealed.fetch_add(1, Ordering::Relaxed);
    core.unsealed.fetch_sub(1, Ordering::AcqRel);
    core.wake_if_waiting();
    // It was cut to its length, or removed.
    shared.space_came_back();
    None
}
