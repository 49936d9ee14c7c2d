//! How many times rows were erased from the archive: a number in the file `erasures`.
//!
//! A compactor gathers a chunk in memory, without a lock. If records were erased from the log meanwhile, the chunk may still have them. So an
//! erasure raises the number once the log is done, under the archive's lock, and a chunk that was begun at a smaller one is dropped and read again.

use std::fs;
use std::io;
use std::path::PathBuf;

use super::error::ArchiveError;
use super::place::{Place, replace};

fn path(place: &Place) -> PathBuf {
    place.dir().join("erasures")
}

/// The number now. The lock is held. A file that is no number counts as a change: one that nobody has seen.
pub(super) fn read(place: &Place) -> Result<u64, ArchiveError> {
    let path = path(place);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(text.trim().parse().unwrap_or(u64::MAX)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(ArchiveError::io(&path, "read the number of erasures")(error)),
    }
}

/// Raises it. The lock is held.
pub(super) fn raise(place: &Place) -> Result<(), ArchiveError> {
    let next = read(place)?.wrapping_add(1);
    replace(&path(place), format!("{next}\n").as_bytes())
}
