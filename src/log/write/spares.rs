//! Files of deleted segments that became the next ones' blocks.
//!
//! At a high rate a log deletes as much as it writes. Giving the blocks back to the file system, to be given others for the next segment,
//! costs the disk more than the records do where the file system is mounted with `discard`: every sync waits for the TRIM. So the deleter
//! keeps the files of what it deletes, blank, and the preparer makes the next segments of them.
//!
//! A core keeps no more than it has filled of late: the log takes no more of the disk than it would have taken just before the next
//! deletion, and a log that has become quiet keeps none.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::log::names::{SPARE, file_name};

/// A blank file with all of its blocks: `<id>.spare`, named for the segment that it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::log) struct Spare {
    pub(in crate::log) id: u64,
    pub(in crate::log) bytes: u64,
}

impl Spare {
    /// Where it is, in the folder of its core.
    pub(in crate::log) fn path(&self, core_dir: &Path) -> PathBuf {
        core_dir.join(file_name(self.id, SPARE))
    }
}

/// Those of one core, and how many it may keep.
#[derive(Debug, Default)]
pub(in crate::log) struct Spares(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    files: Vec<Spare>,
    allowed: usize,
    /// When `allowed` was found, and how many segments the core had made by then.
    counted: Option<(Instant, u64)>,
}

impl Spares {
    /// Allows as many as segments were made since the last count, if that was an `interval` ago.
    pub(in crate::log) fn count(&self, made: u64, interval: Duration) {
        let mut state = self.state();
        let before = match state.counted {
            Some((at, _)) if at.elapsed() < interval => return,
            Some((_, before)) => before,
            None => made,
        };
        state.allowed = usize::try_from(made.saturating_sub(before)).unwrap_or(usize::MAX);
        state.counted = Some((Instant::now(), made));
    }

    /// How many the core may keep.
    pub(in crate::log) fn allowed(&self) -> usize {
        self.state().allowed
    }

    /// Forgets those that a listing of the core's folder has not `found`, and what is more than `count`.
    pub(in crate::log) fn limit(&self, found: &[Spare], count: usize) {
        let mut state = self.state();
        state.files.retain(|spare| found.contains(spare));
        state.files.truncate(count);
    }

    /// Whether this process has made it blank. What it has only found may be anything: a copy of a folder that was made beside a server can have
    /// records there, and the name may not be durable.
    pub(in crate::log) fn has(&self, spare: &Spare) -> bool {
        self.state().files.contains(spare)
    }

    pub(in crate::log) fn add(&self, spare: Spare) {
        self.state().files.push(spare);
    }

    /// Takes one of this size. It is the caller's only once it has renamed the file: the deleter may want it back.
    pub(in crate::log) fn take(&self, bytes: u64) -> Option<Spare> {
        let mut state = self.state();
        let at = state.files.iter().position(|spare| spare.bytes == bytes)?;
        Some(state.files.swap_remove(at))
    }

    pub(in crate::log) fn len(&self) -> usize {
        self.state().files.len()
    }

    /// The bytes of all of them.
    pub(in crate::log) fn bytes(&self) -> u64 {
        self.state().files.iter().map(|spare| spare.bytes).sum()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_keeps_as_many_as_it_has_filled_of_late_and_none_once_it_is_quiet() {
        let spares = Spares::default();
        assert_eq!(spares.allowed(), 0);
        spares.count(3, Duration::ZERO);
        assert_eq!(spares.allowed(), 0, "nothing is known of it yet");
        spares.count(9, Duration::from_secs(3600));
        assert_eq!(spares.allowed(), 0, "not counted before its time");
        spares.count(9, Duration::ZERO);
        assert_eq!(spares.allowed(), 6);
        spares.count(9, Duration::ZERO);
        assert_eq!(spares.allowed(), 0);
    }

    #[test]
    fn one_of_another_size_is_not_taken() {
        let spares = Spares::default();
        [(1, 10), (2, 20), (3, 20)].into_iter().for_each(|(id, bytes)| spares.add(Spare { id, bytes }));
        assert_eq!((spares.len(), spares.bytes()), (3, 50));
        assert_eq!(spares.take(30), None);
        assert_eq!(spares.take(20), Some(Spare { id: 2, bytes: 20 }));
        assert_eq!(spares.take(20), Some(Spare { id: 3, bytes: 20 }));
        assert_eq!(spares.take(20), None);
        assert_eq!(spares.bytes(), 10);
    }

    #[test]
    fn only_what_was_made_blank_is_kept_and_no_more_than_so_much_of_it() {
        let spares = Spares::default();
        let [gone, kept, surplus, foreign] = [1, 2, 3, 4].map(|id| Spare { id, bytes: 10 });
        [gone, kept, surplus].into_iter().for_each(|spare| spares.add(spare));
        spares.limit(&[kept, surplus, foreign], 1);
        assert_eq!([gone, kept, surplus, foreign].map(|spare| spares.has(&spare)), [false, true, false, false]);
    }
}
