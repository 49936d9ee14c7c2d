//! Finding the log of a data folder.

use std::path::Path;

use super::error::CliError;
use super::output::{counted, warn};
use crate::log::merge::Merge;
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

/// Says that a reader stepped over damage, or that something was deleted before it came: what was printed is then not everything.
pub fn warn_of_damage(merge: &Merge) {
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
