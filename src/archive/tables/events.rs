//! Table `events`: a row a decoded message.

use crate::archive::column::{Column, KEY_COLUMNS};
use crate::archive::row::{Row, RowSink};
use crate::archive::table::Table;
use crate::log::format::record::RecordId;

/// A row a decoded message.
pub const EVENTS: Table = Table { name: "events", columns: &COLUMNS };

/// The columns.
pub const COLUMNS: [Column; 20] = [
    KEY_COLUMNS[0],
    KEY_COLUMNS[1],
    KEY_COLUMNS[2],
    Column::time("at").nullable(),
    Column::int("page").nullable(),
    Column::int("number").nullable(),
    Column::int("index").nullable(),
    Column::text("kind").dictionary(),
    Column::text("url").dictionary().nullable(),
    Column::text("label").dictionary().nullable(),
    Column::text("selector").dictionary().nullable(),
    Column::text("name").dictionary().nullable(),
    Column::text("value").nullable(),
    Column::text("message").dictionary().nullable(),
    Column::text("method").dictionary().nullable(),
    Column::int("status").dictionary().nullable(),
    Column::int("duration_ms").nullable(),
    Column::text("level").dictionary().nullable(),
    Column::text("details").nullable(),
    Column::text("record_id").dictionary(),
];

/// A message.
#[derive(Debug, Clone, Copy)]
pub struct EventRow<'a> {
    /// The project.
    pub project: u32,
    /// The session.
    pub session: u64,
    /// When its batch was received, in microseconds.
    pub received_us: u64,
    /// The client's time, in ms since the Unix epoch.
    pub at_ms: Option<i64>,
    /// The page of the batch's label.
    pub page: Option<u32>,
    /// The number of the batch's label.
    pub number: Option<u32>,
    /// The message's index in the batch.
    pub index: Option<u64>,
    /// What it is: `page`, `click`, `input`, `network`, `error`, `console`, `custom`, `issue` or `performance`.
    pub kind: &'static str,
    /// The address of the page or of the request.
    pub url: Option<&'a str>,
    /// What was clicked or filled in.
    pub label: Option<&'a str>,
    /// Where it is in the page.
    pub selector: Option<&'a str>,
    /// The name of an event, an error or an issue.
    pub name: Option<&'a str>,
    /// The value of an input or an event.
    pub value: Option<&'a str>,
    /// The text of an error or a console line.
    pub message: Option<&'a str>,
    /// The method of a request.
    pub method: Option<&'a str>,
    /// The status of its answer.
    pub status: Option<i64>,
    /// How long it took.
    pub duration_ms: Option<i64>,
    /// The level of a console line.
    pub level: Option<&'a str>,
    /// The whole message as JSON.
    pub details: Option<&'a str>,
    /// The record that it came in.
    pub record: RecordId,
}

impl Row for EventRow<'_> {
    const TABLE: Table = EVENTS;

    fn put(&self, to: &mut RowSink<'_>) {
        to.id(u64::from(self.project));
        to.id(self.session);
        to.time_us(self.received_us.cast_signed());
        to.time_us(self.at_ms.map(|ms| ms.saturating_mul(1000)));
        to.int(self.page.map(i64::from));
        to.int(self.number.map(i64::from));
        to.id(self.index);
        to.text(self.kind);
        to.text(self.url);
        to.text(self.label);
        to.text(self.selector);
        to.text(self.name);
        to.text(self.value);
        to.text(self.message);
        to.text(self.method);
        to.int(self.status);
        to.int(self.duration_ms);
        to.text(self.level);
        to.text(self.details);
        to.text(&*self.record.to_string());
    }
}
