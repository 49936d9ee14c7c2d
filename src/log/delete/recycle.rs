//! Making a blank file of a deleted segment, for the next one: see [`crate::log::write::spares`].

use std::io;
use std::path::Path;

use crate::log::disk::calls::Disk;
use crate::log::write::shared::Shared;
use crate::log::write::spares::Spare;

/// Blanks the file of a segment that was taken out of the log, durably: it has `bytes` afterwards, all zeros, and keeps its blocks.
///
/// False where somebody still reads it, who must find that bytes are missing and not that they are zeros; where it is larger; or where the
/// file system can't do this.
pub(super) fn blank(disk: &dyn Disk, path: &Path, bytes: u64) -> io::Result<bool> {
    let file = disk.open(path)?;
    if file.metadata()?.len() > bytes || !disk.is_only(&file) {
        return Ok(false);
    }
    match disk.zero(&file, bytes) {
        Err(error) if can_not(&error) => return Ok(false),
        zeroed => zeroed?,
    }
    disk.sync(&file)?;
    Ok(true)
}

fn can_not(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EOPNOTSUPP | libc::ENOSYS | libc::EINVAL))
}

/// Tells the cores which of the spare files that were found are theirs, and returns one that none has a use for.
pub(super) fn surplus(shared: &Shared, found: &[(u16, Spare)], is_urgent: bool) -> Option<(u16, Spare)> {
    let mut files: Vec<Vec<Spare>> = vec![Vec::new(); shared.cores.len()];
    let mut surplus = None;
    for &(core, spare) in found {
        let of =
            shared.cores.get(usize::from(core)).filter(|_| !is_urgent && spare.bytes == shared.options.segment_bytes);
        match of.filter(|of| files[usize::from(core)].len() < of.spares.allowed()) {
            Some(_) => files[usize::from(core)].push(spare),
            None => surplus = Some((core, spare)),
        }
    }
    shared.cores.iter().zip(files).for_each(|(core, files)| core.spares.set(files));
    surplus
}
