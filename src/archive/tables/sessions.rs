//! Table `sessions`: a row a start of a session.

use crate::archive::column::{Column, KEY_COLUMNS};
use crate::archive::row::{Row, RowSink};
use crate::archive::table::Table;
use crate::log::format::record::RecordId;
use crate::records::SessionRow as StoredRow;

/// A row a start of a session.
pub const SESSIONS: Table = Table { name: "sessions", columns: &COLUMNS };

/// The columns.
pub const COLUMNS: [Column; 35] = [
    KEY_COLUMNS[0],
    KEY_COLUMNS[1],
    KEY_COLUMNS[2],
    Column::time("started_at").nullable(),
    Column::time("last_received_at").nullable(),
    Column::int("batches"),
    Column::int("images"),
    Column::int("stored_bytes"),
    Column::int("payload_bytes"),
    Column::text("client").dictionary().nullable(),
    Column::text("tracker_version").dictionary().nullable(),
    Column::text("revision").dictionary().nullable(),
    Column::text("platform").dictionary().nullable(),
    Column::text("user_uuid").nullable(),
    Column::text("user_id").nullable(),
    Column::text("os").dictionary().nullable(),
    Column::text("os_version").dictionary().nullable(),
    Column::text("browser").dictionary().nullable(),
    Column::text("browser_version").dictionary().nullable(),
    Column::text("device").dictionary().nullable(),
    Column::text("device_type").dictionary().nullable(),
    Column::int("device_memory").nullable(),
    Column::int("device_heap").nullable(),
    Column::text("country").dictionary().nullable(),
    Column::text("state").dictionary().nullable(),
    Column::text("city").dictionary().nullable(),
    Column::text("timezone").dictionary().nullable(),
    Column::int("screen_width").nullable(),
    Column::int("screen_height").nullable(),
    Column::text("referrer").nullable(),
    Column::text("utm_source").dictionary().nullable(),
    Column::text("utm_medium").dictionary().nullable(),
    Column::text("utm_campaign").dictionary().nullable(),
    Column::bool("readable"),
    Column::text("record_id"),
];

/// The start of a session.
#[derive(Debug, Clone)]
pub struct SessionRow {
    /// The project.
    pub project: u32,
    /// The session.
    pub session: u64,
    /// When the start was received, in microseconds.
    pub received_us: u64,
    /// Who started it: `web`, `mobile` or `sdk`.
    pub client: Option<&'static str>,
    /// The row of OpenReplay's table `sessions`; `None` if it can't be read.
    pub stored: Option<StoredRow<String>>,
    /// The start's record.
    pub record: RecordId,
    /// What arrived of the session in the same chunk: all that is known when the row is written.
    pub known: Known,
}

/// What had arrived of a session when its row was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Known {
    /// When the last record was received, in microseconds; 0 if none was.
    pub last_us: u64,
    /// Batches.
    pub batches: u64,
    /// Uploads of images.
    pub images: u64,
    /// Bytes of payloads as received.
    pub stored_bytes: u64,
    /// Bytes of payloads in the archive.
    pub payload_bytes: u64,
}

impl Row for SessionRow {
    const TABLE: Table = SESSIONS;

    fn put(&self, to: &mut RowSink<'_>) {
        let stored = self.stored.as_ref();
        let campaign = stored.and_then(|row| row.campaign.as_ref());
        to.id(u64::from(self.project));
        to.id(self.session);
        to.time_us(self.received_us.cast_signed());
        to.time_us(stored.map(|row| row.started_ms.saturating_mul(1000)));
        to.time_us((self.known.last_us > 0).then_some(self.known.last_us.cast_signed()));
        to.id(self.known.batches);
        to.id(self.known.images);
        to.id(self.known.stored_bytes);
        to.id(self.known.payload_bytes);
        to.text(self.client);
        to.text(known(stored.map(|row| &row.tracker_version)));
        to.text(known(stored.map(|row| &row.revision)));
        to.text(known(stored.map(|row| &row.platform)));
        let uuid = stored.filter(|row| !row.user_uuid.is_nil()).map(|row| row.user_uuid.to_string());
        to.text(uuid.as_deref());
        to.text(known(stored.map(|row| &row.user_id)));
        to.text(known(stored.map(|row| &row.os)));
        to.text(known(stored.map(|row| &row.os_version)));
        to.text(known(stored.map(|row| &row.browser)));
        to.text(known(stored.map(|row| &row.browser_version)));
        to.text(known(stored.map(|row| &row.device)));
        to.text(known(stored.map(|row| &row.device_type)));
        to.id(stored.map(|row| row.device_memory).filter(|&value| value > 0));
        to.id(stored.map(|row| row.device_heap).filter(|&value| value > 0));
        to.text(known(stored.map(|row| &row.country)));
        to.text(known(stored.map(|row| &row.state)));
        to.text(known(stored.map(|row| &row.city)));
        to.text(known(stored.map(|row| &row.timezone)));
        to.int(stored.map(|row| row.width));
        to.int(stored.map(|row| row.height));
        to.text(known(campaign.map(|campaign| &campaign.referrer)));
        to.text(known(campaign.map(|campaign| &campaign.source)));
        to.text(known(campaign.map(|campaign| &campaign.medium)));
        to.text(known(campaign.map(|campaign| &campaign.campaign)));
        to.bool(stored.is_some());
        to.text(&*self.record.to_string());
    }
}

/// An empty text means unknown.
fn known(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.is_empty())
}
