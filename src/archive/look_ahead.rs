//! Looks into the archive's files without its lock, so that nobody waits for what takes long.
//!
//! Files may be merged, removed or added meanwhile. So this comes before a look under the lock, and makes that one short: it passes over the files that
//! are known by then.

use std::cmp::Reverse;
use std::collections::HashSet;

use super::error::ArchiveError;
use super::manifest::{FileEntry, FileFilter, Manifest};
use super::place::Place;
use super::source::Source;

/// How often it is looked what has come meanwhile. Each pass takes a fraction of the time of the one before.
const PASSES_MAX: usize = 4;

/// Passes each file that the filter takes to `look`, the newest first, with how many of how many files came before it; and then those that came meanwhile,
/// until there are none for now. A day's list that can't be read is passed over: it may have been replaced.
///
/// # Errors
/// The manifest can't be believed; those of `look`.
pub fn look_ahead<E: From<ArchiveError>>(
    place: &Place,
    filter: &FileFilter,
    mut look: impl FnMut((usize, usize), &FileEntry) -> Result<(), E>,
) -> Result<(), E> {
    let (source, mut seen) = (Source::folder(place), HashSet::new());
    for _ in 0..PASSES_MAX {
        let Some(manifest) = Manifest::read(&source)? else { return Ok(()) };
        let (mut new, mut has_failed) = (Vec::new(), false);
        for file in manifest.files(&source, filter) {
            match file {
                Ok(file) if seen.insert(file.path.clone()) => new.push(file),
                Ok(_) => {}
                Err(_) => has_failed = true,
            }
        }
        new.sort_by_key(|file| Reverse(file.last_us));
        for (done, file) in new.iter().enumerate() {
            look((done, new.len()), file)?;
        }
        if new.is_empty() && !has_failed {
            break;
        }
    }
    Ok(())
}
