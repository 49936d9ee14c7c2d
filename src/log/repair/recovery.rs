//! Settling what a server left that did not close its log: every `.open` segment becomes a sealed one, or goes to quarantine.
//!
//! "How recovery decides" in the header of [`crate::log`] is the rule; this file carries it out. It runs before the control pages are written anew,
//! because they tell how far each segment was durable. Sealed segments are not read, so that its time does not grow with the log. Whatever
//! it meets, it goes on: what it could not do is in [`Recovery::problems`].

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use uuid::Uuid;

use crate::log::clock::order::NEWEST_AHEAD_US_MAX;
use crate::log::disk::calls;
use crate::log::disk::calls::Disk;
use crate::log::error::{Damage, LogError};
use crate::log::format::control;
use crate::log::format::control::ControlView;
use crate::log::format::sidecar::Sidecar;
use crate::log::names::{OPEN, SEALED, segment_id};
use crate::log::read::description;
use crate::log::read::reader::{QUARANTINE_DIR_NAME, SegmentFile, core_dirs, segment_files, strangers_of};

mod quarantine;
mod settle;

use quarantine::Quarantine;
use settle::Told;

/// What recovery did.
#[derive(Debug, Default)]
pub struct Recovery {
    /// Segments that were left open and are sealed now.
    pub segments: u64,
    /// The intact records in them.
    pub records: u64,
    /// Those of them that are batches.
    pub batches: u64,
    /// Bytes that were never acknowledged and are not intact.
    pub dropped_bytes: u64,
    /// Damage below the durable end: something that may have been acknowledged is lost there.
    pub damage: Vec<Damage>,
    /// Files that were moved to quarantine because they are not segments of this log, or cannot be read at all.
    pub quarantined: Vec<PathBuf>,
    /// What could not be done.
    pub problems: Vec<LogError>,
    /// The order time of the newest record in the log; 0 for an empty one. The clock must not start behind it.
    pub newest_us: u64,
    /// How long it took.
    pub took: Duration,
}

impl Recovery {
    fn add(&mut self, other: Recovery) {
        self.segments += other.segments;
        self.records += other.records;
        self.batches += other.batches;
        self.dropped_bytes += other.dropped_bytes;
        self.damage.extend(other.damage);
        self.quarantined.extend(other.quarantined);
        self.problems.extend(other.problems);
        self.newest_us = self.newest_us.max(other.newest_us);
    }
}

/// Settles every segment that was left open, in every `core-NN` folder there is. The caller holds the log's lock.
///
/// The only error is that the log's folder cannot be listed.
pub fn recover(log_dir: &Path, log: Uuid) -> Result<Recovery, LogError> {
    let at_once = std::thread::available_parallelism().map_or(1, |threads| threads.get());
    recover_on(calls::REAL, log_dir, log, at_once)
}

/// Like [`recover`], with up to `at_once` folders at a time.
pub(in crate::log) fn recover_on(
    disk: &'static dyn Disk,
    log_dir: &Path,
    log: Uuid,
    at_once: usize,
) -> Result<Recovery, LogError> {
    let begun = Instant::now();
    let dirs = core_dirs(log_dir)?;
    let mut recovery = Recovery::default();
    for some in dirs.chunks(at_once) {
        if let [(core, dir)] = some {
            recovery.add(recover_core(disk, log_dir, log, *core, dir));
        } else {
            recover_at_once(disk, log_dir, log, some, &mut recovery);
        }
    }
    recovery.took = begun.elapsed();
    Ok(recovery)
}

