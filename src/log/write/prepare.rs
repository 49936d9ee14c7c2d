//! Prepares segments ahead of need, on a thread apart from the keeper, because each step may wait for the disk.
//!
//! One thread for all cores: first the cores that have failed, then those without a next segment, then formatting, in slices with pauses so that
//! it does not hold up the syncs of the segments in use.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::log::disk::free_space::free_bytes;
use crate::log::disk::page::PAGE_BYTES;
use crate::log::format::control::at;
use crate::log::names::{OPEN, file_name};
use crate::log::options::{Ack, Way};

use super::carry::Carried;
use super::fault::{Fault, LogThread};
use super::segment::{Plan, Segment};
use super::shared::{Core, Shared, Space};
use super::spares::Spare;
use super::wake::For;
use super::watch::Watch;

/// How much is formatted at a time: small enough that a group's sync hardly waits for it.
const SLICE_BYTES: u64 = 1 << 20;

/// How many windows ahead of its cursor a segment is formatted: formatted pages stay in memory until they are used.
const WINDOWS_AHEAD: u64 = 2;

/// The longest pause between two slices. A pause lasts as long as the slice took, so that a slow disk has half of its time for syncs.
const SLICE_PAUSE_MAX: Duration = Duration::from_secs(1);

/// How long the thread sleeps when idle. Whoever has work for it wakes it.
const IDLE_PAUSE: Duration = Duration::from_millis(500);

/// How long it waits after a failure, even if woken: the first pause, and the longest after repeated failures.
const RETRY_PAUSE: Duration = Duration::from_millis(250);
const RETRY_PAUSE_MAX: Duration = Duration::from_secs(1);

/// A core that appends faster than this gets its next segment without formatting: a page costs a processor as much to format as four to
/// append, and large groups hide what each sync then pays for the state of its blocks (`docs/performance.md`).
const FORMAT_BYTES_PER_SECOND_MAX: u64 = 16 << 20;

/// What is remembered about a core from one of its segments to the next.
pub(in crate::log) struct Last {
    id: u64,
    made: Instant,
    bytes: u64,
}

impl Last {
    pub(in crate::log) fn new() -> Last {
        Last { id: 0, made: Instant::now(), bytes: 0 }
    }

    /// Whether the core has appended slowly enough, since its last segment was made, for formatting ahead to keep up.
    fn is_calm(&self, core: &Core) -> bool {
        let bytes = core.counters.bytes.load(Ordering::Relaxed) - self.bytes;
        bytes <= FORMAT_BYTES_PER_SECOND_MAX.saturating_mul(self.made.elapsed().as_secs().max(1))
    }
}

/// What is being done for one core.
struct Supplier {
    last: Last,
    /// When to retry after a failure, and how long the last pause was.
    retry: Option<(Instant, Duration)>,
}

impl Supplier {
    /// Returns when to look again at the latest.
    fn supply(&mut self, shared: &Shared, core: &Core) -> Duration {
        if core.poison().is_some() {
            // Whoever reopens the core has fixed something.
            self.retry = None;
            return IDLE_PAUSE;
        }
        if let Some((at, _)) = self.retry {
            let left = at.saturating_duration_since(Instant::now());
            if !left.is_zero() {
                return left;
            }
        }
        if supply(shared, core, &mut self.last) {
            self.retry = None;
            return IDLE_PAUSE;
        }
        let pause = self.retry.map_or(RETRY_PAUSE, |(_, before)| (2 * before).min(RETRY_PAUSE_MAX));
        self.retry = Some((Instant::now() + pause, pause));
        pause
    }
}

/// The thread. It ends when all cores have finished.
pub(in crate::log) fn run(shared: &Shared) {
    let _watch = Watch::new(shared, LogThread::Preparer);
    shared.preparer.set_thread();
    let fresh = |_: &_| Supplier { last: Last::new(), retry: None };
    let mut suppliers: Vec<Supplier> = shared.cores.iter().map(fresh).collect();
    let mut slice_due = Instant::now();
    let mut space = Space::Full;
    let mut woken = true;
    while shared.cores_running.load(Ordering::SeqCst) > 0 {
        let mut pause = IDLE_PAUSE;
        if !shared.is_closing() {
            let before = std::mem::replace(&mut space, shared.space());
            for (core, supplier) in shared.cores.iter().zip(&mut suppliers) {
                if space < before {
                    supplier.retry = None;
                }
                if !woken && supplier.retry.is_none() && has_been_forgotten(core) {
                    shared.late_wakes.fetch_add(1, Ordering::Relaxed);
                }
                pause = pause.min(supplier.supply(shared, core));
            }
            pause = pause.min(format_when_due(shared, &mut slice_due, woken));
        }
        woken = shared.preparer.sleep(pause);
    }
    for core in &shared.cores {
        remove_unused(shared, core);
    }
}

