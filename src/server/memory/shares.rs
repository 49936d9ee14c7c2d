//! Fairness between projects when a core is short of memory or its log is slow.
//!
//! Memory: the requests of one project may take a share of the core's budget, so that a project whose clients flood the server, or send
//! their bodies slowly, leaves the rest to the others. The rest is for projects that hold little, and "little" is a part of what is free,
//! so there is always something left, however many projects take what they can. The only large request of a project may take three quarters
//! of the rest. The smallest buffers, which every connection gets, are not counted.
//!
//! The log: requests that wait for room take turns by project, and within a project in order of arrival.
//!
//! Requests without a known project (heads, starts, sessions that this core does not know) count together as one project.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasherDefault;

use crate::base::id_hasher::IdHasher;

/// This part of what is free (one quarter) is guaranteed to each project. Each project that takes it leaves less to the next, but never
/// nothing.
const GUARANTEED_PART: u64 = 4;

/// How much memory the projects hold.
pub struct Shares {
    /// The most that one project may hold.
    bytes_max: u64,
    /// The core's budget.
    budget_bytes: u64,
    /// The most that all projects may hold together, not counting the only request of a project.
    total_max: u64,
    /// The same, counting those requests.
    total_max_with_single: u64,
    total: Cell<u64>,
    /// By project. Projects come from the directory, so the map is bounded; entries are never removed.
    held: RefCell<HashMap<u32, u64, BuildHasherDefault<IdHasher>>>,
}

/// What one connection holds for a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Account {
    project: u32,
    bytes: u64,
}

impl Account {
    /// How much it holds.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Shares {
    /// Each project may hold `percent` of the budget, and projects that hold more than a little may not hold more than that together.
    pub fn new(budget_bytes: u64, percent: u8) -> Shares {
        let whole = percent >= 100;
        let bytes_max = if whole { u64::MAX } else { budget_bytes / 100 * u64::from(percent) };
        Shares {
            bytes_max,
            budget_bytes,
            total_max: bytes_max,
            total_max_with_single: bytes_max.saturating_add(budget_bytes.saturating_sub(bytes_max) / 4 * 3),
            total: Cell::new(0),
            held: RefCell::default(),
        }
    }

    /// Whether a connection that holds what `account` says may hold `bytes` for `project`.
    pub fn allow(&self, account: &Account, project: u32, bytes: u64) -> bool {
        let own = if account.project == project { account.bytes } else { 0 };
        let others = self.held(project).saturating_sub(own);
        let after = others.saturating_add(bytes);
        let beside = self.total.get().saturating_sub(account.bytes);
        // Nobody else holds anything, or this is little compared with what is free.
        if beside == 0 || after <= self.guaranteed_bytes(beside) {
            return true;
        }
        let total = beside.saturating_add(bytes);
        let only = others == 0 && total <= self.total_max_with_single;
        only || after <= self.bytes_max && total <= self.total_max
    }

    /// Whether a project may hold no more at this moment.
    pub fn is_exhausted(&self, project: u32) -> bool {
        let held = self.held(project);
        let total = self.total.get();
        held >= self.bytes_max || held > self.guaranteed_bytes(total) && total >= self.total_max
    }

    /// Notes that a connection now holds `bytes` for `project`, instead of what it held before.
    pub fn note(&self, account: &mut Account, project: u32, bytes: u64) {
        let next = Account { project, bytes };
        if *account == next {
            return;
        }
        debug_assert!(self.total.get() >= account.bytes, "the total covers every account");
        let mut held = self.held.borrow_mut();
        debug_assert!(
            account.bytes == 0 || held.get(&account.project).is_some_and(|&total| total >= account.bytes),
            "what a connection holds is counted for its project"
        );
        if account.bytes > 0
            && let Some(total) = held.get_mut(&account.project)
        {
            *total = total.saturating_sub(account.bytes);
        }
        if bytes > 0 {
            *held.entry(project).or_default() += bytes;
        }
        self.total.set(self.total.get().saturating_sub(account.bytes) + bytes);
        *account = next;
    }

    /// What each project is guaranteed while this much is held.
    fn guaranteed_bytes(&self, held: u64) -> u64 {
        self.budget_bytes.saturating_sub(held) / GUARANTEED_PART
    }

    fn held(&self, project: u32) -> u64 {
        self.held.borrow().get(&project).copied().unwrap_or(0)
    }
}

/// Reorders a queue so that projects take turns. The order within each project stays.
pub fn interleave_projects<T>(queue: &mut VecDeque<T>, project: impl Fn(&T) -> u32) {
    let Some(first) = queue.front().map(&project) else { return };
    if queue.iter().all(|one| project(one) == first) {
        return;
    }
    let mut places: HashMap<u32, u32> = HashMap::new();
    let mut placed: Vec<(u32, T)> = queue
        .drain(..)
        .map(|one| {
            let place = places.entry(project(&one)).or_default();
            *place += 1;
            (*place, one)
        })
        .collect();
    placed.sort_by_key(|(place, _)| *place);
    queue.extend(placed.into_iter().map(|(_, one)| one));
}

#[cfg(test)]
mod tests;
