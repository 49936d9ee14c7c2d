//! Table `activity`: a row a session, hour and chunk: what arrived. The sums over all rows of a session equal what the log holds of it.

use crate::archive::column::{Column, KEY_COLUMNS};
use crate::archive::row::{Row, RowSink};
use crate::archive::table::Table;

/// A row a session, hour and chunk.
pub const ACTIVITY: Table = Table { name: "activity", columns: &COLUMNS };

/// The columns. `received_at` is the time of the first record.
pub const COLUMNS: [Column; 9] = [
    KEY_COLUMNS[0],
    KEY_COLUMNS[1],
    KEY_COLUMNS[2],
    Column::time("last_received_at"),
    Column::int("records"),
    Column::int("batches"),
    Column::int("images"),
    Column::int("stored_bytes"),
    Column::int("payload_bytes"),
];

/// What arrived of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActivityRow {
    /// The project.
    pub project: u32,
    /// The session; 0 for what belongs to none.
    pub session: u64,
    /// When the first record was received, in microseconds.
    pub first_us: u64,
    /// When the last one was.
    pub last_us: u64,
    /// Records of any kind.
    pub records: u64,
    /// Batches among them.
    pub batches: u64,
    /// Uploads of images among them.
    pub images: u64,
    /// Bytes of their payloads as received.
    pub stored_bytes: u64,
    /// Bytes of their payloads in the archive.
    pub payload_bytes: u64,
}

impl Row for ActivityRow {
    const TABLE: Table = ACTIVITY;

    fn put(&self, to: &mut RowSink<'_>) {
        to.id(u64::from(self.project));
        to.id(self.session);
        to.time_us(self.first_us.cast_signed());
        to.time_us(self.last_us.cast_signed());
        to.id(self.records);
        to.id(self.batches);
        to.id(self.images);
        to.id(self.stored_bytes);
        to.id(self.payload_bytes);
    }
}
