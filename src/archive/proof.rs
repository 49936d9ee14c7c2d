//! Which segments of the log are in the archive for certain, so that they may leave the log.
//!
//! Nothing is remembered: the manifest is read anew each time, with its lists of the days in question, and each file that holds a part of a segment must
//! be there with its length; and the manifest must be durable. A segment is in the archive if the compactor could read it as a whole, the archive's end
//! lies behind it, and the ranges of these files cover it without a hole.

use std::fs;
use std::io;

use uuid::Uuid;

use crate::log::cursor::position::has_passed;
use crate::log::retain::Sealed;

use super::error::ArchiveError;
use super::manifest::{FileEntry, FileFilter, LogEnd, Manifest};
use super::place::{Place, sync_dir};
use super::source::Source;
use super::tables::batches::{BATCHES, RECORDS};

/// How often it is looked again while files are merged.
const TRIES: usize = 5;

/// Whether each of these segments of a log is in the archive.
///
/// # Errors
/// There is no archive, it can't be read, or a file is not there: then nothing is certain.
pub fn holds(place: &Place, log: Uuid, segments: &[Sealed]) -> Result<Vec<bool>, ArchiveError> {
    let first_us = segments.iter().map(|segment| segment.id).min().unwrap_or_default();
    let filter = FileFilter::default().table(BATCHES.name).table(RECORDS.name);
    // The end of a segment may be covered by a file whose rows are all of a later one, so there is no limit at that side.
    let filter = filter.from_us(first_us);
    let source = Source::folder(place);
    let mut before = None;
    for _ in 0..TRIES {
        let Some((manifest, files)) = Manifest::snapshot(&source, &filter)? else {
            return Err(ArchiveError::Manifest { path: place.manifest(), reason: "there is none".to_owned() });
        };
        let ends = manifest.ends();
        let Some(LogEnd { to, unread }) = ends.of(log) else { return Ok(vec![false; segments.len()]) };
        let own = log.to_string();
        let files: Vec<FileEntry> = files.into_iter().filter(|file| file.log == own).collect();
        match files.iter().try_for_each(|file| is_there(place, file)) {
            Ok(()) => {
                let is_held = |segment: &Sealed| {
                    let was_read = unread.get(&segment.core).is_none_or(|unread| !unread.contains(&segment.id));
                    was_read && has_passed(to, segment.core, segment.id, segment.bytes) && covers(&files, segment)
                };
                let held: Vec<bool> = segments.iter().map(is_held).collect();
                if held.contains(&true) {
                    // The manifest that was read may have been renamed just now: a power cut must not bring back the one before it.
                    sync_dir(place.dir())?;
                }
                return Ok(held);
            }
            // It was merged meanwhile, if the manifest is another one.
            Err(error) if before.as_ref() == Some(&manifest) => return Err(error),
            Err(_) => before = Some(manifest),
        }
    }
    Ok(vec![false; segments.len()])
}

fn is_there(place: &Place, file: &FileEntry) -> Result<(), ArchiveError> {
    let path = place.file(&file.path);
    match fs::metadata(&path) {
        Ok(meta) if meta.is_file() && meta.len() == file.bytes => Ok(()),
        Ok(_) => Err(ArchiveError::Damaged { path }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(ArchiveError::io(&path, "find the file")(error)),
        Err(error) => Err(ArchiveError::io(&path, "look at the file")(error)),
    }
}

/// Whether the ranges of these files cover a segment.
fn covers(files: &[FileEntry], segment: &Sealed) -> bool {
    let core = segment.core;
    let range = |file: &FileEntry| Some((file.from.get(&core).copied().unwrap_or_default(), *file.to.get(&core)?));
    let mut ranges: Vec<((u64, u64), (u64, u64))> = files.iter().filter_map(range).collect();
    ranges.sort_unstable();
    let mut reached = (segment.id, 0);
    for (from, to) in ranges {
        if from > reached {
            break;
        }
        reached = reached.max(to);
    }
    reached >= (segment.id, segment.bytes)
}

#[cfg(test)]
mod tests;
