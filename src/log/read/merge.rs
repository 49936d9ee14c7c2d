//! All cores' records in one order, followed live.
//!
//! The merge hands out what is durable, ordered by (time, core, offset), and never hands out a record while one that belongs before it
//! may still come. How it knows, without a lock between it and the writers: it reads the clock (T), and only then looks at each core's
//! control page. A core that is appending has set `in_append` before it read the clock, so either the look sees that, or its record's time is not
//! before T. So what a core has not made durable yet cannot be older than
//!
//! - its last order time, while it is in an append,
//! - its first unsynced record, where it has one,
//! - T otherwise, and for failed, poisoned and closed cores.
//!
//! Everything durable below the smallest of these leaves. Where no server runs at all, everything durable leaves.
//!
//! A batch that was sent again leaves once: see `merge/repeats.rs`. What was stored before its session was known leaves with the session's
//! project: see `merge/projects.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::PathBuf;

use crate::log::error::{Damage, LogError};
use crate::log::format::control::{CLOCK_FILE_NAME, ClockView};
use crate::log::format::protocol;
use crate::log::format::record::{Kind, Record};

use super::reader::{ANOTHER_LOG, LogReader, core_dirs};

mod projects;
mod repeat_filter;
mod repeats;
mod settled;
mod since;
mod skipped;
mod stream;

pub use crate::log::format::position::{MergePosition, Place};
use projects::Projects;
pub use repeat_filter::RepeatFilter;
pub use repeats::RepeatWindow;
use repeats::Repeats;
pub use skipped::Skipped;
use stream::CoreStream;

/// How many stretches of damage are kept for the caller; more are only counted.
const DAMAGE_MAX: usize = 1024;

/// Hands out the durable records of all cores in one order.
#[derive(Debug)]
pub struct Merge {
    reader: LogReader,
    cores: Vec<CoreStream>,
    /// Where the consumer goes on, for the cores that were not found yet.
    resume: BTreeMap<u16, Place>,
    /// Whether a consumer goes on: a core that it does not know is new since, and all of it is to come.
    resumes: bool,
    /// Where reading began; empty where nothing is read again.
    behind: BTreeMap<u16, Place>,
    /// Records that are older are passed over.
    since_us: u64,
    /// None hands out every record.
    repeats: Option<Repeats>,
    projects: Projects,
    damage: Vec<Damage>,
    damage_count: u64,
    /// The segments with damage that was stepped over, by core and id, since they were last asked for.
    damaged: BTreeSet<(u16, u64)>,
    /// Sealed segments of another log, which were passed over.
    strangers: Vec<PathBuf>,
    /// Whether the last look saw all cores as they were at one moment.
    same: bool,
    /// What [`next_settled`](Merge::next_settled) reads to.
    until_us: Option<u64>,
}

impl Merge {
    /// Begins with the oldest record there is. Repeats are left out, see [`with_repeat_window`](Merge::with_repeat_window).
    pub fn new(reader: LogReader) -> Merge {
        Merge {
            reader,
            cores: Vec::new(),
            resume: BTreeMap::new(),
            resumes: false,
            behind: BTreeMap::new(),
            since_us: 0,
            repeats: Some(Repeats::new(RepeatWindow::default(), BTreeMap::new())),
            projects: Projects::default(),
            damage: Vec::new(),
            damage_count: 0,
            damaged: BTreeSet::new(),
            strangers: Vec::new(),
            same: false,
            until_us: None,
        }
    }

    /// Goes on where another merge of the same log was. Segments that were deleted meanwhile are passed over, and counted in
    /// [`skipped`](Merge::skipped).
    ///
    /// Given the same window of repeats, the two hand out together exactly what one would have.
    pub fn resume(reader: LogReader, position: &MergePosition) -> Result<Merge, LogError> {
        if position.log != reader.log_uuid() {
            let path = reader.dir().to_path_buf();
            return Err(LogError::Foreign { path, reason: "the position to resume from belongs to another log" });
        }
        let (resume, behind) = (position.cores.clone(), position.behind.clone());
        let merge = Merge { resume, behind, resumes: true, ..Merge::new(reader) };
        Ok(merge.with_repeat_window(RepeatWindow::default()))
    }