/// Several folders, each on a thread of its own: most of the time goes into waiting for the disk.
fn recover_at_once(
    disk: &'static dyn Disk,
    log_dir: &Path,
    log: Uuid,
    dirs: &[(u16, PathBuf)],
    recovery: &mut Recovery,
) {
    std::thread::scope(|scope| {
        let running: Vec<_> =
            dirs.iter().map(|(core, dir)| scope.spawn(|| recover_core(disk, log_dir, log, *core, dir))).collect();
        for thread in running {
            match thread.join() {
                Ok(of_core) => recovery.add(of_core),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
}

/// One core's folder as it is being recovered.
struct CoreRecovery<'a> {
    disk: &'static dyn Disk,
    log: Uuid,
    core: u16,
    dir: &'a Path,
    quarantine: Quarantine,
    /// The wall clock when the server ended that left the segments open, at the latest; 0 where that is not known.
    ended_us: u64,
    done: Recovery,
}

/// How long after the last anchoring of the clock a server may have gone on: the keeper anchors once a second.
const AFTER_ANCHOR_US_MAX: u64 = 60_000_000;

fn recover_core(disk: &'static dyn Disk, log_dir: &Path, log: Uuid, core: u16, dir: &Path) -> Recovery {
    let quarantine = Quarantine::new(disk, log_dir.join(QUARANTINE_DIR_NAME), core);
    let ended = control::last_times(&log_dir.join(control::CLOCK_FILE_NAME));
    let ended_us = ended.map_or(0, |(_, latest_us)| latest_us.saturating_add(AFTER_ANCHOR_US_MAX));
    let mut recovery = CoreRecovery { disk, log, core, dir, quarantine, ended_us, done: Recovery::default() };
    recovery.remove_leftovers();
    match segment_files(dir) {
        Ok(files) => recovery.settle_all(&files),
        Err(error) => recovery.done.problems.push(error),
    }
    recovery.done
}

impl CoreRecovery<'_> {
    fn settle_all(&mut self, files: &[SegmentFile]) {
        // A page that was left in mid change names no segment; what it could add, the records vouch for.
        let page = ControlView::read(&self.dir.join(control::FILE_NAME));
        let mut sealed = files.iter().filter(|file| file.is_sealed());
        if let Some(newest) = sealed.next_back() {
            let newest_us = self.newest_sealed_us(newest);
            self.done.newest_us = self.done.newest_us.max(newest_us);
        }
        for file in files {
            let open = file.path.with_extension(OPEN);
            if file.is_sealed() {
                if open.exists() {
                    self.set_aside(&open, "a sealed segment of the same name exists");
                }
                continue;
            }
            match self.settle(file, Told::by(page.as_ref(), file.id)) {
                Ok(()) => {}
                Err(LogError::Foreign { reason, .. }) => self.set_aside(&open, reason),
                Err(LogError::Version { .. }) => self.set_aside(&open, "written by a newer takeup"),
                Err(error) => self.done.problems.push(error),
            }
        }
        if let Err(error) = sync_dir(self.disk, self.dir) {
            self.done.problems.push(error);
        }
    }

    /// The newest order time in a sealed segment: by its sidecar, or by its records where the sidecar is lost or tells a time that
    /// would throw the clock far ahead.
    fn newest_sealed_us(&mut self, file: &SegmentFile) -> u64 {
        let told = Sidecar::read(&file.path).ok().flatten().map(|sidecar| sidecar.last_us);
        let now_us = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64);
        match told {
            Some(told_us) if told_us < now_us.saturating_add(NEWEST_AHEAD_US_MAX) => told_us,
            _ => match description::describe(&file.path, self.log, self.core, file.id) {
                Ok(found) => found.last_us,
                Err(error) => {
                    self.done.problems.push(error);
                    0
                }
            },
        }
    }

    /// Removes what was being written when the server ended, and sets aside segments with impossible names.
    fn remove_leftovers(&mut self) {
        let Ok(entries) = fs::read_dir(self.dir) else { return };
        let paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        for path in paths {
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("tmp") => {
                    if let Err(error) = self.disk.remove(&path) {
                        self.done.problems.push(LogError::io(&path, "remove a file that was not finished")(error));
                    }
                }
                Some(OPEN | SEALED) if stem.and_then(segment_id).is_none() => {
                    self.set_aside(&path, "its name is not that of a segment");
                }
                _ => {}
            }
        }
        for path in strangers_of(self.dir) {
            self.set_aside(&path, "the name of a segment, and not a file");
        }
    }

    fn set_aside(&mut self, path: &Path, reason: &'static str) {
        match self.quarantine.take(path, reason) {
            Ok(to) => self.done.quarantined.push(to),
            Err(error) => self.done.problems.push(error),
        }
    }
}

/// Makes a folder's names durable.
pub(in crate::log) fn sync_dir(disk: &dyn Disk, dir: &Path) -> Result<(), LogError> {
    disk.sync_dir(dir).or_else(tolerate_unsupported).map_err(LogError::io(dir, "sync the folder"))
}

/// Some file systems cannot sync a folder, and say so; they need none.
fn tolerate_unsupported(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::InvalidInput { Ok(()) } else { Err(error) }
}

#[cfg(test)]
mod tests;
