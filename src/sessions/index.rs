//! The summaries of the recent sessions, within a budget.

use std::collections::{BinaryHeap, HashMap, VecDeque};

use crate::log::format::record::Record;

use super::details::Details;
use super::summary::{Query, SessionReport, Summary};

/// Recent sessions. Those that were heard of least lately go when it is full.
#[derive(Debug)]
pub struct Index {
    sessions: HashMap<u64, Summary>,
    /// Every session once, with its last order time when it was put here; the oldest first.
    queue: VecDeque<(u64, u64)>,
    bytes: usize,
    bytes_max: usize,
    evicted: u64,
}

impl Index {
    /// An empty one that takes at most so many bytes.
    pub fn new(bytes_max: usize) -> Index {
        Index { sessions: HashMap::new(), queue: VecDeque::new(), bytes: 0, bytes_max, evicted: 0 }
    }

    /// Adds a record of a session, with what was found in it.
    pub fn add(&mut self, record: &Record<'_>, details: Option<&Details>) {
        let session = record.session;
        let before = self.sessions.get(&session).map(Summary::bytes);
        if before.is_none() {
            self.queue.push_back((session, record.order_us));
        }
        let summary = self.sessions.entry(session).or_insert_with(|| Summary::new(record));
        summary.add(record, details);
        self.bytes = self.bytes + summary.bytes() - before.unwrap_or(0);
        while self.bytes > self.bytes_max && self.evict() {}
    }

    /// Drops the session that was heard of least lately. Returns whether there was one.
    fn evict(&mut self) -> bool {
        while let Some((session, seen_us)) = self.queue.pop_front() {
            let Some(summary) = self.sessions.get(&session) else { continue };
            if summary.last_us > seen_us {
                // It was heard of since.
                self.queue.push_back((session, summary.last_us));
                continue;
            }
            self.bytes -= summary.bytes();
            self.sessions.remove(&session);
            self.evicted += 1;
            return true;
        }
        false
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        *self = Index::new(self.bytes_max);
    }

    /// How many sessions were dropped because the budget was used up.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// What all summaries take of the budget.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many sessions there are.
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// One session.
    pub fn get(&self, session: u64) -> Option<&Summary> {
        self.sessions.get(&session)
    }

    /// The sessions that are asked for, those that began last first; and whether there are more.
    pub fn list(&self, query: &Query, now_us: u64) -> (Vec<SessionReport>, bool) {
        // The smallest on top, to make room for one that began later.
        let mut newest = BinaryHeap::new();
        let mut more = false;
        for (session, summary) in &self.sessions {
            if !summary.matches(*session, query, now_us) {
                continue;
            }
            newest.push(std::cmp::Reverse((summary.started_ms, *session)));
            if newest.len() > query.limit {
                newest.pop();
                more = true;
            }
        }
        let sorted = newest.into_sorted_vec().into_iter().map(|std::cmp::Reverse((_, session))| session);
        let report = |session| self.sessions.get(&session).map(|summary| summary.report(session, now_us));
        (sorted.filter_map(report).collect(), more)
    }
}

#[cfg(test)]
mod tests;
