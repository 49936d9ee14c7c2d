//! The place of a record in what is played.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::log::format::record::{Record, RecordId};

/// The place of a record in what is played: everything is played in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Mark {
    /// When it is due, on the clock of the records, in microseconds. In the first round it is when the record was received, unless sessions are
    /// begun at a rate.
    pub due_us: u64,
    /// Which round of `--loop`, from 0.
    pub round: u32,
    /// The record.
    #[serde(serialize_with = "id_text", deserialize_with = "id_of_text")]
    pub id: RecordId,
}

impl Mark {
    /// The place of a record as it was received.
    pub fn of(record: &Record<'_>) -> Self {
        Self { due_us: record.order_us, round: 0, id: record.id }
    }
}

fn id_text<S: Serializer>(id: &RecordId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

fn id_of_text<'a, D: Deserializer<'a>>(deserializer: D) -> Result<RecordId, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}
