//! Keeps servers from a log while records are erased, or finds that one runs.

use std::path::Path;

use crate::log::disk::lock::{Lock, share};
use crate::log::disk::locked_file::LockedFile;
use crate::log::error::LogError;
use crate::log::names::core_dir;
use crate::log::read::reader::LogReader;
use crate::log::repair::recovery::{Recovery, recover};

/// Who has the log.
#[derive(Debug)]
pub enum Hold {
    /// No server, and none can start as long as this lives. What an earlier one left open has been sealed.
    Alone(AloneHold),
    /// A server runs.
    Served,
}

/// Keeps servers away.
#[derive(Debug)]
pub struct AloneHold {
    _locks: Vec<LockedFile>,
    /// What was sealed, and what could not be.
    pub recovered: Recovery,
}

/// Takes the log in a folder, and seals what a server that is gone has left open, as its next start would.
///
/// # Errors
/// The log can't be read or locked.
pub fn hold(log_dir: &Path) -> Result<Hold, LogError> {
    let log = LogReader::open(log_dir)?.log_uuid();
    // A log of salvaged records may have no first core. Then no server has ever had it.
    let (locks, recovered) = if core_dir(log_dir, 0).is_dir() {
        let lock = match Lock::take(log_dir) {
            Err(LogError::Locked { .. }) => return Ok(Hold::Served),
            taken => taken?,
        };
        let recovered = recover(log_dir, log)?;
        // Readers in this process, too, must find that no server runs: they share this lock.
        (lock.share(log_dir)?.map(Vec::from), recovered)
    } else {
        (share(log_dir), Recovery::default())
    };
    Ok(locks.map_or(Hold::Served, |locks| Hold::Alone(AloneHold { _locks: locks, recovered })))
}
