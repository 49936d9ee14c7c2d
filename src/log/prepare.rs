//! Making segments ready, ahead of need and beside the keeper, because each step may wait for the disk.
//!
//! One thread for all cores: first whoever has failed, then whoever has no segment to go on to, then formatting, in slices with
//! pauses so that it does not hold up the syncs of the segments in use.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use super::carry::Carried;
use super::control::at;
use super::fault::Fault;
use super::open::{Ack, Way};
use super::segment::{PAGE_BYTES, Plan, Segment};
use super::shared::{Core, Shared};

/// What is formatted at a time: small enough that a group's sync waits little behind it.
const SLICE_BYTES: u64 = 1 << 20;

/// How many windows a segment is formatted ahead of its cursor: what is formatted stays in memory until it is used.
const WINDOWS_AHEAD: u64 = 2;

/// The longest pause between two slices. A pause is as long as the slice took, so that a slow disk has half of its time for the syncs.
const SLICE_PAUSE_MAX: Duration = Duration::from_secs(1);

/// How long the thread sleeps with nothing to do, and waits after a failure.
const IDLE_PAUSE: Duration = Duration::from_millis(500);
const RETRY_PAUSE: Duration = Duration::from_millis(250);

/// A core that appends faster than this gets its next segment without formatting: a page costs a processor as much to format as four to
/// append, and large groups hide what each sync then pays for the state of its blocks (`docs/performance.md`).
const FORMAT_BYTES_PER_SECOND_MAX: u64 = 16 << 20;

/// What is remembered of a core between two of its segments.
pub(super) struct Last {
    id: u64,
    made: Instant,
    bytes: u64,
}

impl Last {
    pub(super) fn new() -> Last {
        Last { id: 0, made: Instant::now(), bytes: 0 }
    }

    /// Whether the core has had the time to be formatted for since its last segment was made.
    fn is_calm(&self, core: &Core) -> bool {
        let bytes = core.counters.bytes.load(Ordering::Relaxed) - self.bytes;
        bytes <= FORMAT_BYTES_PER_SECOND_MAX.saturating_mul(self.made.elapsed().as_secs().max(1))
    }
}

/// The thread. It ends when all cores are finished.
pub(super) fn run(shared: &Shared) {
    shared.set_preparer(thread::current());
    let mut lasts: Vec<Last> = shared.cores.iter().map(|_| Last::new()).collect();
    while shared.cores_running.load(Ordering::SeqCst) > 0 {
        let mut pause = IDLE_PAUSE;
        if !shared.is_closing() {
            for (core, last) in shared.cores.iter().zip(&mut lasts) {
                if core.poison().is_none() && !supply(shared, core, last) {
                    pause = RETRY_PAUSE;
                }
            }
            if let Some(next) = format_next(shared) {
                pause = next;
            }
        }
        if !pause.is_zero() {
            thread::park_timeout(pause);
        }
    }
    for core in &shared.cores {
        remove_unused(shared, core);
    }
}

/// Sees to it that the core has a segment to go on to, proved after its last failure. False if that has to be tried again.
pub(super) fn supply(shared: &Shared, core: &Core, last: &mut Last) -> bool {
    let replacing = core.replacing.load(Ordering::SeqCst);
    if !replacing && !core.fresh.is_empty() {
        return true;
    }
    match make_fresh(shared, core, last) {
        Ok(()) => {
            core.set_obstacle(None);
            if replacing {
                core.replacing.store(false, Ordering::SeqCst);
            }
            core.wake_if_waiting();
            true
        }
        Err(fault) => {
            core.set_obstacle(Some(fault));
            if !fault.is_passing() {
                core.note_failure(fault, None);
            }
            core.wake_if_waiting();
            false
        }
    }
}

