//! Whole records one behind the other, as one takeup hands them to another: each a header as in the log, its extension and its payload.
//!
//! The header's marker says that it is this form. Its order time is that of the first log; the second log gives the record one of its own.

use crate::log::format::record::{Entry, HEADER_BYTES, Kind, Record, RecordHeader};

/// The form, and its version.
const MARKER: u64 = u64::from_le_bytes(*b"takeupr1");

/// Why bytes are not framed records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotFramed {
    /// No header, or a damaged one.
    #[error("no record header at byte {0}")]
    Header(usize),
    /// The bytes end within a record.
    #[error("the record at byte {0} is cut off")]
    CutOff(usize),
    /// Extension or payload are damaged.
    #[error("the record at byte {0} is damaged")]
    Damaged(usize),
    /// A record without meaning outside its log.
    #[error("the record at byte {0} belongs to one log alone")]
    Kind(usize),
}

/// Appends a record to `out`. Pads and tombstones have no meaning outside their log: nothing is appended for them.
pub fn write_framed(record: &Record<'_>, out: &mut Vec<u8>) {
    if matches!(record.kind, Kind::Pad | Kind::Tombstone) {
        return;
    }
    let entry = Entry {
        kind: record.kind,
        topic: record.topic,
        data_type: record.data_type,
        encoding: record.encoding,
        session: record.session,
        project: record.project,
        split: record.split,
        label: record.label,
        flags: record.flags,
        ext: record.ext.0,
        payload: record.payload,
    };
    out.extend_from_slice(&RecordHeader::encode(&entry, MARKER, 0, record.order_us));
    out.extend_from_slice(entry.ext);
    out.extend_from_slice(entry.payload);
}

/// The records in `bytes`, in order.
///
/// # Errors
/// They are not whole records of this form.
pub fn read_framed(bytes: &[u8]) -> impl Iterator<Item = Result<Entry<'_>, NotFramed>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
        Some(match first(rest, at) {
            Ok((entry, used)) => {
                at += used;
                Ok(entry)
            }
            Err(error) => {
                at = bytes.len();
                Err(error)
            }
        })
    })
}

fn first(rest: &[u8], at: usize) -> Result<(Entry<'_>, usize), NotFramed> {
    let (head, body) = rest.split_first_chunk::<HEADER_BYTES>().ok_or(NotFramed::CutOff(at))?;
    let header = RecordHeader::decode(head, MARKER).map_err(|_| NotFramed::Header(at))?;
    if matches!(header.kind, Kind::Pad | Kind::Tombstone) {
        return Err(NotFramed::Kind(at));
    }
    let body = body.get(..header.body_bytes()).ok_or(NotFramed::CutOff(at))?;
    if crc32c::crc32c(body) != header.payload_crc {
        return Err(NotFramed::Damaged(at));
    }
    let (ext, payload) = body.split_at(usize::from(header.ext_len));
    let entry = Entry {
        kind: header.kind,
        topic: header.topic,
        data_type: header.data_type,
        encoding: header.encoding,
        session: header.session,
        project: header.project,
        split: header.split,
        label: header.label(),
        flags: header.flags,
        ext,
        payload,
    };
    Ok((entry, HEADER_BYTES + body.len()))
}

#[cfg(test)]
mod tests;
