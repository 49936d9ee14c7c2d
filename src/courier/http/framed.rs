//! A record as it goes over the wire.

use bytes::Bytes;

use crate::courier::cause::Cause;
use crate::courier::destination::Packer;
use crate::log::format::record::Record;
use crate::records::write_framed;

/// What is kept of the buffer between records.
const BUFFER_BYTES_KEPT: usize = 1 << 20;

/// A framed record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FramedRecord(pub Bytes);

/// Frames records.
#[derive(Debug, Default)]
pub struct FramedPacker {
    buffer: Vec<u8>,
}

impl Packer for FramedPacker {
    type Item = FramedRecord;

    fn pack(&mut self, record: &Record<'_>, items: &mut Vec<FramedRecord>) -> Result<(), Cause> {
        self.buffer.clear();
        self.buffer.shrink_to(BUFFER_BYTES_KEPT);
        write_framed(record, &mut self.buffer);
        if !self.buffer.is_empty() {
            items.push(FramedRecord(Bytes::copy_from_slice(&self.buffer)));
        }
        Ok(())
    }

    fn item_bytes(item: &FramedRecord) -> usize {
        size_of::<FramedRecord>() + item.0.len()
    }
}
