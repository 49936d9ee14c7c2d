//! How far a segment may be read when no server vouches for it, because the server is gone or is starting.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

use uuid::Uuid;

use crate::log::error::{Damage, LogError};
use crate::log::format::control::ControlSnapshot;
use crate::log::format::header::PAGE_BYTES;
use crate::log::format::record::{HEADER_BYTES, RecordHeader};

use super::end::End;
use super::listing::SegmentFile;
use super::scan::SegmentReader;
use super::segment_info::SegmentState;

const FIRST: u64 = PAGE_BYTES as u64;

/// The unit in which a disk writes, so that a copy finds it written as a whole or not at all.
const SECTOR_BYTES: u64 = 512;

/// What the records of an open segment say about it.
pub(super) struct OpenSegmentSurvey {
    /// The durable end that they vouch for.
    durable: u64,
    /// The end of the last of them.
    pub(super) records_end: u64,
    /// Where a copy that was made beside the writer is torn first; the end of the records where it is not.
    torn_from: u64,
    /// The size that the file was made with; 0 where its first page does not tell.
    segment_bytes: u64,
}

/// How far an `.open` file of a running server may be read: see "How far a reader may read" in [`crate::log`].
pub(in crate::log) fn open_part(page: &ControlSnapshot, id: u64, length: u64) -> (SegmentState, End) {
    use std::cmp::Ordering::{Equal, Greater, Less};
    match id.cmp(&page.segment) {
        Equal => (SegmentState::Writing, End::At(page.durable.max(PAGE_BYTES as u64).min(length))),
        Less => (SegmentState::Sealing, End::Within(length)),
        Greater => (SegmentState::Ready, End::At(PAGE_BYTES as u64)),
    }
}

/// How far a segment may be read when its server is gone.
///
/// Where a later one holds records, all of this one was durable before them. Otherwise what its control page and its records vouch
/// for is; recovery will look at the rest. In a copy that was made while the server ran, no file vouches for another: what lies before the
/// first place that was not written yet when it was copied was there before the copy began.
pub(super) fn left_end(
    log: Uuid,
    core: u16,
    file: &SegmentFile,
    page: Option<&ControlSnapshot>,
    length: u64,
    later: bool,
) -> End {
    let survey = survey(log, core, file.id, &file.path_now(), length);
    if page.is_some_and(|page| page.copied) {
        return End::At(survey.map_or(FIRST, |survey| survey.torn_from).min(length));
    }
    // The segment that the page names is the oldest that is not durable as a whole: a later one may hold records already.
    if later && page.is_none_or(|page| file.id < page.segment) {
        return End::Within(length);
    }
    let Some(survey) = survey else { return End::At(FIRST.min(length)) };
    // The page has no checksum: an end that the segment can't have is not believed.
    let bytes_max = if survey.segment_bytes == 0 { length } else { survey.segment_bytes };
    let told = page.and_then(|page| page.durable_in(file.id, bytes_max)).unwrap_or(0);
    // It may lie beyond the file's end: one that was cut below its durable end has lost something.
    End::At(told.max(survey.durable).max(FIRST))
}

/// Whether a segment's first record is there.
pub(super) fn holds_records(log: Uuid, core: u16, file: &SegmentFile) -> bool {
    let path = file.path_now();
    let Ok(length) = fs::metadata(&path).map(|meta| meta.len()) else { return false };
    let Ok(reader) = SegmentReader::open_path(&path, log, core, file.id, End::Within(length)) else {
        return false;
    };
    let mut header = [0; HEADER_BYTES];
    let read = reader.file().read_exact_at(&mut header, FIRST);
    read.is_ok() && RecordHeader::decode(&header, reader.header().marker).is_ok()
}

pub(super) fn survey(log: Uuid, core: u16, id: u64, path: &Path, length: u64) -> Option<OpenSegmentSurvey> {
    let mut reader = SegmentReader::open_path(path, log, core, id, End::Within(length)).ok()?;
    let segment_bytes = reader.header().segment_bytes;
    let mut survey = OpenSegmentSurvey { durable: FIRST, records_end: FIRST, torn_from: 0, segment_bytes };
    let mut torn = None;
    loop {
        match reader.step() {
            Ok(Some(found)) => {
                survey.durable = survey.durable.max(found.vouched());
                survey.records_end = reader.offset();
            }
            Err(LogError::Damaged { .. }) => {
                let stretch = reader.resync().ok()?;
                torn = torn.or_else(|| is_torn(reader.file(), &stretch).then_some(stretch.offset));
            }
            Ok(None) | Err(_) => break,
        }
    }
    survey.torn_from = torn.unwrap_or(survey.records_end);
    Some(survey)
}

/// Whether invalid bytes look as a copy finds what was being written meanwhile: with zeros where the rest was still to come.
pub(in crate::log) fn is_torn(file: &File, stretch: &Damage) -> bool {
    let is_blank = |at: u64, bytes: usize| {
        let mut buffer = [0xff; SECTOR_BYTES as usize];
        match file.read_at(&mut buffer[..bytes], at) {
            Ok(got) => buffer[..got].iter().all(|&byte| byte == 0),
            Err(_) => false,
        }
    };
    let end = stretch.offset.saturating_add(stretch.bytes);
    let mut sectors = (stretch.offset.next_multiple_of(SECTOR_BYTES)..end).step_by(SECTOR_BYTES as usize);
    is_blank(stretch.offset, HEADER_BYTES)
        || sectors.any(|at| at + SECTOR_BYTES <= end && is_blank(at, SECTOR_BYTES as usize))
}

/// Whether a segment is still being created: its first page has not been written, and nothing follows it.
pub(super) fn is_blank(path: &Path) -> bool {
    let mut start = [0; PAGE_BYTES + HEADER_BYTES];
    let Ok(file) = File::open(path) else { return false };
    let mut read = 0;
    while read < start.len() {
        match file.read_at(&mut start[read..], read as u64) {
            Ok(0) => break,
            Ok(got) => read += got,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
    }
    start[..read].iter().all(|&byte| byte == 0)
}
