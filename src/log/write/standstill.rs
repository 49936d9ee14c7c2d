//! How long a writer stood still, and for what: it had a record to append and was refused.
//!
//! Only the writer's own thread tells; others read. A standstill lasts until there is room again, however often the writer was woken in vain
//! meanwhile.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use super::wake::For;

/// The standstills of writers that waited for one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StandstillStats {
    /// How many have ended.
    pub count: u64,
    /// What they took together, in microseconds.
    pub total_us: u64,
    /// The longest, in microseconds.
    pub longest_us: u64,
}

#[derive(Debug, Default)]
struct Tally {
    count: AtomicU64,
    total_us: AtomicU64,
    longest_us: AtomicU64,
}

/// The standstills of one writer.
#[derive(Debug, Default)]
pub(in crate::log) struct Standstills {
    /// What the writer stands still for; 0 if it does not.
    what: AtomicU8,
    since_us: AtomicU64,
    ended: [Tally; For::ALL.len()],
}

impl Standstills {
    /// The writer was refused for this. What it waited for before is over.
    pub(in crate::log) fn begin(&self, what: For, now_us: u64) {
        if self.what.load(Ordering::Relaxed) != what as u8 {
            self.end(now_us);
            self.since_us.store(now_us, Ordering::Relaxed);
            self.what.store(what as u8, Ordering::Relaxed);
        }
    }

    /// Whether the writer stands still.
    #[inline]
    pub(in crate::log) fn is_one(&self) -> bool {
        self.what.load(Ordering::Relaxed) != 0
    }

    /// Whether it does for this.
    pub(in crate::log) fn is_for(&self, what: For) -> bool {
        self.what.load(Ordering::Relaxed) == what as u8
    }

    /// There is room again.
    pub(in crate::log) fn end(&self, now_us: u64) {
        let what = self.what.swap(0, Ordering::Relaxed);
        let Some(at) = For::ALL.iter().position(|&known| known as u8 == what) else { return };
        let (tally, us) = (&self.ended[at], now_us.saturating_sub(self.since_us.load(Ordering::Relaxed)));
        tally.count.fetch_add(1, Ordering::Relaxed);
        tally.total_us.fetch_add(us, Ordering::Relaxed);
        tally.longest_us.fetch_max(us, Ordering::Relaxed);
    }

    /// What has ended so far, in the order of [`For::ALL`].
    pub(in crate::log) fn stats(&self) -> [StandstillStats; For::ALL.len()] {
        self.ended.each_ref().map(|tally| StandstillStats {
            count: tally.count.load(Ordering::Relaxed),
            total_us: tally.total_us.load(Ordering::Relaxed),
            longest_us: tally.longest_us.load(Ordering::Relaxed),
        })
    }
}

impl StandstillStats {
    /// Those of two writers.
    #[must_use]
    pub(in crate::log) fn and(self, other: StandstillStats) -> StandstillStats {
        StandstillStats {
            count: self.count + other.count,
            total_us: self.total_us + other.total_us,
            longest_us: self.longest_us.max(other.longest_us),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standstill_counts_once_however_often_the_writer_was_woken_in_vain() {
        let standstills = Standstills::default();
        standstills.end(5);
        standstills.begin(For::Segment, 10);
        standstills.begin(For::Segment, 20);
        assert!(standstills.is_one());
        standstills.begin(For::Sealer, 30);
        standstills.end(100);
        standstills.end(200);
        assert!(!standstills.is_one());
        let once = |us| StandstillStats { count: 1, total_us: us, longest_us: us };
        let none = StandstillStats::default();
        assert_eq!(standstills.stats(), [none, once(20), none, once(70), none, none]);
        let both = once(20).and(once(70));
        assert_eq!(both, StandstillStats { count: 2, total_us: 90, longest_us: 70 });
    }
}
