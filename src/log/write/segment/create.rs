//! Making a segment: a file of its own, or one that a deleted segment has left.

use std::io;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use uuid::Uuid;

use crate::log::disk::calls::Disk;
use crate::log::disk::page::PAGE_BYTES;
use crate::log::format::header;
use crate::log::format::header::SegmentHeader;
use crate::log::names::{OPEN, file_name};

use super::{Medium, Pen, RECORDS_FROM, Segment};

/// The settings for a new segment.
#[derive(Debug, Clone, Copy)]
pub(in crate::log) struct Plan<'a> {
    pub(in crate::log) disk: &'static dyn Disk,
    pub(in crate::log) dir: &'a Path,
    pub(in crate::log) log: Uuid,
    pub(in crate::log) core: u16,
    pub(in crate::log) id: u64,
    pub(in crate::log) bytes: u64,
    /// Whether it is made of the blank file that bears its name by now.
    pub(in crate::log) of_spare: bool,
    /// Whether groups are written past the page cache.
    pub(in crate::log) direct: bool,
    /// Whether the blocks are written ahead, so that a group's sync does not have to change their state.
    pub(in crate::log) format_ahead: bool,
}

impl Segment {
    /// Creates, allocates, maps and probes a segment. The file is removed again if that fails.
    pub(in crate::log) fn create(plan: &Plan<'_>) -> io::Result<Pen> {
        let path = plan.dir.join(file_name(plan.id, OPEN));
        Segment::create_at(plan, &path).inspect_err(|_| {
            // Best effort: the next start removes unused files too.
            let _ = plan.disk.remove(&path);
        })
    }

    fn create_at(plan: &Plan<'_>, path: &Path) -> io::Result<Pen> {
        let disk = plan.disk;
        let file = match (plan.of_spare, plan.direct) {
            (false, false) => disk.create_new(path)?,
            (false, true) => disk.create_direct(path)?,
            (true, false) => disk.open(path)?,
            (true, true) => disk.open_direct(path)?,
        };
        disk.allocate(&file, plan.bytes)?;
        let second = if plan.direct { Some(file.try_clone()?) } else { None };
        let medium = if plan.direct { Medium::Direct } else { Medium::map(&file, plan.bytes)? };
        let marker = header::random_marker()?;
        let header =
            SegmentHeader { core: plan.core, log: plan.log, segment: plan.id, marker, segment_bytes: plan.bytes };
        let segment = Segment {
            id: plan.id,
            bytes: plan.bytes,
            marker,
            path: path.to_path_buf(),
            header: header.encode(),
            disk,
            file,
            second: Mutex::new(second),
            medium,
            formatted: AtomicU64::new(if plan.format_ahead { PAGE_BYTES } else { plan.bytes }),
            formatting: Mutex::new(()),
            ready: AtomicU64::new(PAGE_BYTES),
            cursor: AtomicU64::new(RECORDS_FROM),
            durable: AtomicU64::new(RECORDS_FROM),
            first_us: AtomicU64::new(0),
            fault: AtomicU64::new(0),
            #[cfg(test)]
            syncs_to_fail: Default::default(),
            #[cfg(test)]
            sync_delay_ms: AtomicU64::new(0),
        };
        segment.populate(0, PAGE_BYTES)?;
        let mut pen = Pen { segment: Arc::new(segment), stage: None };
        pen.probe().map_err(|fault| fault.to_io())?;
        // The file's size and place, once; the groups' own syncs are by range.
        disk.sync(&pen.segment.file)?;
        disk.sync_dir(plan.dir)?;
        Ok(pen)
    }
}
