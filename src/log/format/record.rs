//! One record: its 64-byte header, its extension, and its name.
//!
//! The layout to the byte is in the header of [`crate::log`]; this file only carries it out.

use std::mem::{offset_of, size_of};

use super::bytes::{array_at, put_at};

mod codes;
mod ext;
mod id;
mod owned;
pub mod uuid_text;

pub use codes::{DataType, Encoding, Kind, Topic, UnknownCode};
pub use ext::{EXT_BYTES_MAX, Ext, ExtFull, ExtWriter, QUERY_BYTES_MAX, ext_type};
pub use id::{BadRecordId, RecordId};
pub use owned::OwnedRecord;

/// Records begin at multiples of this, so that a header never straddles a sector.
pub const ALIGN_BYTES: usize = 64;

/// The size of a record's header.
pub const HEADER_BYTES: usize = 64;

/// Facts about a record, one bit each. Unknown bits are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Flags(pub u16);

impl Flags {
    /// Nothing special.
    pub const NONE: Flags = Flags(0);
    /// The client labelled its batch with page and number.
    pub const HAS_LABEL: Flags = Flags(1);
    /// The token had expired less than the period of grace before.
    pub const JUST_EXPIRED: Flags = Flags(2);
    /// The payload is known to be unreadable; kept as received.
    pub const UNUSABLE: Flags = Flags(4);
    /// The payload may be cut between messages when it is shipped.
    pub const MAY_BE_SPLIT: Flags = Flags(8);
    /// Of an unusable batch, which is bound for no queue: a phone sent it.
    pub const PHONE: Flags = Flags(16);

    /// Whether every bit of `other` is set.
    pub const fn contains(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets of bits.
    #[must_use]
    pub const fn with(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    /// The names of those that are set, as commands and files show them. A label shows by itself.
    pub fn names(self) -> Vec<&'static str> {
        let all = [
            (Flags::JUST_EXPIRED, "just-expired"),
            (Flags::UNUSABLE, "unusable"),
            (Flags::MAY_BE_SPLIT, "may-be-split"),
            (Flags::PHONE, "phone"),
        ];
        all.into_iter().filter(|(flag, _)| self.contains(*flag)).map(|(_, name)| name).collect()
    }

    /// These, but for others.
    #[must_use]
    pub const fn without(self, other: Flags) -> Flags {
        Flags(self.0 & !other.0)
    }
}

/// The label that a client put on its batch: equal labels of one session and equal bytes make a repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Label {
    /// The page within the session.
    pub page: u32,
    /// The batch within the page.
    pub number: u32,
}

/// What a writer is asked to append. Borrowed, so that a body goes from the request's buffer straight into the segment.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// What it is.
    pub kind: Kind,
    /// The queue topic that it is bound for.
    pub topic: Topic,
    /// The client's data type.
    pub data_type: DataType,
    /// How the payload is compressed.
    pub encoding: Encoding,
    /// The session; 0 where there is none.
    pub session: u64,
    /// The project; 0 where it is not known.
    pub project: u32,
    /// Where a `visual` upload is cut; 0 where it is not.
    pub split: u32,
    /// The client's label. Sets [`Flags::HAS_LABEL`] by itself.
    pub label: Option<Label>,
    /// Facts about it.
    pub flags: Flags,
    /// The extension, written by [`ExtWriter`]; at most [`EXT_BYTES_MAX`].
    pub ext: &'a [u8],
    /// The payload, as received.
    pub payload: &'a [u8],
}

impl Entry<'_> {
    /// The bytes that the record takes in a segment: header, extension, payload, and the zeros up to the next multiple of
    /// [`ALIGN_BYTES`].
    pub const fn stored_bytes(&self) -> usize {
        (HEADER_BYTES + self.ext.len() + self.payload.len()).next_multiple_of(ALIGN_BYTES)
    }
}

