//! What an erasure learns of a running server: its segments, and who reads its log.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What became of a core's open segments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedSegments {
    /// The core.
    pub core: u16,
    /// How many were open, and are sealed now.
    pub sealed: u64,
    /// The files of those that are still open.
    pub left: Vec<String>,
    /// Why; absent if that is not known, or none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Who reads the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogUser {
    /// Its name, such as `courier-redis`.
    pub name: String,
    /// Whether it holds nothing any more that it read before the request.
    pub reread: bool,
    /// What it has passed: the next record of each core, as segment and offset; absent if that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed: Option<BTreeMap<u16, (u64, u64)>>,
}
