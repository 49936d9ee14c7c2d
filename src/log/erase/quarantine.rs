//! Erases records from the files that recovery set aside: segments that could not be read as a whole, and copies of damaged stretches.
//!
//! A file is copied, the records are replaced by tombstones in the copy, and the copy takes the file's name. A record is found by its header, whose
//! marker is that of the segment: without the marker a client's bytes could pose as one, and take what belongs to others along.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::log::disk::calls;
use crate::log::error::LogError;
use crate::log::format::header::{PAGE_BYTES, SegmentHeader};
use crate::log::format::record::{ALIGN_BYTES, HEADER_BYTES, Kind, RecordHeader, u64_at};
use crate::log::names;
use crate::log::names::{QUARANTINE_DIR_NAME, core_number, file_name, segment_id};

/// The ending of a copy that is not finished.
const FRESH: &str = ".erase.tmp";
const REPORT: &str = ".report.json";

const BUFFER_BYTES: usize = 1 << 20;

/// What became of a file in quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsideFile {
    /// The file.
    pub path: PathBuf,
    /// Records that were erased.
    pub records: u64,
    /// The bytes that they took.
    pub bytes: u64,
    /// Bytes that belong to no record that can be read: they stay, and may hold anything.
    pub unreadable_bytes: u64,
}

/// Erases the records that are wanted, by session and project, from all files in quarantine; with `dry_run`, only finds them. Returns each file in
/// which something was found or that has bytes which can't be attributed.
///
/// # Errors
/// The folder can't be listed, or a file not be read or replaced.
pub fn erase_aside(
    log_dir: &Path,
    wanted: &dyn Fn(u64, u32) -> bool,
    dry_run: bool,
) -> Result<Vec<AsideFile>, LogError> {
    let dir = log_dir.join(QUARANTINE_DIR_NAME);
    let list = || LogError::io(&dir, "list the quarantine");
    let entries = match fs::read_dir(&dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(list()(error)),
    };
    let mut all = Vec::new();
    for entry in entries {
        let path = entry.map_err(list())?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !path.is_file() || path.is_symlink() || name.ends_with(REPORT) {
            continue;
        }
        if name.ends_with(FRESH) {
            if !dry_run {
                calls::REAL.remove(&path).map_err(LogError::io(&path, "remove an unfinished copy"))?;
            }
            continue;
        }
        let found = erase_file(&path, marker_of(log_dir, &path, &name), wanted, dry_run)?;
        if found.records > 0 || found.unreadable_bytes > 0 {
            all.push(found);
        }
    }
    all.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(all)
}

/// The marker of the segment that a file is, or is a part of.
fn marker_of(log_dir: &Path, path: &Path, name: &str) -> Option<u64> {
    let of_file = |path: &Path| {
        let mut page = [0; PAGE_BYTES];
        File::open(path).and_then(|file| file.read_exact_at(&mut page, 0)).ok()?;
        SegmentHeader::decode(&page).ok().map(|header| header.marker)
    };
    // `core-00-<id>-<offset>.bytes` is a part of a segment that stayed in the log.
    let part = || {
        let (core, rest) = name.split_at_checked(name.match_indices('-').nth(1)?.0)?;
        let id = segment_id(rest.strip_prefix('-')?.split_once('-')?.0)?;
        core_number(core)?;
        of_file(&log_dir.join(core).join(file_name(id, names::SEALED)))
    };
    of_file(path).or_else(part)
}

fn erase_file(
    path: &Path,
    marker: Option<u64>,
    wanted: &dyn Fn(u64, u32) -> bool,
    dry_run: bool,
) -> Result<AsideFile, LogError> {
    let read = || LogError::io(path, "read the file in quarantine");
    let file = File::open(path).map_err(read())?;
    let length = file.metadata().map_err(read())?.len();
    let mut all = AsideFile { path: path.to_path_buf(), records: 0, bytes: 0, unreadable_bytes: 0 };
    let mut hits: Vec<(u64, RecordHeader)> = Vec::new();
    let mut page = [0; PAGE_BYTES];
    let has_page = file.read_exact_at(&mut page, 0).is_ok() && SegmentHeader::decode(&page).is_ok();
    let (mut at, mut buffer, mut held) = (if has_page { PAGE_BYTES as u64 } else { 0 }, vec![0; BUFFER_BYTES], 0..0);
    while at < length {
        let unit = (length - at).min(ALIGN_BYTES as u64) as usize;
        if at < held.start || at + unit as u64 > held.end {
            let want = buffer.len().min((length - at) as usize);
            file.read_exact_at(&mut buffer[..want], at).map_err(read())?;
            held = at..at + want as u64;
        }
        let from = (at - held.start) as usize;
        let bytes = &buffer[from..from + unit];
        let header = bytes.first_chunk::<HEADER_BYTES>().and_then(|bytes| {
            let marker = marker.filter(|marker| u64_at(bytes, 0) == *marker)?;
            RecordHeader::decode(bytes, marker).ok()
        });
        let Some(header) = header else {
            if bytes.iter().any(|&byte| byte != 0) {
                all.unreadable_bytes += unit as u64;
            }
            at += unit as u64;
            continue;
        };
        // Nothing else confirms a pad's length.
        let stored = if header.kind == Kind::Pad { HEADER_BYTES as u64 } else { header.stored_bytes() };
        let bytes = stored.min(length - at);
        if !matches!(header.kind, Kind::Pad | Kind::Tombstone) && wanted(header.session, header.project) {
            all.records += 1;
            all.bytes += bytes;
            hits.push((at, header));
        }
        at += bytes;
    }
    if !hits.is_empty() && !dry_run {
        replace(path, length, &hits)?;
    }
    Ok(all)
}

fn replace(path: &Path, length: u64, hits: &[(u64, RecordHeader)]) -> Result<(), LogError> {
    let fresh = path.with_file_name(path.file_name().unwrap_or_default().to_string_lossy().into_owned() + FRESH);
    let write = || {
        fs::copy(path, &fresh)?;
        let copy = OpenOptions::new().write(true).open(&fresh)?;
        let zeros = vec![0; BUFFER_BYTES];
        for (offset, header) in hits {
            calls::REAL.write_at(&copy, &header.tombstone().to_bytes(), *offset)?;
            let (mut at, end) = (offset + HEADER_BYTES as u64, (offset + header.stored_bytes()).min(length));
            while at < end {
                let step = (end - at).min(zeros.len() as u64);
                calls::REAL.write_at(&copy, &zeros[..step as usize], at)?;
                at += step;
            }
        }
        calls::REAL.sync(&copy)?;
        calls::REAL.rename(&fresh, path)?;
        path.parent().map_or(Ok(()), |dir| calls::REAL.sync_dir(dir))
    };
    write().map_err(|error| {
        let _ = calls::REAL.remove(&fresh);
        LogError::io(path, "erase records from the file in quarantine")(error)
    })
}

#[cfg(test)]
mod tests;
