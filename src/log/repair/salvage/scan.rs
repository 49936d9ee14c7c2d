//! The first pass: which segment headers and which stretches of records there are, wherever they lie.
//!
//! A header's checksum covers its marker, so that 64 bytes whose checksum fits are a header of *some* segment. Whether a client could have
//! written it inside a body is decided later, by its marker; here an intact record is stepped over whole, so that nothing inside it is even looked at.

use std::collections::BTreeMap;

use crate::log::error::LogError;
use crate::log::format::header::{MAGIC, PAGE_BYTES, PageFault, SegmentHeader};
use crate::log::format::record::{ALIGN_BYTES, HEADER_BYTES, Kind, RecordHeader, u64_at};
use crate::log::read::vouch::{Bases, Vouch};

use super::options::Limits;
use super::source::{Blocks, Source, SourceName};

const STEP: u64 = ALIGN_BYTES as u64;
const FIRST: u64 = PAGE_BYTES as u64;

/// Files lie on a disk by whole sectors.
const SECTOR_BYTES: u64 = 512;

/// The largest body that a header may claim if no segment header has shown its marker yet.
const UNKNOWN_BODY_BYTES_MAX: u64 = 64 << 20;

/// How many stretches are followed at once: those that interrupt each other where old blocks were used again.
const OPEN_MAX: usize = 8;

/// A segment's first page, found intact.
#[derive(Debug, Clone, Copy)]
pub(super) struct FoundPage {
    pub(super) source: usize,
    pub(super) position: u64,
    pub(super) header: SegmentHeader,
}

/// Records of one marker that follow each other without a gap. Those among them whose payload is damaged are found when it is copied.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch {
    pub(super) source: usize,
    pub(super) marker: u64,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) records: u64,
    pub(super) first_us: u64,
    /// It begins right after its segment's first page.
    pub(super) behind_page: bool,
    /// Where its segment's first byte would lie, by its own word.
    pub(super) bases: Bases,
}

/// All that the first pass found.
#[derive(Debug, Default)]
pub(super) struct RecordMap {
    pub(super) pages: Vec<FoundPage>,
    pub(super) stretches: Vec<Stretch>,
    /// Pages of a newer version: source, position, version.
    pub(super) newer: Vec<(usize, u64, u32)>,
    /// Segments' sizes by their markers.
    known: BTreeMap<u64, u64>,
}

impl RecordMap {
    /// Searches a source from its first byte to its last.
    pub(super) fn search(
        &mut self,
        index: usize,
        source: &Source,
        blocks: &mut Blocks,
        limits: &Limits,
    ) -> Result<(), LogError> {
        let own = match self.first_page(index, source, blocks)? {
            FirstPage::Whole(marker) => Some(marker),
            FirstPage::None => None,
            // What its records mean is not for this version to say.
            FirstPage::Newer => return Ok(()),
        };
        let mut scan =
            SourceScan { map: self, source: index, own, open: Vec::new(), at: if own.is_some() { FIRST } else { 0 } };
        if let Some(marker) = own {
            scan.expect(marker, FIRST);
        }
        while scan.step(blocks)? {
            let found = scan.map.stretches.len() + scan.open.len();
            if found > limits.stretches_max {
                let most = limits.stretches_max;
                let reason =
                    format!("more than {most} separate stretches of records; raise the limit, or salvage it in parts");
                return Err(LogError::io(&source.path, "keep in memory what was found")(std::io::Error::other(reason)));
            }
        }
        scan.close_all();
        Ok(())
    }

    /// A file that is a segment, by its name and its first page, holds that one and no other.
    fn first_page(&mut self, index: usize, source: &Source, blocks: &mut Blocks) -> Result<FirstPage, LogError> {
        if !matches!(source.name, SourceName::Segment { .. }) {
            return Ok(FirstPage::None);
        }
        match blocks.get(0, PAGE_BYTES)?.map(SegmentHeader::decode) {
            Some(Ok(header)) => {
                self.take_page(index, 0, header);
                Ok(FirstPage::Whole(header.marker))
            }
            Some(Err(PageFault::Version(version))) => {
                self.newer.push((index, 0, version));
                Ok(FirstPage::Newer)
            }
            _ => Ok(FirstPage::None),
        }
    }

    fn take_page(&mut self, source: usize, position: u64, header: SegmentHeader) {
        self.pages.push(FoundPage { source, position, header });
        self.known.insert(header.marker, header.segment_bytes);
    }
}

/// What a file begins with.
enum FirstPage {
    /// A segment's page, with this marker.
    Whole(u64),
    /// A page of a newer version.
    Newer,
    /// Something else.
    None,
}

/// A stretch that may go on.
#[derive(Debug)]
struct OpenStretch {
    stretch: Stretch,
    vouch: Vouch,
}

