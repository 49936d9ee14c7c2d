//! A sealed segment of this machine's log, read for an upload.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};

use rustix::fs::Advice;

use crate::courier::cause::{Cause, Trouble};
use crate::courier::stores::UploadSource;
use crate::log::LogError;
use crate::log::format::sidecar::Sidecar;
use crate::log::read::description::describe;
use crate::log::read::reader::SegmentInfo;

use super::object_name::SegmentName;

/// An open segment.
#[derive(Debug)]
pub(super) struct SealedSegment {
    pub(super) name: SegmentName,
    pub(super) records: u64,
    pub(super) bytes: u64,
    /// The sidecar, as it goes to the store.
    pub(super) sidecar: Vec<u8>,
    info: SegmentInfo,
    file: File,
}

/// Why a segment can't be uploaded.
#[derive(Debug)]
pub(super) enum SegmentFault {
    /// It was deleted.
    Gone,
    /// Records were erased from it since it was opened: it is another file now.
    Replaced,
    /// It is damaged. Others can be uploaded all the same.
    Damaged(Cause),
    /// It can't be read, which may pass: the rights to it, a disk that fails. Others can be uploaded all the same.
    Unreadable(Cause),
}

impl fmt::Display for SegmentFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("it was deleted"),
            Self::Replaced => f.write_str("it was replaced"),
            Self::Damaged(cause) | Self::Unreadable(cause) => cause.fmt(f),
        }
    }
}

impl SealedSegment {
    /// Opens a segment.
    pub(super) fn open(info: &SegmentInfo) -> Result<Self, SegmentFault> {
        let file = File::open(&info.path).map_err(|error| unreadable(info, &error))?;
        let length = file.metadata().map_err(|error| unreadable(info, &error))?.len();
        // Every segment is sealed with a sidecar, unless the disk was full then. The one that was listed may be that of a file from which records have been
        // erased since.
        let sidecar = match Sidecar::read(&info.path).ok().flatten() {
            Some(sidecar) => sidecar,
            None => describe(&info.path, info.log, info.core, info.id).map_err(|error| undescribed(info, &error))?,
        };
        let Sidecar { log, core, segment, bytes, .. } = sidecar;
        if (log, core, segment) != (info.log, info.core, info.id) {
            return Err(damaged(info, "its sidecar is that of another segment"));
        }
        if bytes != length {
            let text = format!("it has {length} bytes, and its sidecar says {bytes}");
            return Err(if info.is_deleted() { SegmentFault::Gone } else { damaged(info, &text) });
        }
        let mut text = serde_json::to_vec(&sidecar).map_err(|error| unreadable(info, &error.into()))?;
        text.push(b'\n');
        // Only advice: without it, the same bytes are read.
        let _ = rustix::fs::fadvise(&file, 0, None, Advice::Sequential);
        let name = SegmentName::of(&sidecar);
        Ok(Self { name, records: sidecar.records, bytes, sidecar: text, info: info.clone(), file })
    }
}

impl UploadSource for SealedSegment {
    type Fault = SegmentFault;

    fn object(&self) -> String {
        self.name.object()
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn blake3(&self) -> &str {
        &self.name.blake3
    }

    /// The sidecar: a segment that is there always has one.
    fn forerunner(&self) -> Option<(String, Vec<u8>)> {
        Some((self.name.sidecar(), self.sidecar.clone()))
    }

    fn read(&self, at: u64, bytes: usize) -> Result<Vec<u8>, SegmentFault> {
        let named = fs::metadata(&self.info.path).ok().map(|meta| (meta.dev(), meta.ino()));
        let opened = self.file.metadata().ok().map(|meta| (meta.dev(), meta.ino()));
        if named.is_some() && named != opened {
            return Err(SegmentFault::Replaced);
        }
        let mut part = vec![0; bytes];
        self.file.read_exact_at(&mut part, at).map_err(|error| unreadable(&self.info, &error))?;
        Ok(part)
    }

    fn damaged(&self) -> SegmentFault {
        if self.info.is_deleted() {
            return SegmentFault::Gone;
        }
        damaged(&self.info, "its content does not match the hash in its sidecar")
    }
}

impl Drop for SealedSegment {
    /// Nobody is expected to read it soon: the memory is better used for what is.
    fn drop(&mut self) {
        let _ = rustix::fs::fadvise(&self.file, 0, None, Advice::DontNeed);
    }
}

fn unreadable(info: &SegmentInfo, error: &io::Error) -> SegmentFault {
    may_pass(info, &error.to_string())
}

fn undescribed(info: &SegmentInfo, error: &LogError) -> SegmentFault {
    may_pass(info, &error.to_string())
}

fn may_pass(info: &SegmentInfo, what: &str) -> SegmentFault {
    // A deletion takes the name first, and then cuts the file.
    if info.is_deleted() {
        return SegmentFault::Gone;
    }
    SegmentFault::Unreadable(cause(info, "unreadable-segment", what))
}

fn damaged(info: &SegmentInfo, what: &str) -> SegmentFault {
    SegmentFault::Damaged(cause(info, "damaged-segment", what))
}

fn cause(info: &SegmentInfo, code: &'static str, what: &str) -> Cause {
    // Shown in little space: what it is comes first.
    Cause::new(Trouble::Local, code, format!("{what}: {}", info.path.display()))
}

#[cfg(test)]
mod tests;