fn make_fresh(shared: &Shared, core: &Core, last: &mut Last) -> Result<(), Fault> {
    cut_failed(shared, core)?;
    // A segment that was made before the failure may stay, if it proves itself now.
    if let Some(mut pen) = core.fresh.pop() {
        if pen.probe().is_ok() {
            let _ = core.fresh.push(pen);
            return Ok(());
        }
        let _ = shared.disk.remove(&pen.segment().path);
    }
    let options = &shared.options;
    let id = shared.clock.now_us().max(last.id + 1);
    let plan = Plan {
        disk: shared.disk,
        dir: &core.dir,
        log: shared.log,
        core: core.index,
        id,
        bytes: segment_bytes(shared)?,
        direct: options.way == Way::Direct,
        format_ahead: options.format_ahead && last.is_calm(core),
    };
    let pen = Segment::create(&plan).map_err(|error| Fault::prepare(&error))?;
    *last = Last { id, made: Instant::now(), bytes: core.counters.bytes.load(Ordering::Relaxed) };
    let segment = Arc::clone(pen.segment());
    // The first slice at once, so that a server that has just started can take its first record; the keeper goes on.
    let first = SLICE_BYTES.min(options.window_bytes);
    let ready = segment.format(first.max(PAGE_BYTES)).and_then(|to| segment.extend_ready(to.min(first), SLICE_BYTES));
    if let Err(error) = ready {
        let _ = shared.disk.remove(&segment.path);
        return Err(Fault::prepare(&error));
    }
    core.add_live(&segment);
    core.counters.segments.fetch_add(1, Ordering::Relaxed);
    core.control.word(at::PREPARED).fetch_add(1, Ordering::Relaxed);
    // There is room: this thread alone pushes, and it has found the queue empty.
    let _ = core.fresh.push(pen);
    Ok(())
}

/// Cuts failed segments to their durable end, so that no reader takes what lies behind it for durable once the control page goes on.
/// What was answered from memory there is read first.
fn cut_failed(shared: &Shared, core: &Core) -> Result<(), Fault> {
    while let Some(segment) = core.next_to_cut() {
        let carried = match shared.options.ack {
            Ack::Memory => Carried::read(shared.log, core.index, &segment).map_err(|error| Fault::prepare(&error))?,
            Ack::Disk => Carried::default(),
        };
        // Where the sealer has been here, it is as long as that already.
        segment.cut().map_err(|error| Fault::prepare(&error))?;
        core.carry(carried);
        core.cut_done();
    }
    Ok(())
}

/// The size of the next segment: as set, or smaller where the disk has no more to give above the reserve.
fn segment_bytes(shared: &Shared) -> Result<u64, Fault> {
    let options = &shared.options;
    let free = super::keeper::free_bytes(&shared.dir).map_err(|error| Fault::prepare(&error))?;
    let mut bytes = options.segment_bytes;
    while free < bytes.saturating_add(options.reserve_bytes) {
        bytes = (bytes / 2).next_multiple_of(PAGE_BYTES);
        if bytes < options.segment_bytes_min() {
            return Err(Fault::Prepare(libc::ENOSPC));
        }
    }
    Ok(bytes)
}

/// Formats one slice of the segment that needs it most. Returns the pause after it; None if nothing is left to do.
pub(super) fn format_next(shared: &Shared) -> Option<Duration> {
    let distance = |segment: &Arc<Segment>| segment.formatted().saturating_sub(segment.cursor());
    let ahead_bytes = WINDOWS_AHEAD * shared.options.window_bytes;
    let unformatted = |segment: &Arc<Segment>| {
        let wanted = segment.formatted() < segment.bytes && distance(segment) < ahead_bytes;
        wanted && segment.fault().is_none() && !segment.is_left()
    };
    let segment = shared.cores.iter().flat_map(|core| core.live()).filter(unformatted).min_by_key(distance)?;
    let begun = Instant::now();
    if let Err(error) = segment.format(SLICE_BYTES) {
        segment.fail(Fault::prepare(&error));
        for core in &shared.cores {
            core.wake();
        }
        return Some(Duration::ZERO);
    }
    shared.wake_keeper();
    let hurry = distance(&segment) < shared.options.window_bytes;
    Some(if hurry { Duration::ZERO } else { begun.elapsed().min(SLICE_PAUSE_MAX) })
}

/// Removes the segment that was made ahead and never used.
pub(super) fn remove_unused(shared: &Shared, core: &Core) {
    if let Some(pen) = core.fresh.pop() {
        // What stays behind is removed by the next start.
        let _ = shared.disk.remove(&pen.segment().path);
        let _ = shared.disk.sync_dir(&core.dir);
    }
}
