//! How much may be written to the disk.

use std::path::Path;

use crate::archive::error::ArchiveError;

use super::trouble::Trouble;

/// The room that is needed at least: a chunk this small is still worth its files.
const LEAST_BYTES: u64 = 8 << 20;

/// How many bytes may be written to the folder's file system without taking its free space below `floor`.
///
/// # Errors
/// [`Trouble::Full`] if it is too little for a file worth writing; failures of the system.
pub fn room(dir: &Path, floor: u64) -> Result<u64, Trouble> {
    let stat = rustix::fs::statvfs(dir).map_err(|errno| ArchiveError::io(dir, "find the free space")(errno.into()))?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    match free.saturating_sub(floor) {
        room if room < LEAST_BYTES => Err(Trouble::Full { free, needed: floor.saturating_add(LEAST_BYTES) }),
        room => Ok(room),
    }
}
