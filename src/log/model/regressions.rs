//! Histories that have failed once, as short as they are. Each broke a promise, and is tried with every call failing in turn.

use std::collections::BTreeMap;
use std::path::Path;

use crate::log::cursor::{ConsumerName, Cursor, Cursors};
use crate::log::disk::calls::Disk;
use crate::log::format::ledger::Ledger;
use crate::log::format::position::{MergePosition, Place};
use crate::log::read::reader::hand::temp_dir;
use crate::log::{Ack, Way};

use super::disk::ModelDisk;
use super::history::Checked;
use super::new_disk;
use super::platter::{Temper, Trap};
use super::step::Step;
use super::world::World;

/// More than the calls of any opening here.
const CALLS_MAX: u64 = 40;

fn play(disk: &'static ModelDisk, steps: &[Step]) -> Checked {
    let dir = temp_dir();
    disk.begin(dir.path(), 1);
    let mut world = World::plain(disk, dir.path().join("log"), Ack::Disk, Way::Mapped)?;
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
fn what_only_memory_holds_after_a_failed_sync_is_not_believed() {
    play_with_each_call_failing(|fail| {
        let append = Step::Append { core: 1, bytes: 700 };
        let kill = Step::Stop { kill: true, temper: 0 };
        vec![Step::Turn, append, Step::Turn, fail, append, Step::Kick { core: 1 }, Step::Sync { core: 1 }, kill, CUT]
    });
}

/// A core's segment is full of acknowledged records; the next step seals it.
fn about_to_seal(disk: &'static ModelDisk, dir: &Path, seed: u64) -> World {
    disk.begin(dir, seed);
    let mut world = World::plain(disk, dir.join("log"), Ack::Disk, Way::Mapped).unwrap();
    let append = Step::Append { core: 1, bytes: 700 };
    let steps = [Step::Turn, append, Step::Turn, Step::Age { core: 1 }, Step::Turn, Step::Turn];
    steps.into_iter().try_for_each(|step| world.step(step)).unwrap();
    world
}

#[test]
fn a_sealed_segment_has_its_sidecar_whatever_a_power_cut_keeps() {
    let disk = new_disk();
    // The names of one folder survive in any combination, so that a few tries are enough.
    for seed in 0..12 {
        for calls in 0..12 {
            let dir = temp_dir();
            let mut world = about_to_seal(disk, dir.path(), seed);
            let ended = [Step::Trap { calls, kill: false, temper: 3 }, Step::Seal, CUT];
            let ended = ended.into_iter().try_for_each(|step| world.step(step));
            ended.unwrap_or_else(|error| panic!("seed {seed}, cut at call {calls}: {error}"));
        }
        for calls in 0..CALLS_MAX {
            let dir = temp_dir();
            let mut world = about_to_seal(disk, dir.path(), seed);
            let ended = world.stop_twice(Temper::Anything, calls, Trap::Cut);
            ended.unwrap_or_else(|error| panic!("seed {seed}, cut at call {calls} of the recovery: {error}"));
        }
    }
}

/// Fills a segment, again and again.
const FULL: [Step; 3] = [Step::Append { core: 0, bytes: 9_000 }, Step::Turn, Step::Seal];

/// A log that is larger than it may be, of which the consumer has been handed all.
fn about_to_delete(disk: &'static ModelDisk, dir: &Path, recycles: bool) -> World {
    disk.begin(dir, 1);
    let mut world = World::retaining(disk, dir.join("log"), recycles).unwrap();
    let steps = FULL.into_iter().cycle().take(3 * 24).chain([Step::Merge { count: 1_000 }]);
    steps.into_iter().try_for_each(|step| world.step(step)).unwrap();
    world
}

#[test]
fn nothing_is_deleted_by_halves_whatever_call_is_the_last() {
    let disk = new_disk();
    let mut deleted = 0;
    // A call fails, or is the last of its process; a few calls later the power fails.
    for trap in [Trap::Fail, Trap::Kill] {
        for (calls, more) in (0..32).flat_map(|calls| (1..5).map(move |more| (calls, more))) {
            let dir = temp_dir();
            let mut world = about_to_delete(disk, dir.path(), false);
            world.step(Step::Keep).unwrap();
            disk.set_trap(calls, trap);
            let cut = Step::Trap { calls: more, kill: false, temper: 0 };
            let ended = [Step::Delete, cut, Step::Delete, CUT].into_iter().try_for_each(|step| world.step(step));
            ended.unwrap_or_else(|error| panic!("{trap:?} at call {calls}, cut {more} calls later: {error}"));
            deleted += world.history.deleted;
        }
    }
    assert!(deleted > 0);
}

#[test]
fn segments_that_go_together_share_the_syncs_of_their_folders() {
    let disk = new_disk();
    let dir = temp_dir();
    let mut world = about_to_delete(disk, dir.path(), false);
    world.step(Step::Keep).unwrap();
    let before = disk.folder_syncs();
    world.step(Step::Delete).unwrap();
    let core = dir.path().join("log/core-00");
    let deleted = Ledger::read(&core).between(Place { segment: 0, offset: 0 }, u64::MAX).count() as u64;
    // The cursors' folder, and the core's twice: for the ledger, and for the segments.
    assert!(deleted > 3, "{deleted} were deleted");
    assert_eq!(disk.folder_syncs() - before, 3 * deleted.div_ceil(8));
}

#[test]
fn nothing_is_deleted_that_a_cursor_may_not_have_passed_after_a_power_cut() {
    let disk = new_disk();
    for calls in 0..10 {
        let dir = temp_dir();
        let mut world = about_to_delete(disk, dir.path(), false);
        let steps = [Step::Fail { calls }, Step::Keep, Step::Delete, CUT];
        let ended = steps.into_iter().try_for_each(|step| world.step(step));
        ended.unwrap_or_else(|error| panic!("call {calls} of keeping fails: {error}"));
    }
}

#[test]
fn a_cursor_that_was_kept_is_there_whatever_call_had_failed_before() {
    let disk = new_disk();
    let name: ConsumerName = "courier".parse().unwrap();
    for calls in 0..12 {
        let dir = temp_dir();
        disk.begin(dir.path(), calls);
        let log_dir = dir.path().join("log");
        disk.make_dir(&log_dir).unwrap();
        disk.sync_dir(dir.path()).unwrap();
        let log = uuid::Uuid::from_u128(7);
        let cursors = Cursors::beside_on(disk, &log_dir, log);
        let position = MergePosition { log, cores: BTreeMap::new(), behind: BTreeMap::new() };
        let cursor = Cursor { consumer: name.clone(), holds: true, position };
        disk.set_trap(calls, Trap::Fail);
        if cursors.register(&cursor).is_err() && cursors.read(&name).unwrap().is_none() {
            cursors.register(&cursor).unwrap();
        }
        let place = Place { segment: 5, offset: 4096 };
        let position = MergePosition { log, cores: BTreeMap::from([(0, place)]), behind: BTreeMap::new() };
        if cursors.keep(&name, &position).is_err() {
            cursors.keep(&name, &position).unwrap();
        }
        disk.set_temper(Temper::Nothing);
        disk.stop(Trap::Cut);
        disk.restart();
        let kept = cursors.read(&name).unwrap().map(|cursor| cursor.position);
        assert_eq!(kept, Some(position), "call {calls} had failed");
    }
}

/// The same, of which files of deleted segments are kept for the next ones.
fn about_to_recycle(disk: &'static ModelDisk, dir: &Path) -> World {
    let mut world = about_to_delete(disk, dir, true);
    let steps = FULL.into_iter().cycle().take(3 * 16).chain([Step::Merge { count: 1_000 }, Step::Keep]);
    [Step::Delete].into_iter().chain(steps).try_for_each(|step| world.step(step)).unwrap();
    world
}

#[test]
fn a_segment_of_anothers_file_loses_nothing_and_brings_nothing_back_whatever_call_is_the_last() {
    let disk = new_disk();
    let mut recycled = 0;
    for (trap, temper) in
        [(Trap::Fail, 0), (Trap::Kill, 0), (Trap::Cut, 0), (Trap::Cut, 1), (Trap::Cut, 2), (Trap::Cut, 3)]
    {
        for calls in 0..70 {
            let dir = temp_dir();
            let mut world = about_to_recycle(disk, dir.path());
            disk.set_temper(Temper::ALL[temper]);
            disk.set_trap(calls, trap);
            let filled = FULL.into_iter().cycle().take(3 * 16);
            let steps = [Step::Delete].into_iter().chain(filled).chain([Step::Read, Step::Verify, CUT]);
            let ended = steps.into_iter().try_for_each(|step| world.step(step));
            ended.unwrap_or_else(|error| panic!("{trap:?} at call {calls}, {temper}: {error}"));
            recycled += world.history.recycled;
        }
    }
    assert!(recycled > 0);
}
