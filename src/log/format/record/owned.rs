//! A record that outlives the reader that found it.

use super::{Ext, Record};

/// A copy of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedRecord {
    /// All but its bytes.
    facts: Record<'static>,
    ext_bytes: usize,
    /// The extension, and then the payload.
    body: Box<[u8]>,
}

impl OwnedRecord {
    /// The record, with its bytes borrowed from here.
    pub fn as_record(&self) -> Record<'_> {
        let (ext, payload) = self.body.split_at(self.ext_bytes);
        Record { ext: Ext(ext), payload, ..self.facts }
    }

    /// What it takes in memory.
    pub fn bytes(&self) -> usize {
        size_of::<OwnedRecord>() + self.body.len()
    }
}

impl From<&Record<'_>> for OwnedRecord {
    fn from(record: &Record<'_>) -> OwnedRecord {
        let Record { id, order_us, kind, topic, data_type, encoding, session, project, split, label, flags, .. } =
            *record;
        let (ext, payload, payload_crc) = (Ext(&[]), &[][..], record.payload_crc);
        let facts = Record {
            id,
            order_us,
            kind,
            topic,
            data_type,
            encoding,
            session,
            project,
            split,
            label,
            flags,
            payload_crc,
            ext,
            payload,
        };
        OwnedRecord { facts, ext_bytes: record.ext.0.len(), body: [record.ext.0, record.payload].concat().into() }
    }
}

#[cfg(test)]
mod tests;
