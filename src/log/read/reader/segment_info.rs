//! A segment as a listing shows it to readers of the log.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use uuid::Uuid;

use crate::log::format::sidecar::{self, Sidecar};
use crate::log::names;

use super::end::End;

/// What a segment is at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SegmentState {
    /// Finished: it never changes again.
    Sealed,
    /// Being written by a running server; readable up to the durable end.
    Writing,
    /// Full and durable, about to be sealed by a running server.
    Sealing,
    /// Made ready, or in the making; nothing is in it.
    Ready,
    /// Left by a server that is gone. The next server settles it; until then what is known to be durable is readable.
    Left,
}

impl SegmentState {
    /// The stable text form.
    pub const fn as_str(self) -> &'static str {
        match self {
            SegmentState::Sealed => "sealed",
            SegmentState::Writing => "writing",
            SegmentState::Sealing => "sealing",
            SegmentState::Ready => "ready",
            SegmentState::Left => "left",
        }
    }
}

/// A segment of a log.
#[derive(Debug, Clone)]
pub struct SegmentInfo {
    /// The log.
    pub log: Uuid,
    /// The core.
    pub core: u16,
    /// The segment's id.
    pub id: u64,
    /// Its file.
    pub path: PathBuf,
    /// What it is at the moment.
    pub state: SegmentState,
    /// How far it may be read.
    pub bytes: u64,
    /// What its sidecar says, where it has one that can be read.
    pub sidecar: Option<Sidecar>,
    pub(in crate::log) end: End,
}

impl SegmentInfo {
    /// Whether it never changes again.
    pub fn sealed(&self) -> bool {
        self.state == SegmentState::Sealed
    }

    /// Whether it was taken out of the log since it was listed. Its file is cut only after that, so bytes that are missing then are no damage.
    pub fn is_deleted(&self) -> bool {
        !self.path.exists() && !self.path.with_extension(names::SEALED).exists()
    }

    /// Which files it and its sidecar are at the moment.
    pub fn stamp(&self) -> SegmentStamp {
        let stamp = |path: &Path| {
            let meta = fs::metadata(path).ok()?;
            Some((meta.ino(), meta.len(), meta.modified().ok()?))
        };
        SegmentStamp([stamp(&self.path), stamp(&sidecar::path_of(&self.path))])
    }

    /// The same segment by its sealed name, where it was sealed after it was listed.
    pub fn sealed_since(&self) -> Option<SegmentInfo> {
        let path = self.path.with_extension(names::SEALED);
        let bytes = fs::metadata(&path).ok().filter(|_| !self.sealed())?.len();
        let sidecar = Sidecar::read(&path).ok().flatten();
        Some(SegmentInfo { path, bytes, sidecar, state: SegmentState::Sealed, end: End::At(bytes), ..self.clone() })
    }
}

/// Which files a segment and its sidecar are. As long as it stays, another attempt finds the same bytes; an erasure changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentStamp([Option<(u64, u64, SystemTime)>; 2]);
