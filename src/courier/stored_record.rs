//! A record with memory of its own, for as long as it may still become a dead letter.

use crate::log::format::record::{Ext, Record};

/// A record, and its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// The record without its bytes.
    head: Record<'static>,
    ext: Box<[u8]>,
    payload: Box<[u8]>,
}

impl StoredRecord {
    /// Copies a record.
    pub fn of(record: &Record<'_>) -> Self {
        let head = Record { ext: Ext(&[]), payload: &[], ..*record };
        Self { head, ext: record.ext.0.into(), payload: record.payload.into() }
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
