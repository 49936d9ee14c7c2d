//! How far reading is.

use std::sync::atomic::{AtomicU64, Ordering};

/// How far the threads that read are; all of them add to it.
#[derive(Debug, Default)]
pub struct ReadCounts {
    /// Bytes to be read. It grows if a log does.
    total: AtomicU64,
    /// Bytes read so far, or passed over.
    passed: AtomicU64,
    /// Records in the time asked for, of sessions or projects that were not.
    not_chosen: AtomicU64,
}

impl ReadCounts {
    /// So many bytes are to be read besides those known before.
    pub fn expect(&self, bytes: u64) {
        self.total.fetch_add(bytes, Ordering::Relaxed);
    }

    /// So many bytes were read or passed over.
    pub fn pass(&self, bytes: u64) {
        self.passed.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Records were not chosen.
    pub fn leave_out(&self, records: u64) {
        self.not_chosen.fetch_add(records, Ordering::Relaxed);
    }

    /// Bytes read so far, and all bytes to be read.
    pub fn bytes(&self) -> (u64, u64) {
        let passed = self.passed.load(Ordering::Relaxed);
        (passed, self.total.load(Ordering::Relaxed).max(passed))
    }

    /// Records that were not chosen.
    pub fn not_chosen(&self) -> u64 {
        self.not_chosen.load(Ordering::Relaxed)
    }
}
