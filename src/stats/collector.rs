//! Records, one at a time, as they were received or nearly so.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasherDefault;

use crate::base::id_hasher::IdHasher;

use super::by::{By, Client, Property};
use super::distribution::Values;
use super::names::{Name, Names};
use super::range::Range;
use super::sums::Sums;
use super::timeline::Timeline;

/// The most sessions, about 600 MB of them.
pub const SESSIONS_MAX: usize = 5_000_000;

/// An hour in microseconds.
pub(super) const HOUR_US: u64 = 3_600_000_000;

/// There are more than [`SESSIONS_MAX`] sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany;

/// What a record is, as far as numbers tell it apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A batch.
    Batch,
    /// An upload of images.
    Images,
    /// Anything else.
    Other,
}

/// A record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// The project; 0 if it is not known.
    pub project: u32,
    /// The session; 0 for what belongs to none.
    pub session: u64,
    /// When it was received, in microseconds.
    pub received_us: u64,
    /// What it is.
    pub what: What,
    /// Bytes of its payload as received.
    pub stored_bytes: u64,
    /// The same, inflated.
    pub inflated_bytes: u64,
}

/// What is known of a session.
#[derive(Debug, Clone, Copy)]
pub(super) struct Session {
    pub(super) project: u32,
    pub(super) name: Name,
    /// When the start was received that gave the name.
    described_us: u64,
    pub(super) first_us: u64,
    pub(super) last_us: u64,
    /// When the last batch was received; 0 if none was.
    last_batch_us: u64,
    /// Of it alone: `sessions` is 0 until the end.
    pub(super) sums: Sums,
}

/// Takes records, and counts.
#[derive(Debug)]
pub struct Collector {
    pub(super) range: Range,
    pub(super) by: By,
    pub(super) sessions: HashMap<u64, Session, BuildHasherDefault<IdHasher>>,
    /// What belongs to no session, by project.
    pub(super) without_session: BTreeMap<u32, Sums>,
    pub(super) names: Names,
    pub(super) hours: BTreeMap<u64, Sums>,
    pub(super) timeline: Timeline,
    pub(super) batch_stored: Values,
    pub(super) batch_inflated: Values,
    pub(super) gaps_us: Values,
    /// When the first and the last record were received.
    pub(super) first_us: Option<u64>,
    pub(super) last_us: Option<u64>,
    records: u64,
    sessions_max: usize,
}

impl Collector {
    /// Nothing yet.
    pub fn new(range: Range, by: By) -> Collector {
        Collector::with_sessions_max(range, by, SESSIONS_MAX)
    }

    pub(super) fn with_sessions_max(range: Range, by: By, sessions_max: usize) -> Collector {
        Collector {
            range,
            by,
            sessions: HashMap::default(),
            without_session: BTreeMap::new(),
            names: Names::default(),
            hours: BTreeMap::new(),
            timeline: Timeline::default(),
            batch_stored: Values::default(),
            batch_inflated: Values::default(),
            gaps_us: Values::default(),
            first_us: None,
            last_us: None,
            records: 0,
            sessions_max,
        }
    }

    /// Which records count.
    pub fn range(&self) -> &Range {
        &self.range
    }

    /// What is wanted of starts; `None` if nothing is.
    pub fn property(&self) -> Option<Property> {
        match self.by {
            By::Start(property) => Some(property),
            By::Nothing | By::Project | By::Hour => None,
        }
    }

    /// How many records were counted.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Whether records of this session were counted.
    pub fn has_session(&self, session: u64) -> bool {
        self.sessions.contains_key(&session)
    }

    /// Counts a record, if it is within the range.
    pub fn count(&mut self, arrival: &Arrival) -> Result<(), TooMany> {
        if !self.range.has(arrival.project, arrival.received_us) {
            return Ok(());
        }
        let sums = Sums {
            sessions: 0,
            records: 1,
            batches: u64::from(arrival.what == What::Batch),
            images: u64::from(arrival.what == What::Images),
            stored_bytes: arrival.stored_bytes,
            inflated_bytes: arrival.inflated_bytes,
        };
        let at_us = arrival.received_us;
        if arrival.session == 0 {
            self.without_session.entry(arrival.project).or_default().add(&sums);
        } else {
            let session = self.session(arrival.session)?;
            if arrival.project != 0 {
                session.project = arrival.project;
            }
            session.first_us = session.first_us.min(at_us);
            session.last_us = session.last_us.max(at_us);
            session.sums.add(&sums);
            if arrival.what == What::Batch {
                let before = session.last_batch_us;
                session.last_batch_us = before.max(at_us);
                // One that comes out of order has no gap before it.
                if before > 0 && at_us >= before {
                    self.gaps_us.note(at_us - before);
                }
            }
        }
        if arrival.what == What::Batch {
            self.batch_stored.note(arrival.stored_bytes);
            self.batch_inflated.note(arrival.inflated_bytes);
        }
        self.first_us = Some(self.first_us.map_or(at_us, |first| first.min(at_us)));
        self.last_us = self.last_us.max(Some(at_us));
        self.records += 1;
        self.hours.entry(at_us / HOUR_US).or_default().add(&sums);
        self.timeline.add(at_us, &sums);
        Ok(())
    }

    /// Notes what a start says of its session: the first one that was received counts. With `expected`, records of the session may follow;
    /// otherwise it is known only if some have been counted.
    pub fn describe(
        &mut self,
        session: u64,
        received_us: u64,
        client: &Client<'_>,
        expected: bool,
    ) -> Result<(), TooMany> {
        let Some(property) = self.property() else { return Ok(()) };
        if session == 0 || (!expected && !self.sessions.contains_key(&session)) {
            return Ok(());
        }
        if received_us >= self.session(session)?.described_us {
            return Ok(());
        }
        let name = self.names.of(property.of(client).as_deref());
        let session = self.session(session)?;
        session.described_us = received_us;
        session.name = name;
        Ok(())
    }

    fn session(&mut self, id: u64) -> Result<&mut Session, TooMany> {
        if self.sessions.len() >= self.sessions_max && !self.sessions.contains_key(&id) {
            return Err(TooMany);
        }
        Ok(self.sessions.entry(id).or_insert(Session {
            project: 0,
            name: Name::UNKNOWN,
            described_us: u64::MAX,
            first_us: u64::MAX,
            last_us: 0,
            last_batch_us: 0,
            sums: Sums::default(),
        }))
    }
}

#[cfg(test)]
mod tests;
