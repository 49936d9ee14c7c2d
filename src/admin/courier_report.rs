//! One courier, as `/couriers` reports it.

use serde::{Deserialize, Serialize};

/// A courier's state, lag and counts. What is not known, or does not apply, is null.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CourierReport {
    /// Its name, such as `courier-redis`.
    pub name: String,
    /// Where it delivers to, without credentials.
    pub target: String,
    /// `starting`, `ready`, `waiting` or `ended`.
    pub state: String,
    /// While it waits, or of what it could not do beside: the kind of trouble, such as `unreachable`.
    pub trouble: Option<String>,
    /// While it waits, or of what it could not do beside: the destination's own code; empty if it gave none.
    pub code: Option<String>,
    /// While it waits, or of what it could not do beside: what is wrong, for people.
    pub error: Option<String>,
    /// While it waits, or of what it could not do beside: what an operator can do.
    pub advice: Option<String>,
    /// The courier that must come first and is itself held up; null if nothing waits for that.
    #[serde(default)]
    pub behind: Option<String>,
    /// Since when it waits, RFC 3339 in UTC.
    pub since: Option<String>,
    /// For how many seconds it has been waiting.
    pub seconds: Option<f64>,
    /// How many attempts have failed since then.
    pub attempts: Option<u64>,
    /// What waits in the log; null before it has begun to read, and when the log's folder does not answer.
    pub lag: Option<LagReport>,
    /// Records delivered since the start.
    pub records: u64,
    /// Messages, rows or lines delivered since the start.
    pub items: u64,
    /// Bytes of the records and items delivered since the start.
    pub bytes: u64,
    /// Attempts that failed since the start.
    pub attempts_failed: u64,
    /// Records that became dead letters since the start.
    pub dead_letters: u64,
    /// Dead letters in its file; null if that is not known.
    pub dead_letters_in_file: Option<u64>,
    /// Records that were deleted from the log since the start, because the disk was full, before a consumer had read them. Whose they were is
    /// not known: the number is the same for all couriers.
    pub deleted_unread: u64,
}

/// What a courier has not delivered.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LagReport {
    /// Records; an estimate while a segment is being read.
    pub records: u64,
    /// Bytes of the log.
    pub bytes: u64,
    /// The age of the oldest record.
    pub seconds: f64,
}
