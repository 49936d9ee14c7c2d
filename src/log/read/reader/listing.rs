//! Which files of a log's folder are its segments. Other files with such names are skipped, and listed for callers that ask.

use std::fs;
use std::path::{Path, PathBuf};

use crate::log::error::LogError;
use crate::log::names::{OPEN, SEALED, core_number, segment_id};

/// A segment's file as a listing found it. It may bear its sealed name by the time it is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::log) struct SegmentFile {
    pub(in crate::log) id: u64,
    pub(in crate::log) path: PathBuf,
}

impl SegmentFile {
    pub(in crate::log) fn sealed_path(&self) -> PathBuf {
        self.path.with_extension(SEALED)
    }

    /// Whether the listing found it sealed.
    pub(in crate::log) fn is_sealed(&self) -> bool {
        self.path.extension().is_some_and(|extension| extension == SEALED)
    }

    pub(in crate::log) fn path_now(&self) -> PathBuf {
        let sealed = self.sealed_path();
        if sealed.is_file() { sealed } else { self.path.clone() }
    }
}

/// Every `core-NN` folder there is, by core, whatever the number of cores now. A file of such a name is not one.
pub(in crate::log) fn core_dirs(log_dir: &Path) -> Result<Vec<(u16, PathBuf)>, LogError> {
    let list = || LogError::io(log_dir, "list the log's folder");
    let mut found = Vec::new();
    for entry in fs::read_dir(log_dir).map_err(list())? {
        let path = entry.map_err(list())?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if let Some(core) = name.and_then(core_number)
            && path.is_dir()
        {
            found.push((core, path));
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// The segments in a core's folder, by id; each once, also when it was renamed during the listing.
pub(in crate::log) fn segment_files(dir: &Path) -> Result<Vec<SegmentFile>, LogError> {
    let mut found = Vec::new();
    // One that gets its sealed name while the folder is listed may be seen under neither name. It gets it once, so the second listing shows it.
    for _ in 0..2 {
        found.extend(named_as_segments(dir)?.filter(|(_, regular)| *regular).map(|(file, _)| file));
    }
    found.sort_unstable_by(|a, b| (a.id, &b.path).cmp(&(b.id, &a.path)));
    found.dedup_by_key(|file| file.id);
    Ok(found)
}

/// What bears the name of a segment or of a core's folder and can't be one: a folder, a pipe, a link to nothing. Readers pass over it.
pub(in crate::log) fn strangers(log_dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(log_dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.file_name().and_then(|name| name.to_str()).and_then(core_number).is_none() {
            continue;
        }
        if path.is_dir() {
            found.extend(strangers_of(&path));
        } else {
            found.push(path);
        }
    }
    found.sort_unstable();
    found
}

/// Those in the folder of one core.
pub(in crate::log) fn strangers_of(core_dir: &Path) -> Vec<PathBuf> {
    let Ok(named) = named_as_segments(core_dir) else { return Vec::new() };
    named.filter(|(_, regular)| !regular).map(|(file, _)| file.path).collect()
}

/// What bears a segment's name, and whether it is a file or a link to one. Opening anything else could wait for ever (a pipe) or fail at the first
/// read (a folder).
fn named_as_segments(dir: &Path) -> Result<impl Iterator<Item = (SegmentFile, bool)>, LogError> {
    let list = || LogError::io(dir, "list the core's folder");
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(list())? {
        let entry = entry.map_err(list())?;
        let path = entry.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if let Some(OPEN | SEALED) = extension
            && let Some(id) = path.file_stem().and_then(|stem| stem.to_str()).and_then(segment_id)
        {
            let regular = match entry.file_type() {
                Ok(kind) if kind.is_symlink() => path.is_file(),
                Ok(kind) => kind.is_file(),
                // It was renamed or removed since it was listed: opening it will show that.
                Err(_) => true,
            };
            found.push((SegmentFile { id, path }, regular));
        }
    }
    Ok(found.into_iter())
}
