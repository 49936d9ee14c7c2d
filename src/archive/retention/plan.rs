//! What leaves the archive, and why: a decision without side effects, from what there is and what the settings say.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::archive::hour::Hour;
use crate::log::retain::stays::Why;
use crate::log::retain::{Reason, Retain};

/// An hour of all tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HourFacts {
    /// The hour.
    pub hour: Hour,
    /// When all of its rows had been received, at the latest: what their age is counted from.
    pub received_us: u64,
    /// Its files.
    pub files: Vec<FileFacts>,
}

/// A file of an hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFacts {
    /// Its path below the archive's folder.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// Its rows.
    pub rows: u64,
    /// How many of them are of each project, 0 for those of none; `None` where that is not known.
    pub projects: Option<BTreeMap<u32, u64>>,
}

/// What is looked at.
#[derive(Debug, Clone, Copy)]
pub struct ArchiveLook<'a> {
    /// Hours, oldest first: all, or those of which something may leave.
    pub hours: &'a [HourFacts],
    /// The newest hour of the archive.
    pub newest: Option<Hour>,
    /// The bytes of all files of the archive.
    pub total_bytes: u64,
    /// The settings.
    pub retain: &'a Retain,
    /// The earliest that it may be: ages are counted to it.
    pub earliest_us: u64,
}

/// What leaves of an hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leaves {
    /// All of it.
    Whole(Reason),
    /// The rows of these projects; 0 is those of none.
    Projects(BTreeSet<u32>),
}

/// What leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// The hour.
    pub hour: Hour,
    /// What of it.
    pub leaves: Leaves,
    /// Rows.
    pub rows: u64,
    /// Bytes; of single projects, by their share of the rows.
    pub bytes: u64,
}

impl Removal {
    /// Why.
    pub const fn reason(&self) -> Reason {
        match self.leaves {
            Leaves::Whole(reason) => reason,
            Leaves::Projects(_) => Reason::ProjectAge,
        }
    }
}

/// What leaves, in this order: by age, oldest first, and then by size.
pub fn plan(look: &ArchiveLook<'_>) -> Vec<Removal> {
    let mut removals: Vec<Removal> = look.hours.iter().filter_map(|hour| by_age(look, hour)).collect();
    let Some(cap) = look.retain.bytes else { return removals };
    let freed: u64 = removals.iter().map(|removal| removal.bytes).sum();
    let mut over = look.total_bytes.saturating_sub(freed).saturating_sub(cap);
    let whole: BTreeSet<Hour> =
        removals.iter().filter(|removal| removal.is_whole()).map(|removal| removal.hour).collect();
    for hour in look.hours.iter().filter(|hour| Some(hour.hour) != look.newest && !whole.contains(&hour.hour)) {
        if over == 0 {
            break;
        }
        let mut removal = hour.whole(Reason::Bytes);
        // What of it leaves by age does not leave twice.
        if let Some(part) = removals.iter().find(|part| part.hour == hour.hour) {
            removal.rows = removal.rows.saturating_sub(part.rows);
            removal.bytes = removal.bytes.saturating_sub(part.bytes);
        }
        over = over.saturating_sub(removal.bytes);
        removals.push(removal);
    }
    removals
}

impl Removal {
    /// Whether nothing of the hour is left.
    pub const fn is_whole(&self) -> bool {
        matches!(self.leaves, Leaves::Whole(_))
    }
}

impl HourFacts {
    fn whole(&self, reason: Reason) -> Removal {
        let sum = |of: fn(&FileFacts) -> u64| self.files.iter().map(of).sum();
        Removal {
            hour: self.hour,
            leaves: Leaves::Whole(reason),
            rows: sum(|file| file.rows),
            bytes: sum(|file| file.bytes),
        }
    }

    /// Its projects, 0 for rows of none and for files of which that is not known.
    pub fn projects(&self) -> BTreeSet<u32> {
        let of = |file: &FileFacts| match &file.projects {
            Some(projects) => projects.keys().copied().collect(),
            None => vec![0],
        };
        self.files.iter().flat_map(of).collect()
    }
}

/// How long rows of a project are kept; 0 is those of none, which have a right to the longest age there is. `None`: for ever.
fn age_of(retain: &Retain, project: u32) -> Option<(Duration, Reason)> {
    let projects = [project];
    retain.age_of((project != 0).then_some(&projects[..]))
}

