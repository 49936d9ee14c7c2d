//! What salvage reports about what it found and wrote.

use serde::Serialize;
use uuid::Uuid;

use crate::log::format::record::uuid_text;

/// How many things of a kind a report names; more are only counted.
pub(super) const LISTED_MAX: usize = 10_000;

/// What was found and done. Ids and times as everywhere: see `docs/output.md`.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The log, old and new: ids that could be kept go on to be valid.
    #[serde(with = "uuid_text")]
    pub log: Uuid,
    /// Whether all that was found of the log is in the new one, and nothing of it is known to be missing.
    pub complete: bool,
    /// What was searched.
    pub from: String,
    /// Files searched.
    pub sources: usize,
    /// Bytes searched.
    pub source_bytes: u64,
    /// Records in the new log.
    pub records: u64,
    /// Bytes of their payloads.
    pub payload_bytes: u64,
    /// Those of them that have new ids.
    pub records_with_new_ids: u64,
    /// Records that were found more than once, equal in every byte.
    pub repeated: u64,
    /// Intact records that were left out because another intact one has their place.
    pub conflicts: u64,
    /// Places where something is missing within segments.
    pub lost_places: u64,
    /// Bytes that are missing there, at most: headers and padding count too.
    pub lost_bytes: u64,
    /// The segments of the new log, by core and id.
    pub segments: Vec<SegmentReport>,
    /// Segments that a sidecar describes but that were not found at all.
    pub missing: Vec<MissingSegment>,
    /// What the disk could not read.
    pub unreadable: Vec<Unreadable>,
    /// Segments of a newer version, which this build leaves alone.
    pub newer: Vec<NewerSegment>,
    /// Other logs that something was found of.
    pub other_logs: Vec<OtherLog>,
    /// Markers for which no segment header vouches.
    pub unproven_markers: u64,
    /// The records under these markers; with [`Options::unproven`](super::Options::unproven) they are in the new log.
    pub unproven_records: u64,
}

/// A segment of the new log.
#[derive(Debug, Serialize)]
pub struct SegmentReport {
    /// The core.
    pub core: u16,
    /// Its id.
    pub segment: String,
    /// Its file.
    pub path: String,
    /// Whether its records have the ids that they always had.
    pub ids_kept: bool,
    /// Its records.
    pub records: u64,
    /// The order time of the first and the newest of them.
    pub first_us: u64,
    /// See `first_us`.
    pub last_us: u64,
    /// Where they were found.
    pub sources: Vec<String>,
    /// Places where something is missing.
    pub lost_places: u64,
    /// The first 10,000 of them.
    pub lost: Vec<Lost>,
    /// Records whose header is intact and whose payload is damaged everywhere, the first 10,000: what is missing, by name.
    pub damaged_records: Vec<DamagedRecord>,
}

/// A place of a segment where records are missing.
#[derive(Debug, Serialize)]
pub struct Lost {
    /// Where it begins.
    pub offset: u64,
    /// How long it is.
    pub bytes: u64,
    /// The last intact record before it.
    pub before: Option<Neighbour>,
    /// The first intact record after it.
    pub after: Option<Neighbour>,
}

/// A record beside a lost place.
#[derive(Debug, Clone, Serialize)]
pub struct Neighbour {
    /// Its id.
    pub id: String,
    /// Its session.
    pub session_id: String,
    /// Its order time.
    pub received_us: u64,
}

/// A record with only its header left.
#[derive(Debug, Serialize)]
pub struct DamagedRecord {
    /// Its id.
    pub id: String,
    /// Its session.
    pub session_id: String,
    /// Its order time.
    pub received_us: u64,
    /// The length of its payload.
    pub bytes: u64,
}

/// A segment with only its sidecar left.
#[derive(Debug, Serialize)]
pub struct MissingSegment {
    /// The core.
    pub core: u16,
    /// Its id.
    pub segment: String,
    /// The records that were in it.
    pub records: u64,
    /// The order time of the first of them.
    pub first_us: u64,
    /// The order time of the newest.
    pub last_us: u64,
}

/// A stretch of a source that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unreadable {
    /// The source.
    pub path: String,
    /// Where it begins.
    pub offset: u64,
    /// How long it is.
    pub bytes: u64,
}

/// A segment of a newer version.
#[derive(Debug, Serialize)]
pub struct NewerSegment {
    /// The source.
    pub path: String,
    /// Where in it.
    pub offset: u64,
    /// Its version.
    pub version: u32,
}

/// A log that was not asked for.
#[derive(Debug, Serialize)]
pub struct OtherLog {
    /// Its name.
    pub log: String,
    /// Its segments that were found.
    pub segments: u64,
    /// The records in them.
    pub records: u64,
}
