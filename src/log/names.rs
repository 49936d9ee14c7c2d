//! The names of the log's files and folders: how they are made, and beside it how they are read. The table in [`super`] says what each is.

use std::path::{Path, PathBuf};

/// The name of the file that tells the log's UUID and version.
pub const LOG_FILE_NAME: &str = "log.json";

/// The name of the lock file: held by `flock` while a server runs, with its process id as text.
pub const LOCK_FILE_NAME: &str = "lock";

/// The folder for what recovery set aside.
pub const QUARANTINE_DIR_NAME: &str = "quarantine";

/// The extension of a segment that is being prepared or written.
pub const OPEN: &str = "open";

/// The extension of a sealed segment.
pub const SEALED: &str = "seg";

/// The extension of a segment that is being deleted.
pub const DELETED: &str = "del";

/// The extension of a blank file that was a deleted segment, kept for the next one.
pub(in crate::log) const SPARE: &str = "spare";

/// The extension of a sealed segment's sidecar.
pub const SIDECAR: &str = "json";

const CORE_PREFIX: &str = "core-";

/// The name of a core's folder: its number has two digits or more.
pub fn core_name(core: u16) -> String {
    format!("{CORE_PREFIX}{}", core_digits(core))
}

fn core_digits(core: u16) -> String {
    format!("{core:02}")
}

/// The folder of a core.
pub fn core_dir(log_dir: &Path, core: u16) -> PathBuf {
    log_dir.join(core_name(core))
}

/// The core whose folder has this name.
pub(in crate::log) fn core_number(name: &str) -> Option<u16> {
    let digits = name.strip_prefix(CORE_PREFIX)?;
    let core: u16 = digits.parse().ok()?;
    (core_digits(core) == digits).then_some(core)
}

/// The file name of a segment, without its extension.
pub fn segment_stem(id: u64) -> String {
    format!("{id:020}")
}

/// A segment's file name with the given extension.
pub(in crate::log) fn file_name(id: u64, extension: &str) -> String {
    format!("{}.{extension}", segment_stem(id))
}

/// The id in a segment's file name, for a name of the right form.
pub(in crate::log) fn segment_id(stem: &str) -> Option<u64> {
    let id: u64 = stem.parse().ok()?;
    (segment_stem(id) == stem).then_some(id)
}

#[cfg(test)]
mod tests;
