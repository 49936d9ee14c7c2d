//! Table `events`: a row a thing that happened in a session. `docs/archive.md` says what its columns mean.

use crate::archive::column::{Column, KEY_COLUMNS};
use crate::archive::decode::Event;
use crate::archive::row::{Row, RowSink};
use crate::archive::table::Table;

/// A row an event.
pub const EVENTS: Table = Table { name: "events", columns: &COLUMNS };

/// The columns.
pub const COLUMNS: [Column; 27] = [
    KEY_COLUMNS[0],
    KEY_COLUMNS[1],
    KEY_COLUMNS[2],
    // `at`, the obvious name, must be quoted in DuckDB.
    Column::time("happened_at").nullable(),
    Column::int("page").dictionary().nullable(),
    Column::int("number").dictionary().nullable(),
    Column::int("index"),
    Column::int("stream_index").nullable(),
    Column::text("kind").dictionary(),
    Column::text("source").dictionary(),
    Column::text("tab").dictionary().nullable(),
    Column::text("page_url").dictionary().nullable(),
    Column::text("url").dictionary().nullable(),
    Column::text("label").dictionary().nullable(),
    Column::text("selector").dictionary().nullable(),
    Column::text("name").dictionary().nullable(),
    Column::text("value").dictionary().nullable(),
    Column::text("message").dictionary().nullable(),
    Column::text("method").dictionary().nullable(),
    Column::text("level").dictionary().nullable(),
    Column::int("status").dictionary().nullable(),
    Column::int("duration_ms").nullable(),
    Column::int("hesitation_ms").nullable(),
    Column::int("bytes").nullable(),
    Column::text("details").nullable(),
    Column::bool("cut"),
    Column::text("record_id").dictionary(),
];

impl Row for Event<'_> {
    const TABLE: Table = EVENTS;

    fn put(&self, to: &mut RowSink<'_>) {
        to.id(u64::from(self.project));
        to.id(self.session);
        to.time_us(self.received_us.cast_signed());
        to.time_us(self.happened_us);
        to.int(self.page.map(i64::from));
        to.int(self.number.map(i64::from));
        to.id(self.index);
        to.id(self.stream_index);
        to.text(self.kind.as_str());
        to.text(self.source);
        to.known_text(self.tab);
        to.known_text(self.page_url);
        to.text(self.url.as_deref());
        to.text(self.label.as_deref());
        to.text(self.selector.as_deref());
        to.text(self.name.as_deref());
        to.text(self.value.as_deref());
        to.text(self.message.as_deref());
        to.text(self.method.as_deref());
        to.text(self.level.as_deref());
        to.int(self.status);
        to.int(self.duration_ms);
        to.int(self.hesitation_ms);
        to.int(self.bytes);
        to.text(self.details);
        to.bool(self.cut);
        to.known_text(self.record);
    }
}

#[cfg(test)]
mod tests;
