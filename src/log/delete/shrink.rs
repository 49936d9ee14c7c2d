//! Removing a large file in small steps.
//!
//! On a file system that is mounted with `discard`, removing a file sends TRIM for all of its blocks inside the journal's commit, and every sync
//! of the log waits for it. So a file is cut from its end, a step at a time, each step synced by itself, with pauses between in which the syncs
//! of others come through. The time that a step took tells how hard the disk takes it.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::log::disk::calls::Disk;

/// A step that takes longer is too large for this disk: a group's sync may wait as long.
const STEP_LONG: Duration = Duration::from_millis(20);

/// A step that takes less may be larger.
const STEP_SHORT: Duration = Duration::from_millis(5);

/// The smallest step, as a part of the largest: a sync that is slow for other reasons is not made quicker by cutting less.
const STEP_PARTS_MAX: u64 = 4;

/// The shortest and the longest pause.
const PAUSE_MIN: Duration = Duration::from_millis(5);
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// How large the steps are, and how long the pauses. It lives from file to file.
#[derive(Debug)]
pub(super) struct Pace {
    step_bytes_max: u64,
    step_bytes: u64,
    /// How many segments wait to be deleted, this one included.
    waiting: u32,
}

impl Pace {
    pub(super) fn new(step_bytes_max: u64) -> Pace {
        let step_bytes_max = step_bytes_max.max(1);
        Pace { step_bytes_max, step_bytes: step_bytes_max, waiting: 1 }
    }

    /// Changes the largest step.
    pub(super) fn set_step(&mut self, bytes_max: u64) {
        self.step_bytes_max = bytes_max.max(1);
        self.step_bytes = self.step_bytes.min(self.step_bytes_max);
    }

    /// Deleting must not fall behind writing: the more segments wait, the shorter are the pauses.
    pub(super) fn set_waiting(&mut self, segments: usize) {
        self.waiting = u32::try_from(segments).unwrap_or(u32::MAX).max(1);
    }

    /// The pause after `kept` segments whose files were kept: nobody waits for their space, so those that wait to be deleted are spread over the
    /// time from one look to the next.
    pub(super) fn between(&self, kept: usize, took: Duration, looks: Duration) -> Duration {
        let share = looks.mul_f64((kept as f64 / f64::from(self.waiting)).min(1.0));
        share.saturating_sub(took).clamp(PAUSE_MIN, PAUSE_MAX)
    }

    /// The pause after a step that took so long: three times as long, so that the disk has three quarters of its time for others; less
    /// where several segments wait.
    fn after(&mut self, took: Duration) -> Duration {
        if took > STEP_LONG {
            self.step_bytes = (self.step_bytes / 2).max(self.step_bytes_max.div_ceil(STEP_PARTS_MAX));
        } else if took < STEP_SHORT {
            self.step_bytes = (self.step_bytes * 2).min(self.step_bytes_max);
        }
        (took * 3 / self.waiting).clamp(PAUSE_MIN, PAUSE_MAX)
    }
}

/// Cuts a file down to nothing. `rest` receives the pause after each step, and returns whether to go on. Returns how many steps were made, and
/// whether nothing is left.
pub(super) fn shrink(
    disk: &dyn Disk,
    path: &Path,
    pace: &mut Pace,
    rest: &mut dyn FnMut(Duration) -> bool,
) -> io::Result<(u64, bool)> {
    let file = OpenOptions::new().write(true).open(path)?;
    let mut length = file.metadata()?.len();
    let mut steps = 0;
    while length > 0 {
        let begun = Instant::now();
        length = length.saturating_sub(pace.step_bytes);
        disk.set_len(&file, length)?;
        disk.sync(&file)?;
        steps += 1;
        if !rest(pace.after(begun.elapsed())) {
            return Ok((steps, length == 0));
        }
    }
    Ok((steps, true))
}

#[cfg(test)]
mod tests {
    use crate::log::disk::calls::REAL;

    use super::*;

    #[test]
    fn deletion_is_paced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("large");
        std::fs::write(&path, vec![1; 1 << 20]).unwrap();
        let mut pace = Pace::new(64 << 10);
        let mut lengths = Vec::new();
        let mut rest = |pause: Duration| {
            assert!((PAUSE_MIN..=PAUSE_MAX).contains(&pause), "{pause:?}");
            lengths.push(std::fs::metadata(&path).unwrap().len());
            true
        };
        let (steps, done) = shrink(REAL, &path, &mut pace, &mut rest).unwrap();
        assert!(done && steps == lengths.len() as u64 && (16..=64).contains(&steps), "{steps}");
        let cut = [1 << 20].iter().chain(&lengths).zip(&lengths).map(|(before, after)| before - after);
        assert!(cut.clone().all(|bytes| bytes <= 64 << 10), "more than a step at once: {lengths:?}");
        assert_eq!(cut.sum::<u64>(), 1 << 20);
    }

    #[test]
    fn a_shrink_that_is_stopped_goes_on_where_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("large");
        std::fs::write(&path, vec![1; 1 << 20]).unwrap();
        let mut pace = Pace::new(256 << 10);
        assert_eq!(shrink(REAL, &path, &mut pace, &mut |_| false).unwrap(), (1, false));
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 768 << 10);
        let mut lengths = Vec::new();
        let mut rest = |_| {
            lengths.push(std::fs::metadata(&path).unwrap().len());
            true
        };
        assert!(shrink(REAL, &path, &mut pace, &mut rest).unwrap().1);
        assert!((512 << 10..768 << 10).contains(&lengths[0]) && lengths.last() == Some(&0), "{lengths:?}");
    }

    #[test]
    fn segments_whose_files_are_kept_are_spread_between_two_looks() {
        let mut pace = Pace::new(4 << 20);
        let looks = Duration::from_secs(5);
        assert_eq!(pace.between(1, Duration::ZERO, looks), PAUSE_MAX);
        pace.set_waiting(50);
        assert_eq!(pace.between(1, Duration::from_millis(30), looks), Duration::from_millis(70));
        assert_eq!(pace.between(4, Duration::from_millis(30), looks), Duration::from_millis(370));
        assert_eq!(pace.between(4, Duration::from_secs(1), looks), PAUSE_MIN);
    }

    #[test]
    fn steps_and_pauses_follow_the_disk() {
        let mut pace = Pace::new(4 << 20);
        assert_eq!(pace.after(Duration::from_millis(1)), PAUSE_MIN);
        assert_eq!(pace.step_bytes, 4 << 20);
        assert_eq!(pace.after(Duration::from_millis(40)), Duration::from_millis(120));
        assert_eq!(pace.step_bytes, 2 << 20, "a slow disk gets smaller steps");
        assert_eq!(pace.after(Duration::from_millis(10)), Duration::from_millis(30));
        assert_eq!(pace.step_bytes, 2 << 20);
        pace.after(Duration::from_millis(1));
        assert_eq!(pace.step_bytes, 4 << 20, "and larger ones again");
        for _ in 0..20 {
            assert_eq!(pace.after(Duration::from_secs(2)), PAUSE_MAX);
        }
        assert_eq!(pace.step_bytes, 1 << 20);
        pace.set_waiting(10);
        assert_eq!(
            pace.after(Duration::from_secs(1)),
            Duration::from_millis(300),
            "what waits is not put off for ever"
        );
    }
}
