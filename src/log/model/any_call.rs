//! One history, ended at each of its calls in turn.

use crate::log::read::reader::hand::temp_dir;
use crate::log::{Ack, Way};

use super::disk::ModelDisk;
use super::platter::{Temper, Trap};
use super::step::Step;
use super::world::World;
use super::{is_long, new_disk};

const DISK: (Ack, Way) = (Ack::Disk, Way::Mapped);
const MEMORY: (Ack, Way) = (Ack::Memory, Way::Mapped);
const MEMORY_DIRECT: (Ack, Way) = (Ack::Memory, Way::Direct);

/// Two cores fill their segments and roll over, segments are sealed by size and by age, one log is closed and opened again.
fn history() -> Vec<Step> {
    let mut steps = Vec::new();
    let mut fill = |rounds: usize| {
        for round in 0..rounds {
            steps.push(Step::Append { core: 0, bytes: 300 + 977 * round % 9_000 });
            steps.push(Step::Append { core: 0, bytes: 40 });
            steps.push(Step::Append { core: 1, bytes: 100 + 331 * round % 700 });
            steps.push(Step::Turn);
            if round % 3 == 0 {
                steps.push(Step::Merge { count: 5 });
                steps.push(Step::Seal);
            }
        }
        steps.push(Step::Age { core: 1 });
        steps.push(Step::Turn);
        steps.push(Step::Turn);
        steps.push(Step::Append { core: 1, bytes: 4_024 });
        steps.push(Step::Seal);
    };
    fill(9);
    fill(2);
    steps.push(Step::Reopen { cores: 2 });
    steps.push(Step::Turn);
    steps.push(Step::Append { core: 1, bytes: 1_000 });
    steps.push(Step::Turn);
    steps.push(Step::Append { core: 0, bytes: 2_000 });
    steps
}

/// What a play has come to.
struct Played {
    world: World,
    calls: u64,
    _dir: tempfile::TempDir,
}

/// Plays the history with one trap, to its end or to that of the power.
fn play(disk: &'static ModelDisk, (ack, way): (Ack, Way), trap: Option<(u64, Trap, Temper)>) -> Result<Played, String> {
    let dir = temp_dir();
    // Other choices at each call.
    disk.begin(dir.path(), trap.map_or(0, |(at, ..)| at));
    let mut world = World::plain(disk, dir.path().join("log"), ack, way)?;
    if let Some((at, trap, temper)) = trap {
        disk.set_temper(temper);
        disk.set_trap(at, trap);
    }
    let before = disk.calls();
    for step in history() {
        let outages = world.outages;
        world.step(step).map_err(|error| format!("{step:?}: {error}"))?;
        if world.outages > outages {
            break;
        }
    }
    Ok(Played { world, calls: disk.calls() - before, _dir: dir })
}

/// Each call with each temper, or one of `every` so many pairs where there is less time: with 4, each call with the harshest temper.
fn each_call(calls: u64, every: usize) -> impl Iterator<Item = (u64, Temper)> {
    let every = if is_long() { 1 } else { every };
    (0..calls * 4).rev().step_by(every).map(|at| (at / 4, Temper::ALL[(at % 4) as usize]))
}

#[test]
fn stored_means_stored_after_a_power_cut_at_any_call() {
    let disk = new_disk();
    let whole = play(disk, DISK, None).unwrap();
    assert!(whole.world.sealed_segments() > 3 && whole.world.acked() > 20, "the history is too poor");
    for (at, temper) in each_call(whole.calls, 4) {
        let played = play(disk, DISK, Some((at, Trap::Cut, temper)));
        let played = played.unwrap_or_else(|error| panic!("cut at call {at}, {temper:?}: {error}"));
        assert!(played.world.outages > 0, "the power has not failed at call {at}");
    }
}

#[test]
fn stored_means_stored_after_a_kill_at_any_call() {
    let disk = new_disk();
    for how in [DISK, MEMORY, MEMORY_DIRECT] {
        let calls = play(disk, how, None).unwrap().calls;
        for (at, _) in each_call(calls, 16) {
            let played = play(disk, how, Some((at, Trap::Kill, Temper::Nothing)));
            let played = played.unwrap_or_else(|error| panic!("{how:?}, killed at call {at}: {error}"));
            assert!(played.world.outages > 0, "it was not killed at call {at}");
        }
    }
}

#[test]
fn with_ack_memory_a_power_cut_may_lose_what_was_answered() {
    // If it did not, the cuts of the other tests would prove nothing.
    let disk = new_disk();
    for how in [MEMORY, MEMORY_DIRECT] {
        let mut world = play(disk, how, None).unwrap();
        world.world.step(Step::Stop { kill: false, temper: 0 }).unwrap();
        assert!(world.world.history.forgotten > 0, "{how:?}");
    }
}

#[test]
fn recoverable_when_recovery_is_ended_at_any_call() {
    let disk = new_disk();
    for trap in [Trap::Cut, Trap::Kill, Trap::Fail] {
        for (at, temper) in each_call(60, 11) {
            let mut played = play(disk, DISK, None).unwrap();
            // The power fails once more behind it: what a recovery has told stays true.
            let cut = Step::Stop { kill: false, temper: 0 };
            let checked = played.world.stop_twice(temper, at, trap).and_then(|()| played.world.step(cut));
            checked.unwrap_or_else(|error| panic!("{trap:?} at call {at} of the recovery, {temper:?}: {error}"));
        }
    }
}

#[test]
fn a_failed_call_kills_a_segment_and_not_the_service_nor_what_was_stored() {
    let disk = new_disk();
    let calls = play(disk, DISK, None).unwrap().calls;
    for (at, temper) in each_call(calls, 11) {
        let checked = play(disk, DISK, Some((at, Trap::Fail, temper))).and_then(|mut played| {
            played.world.check_that_it_takes_records()?;
            played.world.stop_twice(temper, u64::MAX / 2, Trap::Cut)
        });
        checked.unwrap_or_else(|error| panic!("call {at} fails, {temper:?}: {error}"));
    }
}
