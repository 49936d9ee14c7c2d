//! What an operator should know while the log runs. The log prints nothing itself: the code that opened it takes the notices with
//! [`Log::next_notice`](crate::log::Log::next_notice) and reports them in its own way.

use std::path::PathBuf;
use std::time::Duration;

use crossbeam_queue::ArrayQueue;

use crate::log::clock::wall::ClockDoubt;

use super::fault::Fault;

/// How many notices may wait. Beyond that the oldest are dropped: the latest say most about what is wrong now.
pub(in crate::log) const NOTICES_MAX: usize = 256;

/// Where a log's threads put their notices.
pub(in crate::log) type Notices = ArrayQueue<Notice>;

/// An event in a core's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The core.
    pub core: u16,
    /// The event.
    pub what: What,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A segment was given up, or could not be created.
    Failed {
        /// Its file; none if it did not have one yet.
        path: Option<PathBuf>,
        /// The cause.
        fault: Fault,
    },
    /// Repeated failures: the core accepts nothing more until it is reopened.
    Poisoned {
        /// The last cause.
        fault: Fault,
    },
    /// The operator lifted the poison. The next segment has to prove itself.
    Reopened,
    /// The core continues on a segment that has proved itself after the failure.
    Recovered {
        /// The new segment's file.
        path: PathBuf,
    },
    /// The wall clock has jumped, and is not trusted. The core means nothing here.
    ClockJumped {
        /// By how much.
        doubt: ClockDoubt,
    },
    /// The wall clock is trusted again: it has come back, or has held where it jumped to. The core means nothing here.
    ClockSettled,
    /// A sync was slow. Reported only once in a while, however many there are.
    Slow {
        /// How long it took.
        took: Duration,
        /// Slow syncs of this core since the start.
        count: u64,
    },
}
