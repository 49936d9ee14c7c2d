//! A segment's first page: whose it is, and the marker that its records bear. The layout is in the header of [`crate::log`].

use std::io;

use uuid::Uuid;

use crate::log::disk::page;

use super::record::{ALIGN_BYTES, u32_at, u64_at};

/// The first page's size; the first record begins here.
pub const PAGE_BYTES: usize = 4096;

const _: () = assert!(PAGE_BYTES as u64 == page::PAGE_BYTES);

/// The version of the format that this build writes, and the newest that it reads.
pub const VERSION: u32 = 1;

/// The first bytes of a segment.
pub const MAGIC: [u8; 8] = *b"TAKEUPLG";

/// Where the fields lie.
mod at {
    pub const MAGIC: usize = 0;
    pub const VERSION: usize = 8;
    pub const CORE: usize = 12;
    pub const LOG: usize = 16;
    pub const SEGMENT: usize = 32;
    pub const MARKER: usize = 40;
    pub const SEGMENT_BYTES: usize = 48;
    pub const CRC: usize = 56;
    pub const END: usize = 60;
}

/// The part of the page that carries something; the rest is zero.
pub(in crate::log) const USED_BYTES: usize = at::END;

// Each field begins where the one before it ends.
const _: () = assert!(at::VERSION == at::MAGIC + MAGIC.len());
const _: () = assert!(at::CORE == at::VERSION + size_of::<u32>());
const _: () = assert!(at::LOG == at::CORE + size_of::<u32>());
const _: () = assert!(at::SEGMENT == at::LOG + size_of::<uuid::Bytes>());
const _: () = assert!(at::MARKER == at::SEGMENT + size_of::<u64>());
const _: () = assert!(at::SEGMENT_BYTES == at::MARKER + size_of::<u64>());
const _: () = assert!(at::CRC == at::SEGMENT_BYTES + size_of::<u64>());
const _: () = assert!(at::END == at::CRC + size_of::<u32>());
// The first record begins at a whole page, and a torn write of the page tears its header only where the sector is torn.
const _: () = assert!(PAGE_BYTES.is_multiple_of(ALIGN_BYTES) && USED_BYTES <= 512);

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

    pub(in crate::log) fn encode_version(&self, version: u32) -> [u8; PAGE_BYTES] {
        let mut page = [0; PAGE_BYTES];
        page[at::MAGIC..at::VERSION].copy_from_slice(&MAGIC);
        page[at::VERSION..at::CORE].copy_from_slice(&version.to_le_bytes());
        page[at::CORE..at::LOG].copy_from_slice(&u32::from(self.core).to_le_bytes());
        page[at::LOG..at::SEGMENT].copy_from_slice(self.log.as_bytes());
        page[at::SEGMENT..at::MARKER].copy_from_slice(&self.segment.to_le_bytes());
        page[at::MARKER..at::SEGMENT_BYTES].copy_from_slice(&self.marker.to_le_bytes());
        page[at::SEGMENT_BYTES..at::CRC].copy_from_slice(&self.segment_bytes.to_le_bytes());
        let crc = crc32c::crc32c(&page[..at::CRC]);
        page[at::CRC..at::END].copy_from_slice(&crc.to_le_bytes());
        page
    }

    /// Reads and checks a first page. Only the bytes that carry meaning are checked; the rest of the page is of no account.
    pub fn decode(page: &[u8]) -> Result<SegmentHeader, PageFault> {
        if page.len() < at::END || page[at::MAGIC..at::VERSION] != MAGIC {
            return Err(PageFault::Magic);
        }
        let version = u32_at(page, at::VERSION);
        let sound = crc32c::crc32c(&page[..at::CRC]) == u32_at(page, at::CRC);
        if !sound {
            return Err(PageFault::Checksum);
        }
        // A newer version may redefine every field after its own, but keeps the checksum in its place.
        if version != VERSION {
            return Err(PageFault::Version(version));
        }
        let mut log = [0; 16];
        log.copy_from_slice(&page[at::LOG..at::SEGMENT]);
        let header = SegmentHeader {
            core: u16::try_from(u32_at(page, at::CORE)).map_err(|_| PageFault::Checksum)?,
            log: Uuid::from_bytes(log),
            segment: u64_at(page, at::SEGMENT),
            marker: u64_at(page, at::MARKER),
            segment_bytes: u64_at(page, at::SEGMENT_BYTES),
        };
        if header.marker == 0 { Err(PageFault::Checksum) } else { Ok(header) }
    }
}

/// A marker for a new segment.
pub(in crate::log) fn random_marker() -> io::Result<u64> {
    loop {
        let marker = getrandom::u64().map_err(|error| io::Error::other(error.to_string()))?;
        if marker != 0 {
            return Ok(marker);
        }
    }
}

#[cfg(test)]
mod tests;
