//! What an operator should hear of while the log runs. The log prints nothing itself: whoever has opened it takes the notices
//! with [`Log::next_notice`](crate::log::Log::next_notice) and says them in his own way.

use std::path::PathBuf;
use std::time::Duration;

use crossbeam_queue::ArrayQueue;

use crate::log::clock::wall::ClockDoubt;

use super::fault::Fault;

/// Notices that wait to be taken. Beyond it the oldest go: what came last says most about what is wrong now.
pub(in crate::log) const NOTICES_MAX: usize = 256;

/// Where the threads of a log put their notices.
pub(in crate::log) type Notices = ArrayQueue<Notice>;

/// Something that has happened to a core's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The core.
    pub core: u16,
    /// What has happened.
    pub what: What,
}

/// What has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A segment was given up, or could not be made.
    Failed {
        /// Its file; none where it had none yet.
        path: Option<PathBuf>,
        /// The cause.
        fault: Fault,
    },
    /// Failure upon failure: the core takes nothing more until it is reopened.
    Poisoned {
        /// The last cause.
        fault: Fault,
    },
    /// The poison was lifted by the operator. The next segment has to prove itself.
    Reopened,
    /// The core goes on, on a segment that has proved itself after the failure.
    Recovered {
        /// The new segment's file.
        path: PathBuf,
    },
    /// The wall clock has jumped, and is not believed. The core says nothing here.
    ClockJumped {
        /// How far.
        doubt: ClockDoubt,
    },
    /// The wall clock is believed again: it has come back, or has held where it jumped to. The core says nothing here.
    ClockSettled,
    /// A sync took long. Said once in a while, however many there are.
    Slow {
        /// How long it took.
        took: Duration,
        /// Slow syncs of this core since the start.
        count: u64,
    },
}
