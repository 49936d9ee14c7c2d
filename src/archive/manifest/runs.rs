//! Which files of a day are merged next.
//!
//! The files of one chunk, or of one merge, that belong to the same table and hour are a run: sorted, and without a session in two places. Those of
//! similar size are merged, the smallest first. A large run is not written again for each small one that comes late.

use std::collections::BTreeMap;

use crate::archive::hour::Hour;

use super::file_entry::{FileEntry, LARGE_ROW_BYTES, Places};

/// How many runs become one at most. Of each, a few pages are in memory.
const RUNS_MAX: usize = 16;

/// What is merged at once at most, so that nobody waits long for the lock.
const MERGE_BYTES_MAX: u64 = 4 << 30;

/// Runs below this size count as having it: they are always merged.
const SMALL_RUN_BYTES: u64 = 16 << 20;

/// What the rows and pages at hand of all runs may take in memory. Two runs are merged whatever they take.
const MEMORY_MAX: u64 = 128 << 20;

/// How often a row is in memory while it is read: the page, the row, and what grows on the way.
const ROW_COPIES: u64 = 3;

/// A run is merged with smaller ones if it is at most so many times as large as they are together.
const RATIO_MAX: u64 = 4;

/// How many runs an hour that is not over must have: one that lies ahead of the clock, because that was wrong once, gets everything that is received until the
/// clock has reached it.
const RUNS_AHEAD_MIN: usize = 8;

/// An hour is ahead of the clock from so much on.
const AHEAD_US: u64 = 3_600_000_000;

/// Table, hour and log.
type HourKey<'a> = (&'a str, &'a str, &'a str);

/// The files of a run: those that say the same range of the log.
struct Run<'a> {
    range: (&'a Places, &'a Places),
    bytes: u64,
    /// What reading it takes in memory.
    memory: u64,
    files: Vec<&'a FileEntry>,
}

impl Run<'_> {
    /// Its size, as far as it matters.
    fn weight(&self) -> u64 {
        self.bytes.max(SMALL_RUN_BYTES)
    }
}

/// Files of a day that become one run, in the manifest's order: of one table, hour and log, and of an hour that ended before `over_us`, or has many and lies
/// ahead of it. `None`: there is nothing to merge.
pub fn next_merge(files: &[FileEntry], over_us: u64) -> Option<Vec<FileEntry>> {
    let mut hours: BTreeMap<HourKey<'_>, Vec<Run<'_>>> = BTreeMap::new();
    let is_over = |file: &FileEntry| Hour::of_us(file.last_us.cast_unsigned()).end_us() <= over_us;
    let is_ahead = |file: &FileEntry| file.first_us.cast_unsigned() > over_us.saturating_add(AHEAD_US);
    for file in files.iter().filter(|file| is_over(file) || is_ahead(file)) {
        let runs = hours.entry((&*file.table, &*file.hour, &*file.log)).or_default();
        let range = (&file.from, &file.to);
        let memory = ROW_COPIES * file.largest_row.max(LARGE_ROW_BYTES);
        // Files of a run stand together, but for what others have added in between.
        match runs.iter_mut().rev().find(|run| run.range == range) {
            Some(run) => {
                run.bytes += file.inflated_bytes;
                run.memory = run.memory.max(memory);
                run.files.push(file);
            }
            None => runs.push(Run { range, bytes: file.inflated_bytes, memory, files: vec![file] }),
        }
    }
    let chosen = hours.into_values().find_map(|runs| {
        let least = if runs.iter().flat_map(|run| &run.files).all(|file| is_over(file)) { 2 } else { RUNS_AHEAD_MIN };
        chosen(runs).filter(|chosen| chosen.runs >= least)
    })?;
    let chosen = chosen.paths;
    Some(files.iter().filter(|file| chosen.iter().any(|path| *path == file.path)).cloned().collect())
}

/// Runs that become one.
struct Chosen<'a> {
    runs: usize,
    paths: Vec<&'a str>,
}

/// What is merged next of an hour; `None` if it is merged.
fn chosen(mut runs: Vec<Run<'_>>) -> Option<Chosen<'_>> {
    runs.sort_by_key(Run::weight);
    let (mut count, mut sum, mut bytes, mut memory) = (0, 0, 0, 0);
    for run in runs.iter().take(RUNS_MAX) {
        bytes += run.bytes;
        memory += run.memory;
        if count > 1 && memory > MEMORY_MAX {
            break;
        }
        if count > 0 && (run.weight() > RATIO_MAX * sum || bytes > MERGE_BYTES_MAX) {
            break;
        }
        (count, sum) = (count + 1, sum + run.weight());
    }
    runs.truncate(count);
    let paths = runs.iter().flat_map(|run| &run.files).map(|file| file.path.as_str());
    (count > 1).then(|| Chosen { runs: count, paths: paths.collect() })
}

#[cfg(test)]
mod tests;
