//! Finds the log of a data folder.

use std::path::Path;

use crate::log::read::merge::{Merge, RepeatWindow, Skipped};
use crate::log::read::reader::LogReader;

use super::error::CliError;
use super::output::{bytes, counted, warn};

/// The most foreign files that are reported one by one.
const STRANGERS_TOLD_MAX: usize = 5;

/// A reader of the log in `data`. Files in its folder that can't be part of it are reported on stderr.
pub fn open(data: &Path) -> Result<LogReader, CliError> {
    let folder = data.join("log");
    // Report absence only if it is certain; for a folder that can't be read, the reader returns the system's error.
    if matches!(folder.try_exists(), Ok(false)) {
        return Err(CliError::NoLog(data.to_owned()));
    }
    reader(&folder)
}

/// A reader of the log in a folder of its own, as [`open`] makes it.
pub fn reader(folder: &Path) -> Result<LogReader, CliError> {
    let reader = LogReader::open(folder)?;
    let strangers = reader.strangers();
    for path in strangers.iter().take(STRANGERS_TOLD_MAX) {
        warn(&format!("{}: passed over: it bears the name of a part of the log, and is none", path.display()));
    }
    if strangers.len() > STRANGERS_TOLD_MAX {
        warn(&format!("and {} more", strangers.len() - STRANGERS_TOLD_MAX));
    }
    Ok(reader)
}

/// The merged log in `data`, from its start, with or without repeats.
pub fn merge(data: &Path, with_repeats: bool) -> Result<Merge, CliError> {
    Ok(choose_repeats(Merge::new(open(data)?), with_repeats))
}

/// Sets whether a merge returns repeats.
pub fn choose_repeats(merge: Merge, with_repeats: bool) -> Merge {
    if with_repeats { merge.with_repeat_window(RepeatWindow::OFF) } else { merge }
}

/// Reports what was left out of a completed reading: repeats, records deleted before they were reached, and damage that was skipped.
pub fn remark(merge: &Merge) {
    if merge.repeats() > 0 {
        warn(&format!(
            "{} left out: sent again by clients that had not got their answer",
            counted(merge.repeats(), "repeat")
        ));
    }
    warn_of_damage(merge);
}

/// Reports how much was deleted before it was read, if that has grown.
pub fn remark_skipped(merge: &Merge, told: &mut Skipped) {
    let skipped = merge.skipped();
    if skipped != std::mem::replace(told, skipped) {
        warn(&format!(
            "up to {} in {} ({}) deleted before they were read",
            counted(skipped.records, "record"),
            counted(skipped.segments, "segment"),
            bytes(skipped.bytes),
        ));
    }
}

/// Reports the segments of another log that were skipped, starting with index `told`.
pub fn remark_strangers(merge: &Merge, told: &mut usize) {
    for path in merge.strangers().iter().skip(*told) {
        warn(&format!("{}: a segment of another log, passed over", path.display()));
    }
    *told = merge.strangers().len();
}

fn warn_of_damage(merge: &Merge) {
    remark_skipped(merge, &mut Skipped::default());
    remark_strangers(merge, &mut 0);
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