/// Whether the writer waits for a segment that nobody has asked for.
fn has_been_forgotten(core: &Core) -> bool {
    core.wait.what() == Some(For::Segment) && core.poison().is_none() && !core.is_ready()
}

/// Formats a slice, unless the pause after the last one is still running and nothing is urgent. Returns how long to sleep.
fn format_when_due(shared: &Shared, due: &mut Instant, woken: bool) -> Duration {
    let Some(next) = next_to_format(shared) else { return IDLE_PAUSE };
    let left = due.saturating_duration_since(Instant::now());
    if !next.is_urgent(shared) && !left.is_zero() {
        return left;
    }
    if !woken && left.is_zero() && next.is_awaited() {
        shared.late_wakes.fetch_add(1, Ordering::Relaxed);
    }
    let pause = format(shared, &next);
    *due = Instant::now() + pause;
    pause
}

/// Ensures that the core has a next segment, proved after its last failure. False if that has to be retried.
pub(in crate::log) fn supply(shared: &Shared, core: &Core, last: &mut Last) -> bool {
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
            let news = core.obstacle() != Some(fault);
            core.set_obstacle(Some(fault));
            if !fault.is_passing() {
                core.note_failure(fault, None);
            }
            // Once is enough: a writer that is refused asks here again.
            if news {
                core.wake_if_waiting();
            }
            false
        }
    }
}

fn make_fresh(shared: &Shared, core: &Core, last: &mut Last) -> Result<(), Fault> {
    cut_failed(shared, core)?;
    // A segment created before the failure may stay if it proves itself now.
    if let Some(mut pen) = core.fresh.pop() {
        if pen.probe().is_ok() {
            let _ = core.fresh.push(pen);
            return Ok(());
        }
        let _ = shared.disk.remove(&pen.segment().path);
    }
    let options = &shared.options;
    let id = shared.clock.now_us().max(last.id + 1);
    let of_spare = take_spare(shared, core, id);
    let plan = Plan {
        disk: shared.disk,
        dir: &core.dir,
        log: shared.log,
        core: core.index,
        id,
        bytes: if of_spare { options.segment_bytes } else { segment_bytes(shared)? },
        of_spare,
        direct: options.way == Way::Direct,
        format_ahead: options.format_ahead && last.is_calm(core),
    };
    let pen = Segment::create(&plan).map_err(|error| Fault::prepare(&error))?;
    *last = Last { id, made: Instant::now(), bytes: core.counters.bytes.load(Ordering::Relaxed) };
    let segment = Arc::clone(pen.segment());
    // The first slice at once, so that a server that has just started can accept its first record; the keeper continues from there.
    let first = SLICE_BYTES.min(options.window_bytes);
    let ready = segment.format(first.max(PAGE_BYTES)).and_then(|to| segment.extend_ready(to.min(first), SLICE_BYTES));
    if let Err(error) = ready {
        let _ = shared.disk.remove(&segment.path);
        return Err(Fault::prepare(&error));
    }
    core.add_live(&segment);
    core.counters.segments.fetch_add(1, Ordering::Relaxed);
    core.control.word(at::PREPARED).fetch_add(1, Ordering::Relaxed);
    // Only this thread pushes, and it found the queue empty.
    assert!(core.fresh.push(pen).is_ok(), "a core has one segment made ahead");
    // For the rest of its first window.
    shared.wake_keeper();
    Ok(())
}

/// Gives a spare file the name of the segment that is made next, if there is one.
fn take_spare(shared: &Shared, core: &Core, id: u64) -> bool {
    let path = core.dir.join(file_name(id, OPEN));
    let takes = |spare: Spare| shared.disk.rename(&spare.path(&core.dir), &path).is_ok();
    // Where the deleter has taken one back, or it can't be renamed, there may be others.
    std::iter::from_fn(|| core.spares.take(shared.options.segment_bytes)).any(takes)
}

