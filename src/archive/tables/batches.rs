//! Tables `batches` and `records`: a row a record of the log, with all that the log has of it.

use crate::archive::column::{Column, KEY_COLUMNS};
use crate::archive::row::{Row, RowSink};
use crate::archive::table::Table;
use crate::log::format::record::{Kind, Record};

/// A row a batch, with its inflated body.
pub const BATCHES: Table = Table { name: "batches", columns: &COLUMNS };

/// A row for every other record.
pub const RECORDS: Table = Table { name: "records", columns: &COLUMNS };

/// The columns of both tables.
pub const COLUMNS: [Column; 26] = [
    KEY_COLUMNS[0],
    KEY_COLUMNS[1],
    KEY_COLUMNS[2],
    Column::int("page").nullable(),
    Column::int("number").nullable(),
    Column::text("kind").dictionary(),
    Column::text("client").dictionary().nullable(),
    Column::text("topic").dictionary(),
    Column::text("data_type").dictionary(),
    Column::int("split").nullable(),
    Column::text("encoding").dictionary(),
    Column::int("flags").dictionary(),
    Column::time("client_from").nullable(),
    Column::time("client_until").nullable(),
    Column::int("stored_bytes"),
    Column::int("payload_bytes"),
    Column::bytes("payload"),
    Column::text("kept_as_received").dictionary().nullable(),
    Column::text("events_fault").dictionary().nullable(),
    Column::bytes("extension").nullable(),
    Column::int("payload_crc"),
    Column::text("log").dictionary(),
    Column::int("core").dictionary(),
    Column::int("segment").dictionary(),
    Column::int("offset"),
    Column::text("record_id"),
];

/// A record as a row of `batches`.
#[derive(Debug, Clone, Copy)]
pub struct BatchRow<'a>(pub RecordRow<'a>);

/// A record as a row of `records`.
#[derive(Debug, Clone, Copy)]
pub struct OtherRow<'a>(pub RecordRow<'a>);

/// What a row of either table is made of.
#[derive(Debug, Clone, Copy)]
pub struct RecordRow<'a> {
    /// The record.
    pub record: &'a Record<'a>,
    /// Who sent it: `web`, `mobile` or `sdk`; `None` where a record doesn't tell.
    pub client: Option<&'static str>,
    /// The payload, inflated unless `kept_as_received` says otherwise.
    pub payload: &'a [u8],
    /// Why the payload was not inflated. A payload that was sent without compression has no reason.
    pub kept_as_received: Option<KeptAsReceived>,
    /// The client's time at the beginning and at the end of the batch, in µs since the Unix epoch.
    pub client_us: Option<(i64, i64)>,
    /// Why table `events` does not have all of the batch.
    pub events_fault: Option<&'a str>,
}

/// Why a payload stands in the archive as it was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptAsReceived {
    /// It inflates to more than the limit.
    TooLarge,
    /// It is not in the coding that it claims.
    DoesNotInflate,
    /// The server found it unusable when it arrived.
    Unusable,
}

impl KeptAsReceived {
    /// The word in the column.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLarge => "too large",
            Self::DoesNotInflate => "does not inflate",
            Self::Unusable => "unusable",
        }
    }
}

/// The table that a record of this kind goes to; `None` for what has no content.
pub const fn table_of(kind: Kind) -> Option<Table> {
    match kind {
        Kind::Batch | Kind::Sdk => Some(BATCHES),
        Kind::Start | Kind::Image | Kind::Row | Kind::Recording => Some(RECORDS),
        Kind::Pad | Kind::Tombstone => None,
    }
}

impl Row for BatchRow<'_> {
    const TABLE: Table = BATCHES;

    fn put(&self, to: &mut RowSink<'_>) {
        self.0.put(to);
    }
}

impl Row for OtherRow<'_> {
    const TABLE: Table = RECORDS;

    fn put(&self, to: &mut RowSink<'_>) {
        self.0.put(to);
    }
}

impl RecordRow<'_> {
    fn put(&self, to: &mut RowSink<'_>) {
        let record = self.record;
        to.id(u64::from(record.project));
        to.id(record.session);
        to.time_us(record.order_us.cast_signed());
        to.int(record.label.map(|label| i64::from(label.page)));
        to.int(record.label.map(|label| i64::from(label.number)));
        to.text(record.kind.as_str());
        to.text(self.client);
        to.text(record.topic.as_str());
        to.text(record.data_type.as_str());
        to.int((record.split > 0).then_some(i64::from(record.split)));
        to.text(record.encoding.as_str());
        to.int(i64::from(record.flags.0));
        to.time_us(self.client_us.map(|(from, _)| from));
        to.time_us(self.client_us.map(|(_, until)| until));
        to.int(record.payload.len() as i64);
        to.int(self.payload.len() as i64);
        to.bytes(self.payload);
        to.text(self.kept_as_received.map(KeptAsReceived::as_str));
        to.text(self.events_fault);
        to.bytes((!record.ext.0.is_empty()).then_some(record.ext.0));
        to.int(i64::from(record.payload_crc));
        let id = record.id.to_string();
        // It begins with the log's name.
        to.text(id.split('/').next());
        to.int(i64::from(record.id.core));
        to.id(record.id.segment);
        to.id(record.id.offset);
        to.text(&*id);
    }
}
