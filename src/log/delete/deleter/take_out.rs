//! Taking segments out of the log that the plan has chosen, and then making their space free.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::log::cursor::Listed;
use crate::log::delete::recycle;
use crate::log::delete::shrink::shrink;
use crate::log::disk::calls::Disk;
use crate::log::disk::free_space::free_bytes;
use crate::log::error::LogError;
use crate::log::format::ledger;
use crate::log::format::ledger::Ledger;
use crate::log::format::sidecar;
use crate::log::names;
use crate::log::names::{core_dir, file_name};
use crate::log::retain::{Deletion, Event, Reason};
use crate::log::write::shared::Shared;
use crate::log::write::spares::Spare;

use super::Deleter;

impl Deleter<'_> {
    /// Takes segments of one core out of the log, and then makes their space free. False where one stays, because it is held by now.
    pub(super) fn take_out(&mut self, deletions: &[Deletion]) -> Result<bool, LogError> {
        let Some(core) = deletions.first().map(|deletion| deletion.core) else { return Ok(true) };
        debug_assert!(deletions.iter().all(|deletion| deletion.core == core), "one folder is synced");
        let dir = core_dir(&self.shared.dir, core);
        let sealed = |id: u64| dir.join(file_name(id, names::SEALED));
        for deletion in deletions.iter().filter(|deletion| deletion.reason == Reason::Archived) {
            if !self.is_as_sealed(core, deletion.id, &sealed(deletion.id))? {
                return Ok(false);
            }
        }
        let lock = self.cursors.lock()?;
        // A cursor that a power cut could take back has passed nothing.
        self.cursors.sync()?;
        let listed = self.cursors.list()?;
        let with_holders = |deletion: &Deletion| (*deletion, held_by(&listed, deletion));
        let mut going: Vec<(Deletion, Vec<String>)> = deletions.iter().map(with_holders).collect();
        going.retain(|(deletion, held_by)| self.may_still_go(deletion, held_by));
        if going.is_empty() {
            return Ok(false);
        }
        let all_go = going.len() == deletions.len();
        let disk = self.shared.disk;
        let mut ledger = Ledger::read(&dir);
        for &(Deletion { id, bytes, records, .. }, _) in &going {
            ledger.add(ledger::DeletedSegment { segment: id, bytes, records });
        }
        ledger.write_on(disk, &dir)?;
        let mut out = 0;
        let renamed = going.iter().try_for_each(|(deletion, _)| {
            let path = sealed(deletion.id);
            let renamed = disk.rename(&path, &self.begun(core, deletion.id));
            renamed.map_err(LogError::io(&path, "take the segment out of the log"))?;
            out += 1;
            Ok(())
        });
        going.truncate(out);
        if out != 0 {
            self.sync_folder(&dir)?;
        }
        drop(lock);
        let ids: Vec<u64> = going.iter().map(|(deletion, _)| deletion.id).collect();
        for (deletion, held_by) in going {
            self.count(&deletion);
            self.shared.options.retain_listener.tell(&Event::Deleted { deletion, held_by });
        }
        self.make_free(core, &ids)?;
        renamed.map(|()| all_go)
    }

    /// Goes on with deletions that were begun before.
    pub(super) fn finish(&mut self, core: u16, id: u64) -> Result<(), LogError> {
        // The sync may have failed then, or not have been reached.
        self.sync_folder(&core_dir(&self.shared.dir, core))?;
        self.make_free(core, &[id])
    }

    /// Deletes a spare file after all.
    pub(super) fn give_back(&mut self, core: u16, spare: Spare) -> Result<(), LogError> {
        let from = spare.path(&core_dir(&self.shared.dir, core));
        match self.shared.disk.rename(&from, &self.begun(core, spare.id)) {
            // A segment was made of it meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            renamed => {
                renamed.map_err(LogError::io(&from, "delete the spare file"))?;
                self.finish(core, spare.id)
            }
        }
    }

    /// Whether nothing has come between the plan and the deletion.
    fn may_still_go(&self, deletion: &Deletion, held_by: &[String]) -> bool {
        match deletion.reason {
            Reason::Undelivered => true,
            Reason::Archived => held_by.is_empty() && self.is_still_archived(deletion.core, deletion.id),
            _ => held_by.is_empty(),
        }
    }

    /// Makes the space of segments free that were taken out durably, and removes what is left of them.
    fn make_free(&mut self, core: u16, ids: &[u64]) -> Result<(), LogError> {
        let begun_at = Instant::now();
        let kept = self.recycle(core, ids)?;
        for &id in ids.iter().filter(|id| !kept.contains(id)) {
            if !self.cut(core, id)? {
                return Ok(());
            }
        }
        if !kept.is_empty() {
            let looks = self.shared.options.retain_interval;
            thread::park_timeout(self.pace.between(kept.len(), begun_at.elapsed(), looks));
        }
        Ok(())
    }

    /// Keeps the files of segments that were taken out for the next ones, as many as their core has a use for. Returns which; the others have to
    /// be cut.
    fn recycle(&self, core: u16, ids: &[u64]) -> Result<Vec<u64>, LogError> {
        let shared = self.shared;
        let Some(of) = shared.cores.get(usize::from(core)) else { return Ok(Vec::new()) };
        let bytes = shared.options.segment_bytes;
        let mut zeroed: Vec<(u64, File)> = Vec::new();
        for &id in ids {
            let begun = self.begun(core, id);
            // A small segment's file is given the blocks that it lacks.
            let lacks = fs::metadata(&begun).map_or(bytes, |m| bytes.saturating_sub(m.blocks().saturating_mul(512)));
            if of.spares.len() + zeroed.len() >= of.spares.allowed() || self.is_nearly_full(lacks) {
                break;
            }
            // Of a disk that fails, the cutting tells.
            zeroed.extend(recycle::zero(shared.disk, &begun, bytes).ok().flatten().map(|file| (id, file)));
        }
        zeroed.retain(|(_, file)| shared.disk.sync(file).is_ok());
        let kept: Vec<u64> = zeroed.into_iter().map(|(id, _)| id).collect();
        if kept.is_empty() {
            return Ok(kept);
        }
        let spares = kept.iter().map(|&id| Spare { id, bytes });
        for spare in spares.clone() {
            let begun = self.begun(core, spare.id);
            remove(shared.disk, &sidecar::path_of(&begun))?;
            let renamed = shared.disk.rename(&begun, &spare.path(&of.dir));
            renamed.map_err(LogError::io(&begun, "keep the file for the next segment"))?;
        }
        // No name may come back of a file that is written to again.
        self.sync_folder(&of.dir)?;
        spares.for_each(|spare| of.spares.add(spare));
        shared.retention.stats_mut().recycled += kept.len() as u64;
        Ok(kept)
    }

    /// Cuts the file of a segment that was taken out, in steps, and removes it. False where the log is closed meanwhile.
    fn cut(&mut self, core: u16, id: u64) -> Result<bool, LogError> {
        let begun = self.begun(core, id);
        let shared = self.shared;
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
            return Ok(false);
        }
        // The sidecar goes first: one without a segment would look like a loss.
        remove(shared.disk, &sidecar::path_of(&begun))?;
        remove(shared.disk, &begun)?;
        shared.space_came_back();
        Ok(true)
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

    /// The name of a segment that was taken out.
    fn begun(&self, core: u16, id: u64) -> PathBuf {
        core_dir(&self.shared.dir, core).join(file_name(id, names::DELETED))
    }

    fn sync_folder(&self, dir: &Path) -> Result<(), LogError> {
        self.shared.disk.sync_dir(dir).map_err(LogError::io(dir, "sync the folder"))
    }
}

/// The consumers that hold a segment.
fn held_by(listed: &[Listed], deletion: &Deletion) -> Vec<String> {
    let holds = |listed: &&Listed| match &listed.cursor {
        Ok(cursor) => cursor.holds && !cursor.has_passed(deletion.core, deletion.id, deletion.bytes),
        Err(_) => true,
    };
    listed.iter().filter(holds).map(|listed| listed.name.clone()).collect()
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