/// Cuts failed segments to their durable end, so that no reader takes what follows it for durable once the control page moves on. Records there
/// that were answered from memory are read first.
fn cut_failed(shared: &Shared, core: &Core) -> Result<(), Fault> {
    while let Some(segment) = core.next_to_cut() {
        let carried = match shared.options.ack {
            Ack::Memory if segment.is_direct() => Carried::of_groups(&core.lost_with(segment.id), segment.marker),
            Ack::Memory => Carried::read(shared.log, core.index, &segment).map_err(|error| Fault::prepare(&error))?,
            Ack::Disk => Carried::default(),
        };
        // If the sealer has been here, the file already has this length.
        segment.cut().map_err(|error| Fault::prepare(&error))?;
        core.carry(carried);
        core.forget_lost(segment.id);
        core.cut_done();
    }
    Ok(())
}

/// The size of the next segment: as configured, or smaller if the disk has no more to give above the reserve.
fn segment_bytes(shared: &Shared) -> Result<u64, Fault> {
    let options = &shared.options;
    let free = free_bytes(&shared.dir).map_err(|error| Fault::prepare(&error))?;
    let mut bytes = options.segment_bytes;
    while free < bytes.saturating_add(options.reserve_bytes) {
        bytes = (bytes / 2).next_multiple_of(PAGE_BYTES);
        if bytes < options.segment_bytes_min() {
            return Err(Fault::Prepare(libc::ENOSPC));
        }
    }
    Ok(bytes)
}

/// A segment with formatting left to do.
struct Unformatted<'a> {
    core: &'a Core,
    segment: Arc<Segment>,
}

impl Unformatted<'_> {
    fn distance(&self) -> u64 {
        self.segment.formatted().saturating_sub(self.segment.cursor())
    }

    fn is_urgent(&self, shared: &Shared) -> bool {
        self.distance() < shared.options.window_bytes
    }

    /// Whether a record waits for it.
    fn is_awaited(&self) -> bool {
        let at_its_end = self.segment.first_us() != 0 && self.segment.ready() >= self.segment.formatted();
        at_its_end && self.core.wait.what() == Some(For::Window)
    }
}

/// The segment that needs formatting most; None if there is nothing left to do.
fn next_to_format(shared: &Shared) -> Option<Unformatted<'_>> {
    let all = shared.cores.iter().flat_map(|core| core.live().into_iter().map(move |segment| (&**core, segment)));
    let unformatted = all.filter(|(_, segment)| is_low(shared, segment) && segment.fault().is_none());
    unformatted.map(|(core, segment)| Unformatted { core, segment }).min_by_key(Unformatted::distance)
}

/// Whether more of a segment should be formatted by now.
pub(in crate::log) fn is_low(shared: &Shared, segment: &Segment) -> bool {
    let formatted = segment.formatted();
    let ahead_bytes = WINDOWS_AHEAD * shared.options.window_bytes;
    formatted < segment.bytes && formatted.saturating_sub(segment.cursor()) < ahead_bytes && !segment.is_left()
}

/// Formats one slice of the segment that needs it most. Returns the pause after it; None if there is nothing left to do.
#[cfg(test)]
pub(in crate::log) fn format_next(shared: &Shared) -> Option<Duration> {
    next_to_format(shared).map(|next| format(shared, &next))
}

fn format(shared: &Shared, next: &Unformatted<'_>) -> Duration {
    let segment = &next.segment;
    let begun = Instant::now();
    if next.is_awaited() {
        // Formatting can't keep up, so it only delays the appends that it should have made faster.
        segment.give_up_formatting();
    } else if let Err(error) = segment.format(SLICE_BYTES) {
        let fault = Fault::prepare(&error);
        if fault.is_passing() {
            segment.give_up_formatting();
        } else {
            segment.fail(fault);
            next.core.wake();
        }
    }
    shared.wake_keeper();
    if next.is_urgent(shared) { Duration::ZERO } else { begun.elapsed().min(SLICE_PAUSE_MAX) }
}

/// Removes the segment that was prepared and never used.
pub(in crate::log) fn remove_unused(shared: &Shared, core: &Core) {
    if let Some(pen) = core.fresh.pop() {
        // If this fails, the next start removes the file.
        let _ = shared.disk.remove(&pen.segment().path);
        let _ = shared.disk.sync_dir(&core.dir);
    }
}
