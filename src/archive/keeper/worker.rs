//! What runs on the keeper's thread.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::archive::compactor::{CHUNK_BYTES, ChunkBounds, Compactor, Flushed};
use crate::archive::error::ArchiveError;
use crate::archive::manifest::Manifest;
use crate::archive::merge_files::{bytes_to_merge, merge_next};
use crate::archive::place::Place;
use crate::archive::source::Source;
use crate::base::time::wall_us;
use crate::consume::{AfterBatch, Batch, Failure, Handle, Handler};
use crate::log::read::merge::{MergePosition, Skipped};
use crate::telemetry::{Level, Logger};

use super::gathering::{Gathering, Struck};
use super::options::{Live, LiveOptions};
use super::pace::Pace;
use super::rereads::Rereads;
use super::room::room;
use super::status::Status;
use super::trouble::Trouble;

/// While it is behind, files are merged once in so many chunks: catching up comes first.
const CHUNKS_A_MERGE: u64 = 8;

const HOUR_US: u64 = 3_600_000_000;

/// The handler.
pub struct Worker {
    place: Place,
    log: Uuid,
    live: Arc<Live>,
    status: Arc<Status>,
    handle: Handle,
    logger: Logger,
    pace: Pace,
    /// `None` until the archive was opened, and after a failure.
    gathering: Option<Gathering>,
    /// Whether the archive was open before: then it is not begun anew.
    was_open: bool,
    struck: Struck,
    rereads: Rereads,
    merging: Merging,
    /// What was found missing last. It is found again whenever the log is read again.
    gap: Gap,
    /// Whether the cursor could not be saved the last time.
    keep_failing: bool,
}

/// What is missing between the records.
#[derive(Default)]
struct Gap {
    skipped: Option<Skipped>,
    damage: Option<(PathBuf, u64)>,
}

/// When files are merged.
#[derive(Default, Clone, Copy)]
struct Merging {
    /// Something was added since there was nothing to merge.
    due: bool,
    /// The hour in which there was nothing to merge, or merging failed.
    settled: u64,
    /// Whether it failed.
    failed: bool,
    /// The hour in which files that could not be read were last tried again.
    retried: u64,
}

impl Worker {
    /// Must be called on its thread, whose processor time the budget counts.
    pub fn new(place: Place, log: Uuid, live: Arc<Live>, status: Arc<Status>, handle: Handle, logger: Logger) -> Self {
        let LiveOptions { budget_percent, bytes_per_second, .. } = live.get();
        Self {
            place,
            log,
            live,
            status,
            handle,
            logger,
            pace: Pace::new(budget_percent, bytes_per_second),
            gathering: None,
            was_open: false,
            struck: Struck::default(),
            rereads: Rereads::default(),
            merging: Merging::default(),
            gap: Gap::default(),
            keep_failing: false,
        }
    }

    /// The thread panicked; what it had gathered can't be used.
    pub fn panicked(&mut self) {
        self.gathering = None;
        self.fails(&Trouble::Panicked);
    }

    fn work(&mut self, batch: &mut Batch<'_>) -> Result<AfterBatch, Trouble> {
        let live = self.live.get();
        self.pace.set(live.budget_percent, live.bytes_per_second);
        // An error drops it: what was gathered is read again.
        let Some(mut gathering) = self.gathering.take() else {
            self.gathering = Some(self.open(&live)?);
            return Ok(AfterBatch::Continue);
        };
        if let Some(number) = self.handle.wants_reread() {
            // It may hold records that were erased from the log: what is left of them is read again.
            drop(gathering);
            self.handle.set_reread(number);
            return Ok(AfterBatch::Retry);
        }
        if batch.rewinds() < gathering.rewinds {
            self.gathering = Some(gathering);
            return Ok(AfterBatch::Continue);
        }
        if let Some(pause) = self.pace.pause() {
            self.gathering = Some(gathering);
            return Ok(AfterBatch::Pause(pause));
        }
        // Compressed, a chunk is smaller than in memory.
        let bytes_max = CHUNK_BYTES.min(room(self.place.dir(), live.floor_bytes)? / 2);
        gathering.compactor.set_bounds(bounds(&live));
        let (struck, pace) = (&mut self.struck, &mut self.pace);
        let left_out = gathering.gather(batch, bytes_max, live.flush, struck, pace, &self.handle)?;
        self.status.count(|counts| counts.left_out += left_out);
        let damaged = batch.take_damaged();
        if self.rereads.are_due(&damaged) {
            return Err(Trouble::Reread);
        }
        gathering.compactor.note_damaged(damaged);
        if self.handle.is_stopping() {
            return Ok(AfterBatch::Continue);
        }
        if gathering.is_due(bytes_max, live.flush) {
            return self.flush(gathering, &batch.position(), batch.is_at_end());
        }
        let mut rest = live.rest().min(gathering.due_in(live.flush).unwrap_or(Duration::MAX));
        if batch.is_at_end() && gathering.compactor.is_empty() {
            self.works();
            if self.merge(&gathering, &live) {
                rest = self.pace.pause().unwrap_or_default();
            }
        }
        self.gathering = Some(gathering);
        Ok(if batch.is_at_end() { AfterBatch::Pause(rest) } else { AfterBatch::Continue })
    }

