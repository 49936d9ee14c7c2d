//! The thread that follows the log for the index.
//!
//! It has the lowest priority, and never looks at more than a part of the log: it begins at most [`LOOK_BACK_BYTES`] before the end, and when it falls
//! behind it goes on at the end. Heads of records are cheap; bodies are looked into as far as a small share of a processor allows.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::base::time::wall_us;
use crate::checker::BodyReader;
use crate::log::LogError;
use crate::log::format::record::{Kind, Record};
use crate::log::read::merge::{Merge, MergePosition, Place, RepeatWindow};
use crate::log::read::reader::{LogReader, SegmentState};

use super::details::{Details, look_into};
use super::shared::Shared;

/// How much of the log it looks at when it begins.
const LOOK_BACK_BYTES: u64 = 512 << 20;

/// The pause at the end of the log.
const IDLE: Duration = Duration::from_millis(200);

/// The pause after a failure to read the log.
const FAILURE_REST: Duration = Duration::from_secs(2);

/// How far behind it may be before it goes on at the end of the log.
const LAG_MAX: Duration = Duration::from_secs(20);

/// How long it may take to come to the end of the log for the first time.
const CATCH_UP_MAX: Duration = Duration::from_secs(60);

/// How many records are read between two looks at the clock.
const STRIDE: u32 = 64;

/// The share of one processor that goes into bodies: one part in so many.
const DETAILS_SHARE: u32 = 10;
/// The time that may be saved up for bodies: enough for the log of a server that was just tried out.
const DETAILS_SAVED_MAX: Duration = Duration::from_secs(2);

/// Follows the log until the server stops.
pub(super) fn run(shared: &Shared) {
    // Requests come first.
    let _ = rustix::process::nice(19);
    let mut follower = Follower { shared, bodies: BodyReader::default(), saved: Saved::new(), passes_over: false };
    while !shared.is_stopping() {
        let erasures = follower.begin();
        let result = follower.follow(erasures);
        let failed = result.is_err();
        shared.lock().error = result.err().map(|error| error.to_string());
        if failed {
            shared.changes.fetch_add(1, Ordering::Release);
            shared.changed.notify_all();
            shared.rest(FAILURE_REST, erasures);
        }
    }
}

struct Follower<'a> {
    shared: &'a Shared,
    bodies: BodyReader,
    saved: Saved,
    /// It goes on at the end of the log.
    passes_over: bool,
}

