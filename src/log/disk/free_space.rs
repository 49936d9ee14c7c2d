//! The free space of a file system.

use std::io;
use std::path::Path;

/// The bytes that this process may still take on the folder's file system.
pub(in crate::log) fn free_bytes(dir: &Path) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(dir)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}
