//! Bodies of batches: those of a capture, each made different from all others by what it says about itself in its first message.
//!
//! Compressing a body takes longer than everything else that is done for a request, so it is done once. The first message stands in front of
//! it in a stored block, and both are one gzip member, as trackers send it.

use std::io::Write;

use bytes::Bytes;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

use crate::tracker::{Era, Message, Meta, ids, read_batch, write_int, write_string, write_uint};

/// The header of a gzip member without a name and a time.
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];

/// What a stored block can hold.
const STORED_MAX: usize = 65_535;

/// A body without its first message, raw and compressed.
#[derive(Debug)]
pub struct Template {
    version: u64,
    page: u64,
    first_index: u64,
    location: Vec<u8>,
    rest: Vec<u8>,
    /// `rest` as a whole deflate stream.
    packed: Vec<u8>,
    crc: Crc,
    /// Where the second of two batches in `rest` begins.
    split: Option<usize>,
}

/// A body as it is sent.
#[derive(Debug, Clone)]
pub struct Body {
    /// The bytes.
    pub bytes: Bytes,
    /// Whether they are gzip.
    pub packed: bool,
    /// Where the second of two batches begins, counted in inflated bytes.
    pub split: Option<usize>,
}

impl Template {
    /// Takes a captured body, inflated; times in it are moved so that it begins at `began_ms`. None: it is no batch that begins as trackers' do.
    pub fn new(captured: &[u8], split: Option<usize>, began_ms: i64) -> Option<Template> {
        let parts = match split {
            Some(split) => vec![captured.get(..split)?, captured.get(split..)?],
            None => vec![captured],
        };
        let (mut first, mut rest, mut second) = (None, Vec::new(), None);
        for part in parts {
            let mut reader = read_batch(part, Era::Main);
            let messages: Vec<_> = reader.by_ref().collect::<Result<_, _>>().ok()?;
            let meta = reader.meta()?;
            let moved = began_ms - meta.timestamp_ms;
            let mut part_bytes = part.to_vec();
            for message in messages.iter().filter(|message| message.id == ids::TIMESTAMP) {
                move_time(&mut part_bytes, message, moved);
            }
            let begins = messages.iter().find(|message| message.id != ids::BATCH_METADATA)?.offset;
            if first.is_none() {
                rest.extend_from_slice(&part_bytes[begins..]);
                first = Some((meta.version, meta.page, meta.first_index, meta.location.to_vec()));
            } else {
                second = Some(rest.len());
                write_metadata(&mut rest, &Meta { timestamp_ms: began_ms, ..*meta });
                rest.extend_from_slice(&part_bytes[begins..]);
            }
        }
        let (version, page, first_index, location) = first?;
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&rest).ok()?;
        let packed = encoder.finish().ok()?;
        let mut crc = Crc::new();
        crc.update(&rest);
        Some(Template { version, page, first_index, location, rest, packed, crc, split: second })
    }

    /// The body of a batch that was made at `now_ms` (Unix time), with a mark in its page's address that no other has. It is compressed if it
    /// is longer than `threshold`.
    pub fn body(&self, now_ms: i64, mark: &str, threshold: usize) -> Body {
        let mut head = Vec::with_capacity(64 + self.location.len() + mark.len() + self.rest.len());
        let joint: &[u8] = if self.location.contains(&b'?') { b"&load=" } else { b"?load=" };
        let location = [&self.location, joint, mark.as_bytes()].concat();
        let (version, page, first_index) = (self.version, self.page, self.first_index);
        let meta = Meta { version, page, first_index, timestamp_ms: now_ms, location: &location };
        write_metadata(&mut head, &meta);
        let split = self.split.map(|split| head.len() + split);
        let packed = head.len() + self.rest.len() > threshold && head.len() <= STORED_MAX;
        if packed {
            head = self.gzip(&head);
        } else {
            head.extend_from_slice(&self.rest);
        }
        Body { bytes: head.into(), packed, split }
    }

    fn gzip(&self, head: &[u8]) -> Vec<u8> {
        let mut crc = Crc::new();
        crc.update(head);
        crc.combine(&self.crc);
        let length = head.len() as u16;
        let mut out = Vec::with_capacity(32 + head.len() + self.packed.len());
        out.extend_from_slice(&GZIP_HEADER);
        // A stored block that is not the last; it ends at a byte, where the blocks of the rest may begin.
        out.push(0);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(head);
        out.extend_from_slice(&self.packed);
        out.extend_from_slice(&crc.sum().to_le_bytes());
        out.extend_from_slice(&((head.len() + self.rest.len()) as u32).to_le_bytes());
        out
    }
}

/// Appends the first message of a batch.
fn write_metadata(out: &mut Vec<u8>, meta: &Meta<'_>) {
    out.push(ids::BATCH_METADATA as u8);
    write_uint(out, meta.version);
    write_uint(out, meta.page);
    write_uint(out, meta.first_index);
    write_int(out, meta.timestamp_ms);
    write_string(out, meta.location);
}

/// Where the fields of a message with a size begin, from its id on.
const FIELDS_AT: usize = 4;

/// Moves the time of a `Timestamp` message in place, if it takes as many bytes as before; from 2004 to 2109 it does.
fn move_time(bytes: &mut [u8], message: &Message<'_>, moved_ms: i64) {
    let mut text = Vec::new();
    write_uint(&mut text, message.timestamp_ms.saturating_add(moved_ms).max(0).cast_unsigned());
    let at = message.offset + FIELDS_AT;
    let field = bytes.get_mut(at..at + message.bytes.len());
    if let Some(field) = field.filter(|field| **field == *message.bytes && field.len() == text.len()) {
        field.copy_from_slice(&text);
    }
}

#[cfg(test)]
mod tests;
