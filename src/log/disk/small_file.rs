//! Replaces a small file atomically: any reader, and any crash in between, finds either the old text or the new one.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::log::error::LogError;

use super::calls::Disk;

/// Where the new text is written before it gets the file's name. What a crash leaves there is overwritten by the next replacement.
pub(in crate::log) fn fresh_path(path: &Path) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(".tmp");
    PathBuf::from(name)
}

/// Writes a new file, syncs it, gives it the name, and syncs the folder: once this returns, the text survives the machine.
///
/// `doing` says what this is, for the error. One writer at a time; that is the caller's to see to.
pub(in crate::log) fn replace(disk: &dyn Disk, path: &Path, text: &[u8], doing: &'static str) -> Result<(), LogError> {
    let fresh = fresh_path(path);
    let write = || {
        let file = disk.create(&fresh)?;
        disk.write_at(&file, text, 0)?;
        disk.sync(&file)?;
        disk.rename(&fresh, path)?;
        path.parent().map_or(Ok(()), |dir| disk.sync_dir(dir))
    };
    write().map_err(|error| {
        let _ = disk.remove(&fresh);
        LogError::io(path, doing)(error)
    })
}

/// Reads a file of at most `bytes_max`; None where there is none.
///
/// # Errors
/// The system's own, and `InvalidData` for one that is longer.
pub(in crate::log) fn read(path: &Path, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut text = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut text)?;
    if text.len() as u64 > bytes_max {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "far too large for what it should be"));
    }
    Ok(Some(text))
}
