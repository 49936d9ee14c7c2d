//! The result.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::by::By;
use super::collector::{Collector, Session};
use super::distribution::{Distribution, Values};
use super::names::Name;
use super::sums::Sums;
use super::timeline::Timeline;

/// The numbers of a range. Sizes are in bytes; times in microseconds, points in time since the Unix epoch.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// When the first record that was counted was received; `None` if there is none.
    pub first_us: Option<u64>,
    /// When the last one was.
    pub last_us: Option<u64>,
    /// All of it.
    #[serde(flatten)]
    pub sums: Sums,
    /// Sizes of batches as received.
    pub batch_stored_bytes: Distribution,
    /// The same, inflated.
    pub batch_inflated_bytes: Distribution,
    /// Times between one batch of a session and the next.
    pub batch_gap_us: Distribution,
    /// Batches of a session.
    pub session_batches: Distribution,
    /// Bytes of a session as received.
    pub session_stored_bytes: Distribution,
    /// From a session's first record to its last.
    pub session_length_us: Distribution,
    /// By what sessions are told apart.
    pub by: &'static str,
    /// The largest groups, by sessions and then by bytes; by hour, all in their order.
    pub groups: Vec<Group>,
    /// The groups that are not among them.
    pub others: Others,
    /// The largest sessions, by bytes as received.
    pub largest_sessions: Vec<LargeSession>,
    /// Sums over time.
    #[serde(skip)]
    pub timeline: Timeline,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// What its sessions have in common; `None` if that is not known.
    pub value: Option<String>,
    /// What it holds.
    #[serde(flatten)]
    pub sums: Sums,
}

/// The groups that are not shown one by one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Others {
    /// How many; those beyond the limit of values count as one.
    pub groups: u64,
    /// What they hold.
    #[serde(flatten)]
    pub sums: Sums,
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LargeSession {
    /// As text: JavaScript numbers can't hold it.
    pub session_id: String,
    /// Its project; 0 if unknown.
    pub project_id: u32,
    /// When its first record was received.
    pub first_us: u64,
    /// From then to its last record.
    pub length_us: u64,
    /// Its batches.
    pub batches: u64,
    /// Its bytes as received.
    pub stored_bytes: u64,
    /// The same, inflated.
    pub inflated_bytes: u64,
}

/// Groups as they are summed up: by a number, or by a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Project(u32),
    Name(Name),
}

impl Collector {
    /// The report, with at most `top` groups and sessions.
    pub fn report(mut self, top: usize) -> Report {
        // What is only known by its start has no record within the range.
        self.sessions.retain(|_, session| session.sums.records > 0);
        let mut sums = Sums::default();
        let (mut batches, mut bytes, mut lengths_us) = (Values::default(), Values::default(), Values::default());
        let mut groups: BTreeMap<Key, Sums> = BTreeMap::new();
        let by = self.by;
        let key = |project, name| match by {
            By::Project => Some(Key::Project(project)),
            By::Start(_) => Some(Key::Name(name)),
            By::Hour | By::Nothing => None,
        };
        for session in self.sessions.values() {
            let whole = Sums { sessions: 1, ..session.sums };
            sums.add(&whole);
            batches.note(session.sums.batches);
            bytes.note(session.sums.stored_bytes);
            lengths_us.note(session.last_us - session.first_us);
            if let Some(key) = key(session.project, session.name) {
                groups.entry(key).or_default().add(&whole);
            }
            let began = Sums { sessions: 1, ..Sums::default() };
            self.timeline.add(session.first_us, &began);
            self.hours.entry(session.first_us / super::collector::HOUR_US).or_default().add(&began);
        }
        for (&project, without) in &self.without_session {
            sums.add(without);
            if let Some(key) = key(project, Name::UNKNOWN) {
                groups.entry(key).or_default().add(without);
            }
        }
        let (groups, others) = match self.by {
            By::Hour => (self.by_hour(), Others::default()),
            _ => self.largest_groups(groups, top),
        };
        Report {
            first_us: self.first_us,
            last_us: self.last_us,
            sums,
            batch_stored_bytes: self.batch_stored.distribution(),
            batch_inflated_bytes: self.batch_inflated.distribution(),
            batch_gap_us: self.gaps_us.distribution(),
            session_batches: batches.distribution(),
            session_stored_bytes: bytes.distribution(),
            session_length_us: lengths_us.distribution(),
            by: self.by.as_str(),
            groups,
            others,
            largest_sessions: self.largest_sessions(top),
            timeline: self.timeline,
        }
    }

    fn by_hour(&self) -> Vec<Group> {
        let text = |hour: u64| {
            let second = i64::try_from(hour.saturating_mul(3600)).ok();
            second.and_then(|second| Timestamp::from_second(second).ok()).map(|time| time.to_string())
        };
        self.hours.iter().map(|(&hour, &sums)| Group { value: text(hour), sums }).collect()
    }

    fn largest_groups(&self, groups: BTreeMap<Key, Sums>, top: usize) -> (Vec<Group>, Others) {
        let mut others = Others::default();
        let mut named: Vec<Group> = Vec::with_capacity(groups.len());
        for (key, sums) in groups {
            let value = match key {
                Key::Project(0) | Key::Name(Name::UNKNOWN) => None,
                Key::Project(project) => Some(project.to_string()),
                Key::Name(Name::OTHER) => {
                    others.groups += 1;
                    others.sums.add(&sums);
                    continue;
                }
                Key::Name(name) => self.names.text(name).map(str::to_owned),
            };
            named.push(Group { value, sums });
        }
        named.sort_by(|one, other| {
            let size = |group: &Group| Reverse((group.sums.sessions, group.sums.stored_bytes));
            size(one).cmp(&size(other)).then_with(|| one.value.cmp(&other.value))
        });
        for group in named.drain(top.min(named.len())..) {
            others.groups += 1;
            others.sums.add(&group.sums);
        }
        (named, others)
    }

    fn largest_sessions(&self, top: usize) -> Vec<LargeSession> {
        let size = |(id, session): &(&u64, &Session)| (Reverse(session.sums.stored_bytes), **id);
        let mut all: Vec<_> = self.sessions.iter().collect();
        if all.len() > top && top > 0 {
            all.select_nth_unstable_by_key(top - 1, size);
        }
        all.truncate(top);
        all.sort_unstable_by_key(size);
        let shown = all.into_iter().map(|(id, session)| LargeSession {
            session_id: id.to_string(),
            project_id: session.project,
            first_us: session.first_us,
            length_us: session.last_us - session.first_us,
            batches: session.sums.batches,
            stored_bytes: session.sums.stored_bytes,
            inflated_bytes: session.sums.inflated_bytes,
        });
        shown.collect()
    }
}
