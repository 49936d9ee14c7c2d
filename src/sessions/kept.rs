//! What is kept of a long session for as long as somebody watches it: its batches, and how its pages are at moments all over it. Whoever goes to another part of
//! it gets that without a conversion of all that is before.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::export::order::{KeptBatches, OrderMark};
use crate::export::page::room::{Room, Taken};
use crate::export::rrweb::session::Resting;
use crate::log::read::merge::MergePosition;

use super::collect::{Collector, Picture};
use super::part::Part;
use super::seen::Seen;

/// So few are never thinned out.
const CHECKPOINTS_MIN: usize = 8;

/// A session as it was collected.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) batches: KeptBatches,
    /// Its pictures, by time.
    pub(super) pictures: Vec<Picture>,
    /// What is known of it besides.
    pub(super) collector: Collector,
    /// How far the log was read,
    pub(super) position: MergePosition,
    /// and what was there.
    pub(super) seen: Seen,
    /// The room for what is noted of it.
    pub(super) room: Room,
    checkpoints: Mutex<Vec<Arc<Checkpoint>>>,
    is_noted: AtomicBool,
    is_outdated: AtomicBool,
    /// How many answers were made of it.
    answers: AtomicU64,
    #[cfg(test)]
    pub(super) used: AtomicU64,
}

/// How it is at one moment.
#[derive(Debug)]
pub(super) struct Checkpoint {
    /// The client time of the last message before, in Unix ms,
    pub(super) told_ms: i64,
    /// and where that is in the session.
    pub(super) part: Part,
    /// What was read of the batches,
    pub(super) order: OrderMark,
    /// and how many of the pictures.
    pub(super) pictures: usize,
    pub(super) pages: Resting,
    /// The room for what is not a page.
    pub(super) _taken: Taken,
}

impl Kept {
    pub(super) fn new(
        batches: KeptBatches,
        pictures: Vec<Picture>,
        collector: Collector,
        position: MergePosition,
        seen: Seen,
        room: Room,
    ) -> Kept {
        let (checkpoints, is_noted, is_outdated) = (Mutex::default(), AtomicBool::new(false), AtomicBool::new(false));
        Kept {
            batches,
            pictures,
            collector,
            position,
            seen,
            room,
            checkpoints,
            is_noted,
            is_outdated,
            answers: AtomicU64::new(0),
            #[cfg(test)]
            used: AtomicU64::new(0),
        }
    }

    /// Adds one that is later than all others.
    pub(super) fn add(&self, checkpoint: Checkpoint) {
        self.checkpoints().push(Arc::new(checkpoint));
    }

    /// Drops every other one, unless they are few. Returns whether there are fewer then.
    pub(super) fn thin_out(&self) -> bool {
        let mut checkpoints = self.checkpoints();
        let are_many = checkpoints.len() >= CHECKPOINTS_MIN;
        if are_many {
            let mut number = 0;
            checkpoints.retain(|_| {
                number += 1;
                number % 2 == 0
            });
        }
        are_many
    }

    /// No more will be added.
    pub(super) fn end_notes(&self) {
        self.is_noted.store(true, Ordering::Relaxed);
    }

    fn is_noted(&self) -> bool {
        self.is_noted.load(Ordering::Relaxed)
    }

    /// The last one before the beginning of a part, and before what was added since, of which the first is of `added_ms`.
    pub(super) fn before(&self, part: &Part, added_ms: Option<i64>) -> Option<Arc<Checkpoint>> {
        // Of one moment, too, what was added may come ahead of what was told.
        let is_behind = |checkpoint: &Checkpoint| added_ms.is_some_and(|added_ms| checkpoint.told_ms >= added_ms);
        let is_before = |checkpoint: &&Arc<Checkpoint>| part.begins_after(&checkpoint.part);
        let found = self.checkpoints().iter().rev().find(is_before).cloned();
        let found = match found {
            Some(late) if is_behind(&late) => {
                if self.is_noted() {
                    // Collected again, all of it has its place.
                    self.outdate();
                }
                self.checkpoints().iter().rev().find(|checkpoint| !is_behind(checkpoint)).cloned()
            }
            found => found,
        };
        #[cfg(test)]
        self.used.fetch_add(u64::from(found.is_some()), Ordering::Relaxed);
        found
    }

    /// An answer is made of it.
    pub(super) fn count_answer(&self) {
        self.answers.fetch_add(1, Ordering::Relaxed);
    }

    /// How many were so far.
    pub(super) fn answered(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }

    /// There is so much more by now that it should be collected again.
    pub(super) fn outdate(&self) {
        self.is_outdated.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_outdated(&self) -> bool {
        self.is_outdated.load(Ordering::Relaxed)
    }

    fn checkpoints(&self) -> MutexGuard<'_, Vec<Arc<Checkpoint>>> {
        self.checkpoints.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
impl Kept {
    /// How many moments are noted, once all of them are.
    pub(super) fn noted(&self) -> Option<usize> {
        self.is_noted().then(|| self.checkpoints().len())
    }
}
