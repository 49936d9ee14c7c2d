//! The thread that deletes: looks at what there is, asks [`plan`](crate::log::retain::plan()), and takes out what goes, a few segments at a time.
//!
//! A deletion goes so (`take_out`): note it in the ledger, rename `<id>.seg` to `<id>.del` (from here on no reader finds it), sync the folder;
//! then cut the file in paced steps, remove the sidecar, remove the file. A crash before the renaming is durable leaves the segment as it was; a crash
//! after it leaves a `.del` file, and the next start goes on with that. A core that fills segments as fast has a use for the file: it is blanked
//! instead, and becomes `<id>.spare` ([`super::recycle`]). The file is not changed before the renaming is durable: a power cut must not bring back
//! the name of a segment that has lost its end. Segments that go for a plain reason go a few at a time, and share the syncs ([`super::together`]).
//!
//! Cursors are read anew for each deletion, under their lock: a consumer that registers before it holds segments; one that registers after it
//! begins after what was deleted.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use crate::log::cursor::{Cursors, Listed};
use crate::log::disk::free_space::free_bytes;
use crate::log::error::LogError;
use crate::log::retain::{
    Archived, ConsumerLag, Deletion, Event, Ids, Look, Rules, archived, held_by_clock, held_bytes, plan,
};
use crate::log::write::fault::LogThread;
use crate::log::write::shared::Shared;
use crate::log::write::watch::Watch;

use super::as_sealed::is_as_sealed;
use super::inventory::{Inventory, Known, holding, missing_bytes};
use super::recycle;
use super::shrink::Pace;
use super::together;

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
            if deletions.is_empty() {
                return Ok(());
            }
            self.pace.set_waiting(deletions.len());
            if !self.take_out(&together::first_of(&deletions))? {
                // A consumer came between. The next look sees it.
                return Ok(());
            }
        }
        Ok(())
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

    /// Whether the disk is nearly full once so many more bytes are taken. Then spare files are space that others need: other cores, and the
    /// archive, which writes nothing on such a disk.
    fn is_nearly_full(&self, bytes: u64) -> bool {
        let enough = self.shared.options.low_water_bytes().saturating_add(bytes);
        !free_bytes(&self.shared.dir).is_ok_and(|free| free >= enough)
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

mod take_out;
#[cfg(test)]
mod tests;