/// A record's header. The fields lie in memory as they lie on disk.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordHeader {
    /// The segment's random marker: a client's body can't forge a record, and an old page can't pose as a new one.
    pub marker: u64,
    /// CRC-32C of the header with this field zero: a torn payload does not hide the records after it.
    pub header_crc: u32,
    /// CRC-32C of extension and payload; 0 for a pad.
    pub payload_crc: u32,
    /// Bytes of payload; for a pad, the bytes to skip after its header.
    pub payload_len: u32,
    /// The segment's durable end when this was written, in units of [`ALIGN_BYTES`]: tells damage from an unacknowledged tail.
    pub durable_to: u32,
    /// Order time in microseconds.
    pub order_us: u64,
    /// The session.
    pub session: u64,
    /// The project.
    pub project: u32,
    /// Where a `visual` upload is cut.
    pub split: u32,
    /// The label's page.
    pub page: u32,
    /// The label's number.
    pub number: u32,
    /// What the record is.
    pub kind: Kind,
    /// The queue topic.
    pub topic: Topic,
    /// The client's data type.
    pub data_type: DataType,
    /// How the payload is compressed.
    pub encoding: Encoding,
    /// Facts about the record.
    pub flags: Flags,
    /// Bytes of extension.
    pub ext_len: u16,
}

const _: () = assert!(size_of::<RecordHeader>() == HEADER_BYTES);
const _: () = assert!(HEADER_BYTES.is_multiple_of(ALIGN_BYTES));
const _: () = assert!(offset_of!(RecordHeader, marker) == 0);
const _: () = assert!(offset_of!(RecordHeader, header_crc) == 8);
const _: () = assert!(offset_of!(RecordHeader, payload_crc) == 12);
const _: () = assert!(offset_of!(RecordHeader, payload_len) == 16);
const _: () = assert!(offset_of!(RecordHeader, durable_to) == 20);
const _: () = assert!(offset_of!(RecordHeader, order_us) == 24);
const _: () = assert!(offset_of!(RecordHeader, session) == 32);
const _: () = assert!(offset_of!(RecordHeader, project) == 40);
const _: () = assert!(offset_of!(RecordHeader, split) == 44);
const _: () = assert!(offset_of!(RecordHeader, page) == 48);
const _: () = assert!(offset_of!(RecordHeader, number) == 52);
const _: () = assert!(offset_of!(RecordHeader, kind) == 56);
const _: () = assert!(offset_of!(RecordHeader, topic) == 57);
const _: () = assert!(offset_of!(RecordHeader, data_type) == 58);
const _: () = assert!(offset_of!(RecordHeader, encoding) == 59);
const _: () = assert!(offset_of!(RecordHeader, flags) == 60);
const _: () = assert!(offset_of!(RecordHeader, ext_len) == 62);
const _: () = assert!(size_of::<Kind>() == 1 && size_of::<Topic>() == 1 && size_of::<Flags>() == 2);
const _: () = assert!(EXT_BYTES_MAX == u16::MAX as usize);

/// Why 64 bytes are not a header of the segment at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderFault {
    /// All zero: nothing was ever written here.
    Blank,
    /// Another marker: not of this segment.
    Marker,
    /// The checksum does not fit the bytes.
    Checksum,
    /// The checksum fits, but a code is not of this version.
    Code,
}

impl HeaderFault {
    /// What is wrong, in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            HeaderFault::Blank => "no record where one should be: the bytes are zero",
            HeaderFault::Marker => "no record header where one should be",
            HeaderFault::Checksum => "the record header's checksum does not match",
            HeaderFault::Code => "a record header with a code that this version does not know",
        }
    }
}

impl RecordHeader {
    /// The header of `entry`, ready to be written. Computes both checksums, so the payload is read once here.
    ///
    /// `durable_to` is the segment's durable end in bytes. The caller has checked the entry's size against the segment, which is far
    /// below what the length fields can hold.
    pub fn encode(entry: &Entry<'_>, marker: u64, durable_to: u64, order_us: u64) -> [u8; HEADER_BYTES] {
        debug_assert!(entry.ext.len() <= EXT_BYTES_MAX && entry.payload.len() <= u32::MAX as usize);
        let label = entry.label.unwrap_or(Label { page: 0, number: 0 });
        let flags = match entry.label {
            Some(_) => entry.flags.with(Flags::HAS_LABEL),
            None => entry.flags,
        };
        RecordHeader {
            marker,
            header_crc: 0,
            payload_crc: crc32c::crc32c_append(crc32c::crc32c(entry.ext), entry.payload),
            payload_len: entry.payload.len() as u32,
            durable_to: (durable_to / ALIGN_BYTES as u64) as u32,
            order_us,
            session: entry.session,
            project: entry.project,
            split: entry.split,
            page: label.page,
            number: label.number,
            kind: entry.kind,
            topic: entry.topic,
            data_type: entry.data_type,
            encoding: entry.encoding,
            flags,
            ext_len: entry.ext.len() as u16,
        }
        .to_bytes()
    }

