//! The sidecar of a sealed segment: a small JSON file that says what is in it, so that lists need not read it.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::log::disk::calls;
use crate::log::disk::calls::Disk;
use crate::log::error::{Damage, LogError};
use crate::log::names::SIDECAR;

use super::header::VERSION;
use super::record::{Kind, RecordHeader, uuid_text};

/// How many sessions and projects a sidecar names; of more it says that its list is not complete.
pub const NAMES_MAX: usize = 4096;

/// The largest sidecar that is read: far above what [`NAMES_MAX`] names take.
const BYTES_MAX: u64 = 16 << 20;

/// What a sidecar says. Session ids are texts, because JSON readers of other languages round large numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sidecar {
    /// The version of the format.
    pub version: u32,
    /// The log.
    #[serde(with = "uuid_text")]
    pub log: Uuid,
    /// The core.
    pub core: u16,
    /// The segment's id.
    pub segment: u64,
    /// The length of the segment's file.
    pub bytes: u64,
    /// Intact records, pads not counted.
    pub records: u64,
    /// Those of them that are batches.
    pub batches: u64,
    /// Those of them that are starts.
    pub starts: u64,
    /// The bytes of their payloads.
    pub payload_bytes: u64,
    /// The order time of the first record; 0 where there is none.
    pub first_us: u64,
    /// The order time of the newest record.
    pub last_us: u64,
    /// The wall clock when all of them had been received, in microseconds, if `last_us` does not say it: order time was ahead of it or behind.
    /// What is old enough to be deleted goes by it. Left out elsewhere.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub received_us: u64,
    /// BLAKE3 of the whole file, in hexadecimal.
    pub blake3: String,
    /// How many sessions the records belong to; a lower bound if `sessions_complete` is false.
    pub sessions: u64,
    /// The sessions, ascending, at most [`NAMES_MAX`].
    pub session_ids: Vec<String>,
    /// Whether `session_ids` names all of them.
    pub sessions_complete: bool,
    /// The projects, ascending, at most [`NAMES_MAX`].
    pub projects: Vec<u32>,
    /// Records of no known project, which `projects` can't name; left out where there are none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub projectless: u64,
    /// Stretches that hold no valid records: damage and gaps. Readers skip them.
    pub damage: Vec<Hole>,
    /// Whether recovery sealed the segment.
    pub recovered: bool,
    /// What was erased since it was sealed; left out where nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased: Option<Erasure>,
}

/// What was erased of a segment after it was sealed: its records are tombstones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// How many records, in all.
    pub records: u64,
    /// When it was done last, seconds since 1970.
    pub unix_seconds: u64,
    /// The receipt of that time.
    #[serde(with = "uuid_text")]
    pub receipt: Uuid,
    /// BLAKE3 of the file before that time. A file with this hash has not been replaced yet: the sidecar is written first.
    pub blake3_before: String,
}

/// A stretch of a segment that holds no valid records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hole {
    /// Where it begins.
    pub offset: u64,
    /// How long it is.
    pub bytes: u64,
    /// Whether nothing in it was ever acknowledged: then it is a gap, and nothing is lost. Left out where something may be.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unacknowledged: bool,
}

impl Hole {
    /// A stretch in which something may be lost.
    pub const fn damage(offset: u64, bytes: u64) -> Hole {
        Hole { offset, bytes, unacknowledged: false }
    }

    /// The first byte after it.
    pub const fn end(&self) -> u64 {
        self.offset.saturating_add(self.bytes)
    }

