//! What is counted of a group of records.

use serde::Serialize;

/// What is counted of a group of records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Sums {
    /// Sessions.
    pub sessions: u64,
    /// Records of any kind.
    pub records: u64,
    /// Batches among them.
    pub batches: u64,
    /// Uploads of images among them.
    pub images: u64,
    /// Bytes of payloads as received.
    pub stored_bytes: u64,
    /// The same, inflated.
    pub inflated_bytes: u64,
}

impl Sums {
    /// Adds others.
    pub fn add(&mut self, other: &Sums) {
        self.sessions += other.sessions;
        self.records += other.records;
        self.batches += other.batches;
        self.images += other.images;
        self.stored_bytes += other.stored_bytes;
        self.inflated_bytes += other.inflated_bytes;
    }
}