    fn open(&mut self, live: &LiveOptions) -> Result<Gathering, Trouble> {
        if self.was_open && Manifest::read(&Source::folder(&self.place))?.is_none() {
            return Err(Trouble::Archive(ArchiveError::Manifest {
                path: self.place.manifest(),
                reason: "gone since it was opened; put back a copy, or restart to begin a new archive".to_owned(),
            }));
        }
        let compactor = Compactor::open(self.place.clone(), bounds(live), &|| self.handle.is_stopping())?;
        self.was_open = true;
        self.merging = Merging { due: true, ..Merging::default() };
        let rewinds = self.go_on(&compactor);
        Ok(Gathering::new(compactor, rewinds))
    }

    /// The consumer goes on where the archive ends. If the archive has nothing of this log, that is the oldest record: the saved cursor would skip
    /// what the archive lacks.
    fn go_on(&self, compactor: &Compactor) -> u64 {
        self.handle.rewind(compactor.begin_in(self.log).cloned())
    }

    fn flush(&mut self, mut gathering: Gathering, to: &MergePosition, at_end: bool) -> Result<AfterBatch, Trouble> {
        let began = Instant::now();
        match gathering.compactor.flush(to, &|| self.handle.is_stopping()) {
            Ok(Flushed::Done(totals)) => {
                gathering.confirm();
                self.pace.moved(totals.bytes);
                self.merging.due = true;
                let mut chunks = 0;
                self.status.count(|counts| {
                    counts.added.add(totals);
                    counts.chunks += 1;
                    counts.worked += began.elapsed();
                    chunks = counts.chunks;
                });
                self.works();
                if at_end || chunks % CHUNKS_A_MERGE == 0 {
                    self.merge(&gathering, &self.live.get());
                }
            }
            Ok(Flushed::Moved) => {
                let rewinds = self.go_on(&gathering.compactor);
                gathering.begin_anew(rewinds);
            }
            // What was gathered is read again after the next start.
            Err(ArchiveError::Stopped) if self.handle.is_stopping() => return Ok(AfterBatch::Continue),
            Err(error) => return Err(error.into()),
        }
        self.gathering = Some(gathering);
        Ok(self.pace.pause().map_or(AfterBatch::Continue, AfterBatch::Pause))
    }

    /// Merges files of an hour that is over, if some are small and there is room. Returns whether it did. What goes wrong does not keep the archive
    /// from growing.
    fn merge(&mut self, gathering: &Gathering, live: &LiveOptions) -> bool {
        let (now_us, began) = (wall_us(), Instant::now());
        if !self.merging.is_due(now_us / HOUR_US) {
            return false;
        }
        let (archive, is_stopping) = (gathering.compactor.archive(), || self.handle.is_stopping());
        if self.merging.retries(now_us / HOUR_US) {
            archive.forget_set_aside();
        }
        let merged = bytes_to_merge(archive, now_us).map_err(Trouble::from).and_then(|bytes| {
            room(self.place.dir(), live.floor_bytes.saturating_add(bytes))?;
            merge_next(archive, now_us, &is_stopping).map_err(Trouble::from)
        });
        let (fault, did) = match merged {
            Ok(Some(merged)) => {
                self.pace.moved(2 * merged.outputs.iter().map(|file| file.bytes).sum::<u64>());
                self.status.count(|counts| {
                    counts.merges += 1;
                    counts.merged_files += merged.inputs;
                    counts.worked += began.elapsed();
                });
                (self.status.merge_fault(), true)
            }
            Ok(None) => {
                self.merging = Merging { due: false, settled: now_us / HOUR_US, failed: false, ..self.merging };
                // What others left that were killed takes space until it is removed.
                let swept = archive.sweep(&is_stopping).err().map(|error| error.to_string());
                (archive.set_aside().or(swept), false)
            }
            // The other files can be merged all the same.
            Err(Trouble::Archive(error)) if archive.is_set_aside(&error) => {
                self.status.count(|counts| counts.failures += 1);
                (archive.set_aside(), true)
            }
            Err(Trouble::Archive(ArchiveError::Stopped)) => return false,
            Err(trouble) => {
                self.merging = Merging { due: true, settled: now_us / HOUR_US, failed: true, ..self.merging };
                self.status.count(|counts| counts.failures += 1);
                (Some(trouble.to_string()), false)
            }
        };
        if self.status.set_merge_fault(fault.clone()) {
            match fault {
                Some(error) => self.event(
                    Level::Warn,
                    "files of the archive can't be merged, tried again in the next hour",
                    &[("error", &error)],
                ),
                None => self.event(Level::Info, "files of the archive can be merged again", &[]),
            }
        }
        did
    }

