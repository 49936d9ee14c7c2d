//! Compares a ledger with a log.

use std::path::Path;

use serde::Serialize;

use crate::log::format::record::Kind;
use crate::log::read::merge::{Merge, RepeatWindow};
use crate::log::read::reader::LogReader;

use super::error::LoadError;
use super::ledger::{self, Hash, hash};

/// How many examples are named.
const EXAMPLES_MAX: usize = 10;

/// What the comparison has found.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// Different batches in the ledger.
    pub acknowledged: u64,
    /// Of these, those that the log does not have.
    pub missing: u64,
    /// Of these, those that the log has behind a batch of the same session that was sent later.
    pub out_of_order: u64,
    /// Records of the log that hold a batch of the ledger once more: it was sent again because its answer was lost.
    pub repeats: u64,
    /// Batches in the log that are not in the ledger: of other clients, or stored without an answer.
    pub unacknowledged: u64,
    /// Sessions in the ledger.
    pub sessions: u64,
    /// Places in the log that are damaged, and were passed over.
    pub damaged: u64,
    /// Some of the missing batches: session and hash.
    pub missing_examples: Vec<String>,
    /// Some of those that are out of order: session and hash.
    pub out_of_order_examples: Vec<String>,
}

impl Found {
    /// Whether every acknowledged batch is there, in order.
    pub fn is_good(&self) -> bool {
        self.missing == 0 && self.out_of_order == 0
    }
}

/// A batch of the ledger. Sorted, they take 40 bytes each, and are found by halving.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Acknowledged {
    session: u64,
    hash: Hash,
    order: Option<u32>,
    seen: bool,
}

/// Compares the ledger with the log in the folder `log`.
pub fn check(ledger: &Path, log: &Path) -> Result<Found, LoadError> {
    let mut all = Vec::new();
    ledger::read(ledger, |entry| {
        all.push(Acknowledged { session: entry.session, hash: entry.hash, order: entry.order, seen: false });
    })?;
    all.sort_unstable();
    all.dedup_by_key(|batch| (batch.session, batch.hash));
    let mut found = Found { acknowledged: all.len() as u64, ..Found::default() };
    // For each session, by its first batch in `all`: the last place that was seen in the log.
    let sessions: Vec<usize> = (0..all.len()).filter(|&i| i == 0 || all[i - 1].session != all[i].session).collect();
    found.sessions = sessions.len() as u64;
    let mut last: Vec<Option<u32>> = vec![None; sessions.len()];

    let mut merge = Merge::new(LogReader::open(log)?).with_repeat_window(RepeatWindow::OFF);
    while let Some(record) = merge.next_settled()? {
        if record.kind != Kind::Batch {
            continue;
        }
        let key = (record.session, hash(record.payload));
        let Ok(at) = all.binary_search_by_key(&key, |batch| (batch.session, batch.hash)) else {
            found.unacknowledged += 1;
            continue;
        };
        let batch = &mut all[at];
        if std::mem::replace(&mut batch.seen, true) {
            found.repeats += 1;
            continue;
        }
        let Some(order) = batch.order else { continue };
        let session = sessions.partition_point(|&first| first <= at) - 1;
        if last[session].is_some_and(|last| last > order) {
            found.out_of_order += 1;
            note(&mut found.out_of_order_examples, batch);
        }
        last[session] = last[session].max(Some(order));
    }
    found.damaged = merge.damage_count();
    for batch in all.iter().filter(|batch| !batch.seen) {
        found.missing += 1;
        note(&mut found.missing_examples, batch);
    }
    Ok(found)
}

fn note(examples: &mut Vec<String>, batch: &Acknowledged) {
    if examples.len() < EXAMPLES_MAX {
        let hash: String = batch.hash.iter().map(|byte| format!("{byte:02x}")).collect();
        examples.push(format!("{} {hash}", batch.session));
    }
}

#[cfg(test)]
mod tests;
