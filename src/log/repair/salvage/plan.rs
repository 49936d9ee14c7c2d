//! Between the passes: which log it is, which stretches can be believed, and where in which segment each belongs.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::log::format::header::{PAGE_BYTES, SegmentHeader};

use super::scan::{FoundPage, RecordMap, Stretch};
use super::source::{Source, SourceName};

const FIRST: u64 = PAGE_BYTES as u64;

/// A segment that is to be written, with what belongs into it.
#[derive(Debug)]
pub(super) struct PlannedSegment {
    pub(super) header: SegmentHeader,
    /// Stretches, each with the offset in the segment at which it begins.
    pub(super) placed: Vec<(Stretch, u64)>,
    /// Stretches of its marker whose offset nobody knows.
    pub(super) astray: Vec<Stretch>,
}

/// Stretches whose marker no segment header of the log vouches for.
#[derive(Debug, Default)]
pub(super) struct UnplannedStretches {
    /// Of other logs: their segments and records.
    pub(super) other_logs: BTreeMap<Uuid, (u64, u64)>,
    /// By marker: they may be what a client sent.
    pub(super) unproven: BTreeMap<u64, Vec<Stretch>>,
}

/// How many bytes of records each log has, by the segment headers found.
pub(super) fn logs_of(map: &RecordMap) -> BTreeMap<Uuid, u64> {
    let mut logs = BTreeMap::new();
    let by_marker: BTreeMap<u64, Uuid> = map.pages.iter().map(|page| (page.header.marker, page.header.log)).collect();
    for log in by_marker.values() {
        logs.entry(*log).or_insert(0);
    }
    for stretch in &map.stretches {
        if let Some(log) = by_marker.get(&stretch.marker) {
            *logs.entry(*log).or_insert(0) += stretch.end - stretch.start;
        }
    }
    logs
}

/// Gives every stretch its place.
pub(super) fn plan(map: &RecordMap, sources: &[Source], log: Uuid) -> (Vec<PlannedSegment>, UnplannedStretches) {
    let mut segments: BTreeMap<u64, PlannedSegment> = BTreeMap::new();
    let mut rest = UnplannedStretches::default();
    let mut others: BTreeMap<u64, Uuid> = BTreeMap::new();
    for page in &map.pages {
        let header = page.header;
        if header.log == log {
            segments.entry(header.marker).or_insert_with(|| PlannedSegment::new(header));
        } else if others.insert(header.marker, header.log).is_none() {
            rest.other_logs.entry(header.log).or_default().0 += 1;
        }
    }
    for stretch in &map.stretches {
        let known = segments.contains_key(&stretch.marker) || others.contains_key(&stretch.marker);
        if let Some(header) = headless(stretch, &sources[stretch.source], log).filter(|_| !known) {
            segments.insert(stretch.marker, PlannedSegment::new(header));
        }
    }
    for stretch in &map.stretches {
        if let Some(segment) = segments.get_mut(&stretch.marker) {
            match place(stretch, map, sources, &segment.header) {
                Some(offset) => segment.placed.push((*stretch, offset)),
                None => segment.astray.push(*stretch),
            }
        } else if let Some(log) = others.get(&stretch.marker) {
            rest.other_logs.entry(*log).or_default().1 += stretch.records;
        } else {
            rest.unproven.entry(stretch.marker).or_default().push(*stretch);
        }
    }
    let mut segments: Vec<PlannedSegment> = segments.into_values().collect();
    segments.sort_by_key(|segment| (segment.header.core, segment.header.segment, segment.header.marker));
    send_doubles_astray(&mut segments);
    (segments, rest)
}

impl PlannedSegment {
    fn new(header: SegmentHeader) -> PlannedSegment {
        PlannedSegment { header, placed: Vec::new(), astray: Vec::new() }
    }
}

/// The header of a segment file whose first page is lost, as recovery would put it together: from the name, and from records that no
/// client can have written (the first of the segment, or such as tell their own offset rightly).
fn headless(stretch: &Stretch, source: &Source, log: Uuid) -> Option<SegmentHeader> {
    let SourceName::Segment { core: Some(core), id } = source.name else { return None };
    let believed = stretch.start == FIRST || stretch.bases.contains(&Some(0));
    believed.then_some(SegmentHeader { core, log, segment: id, marker: stretch.marker, segment_bytes: 0 })
}

/// The offset in its segment at which a stretch begins, where that is certain.
fn place(stretch: &Stretch, map: &RecordMap, sources: &[Source], header: &SegmentHeader) -> Option<u64> {
    if stretch.behind_page {
        return Some(FIRST);
    }
    match sources[stretch.source].name {
        // In a file of its own a segment's byte lies where it lay.
        SourceName::Segment { id, .. } if id == header.segment && stretch.start >= FIRST => return Some(stretch.start),
        SourceName::Piece { core, id, offset } if (core, id) == (header.core, header.segment) => {
            return Some(offset + stretch.start);
        }
        _ => {}
    }
    let mut pages =
        map.pages.iter().filter(|page| (page.source, page.header.marker) == (stretch.source, stretch.marker));
    pages.find_map(|page| offset_behind(page, stretch))
}

/// In an image, where a stretch lies behind its first page, but not in one piece with it: only if it says so itself.
fn offset_behind(page: &FoundPage, stretch: &Stretch) -> Option<u64> {
    let offset = stretch.start.checked_sub(page.position)?;
    // A file that begins with a segment is that segment, or several behind each other, and no disk.
    if page.position == 0 {
        return Some(offset);
    }
    let within = offset >= FIRST && offset < page.header.segment_bytes;
    (within && stretch.bases.contains(&Some(page.position))).then_some(offset)
}

/// Two segments of one name cannot both keep it: the one with more records does.
fn send_doubles_astray(segments: &mut [PlannedSegment]) {
    let name = |segment: &PlannedSegment| (segment.header.core, segment.header.segment);
    for same in segments.chunk_by_mut(|a, b| name(a) == name(b)) {
        same.sort_by_key(|segment| segment.placed.iter().map(|(stretch, _)| stretch.records).sum::<u64>());
        let Some((_, fewer)) = same.split_last_mut() else { continue };
        for segment in fewer {
            let moved = std::mem::take(&mut segment.placed);
            segment.astray.extend(moved.into_iter().map(|(stretch, _)| stretch));
        }
    }
}
