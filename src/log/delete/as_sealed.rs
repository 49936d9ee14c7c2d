//! Whether a segment is still what was sealed.

use std::fs;
use std::path::Path;

use crate::log::error::LogError;
use crate::log::format::sidecar::Sidecar;

/// Whether a segment is byte for byte what was sealed, and nothing of it was lost before. If not, something that the archive lacks may still be rescued
/// from it. Reads all of it.
///
/// # Errors
/// It can't be read.
pub(super) fn is_as_sealed(path: &Path) -> Result<bool, LogError> {
    let is_whole = |sidecar: &Sidecar| sidecar.damage.iter().all(|hole| hole.unacknowledged);
    let Some(sidecar) = Sidecar::read(path).ok().flatten().filter(is_whole) else { return Ok(false) };
    let hash = || {
        let mut hasher = blake3::Hasher::new();
        let file = fs::File::open(path)?;
        hasher.update_reader(&file)?;
        // It goes, or stays for long.
        let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
        Ok(hasher.finalize().to_hex())
    };
    let found = hash().map_err(LogError::io(path, "read the segment before it is deleted"))?;
    Ok(found.as_str() == sidecar.blake3)
}
