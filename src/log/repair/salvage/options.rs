//! What is to be salvaged, and within which bounds.

use std::path::PathBuf;

use uuid::Uuid;

/// What bounds the memory that salvage takes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How many separate stretches of records are kept track of. A sound segment is one; each damaged place makes one more.
    pub stretches_max: usize,
}

impl Default for Limits {
    /// A million, about 150 MB at most.
    fn default() -> Limits {
        Limits { stretches_max: 1_000_000 }
    }
}

/// What is to be done.
#[derive(Debug, Clone)]
pub struct Options {
    /// A segment, a folder of any kind, a disk image or a block device.
    pub from: PathBuf,
    /// The folder of the new log. It must be empty, or not exist.
    pub to: PathBuf,
    /// Which log to salvage. None: the one that `log.json` names, else the one with the most data found.
    pub log: Option<Uuid>,
    /// Take records, too, for which no segment header vouches.
    pub unproven: bool,
    /// Bounds.
    pub limits: Limits,
}