    /// Whether a byte lies in it.
    pub const fn holds(&self, offset: u64) -> bool {
        self.offset <= offset && offset < self.end()
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// The path of a segment's sidecar.
pub fn path_of(segment: &Path) -> PathBuf {
    segment.with_extension(SIDECAR)
}

/// How far order time and the wall clock may be apart, in microseconds, before a sidecar says so.
pub(in crate::log) const APART_US_MAX: u64 = 60_000_000;

impl Sidecar {
    /// All records had been received when the wall clock was at `latest_us` at most; 0 where that is not known.
    pub(in crate::log) fn set_received(&mut self, latest_us: u64) {
        let apart = latest_us != 0 && latest_us.abs_diff(self.last_us) > APART_US_MAX;
        self.received_us = if apart { latest_us } else { 0 };
    }

    /// Reads the sidecar of a segment; None where there is none.
    pub fn read(segment: &Path) -> Result<Option<Sidecar>, LogError> {
        let path = path_of(segment);
        let bytes = match fs::metadata(&path) {
            Ok(meta) if meta.len() > BYTES_MAX => {
                return Err(LogError::Foreign { path, reason: "far too large for a sidecar" });
            }
            Ok(meta) if !meta.is_file() => return Err(LogError::Foreign { path, reason: "not a file" }),
            Ok(_) => fs::read(&path).map_err(LogError::io(&path, "read the sidecar"))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(LogError::io(&path, "read the sidecar")(error)),
        };
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        match serde_json::from_slice::<Versioned>(&bytes) {
            Ok(Versioned { version }) if version > VERSION => {
                return Err(LogError::Version { path, found: version, known: VERSION });
            }
            _ => {}
        }
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| LogError::io(&path, "understand the sidecar")(io::Error::from(error)))
    }

    /// Writes the sidecar beside its segment: whole and synced, or not at all. The folder is the caller's to sync.
    pub fn write(&self, segment: &Path) -> Result<(), LogError> {
        self.write_on(calls::REAL, segment)
    }

    pub(in crate::log) fn write_on(&self, disk: &dyn Disk, segment: &Path) -> Result<(), LogError> {
        let path = path_of(segment);
        let fresh = segment.with_extension("json.tmp");
        let mut text =
            serde_json::to_vec(self).map_err(|error| LogError::io(&path, "write the sidecar")(error.into()))?;
        text.push(b'\n');
        let write = || {
            let file = disk.create(&fresh)?;
            disk.write_at(&file, &text, 0)?;
            disk.sync(&file)?;
            disk.rename(&fresh, &path)
        };
        write().map_err(|error| {
            let _ = disk.remove(&fresh);
            LogError::io(&path, "write the sidecar")(error)
        })
    }

    /// The known damage and the gaps as readers report them.
    pub fn damage_of<'a>(&'a self, segment: &'a Path) -> impl Iterator<Item = Damage> + 'a {
        self.damage.iter().map(move |hole| Damage {
            path: segment.to_path_buf(),
            core: self.core,
            segment: self.segment,
            offset: hole.offset,
            bytes: hole.bytes,
            reason: if hole.unacknowledged {
                "a gap: it was never acknowledged, nothing is lost"
            } else {
                "lost before, and named by the sidecar"
            },
        })
    }

    /// Whether an erasure has written this sidecar and not yet replaced the file, which has this hash.
    pub(in crate::log) fn awaits_file(&self, blake3: &str) -> bool {
        self.erased.as_ref().is_some_and(|erasure| erasure.blake3_before == blake3)
    }

    /// Says of what lies above the segment's durable end that it was never acknowledged.
    #[must_use]
    pub(in crate::log) fn with_gaps_from(mut self, durable: u64) -> Sidecar {
        let damage = std::mem::take(&mut self.damage);
        for hole in damage {
            let lost = durable.clamp(hole.offset, hole.end()) - hole.offset;
            let parts = [
                Hole::damage(hole.offset, lost),
                Hole { offset: hole.offset + lost, bytes: hole.bytes - lost, unacknowledged: true },
            ];
            self.damage.extend(parts.into_iter().filter(|part| part.bytes > 0));
        }
        self
    }
}

/// Counts what goes into a sidecar, record by record.
#[derive(Debug, Default)]
pub struct Tally {
    /// Records, pads not counted.
    pub records: u64,
    /// Batches.
    pub batches: u64,
    /// Starts.
    pub starts: u64,
    /// Bytes of payload.
    pub payload_bytes: u64,
    /// The first record's order time.
    pub first_us: u64,
    /// The newest record's order time.
    pub last_us: u64,
    /// Records of no known project.
    pub projectless: u64,
    sessions: HashSet<u64>,
    projects: BTreeSet<u32>,
    more_sessions: bool,
    last_session: u64,
    last_project: u32,
}

impl Tally {
    /// Counts a record.
    pub fn add(&mut self, header: &RecordHeader) {
        if header.kind == Kind::Pad {
            return;
        }
        if self.records == 0 {
            self.first_us = header.order_us;
        }
        self.records += 1;
        self.batches += u64::from(header.kind == Kind::Batch);
        self.starts += u64::from(header.kind == Kind::Start);
        self.payload_bytes += u64::from(header.payload_len);
        self.last_us = self.last_us.max(header.order_us);
        // A session's batches often follow each other.
        if header.session != 0 && header.session != self.last_session {
            self.last_session = header.session;
            if self.sessions.len() < NAMES_MAX {
                self.sessions.insert(header.session);
            } else {
                self.more_sessions |= !self.sessions.contains(&header.session);
            }
        }
        self.projectless += u64::from(header.project == 0);
        if header.project != 0 && header.project != self.last_project && self.projects.len() < NAMES_MAX {
            self.last_project = header.project;
            self.projects.insert(header.project);
        }
    }

    /// The sidecar of what was counted; what a count does not tell (length, hash, damage) is the caller's to fill in.
    pub(in crate::log) fn into_sidecar(self, log: Uuid, core: u16, segment: u64) -> Sidecar {
        let mut sessions: Vec<u64> = self.sessions.into_iter().collect();
        sessions.sort_unstable();
        Sidecar {
            version: VERSION,
            log,
            core,
            segment,
            bytes: 0,
            records: self.records,
            batches: self.batches,
            starts: self.starts,
            payload_bytes: self.payload_bytes,
            first_us: self.first_us,
            last_us: self.last_us,
            received_us: 0,
            blake3: String::new(),
            sessions: sessions.len() as u64,
            session_ids: sessions.iter().map(u64::to_string).collect(),
            sessions_complete: !self.more_sessions,
            projects: self.projects.into_iter().collect(),
            projectless: self.projectless,
            damage: Vec::new(),
            recovered: false,
            erased: None,
        }
    }
}

#[cfg(test)]
mod tests;
