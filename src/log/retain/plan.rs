//! What is deleted, when, and why: a decision without side effects, from what there is, who holds it, and what the settings say.
//!
//! The rules, in the order in which they are asked:
//!
//! 1. Only sealed segments go, and each as a whole.
//! 2. What tells how far order time has come stays: the newest sealed segment of the log, and of each core the newest one whose time is not
//!    known. A new server must not begin its clock behind what was deleted.
//! 3. A segment that a holding consumer has not passed stays. A cursor that can't be believed has passed nothing.
//! 4. What is left goes by **age**: when its newest record is older than the longest of the ages that its records have a right to, by the earliest that
//!    it may be now: a wall clock that has jumped makes nothing old. A project may have an
//!    age of its own; records of no known project have a right to the longest age there is.
//! 5. Then by **size**, the oldest first, until the log is within its cap.
//! 6. Where the disk is nearly full and [`FullDisk`] says so, also before its time: what every holding consumer has passed, the oldest first; and with
//!    [`FullDisk::DropOldest`], if that is not enough, what is not delivered. That alone overrules rule 3, and is counted.
//!
//! Beside these rules, what is in an archive may go ([`not_needed`]), if the settings say so.
//!
//! A segment without a sidecar that can be read is in doubt: what is in it is not known. Only `DropOldest` takes it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::log::clock::order::NEWEST_AHEAD_US_MAX;
use crate::log::cursor::position::has_passed;
use crate::log::format::position::MergePosition;
use crate::log::format::sidecar::{NAMES_MAX, Sidecar};

/// What is done when the disk is nearly full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FullDisk {
    /// Nothing is deleted: requests are held, then refused.
    #[default]
    Hold,
    /// The oldest segments that every holding consumer has passed are deleted. Where no consumer holds, nothing was delivered, and nothing is deleted.
    DropDelivered,
    /// As `DropDelivered`; then the oldest segments, delivered or not.
    DropOldest,
}

/// What is kept, and for how long.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Retain {
    /// How long after its newest record a segment is kept; None for ever.
    pub age: Option<Duration>,
    /// The cap on the log's size; None for no cap.
    pub bytes: Option<u64>,
    /// Projects with an age of their own, None for ever. It goes before `age`, whether it is longer or shorter.
    pub projects: BTreeMap<u32, Option<Duration>>,
}

/// A sealed segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The core.
    pub core: u16,
    /// Its id: when it was made, in order time.
    pub id: u64,
    /// The length of its file.
    pub bytes: u64,
    /// What its sidecar says; None where it has none that can be believed.
    pub facts: Option<Facts>,
}

/// What a sidecar says that matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The order time of the newest record.
    pub last_us: u64,
    /// When all its records had been received by the wall clock, at the latest: what its age is counted from.
    pub received_us: u64,
    /// Its records.
    pub records: u64,
    /// All projects of its records; None where there are others too, or records of no known project.
    pub projects: Option<Box<[u32]>>,
}

impl Facts {
    /// The facts of a sidecar, if it is that of this segment. A sidecar has no checksum: one whose newest record is older than the segment is
    /// not believed, so that a wrong digit can't make a segment much older than it is.
    pub fn of(sidecar: &Sidecar, core: u16, id: u64, bytes: u64) -> Option<Facts> {
        if (sidecar.core, sidecar.segment, sidecar.bytes) != (core, id, bytes) || sidecar.last_us < id {
            return None;
        }
        let all = sidecar.projectless == 0 && sidecar.projects.len() < NAMES_MAX;
        let projects = all.then(|| sidecar.projects.clone().into_boxed_slice());
        let received_us = if sidecar.received_us == 0 { sidecar.last_us } else { sidecar.received_us };
        Some(Facts { last_us: sidecar.last_us, received_us, records: sidecar.records, projects })
    }
}

/// What is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// Every sealed segment.
    pub segments: &'a [Sealed],
    /// The bytes of all other files of the log: what is being written, made ready, or deleted.
    pub other_bytes: u64,
    /// How far each holding consumer has come; None where that can't be believed.
    pub holding: &'a [Option<MergePosition>],
    /// The settings.
    pub retain: &'a Retain,
    /// What is done when the disk is nearly full.
    pub full_disk: FullDisk,
    /// How much has to be freed before the disk is no longer nearly full.
    pub missing_bytes: u64,
    /// Order time now.
    pub now_us: u64,
    /// The earliest that it may be by the wall clock: ages are counted to it.
    pub earliest_us: u64,
}

