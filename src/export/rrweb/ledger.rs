//! How much may be written of a session: it is measured by what the session has sent.
//!
//! A few bytes of a message may stand for much: a word of the dictionary, a page that is written as a whole. Sessions of honest sites stay far
//! below all of this.

use std::ops::ControlFlow;

use super::event::Event;
use super::recorder::Flow;

/// How much may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// So many bytes of events,
    pub events: u64,
    /// and so many for each byte of messages and pictures.
    pub events_by_sent: u64,
    /// Snapshots that only make seeking fast: so many bytes of them,
    pub repeats: u64,
    /// and so many for each byte of other events. A seek beyond plays few bytes, however far it goes.
    pub repeats_by_change: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { events: 512 << 20, events_by_sent: 64, repeats: 256 << 20, repeats_by_change: 8 }
    }
}

impl Limits {
    /// So many bytes of events, whatever was sent; half of them may be snapshots.
    pub fn of(events: u64) -> Limits {
        Limits { events, events_by_sent: 0, repeats: events / 2, ..Limits::default() }
    }
}

/// What was sent, and what was written.
#[derive(Debug, Clone)]
pub(super) struct Ledger {
    limits: Limits,
    sent: u64,
    changes: u64,
    snapshots: u64,
    /// What the last snapshot has.
    last_snapshot: u64,
    is_full: bool,
}

impl Ledger {
    pub(super) fn new(limits: Limits) -> Ledger {
        Ledger { limits, sent: 0, changes: 0, snapshots: 0, last_snapshot: 0, is_full: false }
    }

    /// So many bytes more were sent.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.sent += bytes as u64;
    }

    /// Whether there is more than may be written.
    pub(super) fn is_full(&self) -> bool {
        self.is_full
    }

    /// Whether the page, as large as it was, may be written once more for those who seek.
    pub(super) fn may_repeat(&self) -> bool {
        let max = self.limits.repeats.saturating_add(self.changes.saturating_mul(self.limits.repeats_by_change));
        self.snapshots.saturating_add(self.last_snapshot) <= max
    }

    /// What follows is a snapshot.
    pub(super) fn begin_snapshot(&mut self) {
        self.last_snapshot = 0;
    }

    /// Counts an event. `Break`: there is no room for it.
    pub(super) fn count(&mut self, event: &Event, is_of_snapshot: bool) -> Flow {
        let bytes = event.json_bytes() as u64;
        let max = self.limits.events.saturating_add(self.sent.saturating_mul(self.limits.events_by_sent));
        if self.is_full || self.changes + self.snapshots + bytes > max {
            self.is_full = true;
            return ControlFlow::Break(());
        }
        if is_of_snapshot {
            self.snapshots += bytes;
            self.last_snapshot += bytes;
        } else {
            self.changes += bytes;
        }
        ControlFlow::Continue(())
    }
}
