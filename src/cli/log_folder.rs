//! Finding the log of a data folder.

use std::path::Path;

use super::error::CliError;
use super::output::{counted, warn};
use crate::log::merge::{Merge, RepeatWindow};
use crate::log::reader::LogReader;

/// A reader of the log in `data`.
pub fn open(data: &Path) -> Result<LogReader, CliError> {
    let folder = data.join("log");
    // Only a certain absence is one; a folder that can't be looked into gets the system's own words from the reader.
    if matches!(folder.try_exists(), Ok(false)) {
        return Err(CliError::NoLog(data.to_owned()));
    }
    Ok(LogReader::open(&folder)?)
}

/// The merged log in `data`, from its start, with or without repeats.
pub fn merge(data: &Path, with_repeats: bool) -> Result<Merge, CliError> {
    Ok(choose_repeats(Merge::new(open(data)?), with_repeats))
}

/// Has a merge hand out repeats or leave them out.
pub fn choose_repeats(merge: Merge, with_repeats: bool) -> Merge {
    if with_repeats { merge.with_repeat_window(RepeatWindow::OFF) } else { merge }
}

/// Says what was left out at the end of a reading: repeats, what was deleted before it came, and damage that was stepped over.
pub fn remark(merge: &Merge) {
    if merge.repeats() > 0 {
        warn(&format!(
            "{} left out: sent again by clients that had not got their answer",
            counted(merge.repeats(), "repeat")
        ));
    }
    warn_of_damage(merge);
}

fn warn_of_damage(merge: &Merge) {
    let skipped = merge.skipped();
    if skipped.segments > 0 {
        warn(&format!("{} deleted while the log was read", counted(skipped.segments, "segment")));
    }
    let Some(first) = merge.damage().first() else { return };
    let count = merge.damage_count();
    warn(&format!(
        "{count} damaged {} skipped, the first in {} at offset {} ({}); `takeup verify` lists them all",
        if count == 1 { "place was" } else { "places were" },
        first.path.display(),
        first.offset,
        first.reason
    ));
}
