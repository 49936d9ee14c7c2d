//! takeup answers and stores what the real OpenReplay service did.
//!
//! `tests/fixtures/golden` has the recordings. Each case is sent to the real binary, byte for byte
//! where that matters; its answer, whether its connection stays open, and what the log then holds are
//! compared with the recording. What differs on purpose is in `tests/golden/differences.toml`, and
//! nowhere else.
#![allow(clippy::disallowed_methods, reason = "what would hurt a server is harmless in a test")]

mod common;

/// The files in `tests/golden/`.
mod golden {
    pub mod case;
    pub mod compare;
    pub mod differences;
    pub mod message;
    pub mod run;
}

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use common::Home;
use common::log::Record;
use golden::case::{Case, Release, World};
use golden::compare::{Comparison, sessions};
use golden::differences::Differences;
use golden::run::{Outcome, Target};

/// Cases that are sent at the same time to one server. Most of their time is waiting for a close
/// that should not come.
const AT_ONCE: usize = 12;
/// Servers that run at the same time. They share one disk and few processors with each other.
const SERVERS_AT_ONCE: usize = 3;

#[test]
fn recorded_cases_are_answered_and_stored_as_openreplay_did() {
    let world = World::read();
    let differences = Differences::read();
    let cases = Case::all();
    let of = |release| cases.iter().filter(|case| case.release == release).count();
    assert_eq!((of(Release::Main), of(Release::Seed)), (538, 522), "every recorded case is there");
    let names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    let distinct: BTreeSet<&&str> = names.iter().collect();
    assert_eq!(distinct.len(), names.len(), "case names are unique");
    assert_eq!(differences.names_without_case(&names), [""; 0], "in the table, but no such case");

    let mut by_config: BTreeMap<_, Vec<&Case>> = BTreeMap::new();
    for case in &cases {
        by_config.entry((case.release, &case.config)).or_default().push(case);
    }
    let judge = Judge { world: &world, differences: &differences, cases: &cases };
    let complaints: Mutex<Vec<String>> = Mutex::default();
    let judged = AtomicUsize::new(0);
    // Large groups first, so that small ones fill the gaps.
    let mut groups: Vec<Vec<&Case>> = by_config.into_values().collect();
    groups.sort_by_key(Vec::len);
    let groups = Mutex::new(groups);
    thread::scope(|scope| {
        for _ in 0..SERVERS_AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(cases) = groups.lock().expect("no thread panicked with the lock").pop() else { return };
                    let (count, found) = run_on_one_server(&judge, &cases);
                    judged.fetch_add(count, Ordering::Relaxed);
                    complaints.lock().expect("no thread panicked with the lock").extend(found);
                }
            });
        }
    });
    assert_eq!(judged.into_inner(), cases.len(), "no case is skipped");
    let mut complaints = complaints.into_inner().expect("no thread panicked with the lock");
    complaints.extend(differences.idle_changes());
    let failed = complaints.len();
    assert!(complaints.is_empty(), "{failed} of {} cases:\n{}", cases.len(), complaints.join("\n"));
}

/// What an outcome is judged by.
struct Judge<'a> {
    world: &'a World,
    differences: &'a Differences,
    cases: &'a [Case],
}

/// Runs cases of one configuration. Returns how many were judged, and what is wrong with those that fail.
fn run_on_one_server(judge: &Judge<'_>, cases: &[&Case]) -> (usize, Vec<String>) {
    let (world, first) = (judge.world, cases[0]);
    let environment = world.environment(first.release, &first.config);
    let home = Home::with_projects(&world.projects_toml());
    let server = home.serve_recorded(&environment, world.key("web"));
    let target = Target { world, address: server.addr, admin: server.admin };
    let (mut lonely, sociable): (Vec<&Case>, Vec<&Case>) = cases.iter().partition(|case| case.shares_a_session());
    lonely.sort_by_key(|case| case.starts());

    let mut done: Vec<(&Case, Outcome, Vec<Record>)> = Vec::new();
    let mut before = home.records();
    for case in lonely {
        let outcome = target.run(case);
        let after = home.records();
        let own = own_sessions(case, &outcome);
        let of_own = |records: &[Record]| -> Vec<Record> {
            records.iter().filter(|r| own.contains(&r.session)).cloned().collect()
        };
        let records = of_own(&after).split_off(of_own(&before).len());
        done.push((case, outcome, records));
        before = after;
    }
    let outcomes = run_at_once(&target, &sociable);
    let all = home.records();
    for (case, outcome) in sociable.into_iter().zip(outcomes) {
        let own = sessions(&outcome);
        let records = all.iter().filter(|r| own.contains(&r.session)).cloned().collect();
        done.push((case, outcome, records));
    }
    server.stop();

    let mut complaints: Vec<String> = done.iter().filter_map(|done| judge.complaint(done)).collect();
    let known: BTreeSet<u64> = done.iter().flat_map(|(case, outcome, _)| own_sessions(case, outcome)).collect();
    let strange = all.iter().filter(|record| !known.contains(&record.session));
    complaints.extend(strange.map(|r| format!("a record of session {} that no case was told of", r.session)));
    (done.len(), complaints)
}

/// The sessions that a case may have written to, 0 standing for none.
fn own_sessions(case: &Case, outcome: &Outcome) -> BTreeSet<u64> {
    let mut own = sessions(outcome);
    if case.has_no_session() {
        own.insert(0);
    }
    own
}

impl Judge<'_> {
    fn complaint(&self, (case, outcome, records): &(&Case, Outcome, Vec<Record>)) -> Option<String> {
        let compare = |with: &Case| Comparison::of(with, self.world.base_secret(), outcome, records);
        let found = match case.successor(self.cases) {
            Some(main) => self.differences.judge_with_later(case.what(), &compare(case), &compare(main)),
            None => self.differences.judge(&case.name, &compare(case)),
        };
        (!found.is_empty()).then(|| format!("{}\n    {}", case.name, found.join("\n    ")))
    }
}

/// Runs cases at the same time; the outcomes are in the cases' order.
fn run_at_once(target: &Target<'_>, cases: &[&Case]) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let outcomes: Vec<Mutex<Option<Outcome>>> = cases.iter().map(|_| Mutex::default()).collect();
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = cases.get(at) else { return };
                    let outcome = target.run(case);
                    *outcomes[at].lock().expect("one thread takes a case") = Some(outcome);
                }
            });
        }
    });
    let all = outcomes.into_iter().map(|o| o.into_inner().expect("no thread panicked").expect("each case ran"));
    all.collect()
}
