//! Fairness between projects, where a core is short of memory or its log is slow.
//!
//! Memory: the request buffers of one project may take a share of the core's budget, so that one whose clients flood the
//! server, or send their bodies slowly, leaves the rest to the others. A project's only
//! large request is always allowed, and the smallest buffers, which everybody is lent, count for nobody.
//!
//! The log: requests that wait for room in it take turns, one of each project, and within a project in the order of their
//! coming.
//!
//! Requests whose project is not known (heads, starts, sessions that this core has not heard of) are together one project.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasherDefault;

use super::sessions::IdHasher;

/// What the projects hold.
pub struct Shares {
    bytes_max: u64,
    /// By project. Projects are those of the directory, so this has an end; none is ever taken out.
    held: RefCell<HashMap<u32, u64, BuildHasherDefault<IdHasher>>>,
}

/// What a connection holds for a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Account {
    project: u32,
    bytes: u64,
}

impl Shares {
    /// Each project may have so many percent of the budget.
    pub fn new(budget_bytes: u64, percent: u8) -> Shares {
        let bytes_max = if percent >= 100 { u64::MAX } else { budget_bytes / 100 * u64::from(percent) };
        Shares { bytes_max, held: RefCell::default() }
    }

    /// Whether a connection that holds what `account` says may hold `bytes` for `project`.
    pub fn allow(&self, account: &Account, project: u32, bytes: u64) -> bool {
        let own = if account.project == project { account.bytes } else { 0 };
        let others = self.held(project).saturating_sub(own);
        others == 0 || others.saturating_add(bytes) <= self.bytes_max
    }

    /// Whether a project has all of its share.
    pub fn is_used_up(&self, project: u32) -> bool {
        self.held(project) >= self.bytes_max
    }

    /// Notes that a connection holds `bytes` for `project`, and no longer what it held.
    pub fn note(&self, account: &mut Account, project: u32, bytes: u64) {
        let next = Account { project, bytes };
        if *account == next {
            return;
        }
        let mut held = self.held.borrow_mut();
        if account.bytes > 0
            && let Some(total) = held.get_mut(&account.project)
        {
            *total = total.saturating_sub(account.bytes);
        }
        if bytes > 0 {
            *held.entry(project).or_default() += bytes;
        }
        *account = next;
    }

    fn held(&self, project: u32) -> u64 {
        self.held.borrow().get(&project).copied().unwrap_or(0)
    }
}

/// Puts a queue into an order in which projects take turns. Within a project its order stays.
pub fn take_turns<T>(queue: &mut VecDeque<T>, project: impl Fn(&T) -> u32) {
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
mod tests {
    use super::*;

    #[test]
    fn a_project_leaves_the_rest_to_the_others() {
        let shares = Shares::new(1000, 75);
        let mut flood = [Account::default(); 8];
        let mut taken = 0;
        for account in &mut flood {
            if shares.allow(account, 1, 100) {
                shares.note(account, 1, 100);
                taken += 1;
            }
        }
        assert_eq!((taken, shares.is_used_up(1)), (7, false), "750 of 1000");
        let mut other = Account::default();
        assert!(shares.allow(&other, 2, 300));
        shares.note(&mut other, 2, 300);
        shares.note(&mut flood[0], 1, 0);
        assert!(shares.allow(&flood[0], 1, 100), "what it gave back is its own again");
    }

    #[test]
    fn the_only_request_of_a_project_is_allowed_whatever_its_size() {
        let shares = Shares::new(1000, 10);
        let mut account = Account::default();
        assert!(shares.allow(&account, 1, 400));
        shares.note(&mut account, 1, 400);
        assert!(shares.allow(&account, 1, 900), "it may grow");
        assert!(!shares.allow(&Account::default(), 1, 50));
    }

    #[test]
    fn a_connection_that_turns_to_another_project_takes_its_bytes_along() {
        let shares = Shares::new(1000, 50);
        let mut account = Account::default();
        shares.note(&mut account, 1, 500);
        assert!(shares.is_used_up(1));
        shares.note(&mut account, 2, 500);
        assert!(!shares.is_used_up(1) && shares.is_used_up(2));
        shares.note(&mut account, 2, 0);
        assert_eq!((shares.held(1), shares.held(2)), (0, 0));
    }

    #[test]
    fn with_a_hundred_percent_there_is_no_limit() {
        let shares = Shares::new(1000, 100);
        let mut account = Account::default();
        shares.note(&mut account, 1, 1000);
        assert!(shares.allow(&Account::default(), 1, 1000));
    }

    #[test]
    fn projects_take_turns_and_keep_their_own_order() {
        let mut queue: VecDeque<(u32, char)> =
            [(1, 'a'), (1, 'b'), (1, 'c'), (1, 'd'), (2, 'e'), (3, 'f'), (2, 'g')].into();
        take_turns(&mut queue, |one| one.0);
        let order: String = queue.iter().map(|one| one.1).collect();
        assert_eq!(order, "aefbgcd");
        let mut alone: VecDeque<(u32, char)> = [(1, 'a'), (1, 'b')].into();
        take_turns(&mut alone, |one| one.0);
        assert_eq!(alone, [(1, 'a'), (1, 'b')]);
    }
}
