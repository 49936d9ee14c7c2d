//! Puts the copy of a segment in the segment's place.

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::log::cursor::Cursors;
use crate::log::disk::calls;
use crate::log::error::LogError;
use crate::log::read::reader::SegmentInfo;

use super::copied::Copied;

/// Gives the copy the segment's name, and its sidecar first. False if the segment was deleted meanwhile; then the copy is removed.
pub(super) fn replace(info: &SegmentInfo, cursors: &Cursors, copied: Copied) -> Result<bool, LogError> {
    let disk = calls::REAL;
    let dir = info.path.parent().unwrap_or(&info.path);
    // A deletion takes this lock, too.
    let lock = cursors.lock()?;
    let original = copied.original.metadata().map_err(LogError::io(&info.path, "look at the segment"))?;
    let is_there = fs::metadata(&info.path).is_ok_and(|now| (now.dev(), now.ino()) == (original.dev(), original.ino()));
    if !is_there {
        drop(lock);
        disk.remove(&copied.path).map_err(LogError::io(&copied.path, "remove the copy of the segment"))?;
        return Ok(false);
    }
    if let Some(sidecar) = &copied.sidecar {
        sidecar.write_on(disk, &info.path)?;
        // Its name first: of two renames that were not synced a power cut may keep either one.
        disk.sync_dir(dir).map_err(LogError::io(dir, "sync the folder"))?;
    }
    let rename = LogError::io(&info.path, "put the copy in the place of the segment");
    disk.rename(&copied.path, &info.path).map_err(rename)?;
    disk.sync_dir(dir).map_err(LogError::io(dir, "sync the folder"))?;
    drop(lock);
    Ok(true)
}
