//! Syncing a folder, on file systems that can't, too.

use std::io;
use std::path::Path;

use crate::log::disk::calls::Disk;
use crate::log::error::LogError;

/// Makes a folder's names durable.
pub(super) fn sync_dir(disk: &dyn Disk, dir: &Path) -> Result<(), LogError> {
    disk.sync_dir(dir).or_else(tolerate_unsupported).map_err(LogError::io(dir, "sync the folder"))
}

/// Some file systems cannot sync a folder, and say so; they need none.
fn tolerate_unsupported(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::InvalidInput { Ok(()) } else { Err(error) }
}
