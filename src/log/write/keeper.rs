//! The keeper: moves each core's window ahead of its cursor, keeps the clock, and watches the free space. It never waits for the disk.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::log::disk::free_space::free_bytes;
use crate::log::disk::page::PAGE_BYTES;
use crate::log::retain::FullDisk;

use super::fault::{Fault, LogThread};
use super::notice::{Notice, What};
use super::prepare;
use super::segment::Segment;
use super::shared::{Core, Shared, Space};
use super::wake::For;
use super::watch::Watch;

/// How much is populated at a time: about 0.2 ms' worth, so that a waiting core gets the first part soon.
const STEP_BYTES: u64 = 1 << 20;

/// How often the free space is checked; also the longest sleep.
const SPACE_INTERVAL: Duration = Duration::from_millis(250);

/// How often order time is adjusted to the wall clock, and the age of segments is checked.
const ANCHOR_INTERVAL: Duration = Duration::from_secs(1);

/// The thread. It ends when all cores have finished.
pub(in crate::log) fn run(shared: &Shared) {
    let _watch = Watch::new(shared, LogThread::Keeper);
    shared.keeper.set_thread();
    let mut woken = true;
    let mut anchored = Instant::now();
    let mut looked = Instant::now();
    let mut doubted = None;
    while shared.cores_running.load(Ordering::SeqCst) > 0 {
        for core in &shared.cores {
            let awaited = core.wait.what() == Some(For::Window);
            if move_windows(shared, core) && awaited && !woken {
                shared.late_wakes.fetch_add(1, Ordering::Relaxed);
            }
        }
        if anchored.elapsed() >= ANCHOR_INTERVAL {
            anchored = Instant::now();
            shared.clock.anchor();
            tell_of_clock(shared, &mut doubted);
            shared.cores.iter().for_each(|core| look_at_age(shared, core));
        }
        if looked.elapsed() >= SPACE_INTERVAL || shared.space_due.swap(false, Ordering::SeqCst) {
            looked = Instant::now();
            look_at_space(shared);
            shared.cores.iter().for_each(|core| let_go_of_the_forgotten(shared, core));
        }
        woken = shared.keeper.sleep(SPACE_INTERVAL);
    }
    shared.wake_preparer();
}

/// Reports once that the wall clock has jumped, once more if that needs the operator's confirmation, and once when it is over.
fn tell_of_clock(shared: &Shared, doubted: &mut Option<bool>) {
    let doubt = shared.clock.doubt();
    let now = doubt.map(|doubt| doubt.needs_word);
    if std::mem::replace(doubted, now) != now {
        let what = doubt.map_or(What::ClockSettled, |doubt| What::ClockJumped { doubt });
        shared.notices.force_push(Notice { core: 0, what });
    }
}

/// Populates up to `window_bytes` ahead of the cursor. Segments are few: the one in use and the next one. True if a window has moved.
pub(in crate::log) fn move_windows(shared: &Shared, core: &Core) -> bool {
    let mut moved = false;
    for segment in core.live() {
        match segment.extend_ready(window_end(shared, &segment), STEP_BYTES) {
            Ok(true) => {
                moved = true;
                core.wake_if_waiting();
            }
            Ok(false) => {}
            Err(error) => {
                let fault = Fault::prepare(&error);
                // A temporary failure is retried when the writer asks, or at the next check.
                if !fault.is_passing() {
                    segment.fail(fault);
                    core.wake();
                }
            }
        }
        if prepare::is_low(shared, &segment) {
            shared.wake_preparer();
        }
    }
    moved
}

fn window_end(shared: &Shared, segment: &Segment) -> u64 {
    let page = segment.cursor() / PAGE_BYTES * PAGE_BYTES;
    (page + shared.options.window_bytes).min(segment.bytes)
}

/// Wakes refused writers now and then to look again, whatever they wait for. A writer that could have gone on, and that nobody woke, is counted.
fn let_go_of_the_forgotten(shared: &Shared, core: &Core) {
    let forgotten = match core.wait.what() {
        Some(For::Segment) => core.is_ready(),
        Some(For::Sealer) => !core.is_behind_with_sealing(),
        Some(For::Hasher) => !core.recent.is_held(),
        Some(For::Window) => {
            let used = core.live().into_iter().rev().find(|segment| segment.first_us() != 0 && !segment.is_left());
            used.is_some_and(|segment| segment.ready() >= window_end(shared, &segment))
        }
        // Settled groups always wake the writer; space can also be freed by other programs.
        Some(For::Groups | For::Space) | None => false,
    };
    if forgotten {
        shared.late_wakes.fetch_add(1, Ordering::Relaxed);
    }
    core.wake_if_waiting();
}

/// An idle core's records are sealed too: its task is woken, and rolls over.
fn look_at_age(shared: &Shared, core: &Core) {
    let limit_us = shared.options.seal_age.as_micros() as u64;
    let old = |first_us: u64| first_us != 0 && shared.clock.now_us().saturating_sub(first_us) > limit_us;
    // The newest segment with records is the one in use: those before it are on their way to the sealer.
    let used = core.live().into_iter().rev().find(|segment| segment.first_us() != 0);
    if used.is_some_and(|segment| !segment.is_left() && old(segment.first_us())) {
        core.age_due.store(true, Ordering::SeqCst);
        core.waker.wake();
    }
}

/// Below the reserve only starts are accepted, below half of it nothing, so that the disk never fills up completely.
pub(in crate::log) fn look_at_space(shared: &Shared) {
    let Ok(free) = free_bytes(&shared.dir) else { return };
    shared.free_bytes.store(free, Ordering::Relaxed);
    let reserve = shared.options.reserve_bytes;
    let space = match free {
        free if free >= reserve => Space::Enough,
        free if free >= reserve / 2 => Space::Low,
        _ => Space::Full,
    };
    let before = shared.space();
    shared.set_space(space);
    if space < before {
        shared.wake_preparer();
    }
    // Spare files are given back even where no segment is deleted for space.
    let may_free = shared.retention.full_disk() != FullDisk::Hold || shared.spare_bytes() != 0;
    if free < shared.options.low_water_bytes() && may_free {
        shared.retention.wake();
    }
}
