//! The thread that deletes: looks at what there is, asks [`plan`](crate::log::retain::plan()), and takes out one segment after the other.
//!
//! A deletion goes so: note it in the ledger, rename `<id>.seg` to `<id>.del` (from here on no reader finds it), sync the folder; then cut the file in
//! paced steps, remove the sidecar, remove the file. A crash before the renaming is durable leaves the segment as it was; a crash after it
//! leaves a `.del` file, and the next start goes on with that. A core that fills segments as fast has a use for the file: it is blanked
//! instead, and becomes `<id>.spare` ([`super::recycle`]). The file is not changed before the renaming is durable: a power cut must not bring back
//! the name of a segment that has lost its end.
//!
//! Cursors are read anew for each deletion, under their lock: a consumer that registers before it holds segments; one that registers after it
//! begins after what was deleted.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use crate::log::cursor::{Cursors, Listed};
use crate::log::disk::calls::Disk;
use crate::log::disk::free_space::free_bytes;
use crate::log::error::LogError;
use crate::log::format::ledger;
use crate::log::format::ledger::Ledger;
use crate::log::format::sidecar;
use crate::log::names;
use crate::log::names::{core_dir, file_name};
use crate::log::retain::{
    Archived, ConsumerLag, Deletion, Event, Ids, Look, Reason, Rules, archived, held_by_clock, held_bytes, plan,
};
use crate::log::write::fault::LogThread;
use crate::log::write::shared::Shared;
use crate::log::write::spares::Spare;
use crate::log::write::watch::Watch;

use super::as_sealed::is_as_sealed;
use super::inventory::{Inventory, Known, holding, missing_bytes};
use super::recycle;
use super::shrink::{Pace, shrink};

/// How long after the start the first look is made at the latest: a start has better things to do.
const FIRST_LOOK: Duration = Duration::from_secs(1);

/// The thread. It ends when all cores are finished.
pub(in crate::log) fn run(shared: &Shared) {
    let _watch = Watch::new(shared, LogThread::Deleter);
    shared.retention.set_thread(thread::current());
    let interval = shared.options.retain_interval;
    let Some(rules) = shared.retention.rules() else { return };
    let mut deleter = Deleter::new(shared, rules);
    thread::park_timeout(interval.min(FIRST_LOOK));
    while deleter.goes_on() {
        deleter.look_and_delete();
        thread::park_timeout(interval);
    }
}

pub(in crate::log) struct Deleter<'a> {
    shared: &'a Shared,
    cursors: Cursors,
    rules: Rules,
    known: Known,
    pace: Pace,
    doubts_told: BTreeSet<String>,
    failure_told: String,
    not_archived_told: RefCell<String>,
    /// Segments that are not as they were sealed: an archive has only what was whole of them.
    altered: Ids,
    /// Whether it was reported that the clock holds segments, and then whether the operator's confirmation is needed.
    clock_told: Cell<Option<bool>>,
}

