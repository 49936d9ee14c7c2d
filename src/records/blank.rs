//! The fields that every record has: a kind, a session, a project and a payload.

use crate::log::format::record::{DataType, Encoding, Entry, Flags, Kind, Topic};

/// An entry with only these fields: no topic, type, compression, split, label, flags or extension.
pub(super) const fn entry(kind: Kind, session: u64, project: u32, payload: &[u8]) -> Entry<'_> {
    Entry {
        kind,
        topic: Topic::None,
        data_type: DataType::All,
        encoding: Encoding::Identity,
        session,
        project,
        split: 0,
        label: None,
        flags: Flags::NONE,
        ext: &[],
        payload,
    }
}
