//! A writer's results.

use crate::log::write::fault::Fault;

/// A count of the records that a writer has appended, from 1: an answer waits for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Seq(pub u64);

/// Why a record was not appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// No room just now; the waker is woken when there is.
    #[error("the log is not ready for the record yet")]
    NotReady,
    /// The record can never fit.
    #[error("the record is larger than the log takes: {max} bytes with its header")]
    TooLarge {
        /// The largest record, header included, in bytes.
        max: u64,
    },
    /// The disk has too little free space left. Clears by itself when space is freed.
    #[error("too little space is left on the disk")]
    DiskFull,
    /// The segment failed and the next one is not ready yet. What was not durable is reported as lost by
    /// [`Writer::progress`](super::Writer::progress).
    #[error("the segment failed: {0}")]
    Failed(Fault),
    /// Segment after segment failed: this core accepts nothing more until it is reopened or the server is restarted.
    #[error("the core's log is poisoned: {0}")]
    Poisoned(Fault),
    /// The log is being closed.
    #[error("the log is closed")]
    Closed,
}

impl AppendError {
    /// A stable word for counters and logs.
    pub const fn reason(&self) -> &'static str {
        match self {
            AppendError::NotReady => "not_ready",
            AppendError::TooLarge { .. } => "too_large",
            AppendError::DiskFull => "disk_full",
            AppendError::Failed(_) => "segment_failed",
            AppendError::Poisoned(_) => "poisoned",
            AppendError::Closed => "closed",
        }
    }
}

/// What has happened to the appended records since the last call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Every record up to this may be answered, except those reported as lost, now or earlier.
    pub acked: Seq,
    /// The first and last of the records lost with a failed segment: they must be appended again, or refused. With
    /// [`Ack::Memory`](crate::log::Ack::Memory) some of them may have been answered.
    pub lost: Option<(Seq, Seq)>,
    /// The groups that have become durable since the last call, combined.
    pub group: Option<GroupStats>,
}

/// The size and cost of group commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GroupStats {
    /// Records, not counting pads.
    pub records: u64,
    /// Bytes of the segment, including pads and headers.
    pub bytes: u64,
    /// How long the last sync took, in microseconds.
    pub sync_us: u64,
}

/// What a writer has done, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WriterStats {
    /// Records appended.
    pub records: u64,
    /// Bytes of the segments that they take up.
    pub bytes: u64,
    /// Records appended and not durable yet.
    pub unsynced: u64,
    /// The bytes that could be appended without waiting.
    pub window_bytes: u64,
}