    /// The header of a pad record that makes a reader skip `skip_bytes` after it. What is skipped is neither written nor checked.
    pub fn encode_pad(skip_bytes: u32, marker: u64, durable_to: u64, order_us: u64) -> [u8; HEADER_BYTES] {
        RecordHeader {
            marker,
            header_crc: 0,
            payload_crc: 0,
            payload_len: skip_bytes,
            durable_to: (durable_to / ALIGN_BYTES as u64) as u32,
            order_us,
            session: 0,
            project: 0,
            split: 0,
            page: 0,
            number: 0,
            kind: Kind::Pad,
            topic: Topic::None,
            data_type: DataType::All,
            encoding: Encoding::Identity,
            flags: Flags::NONE,
            ext_len: 0,
        }
        .to_bytes()
    }

    /// The bytes on disk, with the header's own checksum computed anew.
    pub fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        put_at(&mut out, 0, self.marker.to_le_bytes());
        put_at(&mut out, 12, self.payload_crc.to_le_bytes());
        put_at(&mut out, 16, self.payload_len.to_le_bytes());
        put_at(&mut out, 20, self.durable_to.to_le_bytes());
        put_at(&mut out, 24, self.order_us.to_le_bytes());
        put_at(&mut out, 32, self.session.to_le_bytes());
        put_at(&mut out, 40, self.project.to_le_bytes());
        put_at(&mut out, 44, self.split.to_le_bytes());
        put_at(&mut out, 48, self.page.to_le_bytes());
        put_at(&mut out, 52, self.number.to_le_bytes());
        out[56] = self.kind as u8;
        out[57] = self.topic as u8;
        out[58] = self.data_type as u8;
        out[59] = self.encoding as u8;
        put_at(&mut out, 60, self.flags.0.to_le_bytes());
        put_at(&mut out, 62, self.ext_len.to_le_bytes());
        let crc = crc32c::crc32c(&out);
        put_at(&mut out, 8, crc.to_le_bytes());
        out
    }

    /// What stands in this record's place once it is erased: a tombstone of the same length, at the same order time, of the same project. All
    /// that follows it is zero.
    #[must_use]
    pub(in crate::log) fn tombstone(&self) -> RecordHeader {
        RecordHeader {
            payload_crc: crc_of_zeros(self.body_bytes()),
            session: 0,
            split: 0,
            page: 0,
            number: 0,
            kind: Kind::Tombstone,
            topic: Topic::None,
            data_type: DataType::All,
            encoding: Encoding::Identity,
            flags: Flags::NONE,
            ..*self
        }
    }

    /// Reads and checks a header of the segment whose marker is given.
    pub fn decode(bytes: &[u8; HEADER_BYTES], marker: u64) -> Result<RecordHeader, HeaderFault> {
        if u64_at(bytes, 0) == marker {
            let mut zeroed = *bytes;
            zeroed[8..12].fill(0);
            if crc32c::crc32c(&zeroed) != u32_at(bytes, 8) {
                return Err(HeaderFault::Checksum);
            }
        }
        RecordHeader::decode_as_written(bytes, marker)
    }

    /// The same, without a look at the checksum: for the memory that it was computed from.
    pub(in crate::log) fn decode_as_written(
        bytes: &[u8; HEADER_BYTES],
        marker: u64,
    ) -> Result<RecordHeader, HeaderFault> {
        if u64_at(bytes, 0) != marker {
            return Err(if bytes.iter().all(|&b| b == 0) { HeaderFault::Blank } else { HeaderFault::Marker });
        }
        Ok(RecordHeader {
            marker,
            header_crc: u32_at(bytes, 8),
            payload_crc: u32_at(bytes, 12),
            payload_len: u32_at(bytes, 16),
            durable_to: u32_at(bytes, 20),
            order_us: u64_at(bytes, 24),
            session: u64_at(bytes, 32),
            project: u32_at(bytes, 40),
            split: u32_at(bytes, 44),
            page: u32_at(bytes, 48),
            number: u32_at(bytes, 52),
            kind: Kind::from_u8(bytes[56]).ok_or(HeaderFault::Code)?,
            topic: Topic::from_u8(bytes[57]).ok_or(HeaderFault::Code)?,
            data_type: DataType::from_u8(bytes[58]).ok_or(HeaderFault::Code)?,
            encoding: Encoding::from_u8(bytes[59]).ok_or(HeaderFault::Code)?,
            flags: Flags(u16::from_le_bytes([bytes[60], bytes[61]])),
            ext_len: u16::from_le_bytes([bytes[62], bytes[63]]),
        })
    }

    /// The bytes that follow a header by what its length fields say, before anything of it is verified.
    pub(in crate::log) fn told_body_bytes(bytes: &[u8; HEADER_BYTES]) -> usize {
        u32_at(bytes, 16) as usize + usize::from(u16::from_le_bytes([bytes[62], bytes[63]]))
    }

    /// The bytes that the record takes in its segment, header and padding included.
    pub const fn stored_bytes(&self) -> u64 {
        (HEADER_BYTES as u64 + self.ext_len as u64 + self.payload_len as u64).next_multiple_of(ALIGN_BYTES as u64)
    }

    /// The bytes of extension and payload that follow the header and are covered by its `payload_crc`; 0 for a pad.
    pub const fn body_bytes(&self) -> usize {
        match self.kind {
            Kind::Pad => 0,
            _ => self.ext_len as usize + self.payload_len as usize,
        }
    }

    /// The durable end in bytes that this header vouches for.
    pub const fn durable_bytes(&self) -> u64 {
        self.durable_to as u64 * ALIGN_BYTES as u64
    }

    /// The client's label, where it gave one.
    pub const fn label(&self) -> Option<Label> {
        if self.flags.contains(Flags::HAS_LABEL) { Some(Label { page: self.page, number: self.number }) } else { None }
    }
}

