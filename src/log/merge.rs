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

use std::collections::BTreeMap;
use std::sync::atomic::{Ordering, fence};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::control::{CLOCK_FILE_NAME, ClockView};
use super::error::{Damage, LogError};
use super::ledger::Ledger;
use super::reader::{LogReader, core_dirs};
use super::record::{Record, uuid_text};

mod stream;

use stream::CoreStream;

/// How many stretches of damage are kept for the caller; more are only counted.
const DAMAGE_MAX: usize = 1024;

/// A place within the merged order: for each core the next record to come. Kept by a consumer, it resumes without a gap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergePosition {
    /// The log that it belongs to.
    #[serde(with = "uuid_text")]
    pub log: Uuid,
    /// The place in each core's log.
    pub cores: BTreeMap<u16, Place>,
}

/// A place in one core's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The segment.
    pub segment: u64,
    /// The next record's offset in it.
    pub offset: u64,
}

/// What was deleted before a merge could hand it out. The figures are upper bounds where the ledger of deletions sums up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Skipped {
    /// Segments, whole or the rest of one.
    pub segments: u64,
    /// Their records; of a segment that was begun, all.
    pub records: u64,
    /// Bytes of segments that were not read.
    pub bytes: u64,
}

impl Skipped {
    fn add(&mut self, ledger: &Ledger, from: Place, to_segment: u64) {
        if let Some(older) = ledger.older_between(from, to_segment) {
            *self = self.and(Skipped { segments: older.segments, records: older.records, bytes: older.bytes });
        }
        for entry in ledger.between(from, to_segment) {
            let read = if entry.segment == from.segment { from.offset } else { 0 };
            *self = self.and(Skipped { segments: 1, records: entry.records, bytes: entry.bytes.saturating_sub(read) });
        }
    }

    fn and(self, other: Skipped) -> Skipped {
        Skipped {
            segments: self.segments + other.segments,
            records: self.records + other.records,
            bytes: self.bytes + other.bytes,
        }
    }
}

/// Hands out the durable records of all cores in one order.
#[derive(Debug)]
pub struct Merge {
    reader: LogReader,
    cores: Vec<CoreStream>,
    resume: BTreeMap<u16, Place>,
    /// Whether a consumer goes on: a core that it does not know is new since, and all of it is to come.
    resumes: bool,
    damage: Vec<Damage>,
    damage_count: u64,
}

impl Merge {
    /// Begins with the oldest record there is.
    pub fn new(reader: LogReader) -> Merge {
        Merge {
            reader,
            cores: Vec::new(),
            resume: BTreeMap::new(),
            resumes: false,
            damage: Vec::new(),
            damage_count: 0,
        }
    }

    /// Goes on where another merge of the same log was. Segments that were deleted meanwhile are passed over, and counted in
    /// [`skipped`](Merge::skipped).
    pub fn resume(reader: LogReader, position: &MergePosition) -> Result<Merge, LogError> {
        if position.log != reader.log_uuid() {
            let path = reader.dir().to_path_buf();
            return Err(LogError::Foreign { path, reason: "the position to resume from belongs to another log" });
        }
        Ok(Merge { resume: position.cores.clone(), resumes: true, ..Merge::new(reader) })
    }

    /// The next record; None where there is nothing more now (a later call continues).
    ///
    /// Damage is stepped over and noted. After an error, a later call tries the same again.
    #[expect(clippy::should_implement_trait, reason = "lends from its buffers, which an Iterator cannot")]
    pub fn next(&mut self) -> Result<Option<Record<'_>>, LogError> {
        let Some(at) = self.choose()? else { return Ok(None) };
        Ok(self.cores[at].take())
    }

    /// The place behind the last record that was handed out.
    pub fn position(&self) -> MergePosition {
        let mut cores = self.resume.clone();
        cores.extend(self.cores.iter().filter_map(|core| Some((core.core(), core.place()?))));
        MergePosition { log: self.reader.log_uuid(), cores }
    }

    /// What was damaged and stepped over, at most the first 1,024 stretches; [`damage_count`](Merge::damage_count) counts all.
    pub fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// How many stretches of damage were stepped over.
    pub fn damage_count(&self) -> u64 {
        self.damage_count
    }

    /// What was deleted between one record that was handed out and the next, or between the place that the merge resumed from and the first. It is
    /// counted with the record behind the gap.
    pub fn skipped(&self) -> Skipped {
        self.cores.iter().fold(Skipped::default(), |sum, core| sum.and(core.skipped()))
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
        let (damage, damage_count) = (&mut self.damage, &mut self.damage_count);
        let mut note = |found: Damage| {
            *damage_count += 1;
            if damage.len() < DAMAGE_MAX {
                damage.push(found);
            }
        };
        for core in &mut self.cores {
            core.load_head(&self.reader, &mut note)?;
        }
        Ok(())
    }

    /// The core whose record is next, if it is certain.
    fn ready(&self) -> Option<usize> {
        let heads = self.cores.iter().enumerate().filter_map(|(at, core)| Some((core.head_us()?, at)));
        let (order_us, best) = heads.min()?;
        // A core with a record at hand has none before it; one without may still get some from its bound on.
        let certain =
            |(at, core): (usize, &CoreStream)| core.head_us().is_some() || (order_us, best) < (core.bound_us(), at);
        self.cores.iter().enumerate().all(certain).then_some(best)
    }

    /// Looks at the clock, then at every core.
    fn look(&mut self) -> Result<(), LogError> {
        let path = self.reader.dir().join(CLOCK_FILE_NAME);
        let clock = || ClockView::open(&path).and_then(|clock| clock.reading());
        let (server, time) = (self.reader.server(), clock());
        // What the look at a core sees must not be older than the clock that was read: both ends of the protocol have a full fence here.
        fence(Ordering::SeqCst);
        self.find_cores()?;
        for core in &mut self.cores {
            core.look(&self.reader, server)?;
        }
        fence(Ordering::SeqCst);
        // A server that came or went meanwhile, or a clock that was set anew, may have been seen by one core's look and not by
        // another's. Then nothing new is certain, and the next look will tell.
        let same = self.reader.server() == server && clock().map(|time| time.seq) == time.map(|time| time.seq);
        for core in &mut self.cores {
            core.set_bound(server, time.map(|time| time.now_us), same);
        }
        Ok(())
    }

    fn find_cores(&mut self) -> Result<(), LogError> {
        for (core, dir) in core_dirs(self.reader.dir())? {
            if let Err(at) = self.cores.binary_search_by_key(&core, CoreStream::core) {
                let unknown = self.resumes.then_some(Place { segment: 0, offset: 0 });
                self.cores.insert(at, CoreStream::new(core, dir, self.resume.remove(&core).or(unknown)));
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
#[path = "merge_tests.rs"]
mod tests;
