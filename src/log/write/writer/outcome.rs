//! What a writer answers.

use crate::log::write::fault::Fault;

/// A count of the records that a writer has appended, from 1: what an answer waits for.
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
    /// The disk has too little free space left. Passes by itself when space comes back.
    #[error("too little space is left on the disk")]
    DiskFull,
    /// The segment failed and the next one is not there yet. What was not durable is reported as lost by [`Writer::progress`](super::Writer::progress).
    #[error("the segment failed: {0}")]
    Failed(Fault),
    /// Segment after segment failed: this core takes nothing more until it is reopened, or the server is started again.
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

/// What has come of the appended records since the last look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Every record up to this may be answered, but for those reported as lost, now or earlier.
    pub acked: Seq,
    /// The first and last of the records that are gone with a failed segment: they must be appended again, or refused. With
    /// [`Ack::Memory`](crate::log::Ack::Memory) some of them may have been answered.
    pub lost: Option<(Seq, Seq)>,
    /// The groups that have become durable since the last look, as one.
    pub group: Option<GroupStats>,
}

/// The size and cost of group commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GroupStats {
    /// Records, pads not counted.
    pub records: u64,
    /// Bytes of the segment, pads and headers included.
    pub bytes: u64,
    /// How long the last sync took, in microseconds.
    pub sync_us: u64,
}

/// What a writer has done, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WriterStats {
    /// Records appended.
    pub records: u64,
    /// Bytes of the segments taken by them.
    pub bytes: u64,
    /// Records that were appended and are not durable yet.
    pub unsynced: u64,
    /// The bytes that could be appended without waiting.
    pub window_bytes: u64,
}
