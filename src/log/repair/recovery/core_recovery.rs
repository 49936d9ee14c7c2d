//! What the recovery of one core's folder works with.

use std::path::Path;

use uuid::Uuid;

use crate::log::disk::calls::Disk;

use super::quarantine::Quarantine;
use super::report::Recovery;

/// One core's folder as it is being recovered.
pub(super) struct CoreRecovery<'a> {
    pub(super) disk: &'static dyn Disk,
    pub(super) log: Uuid,
    pub(super) core: u16,
    pub(super) dir: &'a Path,
    pub(super) quarantine: Quarantine,
    /// The latest time of the wall clock at which the server that left these segments open can have ended; 0 if that is unknown.
    pub(super) ended_us: u64,
    pub(super) done: Recovery,
}

impl CoreRecovery<'_> {
    pub(super) fn set_aside(&mut self, path: &Path, reason: &'static str) {
        match self.quarantine.take(path, reason) {
            Ok(to) => self.done.quarantined.push(to),
            Err(error) => self.done.problems.push(error),
        }
    }
}