impl Follower<'_> {
    /// Begins anew. Returns how many erasures this takes into account.
    fn begin(&mut self) -> u64 {
        // Its buffer may hold a body that was erased.
        self.bodies = BodyReader::default();
        let mut state = self.shared.lock();
        if state.erasures_heard < state.erasures {
            (state.caught_up, state.passed_over) = (false, false);
            self.passes_over = false;
        }
        state.erasures_heard = state.erasures;
        if !self.passes_over {
            // What is read again must not count twice.
            state.index.clear();
        }
        state.erasures
    }

    /// Returns when it must begin anew.
    fn follow(&mut self, erasures: u64) -> Result<(), LogError> {
        let reader = LogReader::open(&self.shared.log_dir)?.with_recent(self.shared.recent.clone());
        let mut merge = if std::mem::take(&mut self.passes_over) {
            Merge::since(reader, wall_us())?
        } else {
            let (position, since_us) = look_back(&reader)?;
            self.shared.lock().since_us = since_us;
            Merge::resume(reader, &position)?
        };
        merge = merge.with_repeat_window(RepeatWindow::OFF);
        let began = Instant::now();
        while !self.shared.is_stopping() {
            let asked_us = wall_us();
            let (mut at_end, mut last_us) = (false, None);
            for _ in 0..STRIDE {
                let Some(record) = merge.next()? else {
                    at_end = true;
                    break;
                };
                last_us = Some(record.order_us);
                if !self.take(&record, erasures) {
                    return Ok(());
                }
            }
            let mut state = self.shared.lock();
            if state.erasures != erasures {
                return Ok(());
            }
            state.reached_us = if at_end { asked_us } else { last_us.unwrap_or(state.reached_us) };
            if last_us.is_some() || !state.caught_up || state.error.is_some() {
                self.shared.changes.fetch_add(1, Ordering::Release);
                self.shared.changed.notify_all();
            }
            if at_end {
                state.error = None;
                state.caught_up = true;
                drop(state);
                self.shared.rest(IDLE, erasures);
                continue;
            }
            let patience = if state.caught_up { Duration::ZERO } else { CATCH_UP_MAX };
            let lag = Duration::from_micros(asked_us.saturating_sub(state.reached_us));
            if lag > LAG_MAX && began.elapsed() > patience {
                state.passed_over = true;
                self.passes_over = true;
                return Ok(());
            }
        }
        Ok(())
    }

    /// Adds a record to the index, unless records were erased since it was read.
    fn take(&mut self, record: &Record<'_>, erasures: u64) -> bool {
        let is_of_session = record.session != 0 && !matches!(record.kind, Kind::Pad | Kind::Tombstone);
        let details = if is_of_session { self.look_into(record) } else { None };
        let mut state = self.shared.lock();
        if state.erasures != erasures {
            return false;
        }
        if is_of_session {
            state.index.add(record, details.as_ref());
        }
        true
    }

    /// What is in a record, if there is time to look.
    fn look_into(&mut self, record: &Record<'_>) -> Option<Details> {
        if record.kind != Kind::Batch {
            return Some(Details::default());
        }
        if !self.saved.any() {
            return None;
        }
        let began = Instant::now();
        let bodies = &mut self.bodies;
        // A batch on which a decoder panics must not end the list.
        let found = catch_unwind(AssertUnwindSafe(|| look_into(record, bodies))).ok().flatten();
        self.saved.spend(began.elapsed());
        // One that cannot be read has nothing to show.
        Some(found.unwrap_or_default())
    }
}

/// Where to begin so that no more than [`LOOK_BACK_BYTES`] come before the end, but at least each core's newest segment; and since when that is,
/// if something is left out.
fn look_back(reader: &LogReader) -> Result<(MergePosition, Option<u64>), LogError> {
    let mut segments = reader.segments()?;
    segments.retain(|segment| segment.state != SegmentState::Ready);
    // An id is the time at which the segment was made.
    segments.sort_unstable_by_key(|segment| std::cmp::Reverse(segment.id));
    let mut cores: BTreeMap<u16, Place> = BTreeMap::new();
    let (mut bytes, mut left_out) = (0_u64, BTreeSet::new());
    for segment in &segments {
        bytes = bytes.saturating_add(segment.bytes);
        if bytes > LOOK_BACK_BYTES && cores.contains_key(&segment.core) {
            left_out.insert(segment.core);
        } else {
            cores.insert(segment.core, Place { segment: segment.id, offset: 0 });
        }
    }
    let since_us = left_out.iter().filter_map(|core| Some(cores.get(core)?.segment)).max();
    Ok((MergePosition { log: reader.log_uuid(), cores, behind: BTreeMap::new() }, since_us))
}

/// Time that may be spent on bodies.
struct Saved {
    left: Duration,
    at: Instant,
}

impl Saved {
    fn new() -> Saved {
        Saved { left: DETAILS_SAVED_MAX, at: Instant::now() }
    }

    /// Whether some is left.
    fn any(&mut self) -> bool {
        let now = Instant::now();
        let earned = now.duration_since(self.at) / DETAILS_SHARE;
        self.at = now;
        self.left = (self.left + earned).min(DETAILS_SAVED_MAX);
        !self.left.is_zero()
    }

    fn spend(&mut self, time: Duration) {
        self.left = self.left.saturating_sub(time);
    }
}
