//! What the real OpenReplay service answered and stored, asked of takeup.
//!
//! `tests/fixtures/golden` has the recordings. Each case is sent to the real binary, byte for byte
//! where that matters; its answer, the fate of its connection and what the log then holds are
//! compared with the recording. What differs on purpose is in `tests/golden/differences.toml`, and
//! nowhere else.
#![allow(clippy::disallowed_methods, reason = "what would hurt a server is harmless in a test")]

#[path = "golden/case.rs"]
mod case;
#[path = "golden/compare.rs"]
mod compare;
#[path = "golden/differences.rs"]
mod differences;
#[path = "golden/mod.rs"]
mod harness;
#[path = "golden/message.rs"]
mod message;
#[path = "golden/run.rs"]
mod run;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use case::{Case, World};
use compare::{Comparison, sessions};
use differences::Differences;
use harness::server::Server;
use harness::stored::{self, Record};
use run::{Outcome, Target};

/// Cases that are sent at the same time to one server. Most of their time is waiting for a close
/// that should not come.
const AT_ONCE: usize = 12;

#[test]
fn recorded_cases_are_answered_and_stored_as_openreplay_did() {
    let world = World::read();
    let differences = Differences::read();
    let cases = Case::all();
    let names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    let distinct: BTreeSet<&&str> = names.iter().collect();
    assert_eq!(distinct.len(), names.len(), "case names are unique");
    assert_eq!(differences.names_without_case(&names), [""; 0], "in the table, but no such case");

    let mut by_config: BTreeMap<_, Vec<&Case>> = BTreeMap::new();
    for case in &cases {
        by_config.entry(&case.config).or_default().push(case);
    }
    let complaints: Mutex<Vec<String>> = Mutex::default();
    thread::scope(|scope| {
        for cases in by_config.values() {
            scope.spawn(|| {
                let found = run_on_one_server(&world, &differences, cases);
                complaints.lock().expect("no thread panicked with the lock").extend(found);
            });
        }
    });
    let complaints = complaints.into_inner().expect("no thread panicked with the lock");
    let failed = complaints.len();
    assert!(complaints.is_empty(), "{failed} of {} cases:\n{}", cases.len(), complaints.join("\n"));
}

/// Runs cases of one configuration, and says of each that fails how.
fn run_on_one_server(world: &World, differences: &Differences, cases: &[&Case]) -> Vec<String> {
    let config = &cases[0].config;
    let server = Server::start(&world.projects_toml(), &world.environment(config), world.key("web"));
    let target = Target { world, address: server.address(), admin: server.admin() };
    let (mut lonely, sociable): (Vec<&Case>, Vec<&Case>) = cases.iter().partition(|case| case.shares_a_session());
    lonely.sort_by_key(|case| case.starts());

    let mut done: Vec<(&Case, Outcome, Vec<Record>)> = Vec::new();
    for case in lonely {
        let before = stored::records(server.data());
        let outcome = target.run(case);
        let own = sessions(&outcome);
        let of_own =
            |records: Vec<Record>| records.into_iter().filter(|r| own.contains(&r.session)).collect::<Vec<_>>();
        let older = of_own(before).len();
        let records = of_own(stored::records(server.data())).split_off(older);
        done.push((case, outcome, records));
    }
    let outcomes = run_at_once(&target, &sociable);
    let all = stored::records(server.data());
    for (case, outcome) in sociable.into_iter().zip(outcomes) {
        let own = sessions(&outcome);
        let records = all.iter().filter(|r| own.contains(&r.session)).cloned().collect();
        done.push((case, outcome, records));
    }
    server.stop();

    let mut complaints = complaints_about(world, differences, &done);
    let known: BTreeSet<u64> = done.iter().flat_map(|(_, outcome, _)| sessions(outcome)).collect();
    let strange = all.iter().filter(|record| !known.contains(&record.session));
    complaints.extend(strange.map(|r| format!("a record of session {} that no case was told of", r.session)));
    complaints
}

fn complaints_about(world: &World, differences: &Differences, done: &[(&Case, Outcome, Vec<Record>)]) -> Vec<String> {
    let mut complaints = Vec::new();
    for (case, outcome, records) in done {
        let mismatches = Comparison::of(case, world.base_secret(), outcome, records);
        let found = differences.judge(&case.name, &mismatches);
        if !found.is_empty() {
            complaints.push(format!("{}\n    {}", case.name, found.join("\n    ")));
        }
    }
    complaints
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
