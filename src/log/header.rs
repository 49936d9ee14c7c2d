//! A segment's first page: whose it is, and the marker that its records bear. The layout is in the header of [`super`].

use uuid::Uuid;

use super::record::{u32_at, u64_at};

/// The first page's size; the first record begins here.
pub const PAGE_BYTES: usize = 4096;

/// The version of the format that this build writes, and the newest that it reads.
pub const VERSION: u32 = 1;

/// The first bytes of a segment.
pub const MAGIC: [u8; 8] = *b"TAKEUPLG";

const CRC_AT: usize = 56;

/// What a segment's first page says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentHeader {
    /// The core that writes it.
    pub core: u16,
    /// The log that it belongs to.
    pub log: Uuid,
    /// Its id: order time in microseconds at its creation.
    pub segment: u64,
    /// Random and never zero; every record of the segment begins with it.
    pub marker: u64,
    /// The size that the file was made with.
    pub segment_bytes: u64,
}

/// Why a first page is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageFault {
    /// Does not begin with the magic bytes.
    Magic,
    /// The checksum does not fit, or a field is impossible.
    Checksum,
    /// Intact, but of a newer version.
    Version(u32),
}

impl PageFault {
    /// What is wrong, in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            PageFault::Magic => "not a takeup segment: its first bytes are not TAKEUPLG",
            PageFault::Checksum => "the segment's first page is damaged: its checksum does not match",
            PageFault::Version(_) => "the segment was written by a newer takeup",
        }
    }
}

impl SegmentHeader {
    /// The page to be written.
    pub fn encode(&self) -> [u8; PAGE_BYTES] {
        self.encode_version(VERSION)
    }

    pub(super) fn encode_version(&self, version: u32) -> [u8; PAGE_BYTES] {
        let mut page = [0; PAGE_BYTES];
        page[0..8].copy_from_slice(&MAGIC);
        page[8..12].copy_from_slice(&version.to_le_bytes());
        page[12..16].copy_from_slice(&u32::from(self.core).to_le_bytes());
        page[16..32].copy_from_slice(self.log.as_bytes());
        page[32..40].copy_from_slice(&self.segment.to_le_bytes());
        page[40..48].copy_from_slice(&self.marker.to_le_bytes());
        page[48..56].copy_from_slice(&self.segment_bytes.to_le_bytes());
        let crc = crc32c::crc32c(&page[..CRC_AT]);
        page[CRC_AT..CRC_AT + 4].copy_from_slice(&crc.to_le_bytes());
        page
    }

    /// Reads and checks a first page. Only the bytes that carry meaning are checked; the rest of the page is of no account.
    pub fn decode(page: &[u8]) -> Result<SegmentHeader, PageFault> {
        if page.len() < CRC_AT + 4 || page[0..8] != MAGIC {
            return Err(PageFault::Magic);
        }
        let version = u32_at(page, 8);
        let sound = crc32c::crc32c(&page[..CRC_AT]) == u32_at(page, CRC_AT);
        if !sound {
            return Err(PageFault::Checksum);
        }
        // A newer version may have another meaning for every field behind its own, but keeps the place of its checksum.
        if version != VERSION {
            return Err(PageFault::Version(version));
        }
        let mut log = [0; 16];
        log.copy_from_slice(&page[16..32]);
        let header = SegmentHeader {
            core: u16::try_from(u32_at(page, 12)).map_err(|_| PageFault::Checksum)?,
            log: Uuid::from_bytes(log),
            segment: u64_at(page, 32),
            marker: u64_at(page, 40),
            segment_bytes: u64_at(page, 48),
        };
        if header.marker == 0 { Err(PageFault::Checksum) } else { Ok(header) }
    }
}

#[cfg(test)]
#[path = "header_tests.rs"]
mod tests;
