//! A record with memory of its own.

use bytes::Bytes;

use crate::log::format::record::{Ext, Record};

/// A record whose bytes are shared, so that copies of it are cheap.
#[derive(Debug, Clone)]
pub struct Held {
    /// The record without its bytes.
    pub head: Record<'static>,
    /// Its extension.
    pub ext: Bytes,
    /// Its payload.
    pub payload: Bytes,
}

impl Held {
    /// Copies a record.
    #[cfg(test)]
    pub fn of(record: &Record<'_>) -> Self {
        let head = Record { ext: Ext(&[]), payload: &[], ..*record };
        Self { head, ext: Bytes::copy_from_slice(record.ext.0), payload: Bytes::copy_from_slice(record.payload) }
    }

    /// The record.
    pub fn record(&self) -> Record<'_> {
        Record { ext: Ext(&self.ext), payload: &self.payload, ..self.head }
    }

    /// The bytes of memory that it takes.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.ext.len() + self.payload.len()
    }
}
