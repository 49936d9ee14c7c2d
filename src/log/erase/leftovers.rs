//! What crashes and deletions have left in the folders of a log.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::log::cursor::Cursors;
use crate::log::disk::calls;
use crate::log::error::LogError;
use crate::log::format::sidecar;
use crate::log::names::{DELETED, SPARE, segment_id};
use crate::log::read::reader::core_dirs;

/// A file of a core's folder that is no part of the log any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// The file.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// Whether it was removed.
    pub removed: bool,
}

/// Finds copies of segments that an erasure did not finish, and, in a log that no server has, segments whose deletion was begun, their spare
/// files, and other files that were never finished. Removes them if `remove`. No other erasure runs.
///
/// # Errors
/// A folder can't be listed, or a file not be removed.
pub fn remove_leftovers(
    log_dir: &Path,
    cursors: &Cursors,
    served: bool,
    remove: bool,
) -> Result<Vec<Leftover>, LogError> {
    let _lock = cursors.lock()?;
    let mut found = Vec::new();
    for (_, dir) in core_dirs(log_dir)? {
        let list = || LogError::io(&dir, "list the core's folder");
        for entry in fs::read_dir(&dir).map_err(list())? {
            let path = entry.map_err(list())?.path();
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            let is_left = match path.extension().and_then(|extension| extension.to_str()) {
                Some("tmp") => !served || stem.is_some_and(|stem| stem.ends_with(".seg")),
                Some(DELETED | SPARE) => !served && stem.and_then(segment_id).is_some(),
                _ => false,
            };
            let Some(meta) = fs::symlink_metadata(&path).ok().filter(|meta| is_left && meta.is_file()) else {
                continue;
            };
            if remove {
                if path.extension().is_some_and(|extension| extension == DELETED) {
                    take_away(&sidecar::path_of(&path))?;
                }
                take_away(&path)?;
            }
            found.push(Leftover { path, bytes: meta.len(), removed: remove });
        }
        if remove {
            calls::REAL.sync_dir(&dir).map_err(LogError::io(&dir, "sync the folder"))?;
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn take_away(path: &Path) -> Result<(), LogError> {
    match calls::REAL.remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(LogError::io(path, "remove the file")(error)),
        _ => Ok(()),
    }
}