/// Why a segment goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Reason {
    /// It is older than `retain_age`.
    Age,
    /// It is older than the ages of its projects, one of which is the project's own.
    ProjectAge,
    /// The log is larger than `retain_bytes`.
    Bytes,
    /// The disk is nearly full, and every holding consumer has passed it.
    FullDisk,
    /// The disk is nearly full, and it is the oldest; a consumer that holds it has not passed it.
    Undelivered,
    /// Its records are in an archive.
    Archived,
}

impl Reason {
    /// Every reason, in the order of `RetentionStats::deleted`.
    pub const ALL: [Reason; 6] =
        [Reason::Age, Reason::ProjectAge, Reason::Bytes, Reason::FullDisk, Reason::Undelivered, Reason::Archived];

    /// The stable text form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Reason::Age => "age",
            Reason::ProjectAge => "project_age",
            Reason::Bytes => "bytes",
            Reason::FullDisk => "full_disk",
            Reason::Undelivered => "undelivered",
            Reason::Archived => "archived",
        }
    }
}

/// A segment that goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deletion {
    /// The core.
    pub core: u16,
    /// The segment's id.
    pub id: u64,
    /// The length of its file.
    pub bytes: u64,
    /// Its records; 0 where that is not known.
    pub records: u64,
    /// Why.
    pub reason: Reason,
}

/// What goes, in this order.
pub fn plan(look: &Look<'_>) -> Vec<Deletion> {
    let mut order: Vec<&Sealed> = look.segments.iter().collect();
    order.sort_unstable_by_key(|segment| (segment.id, segment.core));
    let clock = tells_the_time(&order, look.now_us);
    let mut plan = Planner { look, left: order, deletions: Vec::new(), freed_bytes: 0 };
    plan.left.retain(|segment| !clock.contains(&(segment.core, segment.id)));
    plan.by_age();
    plan.by_size();
    plan.by_need();
    plan.deletions
}

/// The segments that nobody needs here, if all their records are elsewhere: those that no consumer holds, that do not tell the time, and of which it is
/// known what is in them. Oldest first.
pub fn not_needed(look: &Look<'_>) -> Vec<Sealed> {
    let mut order: Vec<&Sealed> = look.segments.iter().collect();
    order.sort_unstable_by_key(|segment| (segment.id, segment.core));
    let clock = tells_the_time(&order, look.now_us);
    let is_free = |segment: &&Sealed| {
        segment.facts.is_some() && !clock.contains(&(segment.core, segment.id)) && !look.is_held(segment)
    };
    order.into_iter().filter(is_free).cloned().collect()
}

/// How many segments would go by age if it were `latest_us` now, and stay because the wall clock is not believed.
pub fn held_by_clock(look: &Look<'_>, latest_us: u64) -> usize {
    let aged = |look: &Look<'_>| {
        plan(look).iter().filter(|deletion| matches!(deletion.reason, Reason::Age | Reason::ProjectAge)).count()
    };
    aged(&Look { earliest_us: latest_us, ..*look }).saturating_sub(aged(look))
}

/// The bytes of the sealed segments that a holding consumer has not passed.
pub fn held_bytes(look: &Look<'_>) -> u64 {
    look.segments.iter().filter(|segment| look.is_held(segment)).map(|segment| segment.bytes).sum()
}

impl Look<'_> {
    fn is_held(&self, segment: &Sealed) -> bool {
        self.holding.iter().any(|position| holds(position.as_ref(), segment))
    }

    /// Those of these names, one for each of `holding`, that hold a segment.
    pub(super) fn held_by(&self, segment: &Sealed, names: &[String]) -> Vec<String> {
        let holds = |(_, position): &(&String, &Option<MergePosition>)| holds(position.as_ref(), segment);
        names.iter().zip(self.holding).filter(holds).map(|(name, _)| name.clone()).collect()
    }
}

/// Whether a consumer at this position holds a segment. A position that can't be believed holds all.
fn holds(position: Option<&MergePosition>, segment: &Sealed) -> bool {
    !position.is_some_and(|position| has_passed(position, segment.core, segment.id, segment.bytes))
}

