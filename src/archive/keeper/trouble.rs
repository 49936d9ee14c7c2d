//! What keeps the archive from growing.

use std::fmt;
use std::io;

use crate::archive::error::ArchiveError;
use crate::base::units;
use crate::log::LogError;
use crate::log::format::record::RecordId;

/// What went wrong.
#[derive(Debug)]
pub enum Trouble {
    /// The disk has less free space than the archive leaves to the log.
    Full {
        /// The free space.
        free: u64,
        /// How much there must be.
        needed: u64,
    },
    /// The archive can't be opened, read or written.
    Archive(ArchiveError),
    /// The log can't be read.
    Log(String),
    /// A segment looks damaged. It is read again.
    Reread,
    /// A record could not be added. It is tried another way.
    Record(RecordId),
    /// The thread panicked.
    Panicked,
}

impl Trouble {
    /// The failure to read the log.
    pub fn of_log(error: &LogError) -> Self {
        Self::Log(error.to_string())
    }

    /// The kind, as `takeup couriers` and JSON name it: one of the couriers' troubles.
    pub fn kind(&self) -> &'static str {
        match self.key() {
            "full" => "full",
            "lock" => "busy",
            _ => "other",
        }
    }

    /// Tells one trouble from another. Texts do not: they hold figures that change.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Full { .. } => "full",
            Self::Archive(ArchiveError::Io { source, .. }) if is_full(source) => "full",
            Self::Archive(ArchiveError::Io { doing, .. }) => doing,
            Self::Archive(ArchiveError::Locked { .. }) => "lock",
            Self::Archive(ArchiveError::Manifest { .. }) => "manifest",
            Self::Archive(_) => "archive",
            Self::Log(_) | Self::Reread => "log",
            Self::Record(_) => "record",
            Self::Panicked => "panic",
        }
    }

    /// What to do.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Full { .. } => {
                "make room on the disk: delete what is not needed, or lower retain_age or retain_bytes"
            }
            Self::Archive(ArchiveError::Io { source, .. }) if is_full(source) => {
                "make room on the disk: delete what is not needed, or lower retain_age or retain_bytes"
            }
            Self::Archive(ArchiveError::Locked { .. }) => "end the process that holds the archive's lock",
            Self::Archive(ArchiveError::Manifest { .. } | ArchiveError::Damaged { .. }) => "do what the error says",
            Self::Archive(_) => "check the disk, and that the archive's folder belongs to takeup's user",
            Self::Log(_) | Self::Reread => "check the disk; takeup consumers tells whether the cursor can be believed",
            Self::Record(_) | Self::Panicked => "report this as a bug of takeup",
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { free, needed } => write!(
                f,
                "{} free, and the archive grows only with {}: the rest is the log's (reserve_bytes)",
                units::bytes(*free),
                units::bytes(*needed)
            ),
            Self::Archive(error) => error.fmt(f),
            Self::Log(error) => f.write_str(error),
            Self::Reread => f.write_str("the log looks damaged, and is read again"),
            Self::Record(record) => write!(f, "record {record} could not be added"),
            Self::Panicked => f.write_str("the compactor panicked"),
        }
    }
}

impl From<ArchiveError> for Trouble {
    fn from(error: ArchiveError) -> Self {
        Self::Archive(error)
    }
}