impl<'a> Deleter<'a> {
    pub(in crate::log) fn new(shared: &'a Shared, rules: Rules) -> Deleter<'a> {
        Deleter {
            shared,
            cursors: Cursors::beside_on(shared.disk, &shared.dir, shared.log),
            known: Known::default(),
            pace: Pace::new(rules.step_bytes),
            rules,
            doubts_told: BTreeSet::new(),
            failure_told: String::new(),
            not_archived_told: RefCell::default(),
            altered: Ids::new(),
            clock_told: Cell::new(None),
        }
    }

    fn goes_on(&self) -> bool {
        self.shared.cores_running.load(Ordering::SeqCst) > 0 && !self.shared.is_closing()
    }

    pub(in crate::log) fn look_and_delete(&mut self) {
        if let Some(rules) = self.shared.retention.rules() {
            self.pace.set_step(rules.step_bytes);
            self.rules = rules;
        }
        let result = self.delete_what_goes();
        match result {
            Ok(()) => self.failure_told.clear(),
            Err(error) => {
                self.shared.retention.stats_mut().failures += 1;
                let error = error.to_string();
                if error != self.failure_told {
                    self.failure_told.clone_from(&error);
                    self.shared.options.retain_listener.tell(&Event::Failed { error });
                }
            }
        }
    }

    fn delete_what_goes(&mut self) -> Result<(), LogError> {
        // Bounded by what there is: every turn but the last takes a segment out, or finishes one.
        while self.goes_on() {
            // Here, because a log that fills as quickly is looked at without an end.
            for core in &self.shared.cores {
                core.spares.count(core.counters.segments.load(Ordering::Relaxed), self.shared.options.retain_interval);
            }
            let inventory = Inventory::take(&self.shared.dir, self.shared.log, &mut self.known)?;
            if let Some(&(core, id, _)) = inventory.begun.first() {
                self.finish(core, id)?;
                continue;
            }
            if let Some((core, spare)) = recycle::surplus(self.shared, &inventory.spares, self.is_nearly_full(0)) {
                self.give_back(core, spare)?;
                continue;
            }
            let is_there = |id: &(u16, u64)| inventory.segments.iter().any(|segment| (segment.core, segment.id) == *id);
            self.altered.retain(is_there);
            let listed = self.cursors.list()?;
            self.tell_doubts(&listed);
            let holding = holding(&listed);
            let look = Look {
                segments: &inventory.segments,
                other_bytes: inventory.other_bytes,
                holding: &holding,
                retain: &self.rules.retain,
                full_disk: self.rules.full_disk,
                missing_bytes: missing_bytes(
                    &self.shared.dir,
                    self.shared.options.low_water_bytes(),
                    inventory.spare_bytes(),
                )?,
                now_us: self.shared.clock.now_us(),
                earliest_us: self.shared.clock.earliest_us(),
            };
            self.tell_of_clock(&look);
            self.report(&look, &listed);
            let mut deletions = plan(&look);
            deletions.extend(self.archived(&look, &deletions));
            let Some(deletion) = deletions.first() else { return Ok(()) };
            self.pace.set_waiting(deletions.len());
            if !self.take_out(deletion)? {
                // A consumer came between. The next look sees it.
                return Ok(());
            }
        }
        Ok(())
    }

    /// Takes a segment out of the log, and then makes its space free. False where it is held by now.
    fn take_out(&mut self, deletion: &Deletion) -> Result<bool, LogError> {
        let Deletion { core, id, bytes, records, reason } = *deletion;
        let dir = core_dir(&self.shared.dir, core);
        let (sealed, begun) = (dir.join(file_name(id, names::SEALED)), dir.join(file_name(id, names::DELETED)));
        if reason == Reason::Archived && !self.is_as_sealed(core, id, &sealed)? {
            return Ok(false);
        }
        let lock = self.cursors.lock()?;
        // A cursor that a power cut could take back has passed nothing.
        self.cursors.sync()?;
        let held_by = self.held_by(deletion)?;
        if !held_by.is_empty() && reason != Reason::Undelivered {
            return Ok(false);
        }
        if reason == Reason::Archived && !self.is_still_archived(core, id) {
            return Ok(false);
        }
        let mut ledger = Ledger::read(&dir);
        ledger.add(ledger::DeletedSegment { segment: id, bytes, records });
        ledger.write_on(self.shared.disk, &dir)?;
        let disk = self.shared.disk;
        disk.rename(&sealed, &begun).map_err(LogError::io(&sealed, "take the segment out of the log"))?;
        disk.sync_dir(&dir).map_err(LogError::io(&dir, "sync the folder"))?;
        drop(lock);
        self.count(deletion);
        self.shared.options.retain_listener.tell(&Event::Deleted { deletion: *deletion, held_by });
        self.finish(core, id)?;
        Ok(true)
    }

    /// What goes because it is in the archive, beside what goes anyway.
    fn archived(&self, look: &Look<'_>, others: &[Deletion]) -> Vec<Deletion> {
        let Some(archive) = self.rules.archive.clone() else { return Vec::new() };
        let Archived { go, waiting, fault } = archived(look, others, &self.altered, &archive);
        let mut stats = self.shared.retention.stats_mut();
        stats.awaiting_archive = waiting;
        stats.archive_fault.clone_from(&fault);
        drop(stats);
        self.tell_not_archived(fault);
        go
    }

    /// Whether the archive holds a segment, as it is now.
    fn is_still_archived(&self, core: u16, id: u64) -> bool {
        let (Some(archive), Some(segment)) = (&self.rules.archive, self.known.get(core, id)) else { return false };
        archive.of(std::slice::from_ref(segment)).is_ok_and(|answers| answers == [true])
    }

    /// Whether a segment is what was sealed.
    fn is_as_sealed(&mut self, core: u16, id: u64, path: &Path) -> Result<bool, LogError> {
        if is_as_sealed(path)? {
            return Ok(true);
        }
        self.altered.insert((core, id));
        self.tell_not_archived(Some(format!(
            "{}: the segment is not what was sealed, or has damaged places: it stays; takeup verify says more",
            path.display()
        )));
        Ok(false)
    }

    fn tell_not_archived(&self, reason: Option<String>) {
        let reason = reason.unwrap_or_default();
        let is_news = self.not_archived_told.replace(reason.clone()) != reason;
        if is_news && !reason.is_empty() {
            self.shared.options.retain_listener.tell(&Event::NotArchived { reason });
        }
    }

    /// The consumers that hold a segment, as their cursors are now.
    fn held_by(&self, deletion: &Deletion) -> Result<Vec<String>, LogError> {
        let holds = |listed: &Listed| match &listed.cursor {
            Ok(cursor) => cursor.holds && !cursor.has_passed(deletion.core, deletion.id, deletion.bytes),
            Err(_) => true,
        };
        Ok(self.cursors.list()?.into_iter().filter(holds).map(|listed| listed.name).collect())
    }

    /// Makes the space of a segment free that was taken out, and removes what is left of it.
    fn finish(&mut self, core: u16, id: u64) -> Result<(), LogError> {
        let dir = core_dir(&self.shared.dir, core);
        let begun = dir.join(file_name(id, names::DELETED));
        let shared = self.shared;
        // Also where it was begun before: the sync may have failed then, or not have been reached.
        shared.disk.sync_dir(&dir).map_err(LogError::io(&dir, "sync the folder"))?;
        let begun_at = Instant::now();
        if self.recycle(core, id, &begun)? {
            thread::park_timeout(self.pace.between(begun_at.elapsed(), shared.options.retain_interval));
            return Ok(());
        }
        let mut rest = |pause: Duration| {
            shared.space_came_back();
            if !is_urgent(shared) {
                thread::park_timeout(pause);
            }
            !shared.is_closing()
        };
        let cut = shrink(shared.disk, &begun, &mut self.pace, &mut rest);
        let (steps, done) = cut.map_err(LogError::io(&begun, "cut the segment that is deleted"))?;
        shared.retention.stats_mut().steps += steps;
        if !done {
            return Ok(());
        }
        // The sidecar goes first: one without a segment would look like a loss.
        remove(shared.disk, &sidecar::path_of(&begun))?;
        remove(shared.disk, &begun)?;
        shared.space_came_back();
        Ok(())
    }

    /// Keeps the file of a segment that was taken out for the next one, if its core has a use for it. False where it has to be cut.
    fn recycle(&self, core: u16, id: u64, begun: &Path) -> Result<bool, LogError> {
        let shared = self.shared;
        let Some(of) = shared.cores.get(usize::from(core)) else { return Ok(false) };
        let bytes = shared.options.segment_bytes;
        // A small segment's file is given the blocks that it lacks.
        let lacks = fs::metadata(begun).map_or(bytes, |meta| bytes.saturating_sub(meta.blocks().saturating_mul(512)));
        if of.spares.len() >= of.spares.allowed() || self.is_nearly_full(lacks) {
            return Ok(false);
        }
        // Of a disk that fails, the cutting tells.
        if !recycle::blank(shared.disk, begun, bytes).unwrap_or(false) {
            return Ok(false);
        }
        remove(shared.disk, &sidecar::path_of(begun))?;
        let spare = Spare { id, bytes };
        let kept = shared.disk.rename(begun, &spare.path(&of.dir));
        kept.map_err(LogError::io(begun, "keep the file for the next segment"))?;
        // No name may come back of a file that is written to again.
        shared.disk.sync_dir(&of.dir).map_err(LogError::io(&of.dir, "sync the folder"))?;
        of.spares.add(spare);
        shared.retention.stats_mut().recycled += 1;
        Ok(true)
    }

    /// Deletes a spare file after all.
    fn give_back(&mut self, core: u16, spare: Spare) -> Result<(), LogError> {
        let dir = core_dir(&self.shared.dir, core);
        let (from, begun) = (spare.path(&dir), dir.join(file_name(spare.id, names::DELETED)));
        match self.shared.disk.rename(&from, &begun) {
            // A segment was made of it meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            renamed => {
                renamed.map_err(LogError::io(&from, "delete the spare file"))?;
                self.finish(core, spare.id)
            }
        }
    }

