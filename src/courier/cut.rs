//! Cuts a batch that is too large for one queue message into several batches.
//!
//! Each part begins with metadata of its own. Its first index is chosen so that every message keeps its index; its time and address are those
//! in effect where the part begins. Read one after the other, the parts are equivalent to the whole batch. A part's metadata has the same index
//! as the message before it, which is allowed: only the indexes of the messages after it count.

use std::ops::Range;

use crate::tracker::{BatchFault, Era, ids, read_batch, write_int, write_string, write_uint};

/// Why a batch cannot be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CannotCut {
    /// A single message is too large: this many bytes, including metadata.
    Message(usize),
    /// The batch is broken, so the ends of its messages are unknown.
    Broken(BatchFault),
    /// It has no metadata, or metadata of an old form that is no longer written.
    Form,
}

/// A part of a batch: new metadata, and the messages that follow it. In the first part, `metadata` is empty, and the batch's own metadata is
/// among the messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchPart {
    /// The metadata.
    pub metadata: Vec<u8>,
    /// The messages, as a range of the batch's bytes.
    pub messages: Range<usize>,
}

/// Cuts a batch into parts of at most `bytes_max` bytes.
pub fn cut(batch: &[u8], bytes_max: usize) -> Result<Vec<BatchPart>, CannotCut> {
    // The era decides which ids have sizes. Trackers of either era do not send the ids in question, but older ones may.
    cut_as(batch, bytes_max, Era::Main).or_else(|first| cut_as(batch, bytes_max, Era::Seed).map_err(|_| first))
}

fn cut_as(batch: &[u8], bytes_max: usize, era: Era) -> Result<Vec<BatchPart>, CannotCut> {
    let mut parts = Vec::new();
    let mut reader = read_batch(batch, era);
    let mut open = BatchPart { metadata: Vec::new(), messages: 0..0 };
    let (mut time_ms, mut location): (i64, &[u8]) = (0, &[]);
    let (mut form, mut metadata_end) = (MetadataForm::None, 0);
    while let Some(message) = reader.next() {
        let message = message.map_err(CannotCut::Broken)?;
        let end = batch.len() - behind(batch, message.bytes);
        if message.offset == 0 {
            let meta = reader.meta().ok_or(CannotCut::Form)?;
            form = match message.id {
                ids::BATCH_METADATA if meta.version > 0 => MetadataForm::Web { version: meta.version, page: meta.page },
                ids::MOBILE_BATCH_META => MetadataForm::Mobile,
                _ => return Err(CannotCut::Form),
            };
            (open.messages.end, metadata_end) = (end, end);
        } else if open.metadata.len() + (end - open.messages.start) > bytes_max {
            let metadata = form.metadata(message.index, time_ms, location);
            let alone = metadata.len() + (end - message.offset);
            if alone > bytes_max || open.messages.end == metadata_end {
                return Err(CannotCut::Message(alone));
            }
            parts.push(std::mem::replace(&mut open, BatchPart { metadata, messages: message.offset..end }));
        } else {
            open.messages.end = end;
        }
        (time_ms, location) = (message.timestamp_ms, reader.location());
    }
    parts.push(open);
    Ok(parts)
}

/// How many bytes of the batch come after `bytes`, which is a part of it.
fn behind(batch: &[u8], bytes: &[u8]) -> usize {
    batch.as_ptr_range().end.addr() - bytes.as_ptr_range().end.addr()
}

/// The form of the batch's metadata.
#[derive(Debug, Clone, Copy)]
enum MetadataForm {
    /// Not known yet.
    None,
    Web {
        version: u64,
        page: u64,
    },
    Mobile,
}

impl MetadataForm {
    /// The metadata for a part whose first message has this index.
    fn metadata(self, index: u64, time_ms: i64, location: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::None => {}
            Self::Web { version, page } => {
                let first_index = index.wrapping_sub(1).wrapping_sub(page << 32);
                for number in [ids::BATCH_METADATA, version, page, first_index] {
                    write_uint(&mut out, number);
                }
                write_int(&mut out, time_ms);
                write_string(&mut out, location);
            }
            Self::Mobile => {
                // Like every mobile message: its time, and the length of what follows.
                let mut rest = Vec::new();
                write_uint(&mut rest, index.wrapping_sub(1));
                write_uint(&mut out, ids::MOBILE_BATCH_META);
                write_uint(&mut out, time_ms.max(0).cast_unsigned());
                write_string(&mut out, &rest);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests;