#[derive(Debug)]
struct SourceScan<'a> {
    map: &'a mut RecordMap,
    source: usize,
    /// The only marker that counts, in a file that is one segment.
    own: Option<u64>,
    open: Vec<OpenStretch>,
    at: u64,
}

impl SourceScan<'_> {
    /// Looks at 64 bytes; false at the end.
    fn step(&mut self, blocks: &mut Blocks) -> Result<bool, LogError> {
        let at = self.at;
        let Some(block) = blocks.get(at, HEADER_BYTES)? else { return Ok(false) };
        self.at += STEP;
        let marker = u64_at(block, 0);
        if marker == 0 || self.own.is_some_and(|own| own != marker) {
            return Ok(true);
        }
        if block[..8] == MAGIC && at.is_multiple_of(SECTOR_BYTES) {
            self.page(at, blocks)?;
            return Ok(true);
        }
        // Cheaper than a checksum, and true of few blocks of other data.
        let Some(_) = Kind::from_u8(block[56]) else { return Ok(true) };
        let Some(Ok(header)) = block.first_chunk().map(|block| RecordHeader::decode(block, marker)) else {
            return Ok(true);
        };
        self.record(at, &header, blocks)?;
        Ok(true)
    }

    fn page(&mut self, at: u64, blocks: &mut Blocks) -> Result<(), LogError> {
        let Some(page) = blocks.get(at, PAGE_BYTES)? else { return Ok(()) };
        match SegmentHeader::decode(page) {
            Ok(header) => {
                self.map.take_page(self.source, at, header);
                self.expect(header.marker, at + FIRST);
                self.at = at + FIRST;
            }
            Err(PageFault::Version(version)) => self.map.newer.push((self.source, at, version)),
            Err(_) => {}
        }
        Ok(())
    }

    /// A segment's records begin here.
    fn expect(&mut self, marker: u64, start: u64) {
        self.begin(marker, start, true);
    }

    fn begin(&mut self, marker: u64, start: u64, behind_page: bool) -> &mut OpenStretch {
        if self.open.len() == OPEN_MAX {
            let oldest = self.open.remove(0);
            self.close(&oldest);
        }
        let stretch = Stretch {
            source: self.source,
            marker,
            start,
            end: start,
            records: 0,
            first_us: u64::MAX,
            behind_page,
            bases: Bases::default(),
        };
        self.open.push(OpenStretch { stretch, vouch: Vouch::default() });
        let last = self.open.len() - 1;
        &mut self.open[last]
    }

    fn record(&mut self, at: u64, header: &RecordHeader, blocks: &mut Blocks) -> Result<(), LogError> {
        let marker = header.marker;
        let known = self.map.known.get(&marker).copied();
        let body_bytes = header.body_bytes() as u64;
        let body_max = known.filter(|&bytes| bytes > 0).unwrap_or(UNKNOWN_BODY_BYTES_MAX);
        if body_bytes > body_max {
            return Ok(());
        }
        let intact = is_intact(at, header, blocks)?;
        // The blocks behind an intact header may be another file's by now, so only an intact record is stepped over; but in a segment's own
        // file nothing else can be there, if the file reaches so far.
        let fits = at + STEP + body_bytes <= blocks.length();
        if intact || self.own.is_some() && fits {
            self.at = at + header.stored_bytes();
        }
        // Without a segment header to vouch for its marker, a torn record is nothing.
        if !intact && known.is_none() {
            return Ok(());
        }
        let goes_on = self.open.iter().position(|open| open.stretch.marker == marker && open.stretch.end == at);
        let open = match goes_on {
            Some(found) => &mut self.open[found],
            None => self.begin(marker, at, false),
        };
        open.vouch.add(at, header);
        let stretch = &mut open.stretch;
        stretch.end = at + header.stored_bytes();
        if header.kind != Kind::Pad {
            stretch.records += 1;
            stretch.first_us = stretch.first_us.min(header.order_us);
        }
        Ok(())
    }

    fn close(&mut self, open: &OpenStretch) {
        if open.stretch.records > 0 {
            self.map.stretches.push(Stretch { bases: open.vouch.bases(), ..open.stretch });
        }
    }

    fn close_all(&mut self) {
        for open in std::mem::take(&mut self.open) {
            self.close(&open);
        }
    }
}

/// Whether a record's extension and payload are what its header says. A pad carries none; it ends with its page.
pub(super) fn is_intact(at: u64, header: &RecordHeader, blocks: &mut Blocks) -> Result<bool, LogError> {
    if header.kind == Kind::Pad {
        return Ok(header.stored_bytes() <= FIRST);
    }
    let mut crc = 0;
    let whole = blocks.each(at + STEP, header.body_bytes() as u64, &mut |piece| {
        crc = crc32c::crc32c_append(crc, piece);
        Ok(())
    })?;
    Ok(whole && crc == header.payload_crc)
}