fn crc_of_zeros(bytes: usize) -> u32 {
    const ZEROS: [u8; 4096] = [0; 4096];
    let mut left = bytes;
    let mut crc = 0;
    while left > 0 {
        let piece = left.min(ZEROS.len());
        crc = crc32c::crc32c_append(crc, &ZEROS[..piece]);
        left -= piece;
    }
    crc
}

#[inline]
pub(in crate::log) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array_at(bytes, at))
}

#[inline]
pub(in crate::log) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}

/// A record as a reader hands it out, borrowed from the reader's buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its name.
    pub id: RecordId,
    /// Order time in microseconds.
    pub order_us: u64,
    /// What it is.
    pub kind: Kind,
    /// The queue topic that it is bound for.
    pub topic: Topic,
    /// The client's data type.
    pub data_type: DataType,
    /// How the payload is compressed.
    pub encoding: Encoding,
    /// The session; 0 where there is none.
    pub session: u64,
    /// The project; 0 where it is not known.
    pub project: u32,
    /// Where a `visual` upload is cut; 0 where it is not.
    pub split: u32,
    /// The client's label.
    pub label: Option<Label>,
    /// Facts about it.
    pub flags: Flags,
    /// CRC-32C of extension and payload: equal bytes have equal ones.
    pub payload_crc: u32,
    /// The extension.
    pub ext: Ext<'a>,
    /// The payload, as received.
    pub payload: &'a [u8],
}

impl<'a> Record<'a> {
    /// Combines a checked header with the checked bytes after it.
    #[inline]
    pub(in crate::log) fn new(id: RecordId, header: &RecordHeader, body: &'a [u8]) -> Record<'a> {
        let (ext, payload) = body.split_at(usize::from(header.ext_len).min(body.len()));
        Record {
            id,
            order_us: header.order_us,
            kind: header.kind,
            topic: header.topic,
            data_type: header.data_type,
            encoding: header.encoding,
            session: header.session,
            project: header.project,
            split: header.split,
            label: header.label(),
            flags: header.flags,
            payload_crc: header.payload_crc,
            ext: Ext(ext),
            payload,
        }
    }
}

#[cfg(test)]
mod tests;
