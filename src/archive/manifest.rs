//! The manifest: which files make up the archive, and how far into the log they reach.
//!
//! The manifest is replaced as a whole. What it does not name is not part of the archive, so files that are written, but not named yet, are no
//! part of it either: a crash leaves the old archive or the new one.

use std::collections::BTreeMap;
use std::fs;
use std::io;

use serde::{Deserialize, Serialize};

use crate::log::read::merge::MergePosition;

use super::error::ArchiveError;
use super::place::{Place, replace};
use super::tables::SCHEMA_VERSION;

/// The version of the manifest's own form.
const VERSION: u32 = 1;

/// The manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this form.
    pub version: u32,
    /// The newest version of the tables' columns among the files.
    pub schema: u32,
    /// Up to where the log is in the archive; `None` before the first chunk.
    pub to: Option<MergePosition>,
    /// The number of the next file.
    pub next_number: u64,
    /// The files.
    pub files: Vec<FileEntry>,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its path below the archive's folder.
    pub path: String,
    /// The table.
    pub table: String,
    /// The day of reception, UTC.
    pub date: String,
    /// The hour of that day.
    pub hour: String,
    /// The log that its rows come from.
    pub log: String,
    /// Where its range of the log begins: the next record of each core.
    pub from: Places,
    /// Where it ends: the next record of each core after it.
    pub to: Places,
    /// Rows.
    pub rows: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// What its rows take in memory: texts and payloads, inflated.
    pub inflated_bytes: u64,
    /// BLAKE3 of the file.
    pub blake3: String,
    /// When the first of its rows was received, in microseconds.
    pub first_us: i64,
    /// When the last one was.
    pub last_us: i64,
    /// The smallest project and session.
    pub first_session: (i64, i64),
    /// The largest project and session.
    pub last_session: (i64, i64),
    /// How many files it was merged from; 0 if it was written from the log.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub merged_from: u64,
}

/// A place in each core's log: segment and offset.
pub type Places = BTreeMap<u16, (u64, u64)>;

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The places of a position.
pub fn places(position: Option<&MergePosition>) -> Places {
    let cores = position.into_iter().flat_map(|position| &position.cores);
    cores.map(|(&core, place)| (core, (place.segment, place.offset))).collect()
}

impl Manifest {
    /// An archive without files.
    pub fn empty() -> Self {
        Self { version: VERSION, schema: SCHEMA_VERSION, to: None, next_number: 1, files: Vec::new() }
    }

    /// Reads the manifest; `None` if there is none.
    ///
    /// # Errors
    /// [`ArchiveError::Manifest`] if it can't be believed or is of a newer version; failures to read.
    pub fn read(place: &Place) -> Result<Option<Self>, ArchiveError> {
        let path = place.manifest();
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ArchiveError::io(&path, "read the manifest")(error)),
        };
        let refused = |reason: String| ArchiveError::Manifest { path: path.clone(), reason };
        /// What any version has.
        #[derive(Deserialize)]
        struct Versions {
            version: u32,
            schema: u32,
        }
        let damaged = |error: serde_json::Error| {
            refused(format!(
                "not a manifest ({error}); put back a copy, or move the archive's folder away: the next compaction then begins a new archive \
                 with the oldest record of the log"
            ))
        };
        let versions: Versions = serde_json::from_slice(&text).map_err(damaged)?;
        if versions.version > VERSION || versions.schema > SCHEMA_VERSION {
            return Err(refused(format!(
                "written by a newer takeup (version {}, tables {}; this one knows {VERSION} and {SCHEMA_VERSION}); use that one",
                versions.version, versions.schema
            )));
        }
        serde_json::from_slice(&text).map(Some).map_err(damaged)
    }

    /// Puts it in the place of the one on disk. When this returns, it survives the machine.
    pub fn write(&self, place: &Place) -> Result<(), ArchiveError> {
        let text = serde_json::to_vec(self).map_err(|error| ArchiveError::Manifest {
            path: place.manifest(),
            reason: format!("cannot be written as JSON: {error}"),
        })?;
        replace(&place.manifest(), &text)
    }
}
