//! Histories that have failed once, as short as they are. Each broke a promise, and is tried with every call failing in turn.

use super::disk::ModelDisk;
use super::history::Checked;
use super::new_disk;
use super::step::Step;
use super::world::World;
use crate::log::Ack;
use crate::log::reader::hand::temp_dir;

/// More than the calls of any opening here.
const CALLS_MAX: u64 = 40;

fn play(disk: &'static ModelDisk, steps: &[Step]) -> Checked {
    let dir = temp_dir();
    disk.begin(dir.path(), 1);
    let mut world = World::plain(disk, dir.path().join("log"), Ack::Disk)?;
    steps.iter().try_for_each(|&step| world.step(step).map_err(|error| format!("{step:?}: {error}")))
}

fn play_with_each_call_failing(steps: impl Fn(Step) -> Vec<Step>) {
    let disk = new_disk();
    for calls in 0..CALLS_MAX {
        let steps = steps(Step::Fail { calls });
        play(disk, &steps).unwrap_or_else(|error| panic!("call {calls} fails: {error}"));
    }
}

const CUT: Step = Step::Stop { kill: false, temper: 0 };

#[test]
fn a_cores_folder_that_an_earlier_start_has_not_synced_is_synced() {
    play_with_each_call_failing(|fail| {
        let append = Step::Append { core: 2, bytes: 386 };
        vec![fail, Step::Reopen { cores: 3 }, Step::Turn, append, Step::Turn, CUT]
    });
}

#[test]
fn what_a_failed_segment_was_cut_by_does_not_come_back_behind_its_readers() {
    play_with_each_call_failing(|fail| {
        let append = Step::Append { core: 1, bytes: 4_023 };
        vec![
            Step::Turn,
            fail,
            append,
            append,
            Step::WriteBack,
            Step::Turn,
            Step::Progress { core: 1 },
            Step::Supply { core: 1 },
            append,
            Step::Merge { count: 34 },
            CUT,
        ]
    });
}

#[test]
fn a_sealed_segment_has_its_sidecar_whatever_a_power_cut_keeps() {
    let disk = new_disk();
    // The names of one folder survive in any combination, so that a few tries are enough.
    for seed in 0..12 {
        for calls in 0..12 {
            let temper = 3;
            let dir = temp_dir();
            disk.begin(dir.path(), seed);
            let mut world = World::plain(disk, dir.path().join("log"), Ack::Disk).unwrap();
            let append = Step::Append { core: 1, bytes: 700 };
            let seal = [
                Step::Turn,
                append,
                Step::Turn,
                Step::Age { core: 1 },
                Step::Turn,
                Step::Turn,
                Step::Supply { core: 1 },
            ];
            seal.into_iter().try_for_each(|step| world.step(step)).unwrap();
            let ended = [Step::Trap { calls, kill: false, temper }, Step::Seal, CUT];
            let ended = ended.into_iter().try_for_each(|step| world.step(step));
            ended.unwrap_or_else(|error| panic!("seed {seed}, cut at call {calls}: {error}"));
        }
    }
}
