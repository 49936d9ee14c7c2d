//! Making a blank file of a deleted segment, for the next one: see [`crate::log::write::spares`].

use std::fs::File;
use std::io;
use std::path::Path;

use crate::log::disk::calls::Disk;
use crate::log::write::shared::Shared;
use crate::log::write::spares::Spare;

/// Blanks the file of a segment that was taken out of the log: it has `bytes` afterwards, all zeros, and keeps its blocks. The file has to be
/// synced before it is used.
///
/// None where somebody still reads it, who must find that bytes are missing and not that they are zeros; where it is larger; or where the
/// file system can't do this.
pub(super) fn zero(disk: &dyn Disk, path: &Path, bytes: u64) -> io::Result<Option<File>> {
    let file = disk.open(path)?;
    if file.metadata()?.len() > bytes || !disk.is_only(&file) {
        return Ok(None);
    }
    match disk.zero(&file, bytes) {
        Err(error) if can_not(&error) => return Ok(None),
        zeroed => zeroed?,
    }
    Ok(Some(file))
}

fn can_not(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EOPNOTSUPP | libc::ENOSYS | libc::EINVAL))
}

/// Has each core keep as many of its spare files as it may, and returns one that was found and that nobody keeps.
pub(super) fn surplus(shared: &Shared, found: &[(u16, Spare)], is_nearly_full: bool) -> Option<(u16, Spare)> {
    for core in &shared.cores {
        let its: Vec<Spare> = found.iter().filter(|(of, _)| *of == core.index).map(|(_, spare)| *spare).collect();
        core.spares.limit(&its, if is_nearly_full { 0 } else { core.spares.allowed() });
    }
    let is_kept =
        |&(core, spare): &(u16, Spare)| shared.cores.get(usize::from(core)).is_some_and(|core| core.spares.has(&spare));
    found.iter().copied().find(|spare| !is_kept(spare))
}
