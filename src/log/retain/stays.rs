//! Why a segment stays: which of the rules of [`plan()`](super::plan()) keeps it.
//!
//! The plan is made once more as if nothing held, and as if the clock were believed: what would go then is what that rule keeps.

use std::collections::{BTreeMap, BTreeSet};

use crate::log::format::position::{MergePosition, Place};

use super::plan::{Deletion, Look, Sealed, plan, tells_the_time};

/// A segment that stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stay {
    /// The core.
    pub core: u16,
    /// The segment's id.
    pub id: u64,
    /// The length of its file.
    pub bytes: u64,
    /// Its records; 0 where that is not known.
    pub records: u64,
    /// Why.
    pub why: Why,
}

/// Why a segment stays.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// It is the newest: the next start sets its clock by it.
    Newest,
    /// Its sidecar is missing or does not match, so what is in it is not known.
    Doubt,
    /// It would go, but these consumers have not passed it.
    Held(Vec<String>),
    /// It is old by the machine's clock, which is not believed.
    Clock,
    /// It is younger than the age until which its records are kept; it goes at this time, in microseconds.
    Young(u64),
    /// It may go once it is in the archive, and the archive does not confirm it; these consumers have not passed it either.
    NotArchived(Vec<String>),
    /// It may go once it is in the archive, and the archive can't tell what it holds: this is wrong with it.
    ArchiveFault(String),
    /// It is not what was sealed, or has damaged places, so the archive may lack something of it.
    Altered,
    /// No age ends for it: `retain_age` is 0, or this project's own age is.
    ForEver(Option<u32>),
}

impl Why {
    /// The stable text form, without what it is about.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Why::Newest => "newest",
            Why::Doubt => "doubt",
            Why::Held(_) => "held",
            Why::Clock => "clock",
            Why::Young(_) => "young",
            Why::NotArchived(_) => "not_archived",
            Why::ArchiveFault(_) => "archive_fault",
            Why::Altered => "altered",
            Why::ForEver(_) => "for_ever",
        }
    }
}

/// Why those stay that do not go, oldest first. `names` are those of `look.holding`; it is `latest_us` at most by the machine's clock.
pub fn stays(look: &Look<'_>, names: &[String], latest_us: u64, goes: &[Deletion]) -> Vec<Stay> {
    let mut order: Vec<&Sealed> = look.segments.iter().collect();
    order.sort_unstable_by_key(|segment| (segment.id, segment.core));
    let newest = tells_the_time(&order, look.now_us);
    let released = if look.holding.is_empty() { Vec::new() } else { vec![Some(past_all(look))] };
    let free = Look { holding: &released, ..*look };
    let [unheld, by_clock, unheld_by_clock] =
        [free, Look { earliest_us: latest_us, ..*look }, Look { earliest_us: latest_us, ..free }].map(ids);
    let goes: BTreeSet<_> = goes.iter().map(|deletion| (deletion.core, deletion.id)).collect();
    let why = |segment: &Sealed| {
        let id = (segment.core, segment.id);
        let held = || Why::Held(look.held_by(segment, names));
        if newest.contains(&id) {
            return Why::Newest;
        }
        let Some(facts) = &segment.facts else { return Why::Doubt };
        if unheld.contains(&id) {
            return held();
        }
        if by_clock.contains(&id) {
            return Why::Clock;
        }
        if unheld_by_clock.contains(&id) {
            return held();
        }
        match look.retain.age_of(facts.projects.as_deref()) {
            Some((age, _)) => {
                let age_us = u64::try_from(age.as_micros()).unwrap_or(u64::MAX);
                Why::Young(facts.received_us.saturating_add(age_us))
            }
            None => {
                let own = look.retain.projects.iter().filter(|(_, age)| age.is_none()).map(|(&project, _)| project);
                let is_in = |project: &u32| facts.projects.as_ref().is_none_or(|projects| projects.contains(project));
                Why::ForEver(own.into_iter().find(is_in))
            }
        }
    };
    let left = order.into_iter().filter(|segment| !goes.contains(&(segment.core, segment.id)));
    left.map(|segment| Stay {
        core: segment.core,
        id: segment.id,
        bytes: segment.bytes,
        records: segment.facts.as_ref().map_or(0, |facts| facts.records),
        why: why(segment),
    })
    .collect()
}

fn ids(look: Look<'_>) -> BTreeSet<(u16, u64)> {
    plan(&look).into_iter().map(|deletion| (deletion.core, deletion.id)).collect()
}

/// A position that has passed everything.
fn past_all(look: &Look<'_>) -> MergePosition {
    let end = Place { segment: u64::MAX, offset: u64::MAX };
    let cores: BTreeMap<u16, Place> = look.segments.iter().map(|segment| (segment.core, end)).collect();
    MergePosition { log: uuid::Uuid::nil(), cores, behind: BTreeMap::new() }
}

#[cfg(test)]
mod tests;