    /// It works: says so if that is news.
    fn works(&mut self) {
        if let Some(waiting) = self.status.works() {
            let seconds = waiting.began.elapsed().as_secs().to_string();
            let fields = [("trouble", waiting.trouble), ("seconds", &*seconds)];
            self.event(Level::Info, "the archive grows again", &fields);
        }
    }

    /// It does not: says so if that is news.
    fn fails(&mut self, trouble: &Trouble) {
        if self.status.fails(trouble) {
            let error = trouble.to_string();
            let fields = [("error", &*error), ("advice", trouble.advice())];
            self.event(Level::Error, "nothing goes into the archive, its records wait in the log", &fields);
        }
    }

    /// Tells what is missing between the records.
    fn tell_of_gaps(&mut self, batch: &mut Batch<'_>) {
        let skipped = batch.skipped();
        if skipped.records > 0 && self.gap.skipped.replace(skipped) != Some(skipped) {
            self.status.count(|counts| counts.deleted_unread += skipped.records);
            let (records, bytes) = (skipped.records.to_string(), skipped.bytes.to_string());
            let message = "records were deleted from the log before they were in the archive";
            self.event(Level::Error, message, &[("records", &records), ("bytes", &bytes)]);
        }
        let damage = batch.damage();
        let Some(first) = damage.first() else { return };
        let place = Some((first.path.clone(), first.offset));
        if self.gap.damage == place {
            return;
        }
        self.status.count(|counts| counts.damaged_places += damage.len() as u64);
        let places = damage.len().to_string();
        let (path, offset) = (first.path.display().to_string(), first.offset.to_string());
        let fields = [("places", &*places), ("first", &*path), ("offset", &*offset), ("reason", first.reason)];
        let message = "the log is damaged: what is whole goes into the archive, takeup verify lists the rest";
        self.event(Level::Error, message, &fields);
        self.gap.damage = place;
    }

    fn event(&self, level: Level, message: &str, fields: &[(&str, &str)]) {
        self.logger.event(level, crate::caller!(), message, fields);
    }
}

impl Handler for Worker {
    fn keeps_records(&self) -> bool {
        self.gathering.is_some()
    }

    fn take(&mut self, batch: &mut Batch<'_>) -> AfterBatch {
        let worked = self.work(batch);
        if matches!(worked, Err(Trouble::Reread)) {
            return AfterBatch::Retry;
        }
        self.tell_of_gaps(batch);
        worked.unwrap_or_else(|trouble| {
            // At a stop nothing is wrong.
            if !self.handle.is_stopping() {
                self.fails(&trouble);
            }
            AfterBatch::Retry
        })
    }

    fn failed(&mut self, failure: Failure<'_>) {
        match failure {
            Failure::Read(error) => self.fails(&Trouble::of_log(error)),
            // A crash repeats nothing: the manifest is the cursor. But segments are held for longer.
            Failure::Keep(error) if !std::mem::replace(&mut self.keep_failing, true) => {
                let error = error.to_string();
                let message = "the compactor's cursor can't be saved: the log keeps what is in the archive";
                self.event(Level::Warn, message, &[("error", &error)]);
            }
            Failure::Keep(_) => {}
        }
    }
}

impl Merging {
    fn is_due(&self, hour: u64) -> bool {
        hour != self.settled || (self.due && !self.failed)
    }

    /// Whether files that could not be read are tried again: once in each hour. More often, one of them would keep all others from being merged.
    fn retries(&mut self, hour: u64) -> bool {
        std::mem::replace(&mut self.retried, hour) != hour
    }
}

fn bounds(live: &LiveOptions) -> ChunkBounds {
    ChunkBounds { bytes: CHUNK_BYTES, age: live.flush, inflated_max: live.inflated_max }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_can_not_be_read_is_tried_once_an_hour_so_that_others_are_merged_in_between() {
        let mut merging = Merging { due: true, ..Merging::default() };
        assert!(merging.is_due(5) && merging.retries(5));
        // It was set aside, and nothing is settled yet: the next call must leave it out.
        assert!(merging.is_due(5) && !merging.retries(5));
        merging = Merging { due: false, settled: 5, failed: false, ..merging };
        assert!(!merging.is_due(5));
        assert!(merging.is_due(6) && merging.retries(6) && !merging.retries(6));
    }
}
