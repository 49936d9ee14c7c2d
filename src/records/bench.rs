//! Stored records for the tests of this folder, without a log.

use uuid::Uuid;

use crate::log::format::record::{Entry, Ext, Record, RecordId};

/// The record that a reader would return for `entry`.
pub(crate) fn stored<'a>(entry: &Entry<'a>) -> Record<'a> {
    Record {
        id: RecordId { log: Uuid::nil(), core: 1, segment: 2, offset: 64 },
        order_us: 5,
        kind: entry.kind,
        topic: entry.topic,
        data_type: entry.data_type,
        encoding: entry.encoding,
        session: entry.session,
        project: entry.project,
        split: entry.split,
        label: entry.label,
        flags: entry.flags,
        payload_crc: 0,
        ext: Ext(entry.ext),
        payload: entry.payload,
    }
}