/// The segments by which a new server would find out how far order time has come; see [`crate::log::repair::recovery`], which looks at each core's newest.
pub(super) fn tells_the_time(ascending: &[&Sealed], now_us: u64) -> BTreeSet<(u16, u64)> {
    let newest: BTreeMap<u16, &Sealed> = ascending.iter().map(|&segment| (segment.core, segment)).collect();
    let time = |segment: &Sealed| {
        let told = segment.facts.as_ref().map(|facts| facts.last_us);
        told.filter(|&us| us < now_us.saturating_add(NEWEST_AHEAD_US_MAX))
    };
    let known = newest.values().filter(|segment| time(segment).is_some()).max_by_key(|segment| time(segment));
    let unknown = newest.values().filter(|segment| time(segment).is_none());
    unknown.chain(known).map(|segment| (segment.core, segment.id)).collect()
}

struct Planner<'a> {
    look: &'a Look<'a>,
    /// What may go, oldest first.
    left: Vec<&'a Sealed>,
    deletions: Vec<Deletion>,
    freed_bytes: u64,
}

impl<'a> Planner<'a> {
    fn by_age(&mut self) {
        let (retain, now_us) = (self.look.retain, self.look.earliest_us);
        self.take(|look, segment| {
            let facts = segment.facts.as_ref().filter(|_| !look.is_held(segment))?;
            let (age, reason) = retain.age_of(facts.projects.as_deref())?;
            let old = facts.received_us.saturating_add(u64::try_from(age.as_micros()).ok()?) <= now_us;
            old.then_some(reason)
        });
    }

    fn by_size(&mut self) {
        let Some(cap) = self.look.retain.bytes else { return };
        let sealed: u64 = self.look.segments.iter().map(|segment| segment.bytes).sum();
        let mut over = (sealed + self.look.other_bytes).saturating_sub(self.freed_bytes).saturating_sub(cap);
        self.take(|look, segment| {
            let goes = over > 0 && segment.facts.is_some() && !look.is_held(segment);
            over = if goes { over.saturating_sub(segment.bytes) } else { over };
            goes.then_some(Reason::Bytes)
        });
    }

    fn by_need(&mut self) {
        let mut missing = self.look.missing_bytes.saturating_sub(self.freed_bytes);
        let policy = self.look.full_disk;
        let anybody = !self.look.holding.is_empty();
        if policy == FullDisk::Hold || (policy == FullDisk::DropDelivered && !anybody) {
            return;
        }
        self.take(|look, segment| {
            let believed = segment.facts.is_some() || policy == FullDisk::DropOldest;
            let goes = missing > 0 && believed && !look.is_held(segment);
            missing = if goes { missing.saturating_sub(segment.bytes) } else { missing };
            goes.then_some(Reason::FullDisk)
        });
        if policy == FullDisk::DropOldest {
            self.take(|_, segment| {
                let goes = missing > 0;
                missing = missing.saturating_sub(segment.bytes);
                goes.then_some(Reason::Undelivered)
            });
        }
    }

    /// Moves the segments that have a reason to go.
    fn take(&mut self, mut reason: impl FnMut(&Look<'_>, &Sealed) -> Option<Reason>) {
        let Planner { look, left, deletions, freed_bytes } = self;
        left.retain(|segment| {
            let Some(reason) = reason(look, segment) else { return true };
            let records = segment.facts.as_ref().map_or(0, |facts| facts.records);
            let (core, id, bytes) = (segment.core, segment.id, segment.bytes);
            deletions.push(Deletion { core, id, bytes, records, reason });
            *freed_bytes += bytes;
            false
        });
    }
}

impl Retain {
    /// Whether nothing is ever deleted by these rules.
    pub fn is_for_ever(&self) -> bool {
        self.age.is_none() && self.bytes.is_none() && self.projects.values().all(Option::is_none)
    }

    /// How long records of these projects are kept together, and by which rule; None for ever.
    pub fn age_of(&self, projects: Option<&[u32]>) -> Option<(Duration, Reason)> {
        let mut longest = Duration::ZERO;
        let mut reason = Reason::Age;
        let mut consider = |age: Option<Duration>, of: Reason| {
            longest = longest.max(age?);
            reason = reason.max(of);
            Some(())
        };
        match projects {
            Some(projects) => {
                for project in projects {
                    match self.projects.get(project) {
                        Some(own) => consider(*own, Reason::ProjectAge)?,
                        None => consider(self.age, Reason::Age)?,
                    }
                }
                // No records at all: the common age is as good as any.
                if projects.is_empty() {
                    consider(self.age, Reason::Age)?;
                }
            }
            None => {
                consider(self.age, Reason::Age)?;
                self.projects.values().try_for_each(|own| consider(*own, Reason::Age))?;
            }
        }
        Some((longest, reason))
    }
}

#[cfg(test)]
mod tests;
