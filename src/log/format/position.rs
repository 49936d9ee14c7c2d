//! Places in a log that a consumer keeps: the next record to come, in each core's log.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::record::uuid_text;

/// A place within the merged order: for each core the next record to come. Kept by a consumer, it resumes without a gap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergePosition {
    /// The log that it belongs to.
    #[serde(with = "uuid_text")]
    pub log: Uuid,
    /// The place in each core's log.
    pub cores: BTreeMap<u16, Place>,
    /// Where a resuming merge begins to read, so that it recognises a repeat that comes right after the place. Empty if repeats are not looked
    /// for; then they are not recognised across the place.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub behind: BTreeMap<u16, Place>,
}

impl MergePosition {
    /// Whether everything before `other` is before this, too.
    pub fn covers(&self, other: &MergePosition) -> bool {
        other.cores.iter().all(|(core, other)| self.cores.get(core).is_some_and(|place| place >= other))
    }
}

/// A place in one core's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The segment.
    pub segment: u64,
    /// The next record's offset in it.
    pub offset: u64,
}

impl Place {
    /// Before everything.
    pub(in crate::log) const START: Place = Place { segment: 0, offset: 0 };
}