/// When rows that were received at this time are old, in microseconds; `None`: never.
fn until_us(retain: &Retain, project: u32, received_us: u64) -> Option<(u64, Reason)> {
    let (age, reason) = age_of(retain, project)?;
    Some((received_us.checked_add(u64::try_from(age.as_micros()).ok()?)?, reason))
}

fn by_age(look: &ArchiveLook<'_>, hour: &HourFacts) -> Option<Removal> {
    let projects = hour.projects();
    let old = |&project: &u32| {
        let (until_us, reason) = until_us(look.retain, project, hour.received_us)?;
        (until_us <= look.earliest_us).then_some((project, reason))
    };
    let leaving: BTreeMap<u32, Reason> = projects.iter().filter_map(old).collect();
    if leaving.len() == projects.len() {
        return leaving.into_values().max().map(|reason| hour.whole(reason));
    }
    let (mut rows, mut bytes) = (0, 0);
    for file in &hour.files {
        let Some(projects) = &file.projects else { continue };
        let gone: u64 =
            projects.iter().filter(|(project, _)| leaving.contains_key(project)).map(|(_, rows)| rows).sum();
        rows += gone;
        bytes += share(file.bytes, gone, file.rows);
    }
    let leaves = Leaves::Projects(leaving.into_keys().collect());
    (rows > 0).then_some(Removal { hour: hour.hour, leaves, rows, bytes })
}

fn share(bytes: u64, part: u64, whole: u64) -> u64 {
    let of = u128::from(bytes) * u128::from(part) / u128::from(whole.max(1));
    u64::try_from(of).unwrap_or(bytes).min(bytes)
}

/// When the next rows of an hour are old, at the earliest; `None`: none will ever be, or all are.
pub fn next_us(hour: &HourFacts, retain: &Retain, earliest_us: u64) -> Option<u64> {
    let first_us = first_us(retain, hour.received_us)?;
    if first_us > earliest_us {
        // Its projects are not known.
        return Some(first_us);
    }
    let until = hour.projects().into_iter().filter_map(|project| until_us(retain, project, hour.received_us));
    until.map(|(until_us, _)| until_us).filter(|&until_us| until_us > earliest_us).min()
}

/// When the first rows of those that were received at this time may be old, by the shortest of all ages, in microseconds; `None`: none will ever be.
pub fn first_us(retain: &Retain, received_us: u64) -> Option<u64> {
    let shortest = retain.age.into_iter().chain(retain.projects.values().flatten().copied()).min()?;
    Some(received_us.saturating_add(u64::try_from(shortest.as_micros()).unwrap_or(u64::MAX)))
}

/// Why what stays of an hour stays, given what leaves, if it is `latest_us` at most by the machine's clock. `None`: nothing stays.
pub fn why_stays(look: &ArchiveLook<'_>, hour: &HourFacts, removals: &[Removal], latest_us: u64) -> Option<Why> {
    let mut of_hour = removals.iter().filter(|removal| removal.hour == hour.hour);
    if of_hour.clone().any(Removal::is_whole) {
        return None;
    }
    let Some(first_us) = first_us(look.retain, hour.received_us) else { return Some(Why::ForEver(None)) };
    if first_us > latest_us {
        // Its projects are not known.
        return Some(Why::Young(first_us));
    }
    let gone: BTreeSet<u32> = of_hour
        .find_map(|removal| match &removal.leaves {
            Leaves::Projects(projects) => Some(projects.clone()),
            Leaves::Whole(_) => None,
        })
        .unwrap_or_default();
    let stay: Vec<u32> = hour.projects().into_iter().filter(|project| !gone.contains(project)).collect();
    let until = |project: &u32| until_us(look.retain, *project, hour.received_us).map(|(until_us, _)| until_us);
    if stay.iter().filter_map(until).any(|until_us| until_us <= latest_us) {
        return Some(Why::Clock);
    }
    match stay.iter().filter_map(until).min() {
        Some(until_us) => Some(Why::Young(until_us)),
        None => Some(Why::ForEver(stay.into_iter().find(|project| look.retain.projects.get(project) == Some(&None)))),
    }
}

#[cfg(test)]
mod tests;