    /// Looks so far back for repeats, or hands every record out ([`RepeatWindow::OFF`]). To be called before the first record is taken.
    #[must_use]
    pub fn with_repeat_window(mut self, window: RepeatWindow) -> Merge {
        self.repeats = (window.entries > 0).then(|| Repeats::new(window, self.behind.clone()));
        if self.repeats.is_none() {
            self.behind.clear();
        }
        self
    }

    /// The next record; None if there is nothing more now (a later call continues). Beside a server, None may also mean that it can't be known
    /// at this moment: a reader that reads once to the end uses [`next_settled`](Merge::next_settled).
    ///
    /// Damage is stepped over and noted. After an error, a later call tries the same again. A merge that resumes reads its window of
    /// repeats first.
    #[expect(clippy::should_implement_trait, reason = "lends from its buffers, which an Iterator cannot")]
    pub fn next(&mut self) -> Result<Option<Record<'_>>, LogError> {
        Ok(self.next_if(|_| true)?.and_then(|at| self.cores[at].take()))
    }

    /// Like [`next`](Merge::next), but hands out only what another merge of the same log has passed: None also where the next record is not
    /// before `limit`.
    pub fn next_before(&mut self, limit: &MergePosition) -> Result<Option<Record<'_>>, LogError> {
        let is_before = |core: &CoreStream| {
            let place = core.place();
            place.is_some_and(|place| limit.cores.get(&core.core()).is_some_and(|limit| place < *limit))
        };
        // What is only read again for its window is not handed out, wherever it is.
        let may_leave = |core: &CoreStream| core.is_behind() || is_before(core);
        let mut at = self.next_if(may_leave)?;
        if at.is_none() && !self.position().covers(limit) {
            // The other one may have looked later. A record that has to stay is at hand all the time, so that nothing else would ask for a look.
            self.look()?;
            at = self.next_if(may_leave)?;
        }
        Ok(at.and_then(|at| self.cores[at].take()))
    }

    /// The core that has the next record at hand, if that is no newer than `until_us`.
    fn next_at(&mut self, until_us: u64) -> Result<Option<usize>, LogError> {
        self.next_if(|core| core.head_us() <= Some(until_us))
    }

    /// The core that has the next record at hand, if that may be handed out now.
    fn next_if(&mut self, may_leave: impl Fn(&CoreStream) -> bool) -> Result<Option<usize>, LogError> {
        while let Some(at) = self.choose()? {
            // Asked first: a record that is admitted must leave, because the next time it would be taken for a repeat of itself.
            if !may_leave(&self.cores[at]) {
                return Ok(None);
            }
            if self.admit(at) {
                return Ok(Some(at));
            }
            self.cores[at].pass();
        }
        Ok(None)
    }

    /// The place after the last record handed out, and after the repeats left out since.
    pub fn position(&self) -> MergePosition {
        let mut cores = self.resume.clone();
        cores.extend(self.cores.iter().filter_map(|core| Some((core.core(), core.consumer_place()?))));
        let behind = self.repeats.as_ref().map(Repeats::behind).unwrap_or_default();
        MergePosition { log: self.reader.log_uuid(), cores, behind }
    }

    /// How many repeats were left out.
    pub fn repeats(&self) -> u64 {
        self.repeats.as_ref().map_or(0, Repeats::found)
    }

    /// What was damaged and stepped over, at most the first 1,024 stretches; [`damage_count`](Merge::damage_count) counts all.
    pub fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// How many stretches of damage were stepped over.
    pub fn damage_count(&self) -> u64 {
        self.damage_count
    }

    /// The segments, by core and id, with damage that was stepped over since the last call: all of them.
    pub fn take_damaged(&mut self) -> BTreeSet<(u16, u64)> {
        std::mem::take(&mut self.damaged)
    }

    /// Sealed segments that are of another log and were passed over, at most the first 1,024.
    pub fn strangers(&self) -> &[PathBuf] {
        &self.strangers
    }

    /// What was deleted between one record handed out and the next, or between the place that the merge resumed from and the first. It is
    /// counted with the record after the gap.
    pub fn skipped(&self) -> Skipped {
        self.cores.iter().fold(Skipped::default(), |sum, core| sum.and(core.skipped()))
    }

    /// Whether the record at this core's head is handed out: it was not before, and is no repeat.
    fn admit(&mut self, at: usize) -> bool {
        self.join_project(at);
        let core = &self.cores[at];
        if core.head_us() < Some(self.since_us) {
            return false;
        }
        let (Some(repeats), Some((record, stored_bytes, key))) = (&mut self.repeats, core.head()) else { return true };
        if repeats.wants_mark(record.order_us) {
            let place = |core: &CoreStream| (core.core(), core.place().unwrap_or(Place::START));
            let mut places = self.behind.clone();
            places.extend(self.cores.iter().map(place));
            repeats.mark(record.order_us, places);
        }
        let behind = core.is_behind();
        let repeat = repeats.admit(self.reader.dir(), &record, key, stored_bytes, !behind);
        !behind && !repeat
    }

    /// Finds the project of the record at this core's head, if that was not known when it was stored.
    fn join_project(&mut self, at: usize) {
        let Some((record, ..)) = self.cores[at].head() else { return };
        if record.project != 0 {
            if record.kind == Kind::Start {
                self.projects.note(&record);
            }
            return;
        }
        let (session, order_us) = (record.session, record.order_us);
        let mut project = self.projects.of(session);
        if project == 0 && session != 0 && self.resumes {
            self.projects.look_back(&self.reader, order_us);
            project = self.projects.of(session);
        }
        self.cores[at].join(project);
    }

    fn choose(&mut self) -> Result<Option<usize>, LogError> {
        self.load_heads()?;
        if let Some(at) = self.ready() {
            return Ok(Some(at));
        }
        self.look()?;
        self.load_heads()?;
        Ok(self.ready())
    }

    fn load_heads(&mut self) -> Result<(), LogError> {
        let (damage, damage_count, strangers) = (&mut self.damage, &mut self.damage_count, &mut self.strangers);
        let damaged = &mut self.damaged;
        let mut note = |found: Damage| {
            if found.reason == ANOTHER_LOG {
                if strangers.len() < DAMAGE_MAX {
                    strangers.push(found.path);
                }
                return;
            }
            *damage_count += 1;
            damaged.insert((found.core, found.segment));
            if damage.len() < DAMAGE_MAX {
                damage.push(found);
            }
        };
        for core in &mut self.cores {
            core.load_head(&self.reader, self.repeats.as_ref(), &mut note)?;
        }
        Ok(())
    }

    /// The core whose record is next, if it is certain.
    fn ready(&self) -> Option<usize> {
        let heads = self.cores.iter().enumerate().filter_map(|(at, core)| Some((core.head_us()?, at)));
        let (order_us, best) = heads.min()?;
        // A core with a record at hand has none before it; one without may still get some from its bound on.
        // Nothing comes any more where no server is, whatever time a record bears.
        let certain = |(at, core): (usize, &CoreStream)| {
            core.head_us().is_some() || core.bound_us() == u64::MAX || (order_us, best) < (core.bound_us(), at)
        };
        self.cores.iter().enumerate().all(certain).then_some(best)
    }

    /// Looks at the clock, then at every core.
    fn look(&mut self) -> Result<(), LogError> {
        let path = self.reader.dir().join(CLOCK_FILE_NAME);
        let clock = || ClockView::open(&path).and_then(|clock| clock.reading());
        let server = self.reader.server();
        let (now_us, same_clock) = protocol::look_at_all::<File, _>(clock, || {
            self.find_cores()?;
            self.cores.iter_mut().try_for_each(|core| core.look(&self.reader, server))
        })?;
        // A server that came or went meanwhile, or a clock that was set anew, may have been seen by one core's look and not by
        // another's. Then nothing new is certain, and the next look will tell.
        self.same = same_clock && self.reader.server() == server;
        for core in &mut self.cores {
            core.set_bound(server, now_us, self.same);
        }
        Ok(())
    }

    fn find_cores(&mut self) -> Result<(), LogError> {
        for (core, dir) in core_dirs(self.reader.dir())? {
            if let Err(at) = self.cores.binary_search_by_key(&core, CoreStream::core) {
                let unknown = self.resumes.then_some(Place::START);
                let target = self.resume.remove(&core).or(unknown);
                // A core that was not there yet when the window began has its whole log within it.
                let from = if self.behind.is_empty() { target } else { self.behind.get(&core).copied() };
                self.cores.insert(at, CoreStream::new(core, dir, from.min(target), target));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod live_tests;
#[cfg(test)]
mod skipped_tests;
#[cfg(test)]
mod tests;