    /// Whether the disk is nearly full once so many more bytes are taken. Then spare files are space that others need: other cores, and the
    /// archive, which writes nothing on such a disk.
    fn is_nearly_full(&self, bytes: u64) -> bool {
        let enough = self.shared.options.low_water_bytes().saturating_add(bytes);
        !free_bytes(&self.shared.dir).is_ok_and(|free| free >= enough)
    }

    fn count(&self, deletion: &Deletion) {
        let mut stats = self.shared.retention.stats_mut();
        stats.deleted[deletion.reason as usize] += 1;
        stats.deleted_bytes += deletion.bytes;
        if deletion.reason == Reason::Undelivered {
            stats.undelivered_records += deletion.records;
            stats.undelivered_bytes += deletion.bytes;
        }
    }

    fn tell_doubts(&mut self, listed: &[Listed]) {
        let doubts: BTreeSet<String> =
            listed.iter().filter_map(|listed| Some(listed.cursor.as_ref().err()?.to_string())).collect();
        for error in doubts.difference(&self.doubts_told) {
            self.shared.options.retain_listener.tell(&Event::Doubt { error: error.clone() });
        }
        self.doubts_told = doubts;
    }

    /// Says once that the clock holds segments, and once more when only the operator can settle it.
    fn tell_of_clock(&self, look: &Look<'_>) {
        let clock = &self.shared.clock;
        let doubt = clock.deletion_doubt();
        let segments = doubt.map_or(0, |_| held_by_clock(look, clock.latest_us()));
        self.shared.retention.stats_mut().clock_held_segments = segments as u64;
        let Some(doubt) = doubt.filter(|_| segments != 0) else {
            self.clock_told.set(None);
            return;
        };
        if self.clock_told.replace(Some(doubt.needs_word)) != Some(doubt.needs_word) {
            self.shared.options.retain_listener.tell(&Event::Clock { doubt, segments });
        }
    }

