//! Settles what a server left without closing its log: every `.open` segment becomes a sealed one, or goes to quarantine.
//!
//! "How recovery decides" in the header of [`crate::log`] is the rule; this file carries it out. It runs before the control pages are written anew,
//! because they tell how far each segment was durable. Sealed segments are not read, so that its time does not grow with the log. Whatever
//! it meets, it goes on: what it could not do is in [`Recovery::problems`].

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use uuid::Uuid;

use crate::log::clock::order::NEWEST_AHEAD_US_MAX;
use crate::log::disk::calls;
use crate::log::disk::calls::Disk;
use crate::log::error::LogError;
use crate::log::format::control;
use crate::log::format::control::ControlView;
use crate::log::format::sidecar::Sidecar;
use crate::log::names::{OPEN, SEALED, segment_id};
use crate::log::read::description;
use crate::log::read::reader::{QUARANTINE_DIR_NAME, SegmentFile, core_dirs, segment_files, strangers_of};

mod core_recovery;
mod durability;
mod quarantine;
mod report;
mod settle;
mod stages;
mod sync;

pub use report::Recovery;

use core_recovery::CoreRecovery;
use durability::KnownDurable;
use quarantine::Quarantine;
use sync::sync_dir;

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
        self.fill_from_stages(files, page.as_ref());
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
            match self.settle(file, KnownDurable::by(page.as_ref(), file.id)) {
                Ok(()) => {}
                Err(LogError::Foreign { reason, .. }) => self.set_aside(&open, reason),
                Err(LogError::Version { .. }) => self.set_aside(&open, "written by a newer takeup"),
                Err(error) => self.done.problems.push(error),
            }
        }
        if let Err(error) = sync_dir(self.disk, self.dir) {
            self.done.problems.push(error);
        }
        self.remove_stages();
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
}

#[cfg(test)]
mod tests;
