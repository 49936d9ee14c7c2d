//! What was read of the log before, for whoever reads it in parts: again after an erasure, or once by itself and then from others.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::log::format::record::Record;
use crate::log::read::merge::{MergePosition, Place, RepeatFilter, RepeatWindow};

/// How far back a batch is known again that was sent twice: about fourteen a second for as long as a merge looks back.
const REPEATS: RepeatWindow = RepeatWindow { entries: 1 << 13, time: Duration::from_secs(600), bytes: u64::MAX };

/// What was there before of one session.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// In each core's log, the place behind.
    places: BTreeMap<u16, Place>,
    repeats: RepeatFilter,
}

impl Seen {
    /// Nothing of the log in this folder.
    pub(super) fn new(log_dir: PathBuf) -> Seen {
        Seen { places: BTreeMap::new(), repeats: RepeatFilter::new(log_dir, REPEATS) }
    }

    /// Whether a record of the session comes for the first time, and is no repeat of another one. To be asked once.
    pub(super) fn is_new(&mut self, record: &Record<'_>) -> bool {
        self.enter(record) && !self.repeats.is_repeat(record)
    }

    fn enter(&mut self, record: &Record<'_>) -> bool {
        let place = Place { segment: record.id.segment, offset: record.id.offset };
        let next = self.places.entry(record.id.core).or_insert(place);
        let is_new = place >= *next;
        if is_new {
            *next = Place { offset: place.offset + 1, ..place };
        }
        is_new
    }

    /// Everything before this position was there.
    pub(super) fn pass(&mut self, position: &MergePosition) {
        for (core, place) in &position.cores {
            let next = self.places.entry(*core).or_insert(*place);
            *next = (*next).max(*place);
        }
    }
}