    fn report(&self, look: &Look<'_>, listed: &[Listed]) {
        let sealed: u64 = look.segments.iter().map(|segment| segment.bytes).sum();
        let consumers = listed.iter().filter_map(|listed| Some(lag(look, listed.cursor.as_ref().ok()?)));
        let consumers: Vec<ConsumerLag> = consumers.collect();
        let mut stats = self.shared.retention.stats_mut();
        stats.log_bytes = sealed + look.other_bytes;
        stats.spare_bytes = self.shared.spare_bytes();
        stats.held_bytes = held_bytes(look);
        stats.doubtful_cursors = self.doubts_told.len() as u64;
        stats.consumers = consumers;
    }
}

fn lag(look: &Look<'_>, cursor: &crate::log::cursor::Cursor) -> ConsumerLag {
    let mut lag = ConsumerLag { name: cursor.consumer.to_string(), holds: cursor.holds, segments: 0, bytes: 0 };
    for segment in look.segments.iter().filter(|s| !cursor.has_passed(s.core, s.id, s.bytes)) {
        lag.segments += 1;
        lag.bytes += cursor.unread_bytes(segment.core, segment.id, segment.bytes);
    }
    lag
}

/// Half way from where the disk is nearly full to where requests are refused, the space is needed more than the quiet.
fn is_urgent(shared: &Shared) -> bool {
    let options = &shared.options;
    let below = options.reserve_bytes.saturating_add(options.low_water_bytes()) / 2;
    free_bytes(&shared.dir).is_ok_and(|free| free < below)
}

fn remove(disk: &dyn Disk, path: &Path) -> Result<(), LogError> {
    match disk.remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(LogError::io(path, "remove what is left of the segment")(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
